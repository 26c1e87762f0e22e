extension DAGGraph {
  /// The graph as an SVG picture that is readable in light and dark, laid out from left to right.
  ///
  /// Edges that hand on a product are solid, those that only order are dashed. The text of each box
  /// is that of ``dot()``; its tooltip has the whole id.
  public func svg() -> String {
    let plan = GraphPlan(self) { SVGBox.size(of: $0) }
    var layout = plan.layout()
    layout.move(x: SVGBox.margin, y: SVGBox.heading)
    let titleWidth = Double(max(Self.length(name) * 2, Self.length(caption))) * SVGBox.smallLetter
    let width = max(layout.width, titleWidth) + 2 * SVGBox.margin
    let height = layout.height + SVGBox.heading + SVGBox.margin
    var lines = [
      "<svg class=\"dag\" xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Self.number(width))\" "
        + "height=\"\(Self.number(height))\" viewBox=\"0 0 \(Self.number(width)) "
        + "\(Self.number(height))\" role=\"img\" aria-label=\"\(Self.escaped(name))\">",
      "<title>\(Self.escaped(name))</title>",
      style,
      "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"8\" "
        + "markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">"
        + "<path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker></defs>",
      "<rect class=\"page\" width=\"100%\" height=\"100%\"/>",
      "<text class=\"name\" x=\"\(Self.number(SVGBox.margin))\" y=\"30\">\(Self.escaped(name))</text>",
      "<text class=\"small\" x=\"\(Self.number(SVGBox.margin))\" y=\"50\">"
        + "\(Self.escaped(caption))</text>",
    ]
    lines += layout.frames.flatMap(svg(frame:))
    lines += layout.lines.map(svg(line:))
    lines += layout.boxes.flatMap(svg(box:))
    lines.append("</svg>")
    return lines.joined(separator: "\n") + "\n"
  }

  /// The rules, all below the class of the picture, so that they hold in no page around it.
  private var style: String {
    let states = TaskState.allCases.filter { state in nodes.contains { $0.state == state } }
    let fills = states.compactMap { state in state.fills.map { (".\(state.rawValue) .box", $0) } }
    let light =
      [
        (
          "text",
          "font-family:ui-monospace,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;fill:#1c1d21"
        ),
        (".name", "font-size:18px;font-weight:600"), (".label", "font-size:13px;font-weight:600"),
        (".small", "font-size:11px;fill:#5c6068"), (".page", "fill:#fbfbfa"),
        (".box", "fill:#fff;stroke:#8a8e97;stroke-width:1.2"),
        (".frame", "fill:#5c6068;fill-opacity:.06;stroke:#b9bcc4"),
        (".edge", "fill:none;stroke:#5c6068;stroke-width:1.3"),
        (".order", "stroke-dasharray:5 4"), (".tip", "fill:#5c6068"), (".bar", "fill:#1f6fb4"),
      ] + fills.map { ($0, "fill:\($1.light)") }
    let dark =
      [
        ("text", "fill:#e7e8ea"), (".small", "fill:#b3b8c0"), (".page", "fill:#16171a"),
        (".box", "fill:#1f2125;stroke:#7c818b"), (".frame", "fill:#a2a7b0;stroke:#4a4e57"),
        (".edge", "stroke:#a2a7b0"), (".tip", "fill:#a2a7b0"), (".bar", "fill:#6cb2ee"),
      ] + fills.map { ($0, "fill:\($1.dark)") }
    let rules = { (rules: [(String, String)]) in
      rules.map { ".dag \($0){\($1)}" }.joined(separator: "\n")
    }
    return
      "<style>\n\(rules(light))\n@media (prefers-color-scheme:dark){\n\(rules(dark))\n}\n</style>"
  }

  private func svg(frame: GraphLayout.Frame) -> [String] {
    [
      "<rect class=\"frame\" x=\"\(Self.number(frame.x))\" y=\"\(Self.number(frame.y))\" "
        + "width=\"\(Self.number(frame.width))\" height=\"\(Self.number(frame.height))\" rx=\"8\"/>",
      "<text class=\"small\" x=\"\(Self.number(frame.x + 10))\" y=\"\(Self.number(frame.y + 18))\">"
        + "\(Self.escaped(frame.title))</text>",
    ]
  }

  private func svg(line: GraphLayout.Line) -> String {
    let (from, to) = (line.bendX.lowerBound, line.bendX.upperBound)
    let middle = Self.number((from + to) / 2)
    var path = "M\(Self.number(line.startX)) \(Self.number(line.startY))"
    if from > line.startX { path += "H\(Self.number(from))" }
    if to > from, Self.number(line.startY) != Self.number(line.endY) {
      path += "C\(middle) \(Self.number(line.startY)) \(middle) \(Self.number(line.endY)) "
      path += "\(Self.number(to)) \(Self.number(line.endY))"
    }
    if Self.number(line.endX) != Self.number(to)
      || Self.number(line.startY) == Self.number(line.endY)
    {
      path += "H\(Self.number(line.endX))"
    }
    let tip = line.hasArrow ? " marker-end=\"url(#tip)\"" : ""
    return "<path class=\"edge\(line.isData ? "" : " order")\" d=\"\(path)\"\(tip)/>"
  }

  private func svg(box: GraphLayout.Box) -> [String] {
    let node = nodes[box.node]
    let state = node.state.map { " class=\"\($0.rawValue)\"" } ?? ""
    var lines = [
      "<g\(state)><title>\(Self.escaped(([node.id] + node.lines).joined(separator: "\n")))</title>"
    ]
    // A mapped task is a stack of boxes; the back one shows at the upper right.
    let inset = node.isMapped ? SVGBox.stack : 0
    let (x, y) = (box.x, box.y + inset)
    let (width, height) = (box.width - inset, box.height - inset)
    if node.isMapped { lines.append(svg(node.shape, x + inset, box.y, width, height)) }
    lines.append(svg(node.shape, x, y, width, height))
    if node.shape == .setup || node.shape == .teardown {
      let barX = node.shape == .setup ? x : x + width - 5
      lines.append(
        "<rect class=\"bar\" x=\"\(Self.number(barX))\" y=\"\(Self.number(y))\" width=\"5\" "
          + "height=\"\(Self.number(height))\"/>")
    }
    let texts = [("label", node.label)] + node.lines.map { ("small", $0) }
    for (number, (style, text)) in texts.enumerated() {
      let baseline = y + SVGBox.baseline + Double(number) * SVGBox.lineHeight
      lines.append(
        "<text class=\"\(style)\" x=\"\(Self.number(x + SVGBox.padding(node.shape)))\" "
          + "y=\"\(Self.number(baseline))\">\(Self.escaped(SVGBox.clipped(text)))</text>")
    }
    lines.append("</g>")
    return lines
  }

  private func svg(
    _ shape: Shape, _ x: Double, _ y: Double, _ width: Double, _ height: Double
  ) -> String {
    guard shape == .branch else {
      let radius = shape == .sensor ? height / 2 : shape == .work ? 6 : 0
      return "<rect class=\"box\" x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" "
        + "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\" "
        + "rx=\"\(Self.number(radius))\"/>"
    }
    let (cut, middle) = (SVGBox.cut, y + height / 2)
    let corners = [
      (x, middle), (x + cut, y), (x + width - cut, y), (x + width, middle),
      (x + width - cut, y + height), (x + cut, y + height),
    ]
    return "<polygon class=\"box\" points=\""
      + corners.map { "\(Self.number($0)),\(Self.number($1))" }.joined(separator: " ") + "\"/>"
  }

  /// A number with one decimal at most: a tenth of a pixel is not seen.
  private static func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    let sign = tenths < 0 ? "-" : ""
    let (whole, rest) = tenths.magnitude.quotientAndRemainder(dividingBy: 10)
    return rest == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(rest)"
  }

  private static func length(_ text: String) -> Int { text.unicodeScalars.count }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}

/// The measures of a box and its text.
enum SVGBox {
  static let margin = 24.0
  static let heading = 72.0
  static let lineHeight = 15.0
  static let baseline = 19.0
  static let stack = 5.0
  static let cut = 18.0
  /// The widths of one letter: monospaced faces have 0.6 of their size.
  static let letter = 13 * 0.602
  static let smallLetter = 11 * 0.602

  static func padding(_ shape: DAGGraph.Shape) -> Double {
    switch shape {
    case .work: 10
    case .setup, .teardown: 13
    case .sensor, .branch: 20
    }
  }

  /// Long text would make a column that pushes everything apart; the tooltip has all of it.
  static func clipped(_ text: String) -> String {
    text.unicodeScalars.count <= 44
      ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(43))) + "…"
  }

  static func size(of node: DAGGraph.Node) -> (width: Double, height: Double) {
    let label = Double(clipped(node.label).unicodeScalars.count) * letter
    let small = node.lines.map { Double(clipped($0).unicodeScalars.count) * smallLetter }.max() ?? 0
    let stack = node.isMapped ? stack : 0
    return (
      (max(label, small, 60) + 2 * padding(node.shape) + stack).rounded(.up),
      baseline + Double(node.lines.count) * lineHeight + 9 + stack
    )
  }
}

/// Lines over a common horizontal axis, drawn for a frame of about 360 units' width, so that text
/// keeps its size where charts stand side by side or alone on a telephone.
struct LineChart {
  /// A line.
  struct Line {
    /// What stands beside its end; empty for none.
    let label: String
    /// The class of its colour: `a` or `b`.
    let color: String
    /// Points by horizontal value; a nil breaks the line.
    let points: [(x: Double, y: Double?)]
  }

  /// What the chart shows, for screen readers.
  let title: String
  let lines: [Line]
  let vertical: Axis
  /// The horizontal range.
  let range: ClosedRange<Double>
  /// Texts under the horizontal axis, by value.
  let marks: [(x: Double, text: String)]
  /// Whether the values are shares, written as percentages.
  var isShare = false
  /// A value to mark with an upright line and a text.
  var rule: (x: Double, text: String)?
  /// Whether the diagonal from corner to corner is drawn.
  var hasDiagonal = false
  /// Whether every point gets a dot.
  var hasDots = false
  /// What the horizontal axis measures; empty for none.
  var horizontalTitle = ""
  /// The height in the same units.
  var height = 150.0

  private static let width = 360.0
  private var tickLabels: [String] {
    isShare
      ? vertical.ticks.map { "\(Figures.decimals($0 * 100, 0)) %" } : vertical.labels
  }
  private var left: Double { 12 + 6.4 * Double(tickLabels.map(\.count).max() ?? 1) }
  private var right: Double {
    14 + 6.6 * Double(lines.map(\.label.count).max() ?? 0)
  }
  private var top: Double { rule == nil ? 10 : 22 }
  private var bottom: Double { height - (horizontalTitle.isEmpty ? 20 : 36) }

  private func x(_ value: Double) -> Double {
    let span = range.upperBound - range.lowerBound
    let share = span > 0 ? (value - range.lowerBound) / span : 0.5
    return left + (Self.width - right - left) * share
  }

  private func y(_ value: Double) -> Double { vertical.position(value, from: bottom, to: top) }

  /// The drawing.
  var markup: Markup {
    .element(
      "svg",
      [
        "viewBox": "0 0 \(place(Self.width)) \(place(height))", "role": "img",
        "aria-label": title, "class": "chart",
      ],
      children: [.element("title", text: title)] + grid + diagonal + rules + lines.flatMap(draw)
        + labels)
  }

  private var grid: [Markup] {
    var parts: [Markup] = []
    for (tick, label) in zip(vertical.ticks, tickLabels) {
      let at = place(y(tick))
      parts.append(
        .shape(
          "line",
          ["class": "grid", "x1": place(left), "x2": place(Self.width - right), "y1": at, "y2": at])
      )
      parts.append(
        .element(
          "text", ["x": place(left - 6), "y": place(y(tick) + 4), "text-anchor": "end"],
          text: label))
    }
    for mark in marks {
      let at = x(mark.x)
      let anchor = at < left + 20 ? "start" : at > Self.width - right - 20 ? "end" : "middle"
      parts.append(
        .element(
          "text", ["x": place(at), "y": place(bottom + 15), "text-anchor": anchor], text: mark.text)
      )
    }
    if !horizontalTitle.isEmpty {
      parts.append(
        .element(
          "text",
          [
            "x": place((left + Self.width - right) / 2), "y": place(bottom + 31),
            "text-anchor": "middle",
          ], text: horizontalTitle))
    }
    return parts
  }

  private var diagonal: [Markup] {
    guard hasDiagonal else { return [] }
    return [
      .shape(
        "line",
        [
          "class": "rule", "x1": place(x(range.lowerBound)), "y1": place(y(vertical.low)),
          "x2": place(x(range.upperBound)), "y2": place(y(vertical.high)),
        ])
    ]
  }

  private var rules: [Markup] {
    guard let rule else { return [] }
    let at = x(rule.x)
    let anchor = at > Self.width * 0.6 ? "end" : at < Self.width * 0.3 ? "start" : "middle"
    return [
      .shape(
        "line",
        [
          "class": "rule", "x1": place(at), "x2": place(at), "y1": place(top),
          "y2": place(bottom),
        ]),
      .element(
        "text", ["x": place(at), "y": place(top - 8), "text-anchor": anchor], text: rule.text),
    ]
  }

  private func draw(_ line: Line) -> [Markup] {
    var parts: [Markup] = []
    var run: [(Double, Double)] = []
    func flush() {
      defer { run = [] }
      guard run.count > 1 else {
        for point in run where !hasDots { parts.append(dot(point.0, point.1, line.color)) }
        return
      }
      let points = run.map { "\(place($0.0)),\(place($0.1))" }.joined(separator: " ")
      parts.append(.shape("polyline", ["class": "line \(line.color)", "points": points]))
    }
    for point in line.points {
      if let value = point.y {
        run.append((x(point.x), y(value)))
        if hasDots { parts.append(dot(x(point.x), y(value), line.color)) }
      } else {
        flush()
      }
    }
    flush()
    return parts
  }

  private func dot(_ x: Double, _ y: Double, _ color: String) -> Markup {
    .shape("circle", ["class": "dot \(color)", "cx": place(x), "cy": place(y), "r": "3"])
  }

  /// Labels at the ends of the lines, pushed apart where they would overlap.
  private var labels: [Markup] {
    var ends: [(y: Double, x: Double, line: Line)] = []
    for line in lines where !line.label.isEmpty {
      guard let last = line.points.last(where: { $0.y != nil }), let value = last.y else {
        continue
      }
      ends.append((y(value), x(last.x), line))
    }
    ends.sort { $0.y < $1.y }
    for index in ends.indices.dropFirst() where ends[index].y - ends[index - 1].y < 13 {
      ends[index].y = ends[index - 1].y + 13
    }
    let overflow = (ends.last?.y ?? 0) - bottom
    return ends.map { end in
      .element(
        "text",
        [
          "class": "label \(end.line.color)", "x": place(end.x + 6),
          "y": place(end.y + 4 - max(0, overflow)),
        ], text: end.line.label)
    }
  }
}

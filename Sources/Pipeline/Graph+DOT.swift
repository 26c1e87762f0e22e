extension DAGGraph {
  /// The graph in Graphviz's language: groups as clusters, ordering-only edges dashed.
  public func dot() -> String {
    var lines = [
      "digraph \(Self.quoted(name)) {",
      "  graph [rankdir=LR, labelloc=t, fontname=\"monospace\", label=\(Self.label([name, caption]))];",
      "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", fontname=\"monospace\"];",
      "  edge [color=\"#5c6068\"];",
    ]
    write(tree, to: &lines, indent: "  ")
    for edge in edges {
      let style = edge.isData ? "" : " [style=dashed]"
      lines.append(
        "  \(Self.quoted(nodes[edge.from].id)) -> \(Self.quoted(nodes[edge.to].id))\(style);")
    }
    lines.append("}")
    return lines.joined(separator: "\n") + "\n"
  }

  private func write(_ group: Group, to lines: inout [String], indent: String) {
    for number in group.nodes {
      let node = nodes[number]
      var attributes = ["label=\(Self.label([node.label] + node.lines))"]
      switch node.shape {
      case .work: break
      case .sensor: attributes.append("shape=hexagon, style=filled")
      case .branch: attributes.append("shape=diamond, style=filled")
      case .setup, .teardown: attributes.append("style=filled, penwidth=2")
      }
      if node.isMapped { attributes.append("peripheries=2") }
      if let fills = node.state?.fills {
        attributes.append("fillcolor=\(Self.quoted(fills.light))")
      }
      lines.append(
        "\(indent)\(Self.quoted(node.id)) [\(attributes.joined(separator: ", "))];")
    }
    for inner in group.groups {
      lines.append("\(indent)subgraph \(Self.quoted("cluster_\(inner.path)")) {")
      lines.append("\(indent)  label=\(Self.label([inner.name])); style=rounded;")
      write(inner, to: &lines, indent: indent + "  ")
      lines.append("\(indent)}")
    }
  }

  /// A quoted id: only the quote has to be escaped (Graphviz, "The DOT Language").
  private static func quoted(_ text: String) -> String {
    // A backslash before the closing quote would escape it.
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  /// A quoted label of several lines. In labels the backslash begins an escape of its own, for
  /// example `\N` for the node's name.
  private static func label(_ lines: [String]) -> String {
    let texts = lines.filter { !$0.isEmpty }.map {
      $0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }
    return "\"" + texts.joined(separator: "\\n") + "\""
  }
}

extension DAGGraph {
  /// The graph as a Mermaid flowchart: groups as subgraphs, ordering-only edges dotted.
  ///
  /// Nodes are numbered, because Mermaid takes some words for its own, for example `end`.
  public func mermaid() -> String {
    var lines = ["---", "title: \(Self.quotedTitle(name))", "---", "flowchart LR"]
    write(tree, to: &lines, indent: "  ")
    for edge in edges {
      lines.append("  n\(edge.from) \(edge.isData ? "-->" : "-.->") n\(edge.to)")
    }
    for state in TaskState.allCases {
      let members = nodes.indices.filter { nodes[$0].state == state }
      guard let fill = state.fills?.light, !members.isEmpty else { continue }
      lines.append("  classDef \(state.rawValue) fill:\(fill),color:#1c1d21")
      lines.append(
        "  class \(members.map { "n\($0)" }.joined(separator: ",")) \(state.rawValue)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func write(_ group: Group, to lines: inout [String], indent: String) {
    for number in group.nodes {
      let node = nodes[number]
      let label =
        "\"" + ([node.label] + node.lines).map(Self.escaped).joined(separator: "<br>") + "\""
      let box =
        switch node.shape {
        case .work: node.isMapped ? "[[\(label)]]" : "[\(label)]"
        case .sensor: "{{\(label)}}"
        case .branch: "{\(label)}"
        case .setup: "[/\(label)\\]"
        case .teardown: "[\\\(label)/]"
        }
      lines.append("\(indent)n\(number)\(box)")
    }
    for inner in group.groups {
      // The path is a name without anything but dots to replace; `g_` keeps it from reserved words.
      let id = "g_" + inner.path.replacing(".", with: "__").replacing("-", with: "_m_")
      lines.append("\(indent)subgraph \(id)[\"\(Self.escaped(inner.name))\"]")
      write(inner, to: &lines, indent: indent + "  ")
      lines.append("\(indent)end")
    }
  }

  /// Mermaid has entity codes of its own, `#35;` for the character 35.
  private static func escaped(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "") { result, scalar in
      switch scalar {
      case "\"", "#", "&", "<", ">", "`", ";", "\\", "*": result += "#\(scalar.value);"
      default: result.unicodeScalars.append(scalar)
      }
    }
  }

  /// A double-quoted YAML scalar.
  private static func quotedTitle(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}

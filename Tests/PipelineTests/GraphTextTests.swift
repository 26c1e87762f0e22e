import Foundation
import Testing

@testable import Pipeline

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("Pictures: DOT, Mermaid, SVG")
struct GraphTextTests {
  private static let samples: [String: DAG] = [
    "everything": everything, "grouped": grouped, "interleaved": interleaved,
  ]

  /// A state for each task of `grouped`, so that each of the ten is seen.
  private static let states: [String: TaskState] = [
    "wait_files": .deferred, "create_tables": .success, "load.web.extract": .running,
    "load.web.features": .waiting, "load.shop.extract": .retrying, "load.shop.features": .queued,
    "load.support.extract": .failed, "load.support.features": .upstreamFailed,
    "model.train": .skipped, "model.drift": .cancelled,
  ]

  @Test(
    "equals the golden file (STRATA_UPDATE_GOLDEN=1 writes them anew)",
    arguments: ["everything", "grouped", "interleaved", "grouped-states"],
    ["dot", "mmd", "svg"])
  func goldenFile(_ name: String, _ format: String) throws {
    let parts = name.split(separator: "-").map(String.init)
    let dag = try #require(Self.samples[parts[0]])
    let graph = DAGGraph(try dag.snapshot(), states: parts.count > 1 ? Self.states : [:])
    let text =
      switch format {
      case "dot": graph.dot()
      case "mmd": graph.mermaid()
      default: graph.svg()
      }
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden/\(name).\(format)")
    if ProcessInfo.processInfo.environment["STRATA_UPDATE_GOLDEN"] == "1" {
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: file, encoding: .utf8) == text)
  }

  @Test("the DOT text parses, to the tasks and edges of the DAG", arguments: samples.keys.sorted())
  func dotParses(_ name: String) throws {
    let snapshot = try #require(Self.samples[name]).snapshot()
    let parsed = try DOTReader.graph(of: DAGGraph(snapshot).dot())
    #expect(parsed.name == snapshot.name)
    #expect(Set(parsed.nodes.keys) == Set(snapshot.tasks.map(\.id)))
    #expect(
      Set(parsed.edges)
        == Set(snapshot.tasks.flatMap { task in task.upstreams.map { [$0, task.id] } }))
    for task in snapshot.tasks {
      let path = task.group.map { group in
        group.split(separator: ".").indices.map { depth in
          "cluster_" + group.split(separator: ".").prefix(depth + 1).joined(separator: ".")
        }
      }
      #expect(parsed.nodes[task.id] == path ?? [])
    }
  }

  @Test("hostile kinds and summaries stay text in each format")
  func hostile() throws {
    struct Odd: TaskKind {
      typealias Product = NoProduct
      static let kind =
        #"a"];b [x="\N" & <script>alert('1')</script> #35; `c` \"# + "\n\u{1}\u{FFFE}é☃]]"
    }
    let dag = DAG("d", summary: #"say "hi" \"#) { dag in
      dag.task("end", Odd())
      dag.task("graph", Odd(), after: ["end"])
      dag.group("subgraph") { dag in dag.task("class-style", Odd()) }
    }
    let graph = DAGGraph(try dag.snapshot())
    let parsed = try DOTReader.graph(of: graph.dot())
    #expect(Set(parsed.nodes.keys) == ["end", "graph", "subgraph.class-style"])
    #expect(parsed.edges == [["end", "graph"]])
    let shown = Odd.kind.unicodeScalars.map {
      $0.value < 0x20 || $0.value == 0xFFFE ? " " : String($0)
    }.joined()
    #expect(parsed.labels["end"] == "end\n\(shown)")
    let texts = try SVGReader.texts(of: graph.svg())
    #expect(texts.contains { $0.hasPrefix("end\n") && $0.contains(shown) })
    #expect(!texts.contains("alert('1')"))
    let mermaid = graph.mermaid()
    #expect(!mermaid.contains("<script") && !mermaid.contains("`"))
    #expect(mermaid.contains("#34;]#59;b [x=#34;#92;N#34; #38; #60;script#62;"))
  }

  @Test(
    "the SVG is well-formed XML with every task's id, kind and marks",
    arguments: samples.keys.sorted())
  func svgReads(_ name: String) throws {
    let snapshot = try #require(Self.samples[name]).snapshot()
    let graph = DAGGraph(snapshot)
    let texts = try SVGReader.texts(of: graph.svg())
    #expect(texts.contains(snapshot.name))
    for (task, node) in zip(snapshot.tasks, graph.nodes) {
      #expect(texts.contains(([task.id] + node.lines).joined(separator: "\n")))
      #expect(texts.contains(node.label) && texts.contains(node.kind))
    }
  }

  @Test("a state is shown in words and colour; without a run there is none")
  func states() throws {
    let snapshot = try grouped.snapshot()
    let svg = DAGGraph(snapshot, states: Self.states).svg()
    let plain = DAGGraph(snapshot).svg()
    for state in TaskState.allCases {
      #expect(svg.contains(">\(state.rawValue)</text>"))
      #expect(!plain.contains(">\(state.rawValue)</text>"))
      if let fills = state.fills {
        #expect(svg.contains(".dag .\(state.rawValue) .box{fill:\(fills.light)}"))
        #expect(svg.contains(".dag .\(state.rawValue) .box{fill:\(fills.dark)}"))
      }
    }
    #expect(!svg.contains("nan") && !svg.contains("inf"))
  }

  @Test("what a box says of its task")
  func marks() throws {
    let lines = Dictionary(
      DAGGraph(try everything.snapshot()).nodes.map { ($0.id, $0.lines) }, uniquingKeysWith: { $1 })
    #expect(lines["wait_file"] == ["wait_for_file", "sensor every 30 s"])
    #expect(lines["create"] == ["nothing", "setup"])
    #expect(lines["drop"] == ["nothing", "teardown of create"])
    #expect(lines["score"] == ["score_range", "each of ranges"])
    #expect(lines["grid"] == ["try_model", "each of ranges x 3 items"])
    #expect(lines["choose"] == ["choose_model", "decides"])
    #expect(lines["join"] == ["nothing", "when none_failed_min_one_success"])
    #expect(lines["load.features"] == ["build_features"])
  }
}

/// Reads as much of Graphviz's language as its grammar has, without HTML labels and ports.
struct DOTReader {
  struct Graph {
    var name = ""
    /// The clusters around each node, outer first.
    var nodes: [String: [String]] = [:]
    var labels: [String: String] = [:]
    var edges: [[String]] = []
  }

  struct Fault: Error { let at: [String] }

  private var tokens: [String]
  private var next = 0

  private init(_ text: String) throws {
    tokens = []
    var rest = Array(text.unicodeScalars)[...]
    while let first = rest.first {
      if first.properties.isWhitespace {
        rest.removeFirst()
      } else if first == "\"" {
        rest.removeFirst()
        var token = "\""
        while let scalar = rest.popFirst(), scalar != "\"" {
          if scalar == "\\", let escaped = rest.first, escaped == "\"" {
            token.unicodeScalars.append(escaped)
            rest.removeFirst()
          } else {
            token.unicodeScalars.append(scalar)
            // A backslash shields the next one, so that `\\"` ends the text.
            if scalar == "\\", rest.first == "\\", let second = rest.popFirst() {
              token.unicodeScalars.append(second)
            }
          }
        }
        tokens.append(token)
      } else if first == "-", rest.dropFirst().first == ">" {
        tokens.append("->")
        rest.removeFirst(2)
      } else if first.properties.isAlphabetic || first == "_" || ("0"..."9").contains(first) {
        let word = rest.prefix {
          $0.properties.isAlphabetic || $0 == "_" || ("0"..."9").contains($0)
        }
        tokens.append(String(String.UnicodeScalarView(word)))
        rest = rest.dropFirst(word.count)
      } else {
        tokens.append(String(first))
        rest.removeFirst()
      }
    }
  }

  static func graph(of text: String) throws -> Graph {
    var reader = try DOTReader(text)
    return try reader.graph()
  }

  private mutating func graph() throws -> Graph {
    var graph = Graph()
    try expect("digraph")
    graph.name = try id()
    try statements(into: &graph, clusters: [])
    guard next == tokens.count else { throw fault }
    return graph
  }

  private var fault: Fault { Fault(at: Array(tokens.dropFirst(max(next - 3, 0)).prefix(6))) }

  private mutating func statements(into graph: inout Graph, clusters: [String]) throws {
    try expect("{")
    while next < tokens.count, tokens[next] != "}" {
      if tokens[next] == "subgraph" {
        next += 1
        let name = try id()
        try statements(into: &graph, clusters: clusters + [name])
        continue
      }
      let isDefault = ["graph", "node", "edge"].contains(tokens[next])
      let first = try id()
      if take("=") {
        _ = try id()
      } else if take("->") {
        graph.edges.append([first, try id()])
        _ = try attributes()
      } else {
        let attributes = try attributes()
        if !isDefault {
          graph.nodes[first] = clusters
          graph.labels[first] = attributes["label"].map(Self.shown)
        }
      }
      _ = take(";")
    }
    try expect("}")
  }

  private mutating func attributes() throws -> [String: String] {
    var found: [String: String] = [:]
    guard take("[") else { return found }
    while !take("]") {
      let name = try id()
      try expect("=")
      found[name] = try id()
      _ = take(",")
    }
    return found
  }

  private mutating func id() throws -> String {
    guard next < tokens.count, !["{", "}", "[", "]", ";", ",", "=", "->"].contains(tokens[next])
    else { throw fault }
    next += 1
    let token = tokens[next - 1]
    return token.hasPrefix("\"") ? String(token.dropFirst()) : token
  }

  private mutating func take(_ token: String) -> Bool {
    guard next < tokens.count, tokens[next] == token else { return false }
    next += 1
    return true
  }

  private mutating func expect(_ token: String) throws {
    guard take(token) else { throw fault }
  }

  /// A label as it is shown: `\n` is a line break, another escaped letter is itself.
  private static func shown(_ label: String) -> String {
    var shown = ""
    var rest = label.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      guard scalar == "\\", let escaped = rest.popFirst() else {
        shown.unicodeScalars.append(scalar)
        continue
      }
      shown.unicodeScalars.append(escaped == "n" ? "\n" : escaped)
    }
    return shown
  }
}

/// The texts of an SVG picture.
private final class SVGReader: NSObject, XMLParserDelegate {
  private var texts: [String] = []
  private var current: String?

  static func texts(of svg: String) throws -> [String] {
    let reader = SVGReader()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = reader
    guard parser.parse() else { throw parser.parserError ?? CocoaError(.fileReadCorruptFile) }
    return reader.texts
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    current = name == "text" || name == "title" ? "" : nil
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { current? += string }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    if let text = current { texts.append(text) }
    current = nil
  }
}

import Diagnostics
import Yams

/// Reads one YAML catalogue, collecting every problem with its place instead of stopping.
struct CatalogueReader {
  let file: String
  private(set) var problems: [CatalogueProblem] = []

  init(file: String) { self.file = file }

  mutating func report(
    _ node: Node, _ code: String, _ message: String, _ hint: String? = nil
  ) {
    problems.append(
      CatalogueProblem(
        file: file, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1,
        code: "features.\(code)", message: message, hint: hint))
  }

  mutating func report(line: Int, column: Int, _ code: String, _ message: String) {
    problems.append(
      CatalogueProblem(
        file: file, line: line, column: column, code: "features.\(code)", message: message))
  }

  /// The document's root mapping, nil after a syntax error (reported).
  mutating func compose(_ yaml: String) -> Node? {
    do {
      guard let node = try Yams.compose(yaml: yaml) else {
        report(line: 1, column: 1, "empty", "expected version and features, found an empty file")
        return nil
      }
      return node
    } catch let error as YamlError {
      let (line, column, text) = Self.place(of: error)
      report(line: line, column: column, "yaml_syntax", "expected YAML, found: \(text)")
    } catch {
      report(line: 1, column: 1, "yaml_syntax", "expected YAML, found: \(error)")
    }
    return nil
  }

  private static func place(of error: YamlError) -> (Int, Int, String) {
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let before = context.map { $0.text + ": " } ?? ""
      return (mark.line, mark.column, before + problem)
    case .duplicatedKeysInMapping(let duplicates, let context):
      let names = duplicates.sorted().joined(separator: ", ")
      return (context.mark.line, context.mark.column, "the same key twice: \(names)")
    case .reader(let problem, _, _, _): return (1, 1, problem)
    default: return (1, 1, "\(error)")
    }
  }

  /// The entries of a mapping by key, after reporting unknown keys and non-scalar keys.
  mutating func fields(of node: Node, known: [String], what: String) -> [String: Node]? {
    guard case .mapping(let mapping) = node else {
      report(node, "bad_entry", "expected \(what) as a mapping, found \(Self.kind(of: node))")
      return nil
    }
    var fields: [String: Node] = [:]
    for (key, value) in mapping {
      guard let name = key.string, known.contains(name) else {
        let found = key.string ?? Self.kind(of: key)
        report(
          key, "unknown_key", "expected a key of \(what), found '\(found)'",
          Suggestion.hint(for: found, among: known)
            ?? "known keys: \(known.joined(separator: ", "))")
        continue
      }
      fields[name] = value
    }
    return fields
  }

  /// A non-empty text, nil after reporting anything else.
  mutating func text(_ node: Node, _ what: String) -> String? {
    guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
      report(node, "bad_value", "expected \(what), found \(Self.kind(of: node))")
      return nil
    }
    return scalar.string
  }

  /// One text or a list of texts, at least one.
  mutating func texts(_ node: Node, _ what: String) -> [(text: String, node: Node)] {
    guard case .sequence(let sequence) = node else {
      return text(node, what).map { [($0, node)] } ?? []
    }
    if sequence.isEmpty { report(node, "bad_value", "expected \(what), found an empty list") }
    return sequence.compactMap { item in text(item, what).map { ($0, item) } }
  }

  /// A whole number in a range, nil after reporting anything else.
  mutating func integer(_ node: Node, _ range: ClosedRange<Int>, _ what: String) -> Int? {
    guard case .scalar(let scalar) = node, let value = Int(scalar.string), range.contains(value)
    else {
      let found = node.scalar.map { "'\($0.string)'" } ?? Self.kind(of: node)
      report(
        node, "bad_value",
        "expected \(what) from \(range.lowerBound) to \(range.upperBound), found \(found)")
      return nil
    }
    return value
  }

  static func kind(of node: Node) -> String {
    switch node {
    case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "'\(scalar.string)'"
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }
}

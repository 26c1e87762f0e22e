import Yams

/// Reads one YAML catalogue, collecting every problem with its place instead of stopping.
public struct YAMLReader {
  /// The file as problems name it.
  public let file: String
  /// What codes begin with: `features` for `features.unknown_key`.
  private let area: String
  /// What was found wrong, in the order of the checks.
  public private(set) var problems: [FileProblem] = []

  /// A reader of a file whose problems have codes of an area.
  public init(file: String, area: String) {
    self.file = file
    self.area = area
  }

  /// Notes a problem at a node; the code comes without its area.
  public mutating func report(
    _ node: Node, _ code: String, _ message: String, _ hint: String? = nil
  ) {
    report(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1, code, message, hint)
  }

  /// Notes a problem that an error of another area tells of, with its whole code.
  public mutating func report(_ problem: FileProblem) { problems.append(problem) }

  private mutating func report(
    line: Int, column: Int, _ code: String, _ message: String, _ hint: String? = nil
  ) {
    report(
      FileProblem(
        file: file, line: line, column: column, code: "\(area).\(code)", message: message,
        hint: hint))
  }

  // MARK: Documents

  /// The document's root, nil after a syntax error (reported).
  ///
  /// - Parameter content: what a file that is empty lacks.
  public mutating func compose(_ yaml: String, expecting content: String) -> Node? {
    do {
      if let node = try Yams.compose(yaml: yaml) { return node }
      report(line: 1, column: 1, "empty", "expected \(content), found an empty file")
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

  // MARK: Values

  /// The entries of a mapping by key, after reporting unknown and missing keys; nil after reporting
  /// anything else.
  public mutating func fields(
    of node: Node, required: [String] = [], optional: [String] = [], what: String
  ) -> [String: Node]? {
    guard case .mapping(let mapping) = node else {
      report(node, "bad_entry", "expected \(what) as a mapping, found \(Self.words(node))")
      return nil
    }
    let known = required + optional
    var fields: [String: Node] = [:]
    for (key, value) in mapping {
      guard let name = key.string, known.contains(name) else {
        let found = key.string ?? Self.words(key)
        report(
          key, "unknown_key", "expected a key of \(what), found '\(found)'",
          Suggestion.hint(for: found, among: known)
            ?? "known keys: \(known.joined(separator: ", "))")
        continue
      }
      fields[name] = value
    }
    for key in required where fields[key] == nil {
      report(node, "missing_key", "expected '\(key)' in \(what), found none")
    }
    return fields
  }

  /// The items of a list that has at least one; empty after reporting anything else.
  public mutating func list(_ node: Node, _ what: String) -> [Node] {
    guard case .sequence(let sequence) = node, !sequence.isEmpty else {
      report(node, "bad_value", "expected \(what) as a list, found \(Self.words(node))")
      return []
    }
    return Array(sequence)
  }

  /// A text that is not empty; nil for no node, and after reporting anything else.
  public mutating func text(_ node: Node?, _ what: String) -> String? {
    guard let node else { return nil }
    guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
      report(node, "bad_value", "expected \(what), found \(Self.words(node))")
      return nil
    }
    return scalar.string
  }

  /// One text or a list of texts, at least one, each with its node.
  public mutating func texts(_ node: Node, _ what: String) -> [(text: String, node: Node)] {
    guard case .sequence(let sequence) = node, !sequence.isEmpty else {
      return text(node, what).map { [($0, node)] } ?? []
    }
    return sequence.compactMap { item in text(item, what).map { ($0, item) } }
  }

  /// A whole number in a range; nil for no node, and after reporting anything else.
  public mutating func integer(
    _ node: Node?, _ range: ClosedRange<Int>, _ what: String
  ) -> Int? {
    guard let node else { return nil }
    guard let value = node.scalar.flatMap({ Int($0.string) }), range.contains(value) else {
      report(
        node, "bad_value",
        "expected \(what) from \(range.lowerBound) to \(range.upperBound), "
          + "found \(Self.words(node))")
      return nil
    }
    return value
  }

  /// What a node is, for messages: `'text'`, `a list`, `nothing`.
  public static func words(_ node: Node) -> String {
    switch node {
    case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "'\(scalar.string)'"
    case .mapping: "a mapping"
    case .sequence(let sequence): sequence.isEmpty ? "an empty list" : "a list"
    case .alias: "an alias"
    }
  }
}

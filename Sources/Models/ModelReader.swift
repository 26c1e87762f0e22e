import Diagnostics
import Yams

/// Reads `models.yaml`, collecting every problem with its place instead of stopping.
struct ModelReader {
  let file: String
  private(set) var problems: [ModelProblem] = []

  init(file: String) { self.file = file }

  mutating func report(
    _ node: Node, _ code: String, _ message: String, _ hint: String? = nil
  ) {
    report(
      line: node.mark?.line ?? 1, column: node.mark?.column ?? 1, code: "models.\(code)",
      message, hint)
  }

  mutating func report(
    line: Int, column: Int, code: String, _ message: String, _ hint: String? = nil
  ) {
    problems.append(
      ModelProblem(
        file: file, line: line, column: column, code: code, message: message, hint: hint))
  }

  /// The document's root, nil after a syntax error (reported).
  mutating func compose(_ yaml: String) -> Node? {
    do {
      if let node = try Yams.compose(yaml: yaml) { return node }
      report(
        line: 1, column: 1, code: "models.empty",
        "expected version and models, found an empty file")
    } catch let error as YamlError {
      let (line, column, text) = Self.place(of: error)
      report(
        line: line, column: column, code: "models.yaml_syntax", "expected YAML, found: \(text)")
    } catch {
      report(line: 1, column: 1, code: "models.yaml_syntax", "expected YAML, found: \(error)")
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

  /// The entries of a mapping by key, unknown and missing keys reported.
  mutating func fields(
    of node: Node, required: [String], optional: [String] = [], what: String
  ) -> [String: Node]? {
    guard case .mapping(let mapping) = node else {
      report(node, "bad_entry", "expected \(what) as a mapping, found \(Self.words(node))")
      return nil
    }
    let known = required + optional
    var fields: [String: Node] = [:]
    for (key, value) in mapping {
      guard let name = key.string, known.contains(name) else {
        let found = key.string ?? "something else"
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

  /// The items of a list that has at least one, nil after reporting anything else.
  mutating func list(_ node: Node, _ what: String) -> [Node] {
    guard case .sequence(let sequence) = node, !sequence.isEmpty else {
      report(node, "bad_value", "expected \(what) as a list, found \(Self.words(node))")
      return []
    }
    return Array(sequence)
  }

  /// A text that is not empty, nil after reporting anything else.
  mutating func text(_ node: Node?, _ what: String) -> String? {
    guard let node else { return nil }
    guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
      report(node, "bad_value", "expected \(what), found \(Self.words(node))")
      return nil
    }
    return scalar.string
  }

  /// A whole number in a range, nil after reporting anything else.
  mutating func whole(_ node: Node?, _ range: ClosedRange<Int>, _ what: String) -> Int? {
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

  /// `60 days` or `8 weeks`, in days, nil after reporting anything else.
  mutating func days(_ node: Node?, _ what: String) -> Int? {
    guard let node else { return nil }
    let words = node.scalar?.string.split(separator: " ") ?? []
    let units = ["day": 1, "days": 1, "week": 7, "weeks": 7]
    guard words.count == 2, let count = Int(words[0]), let unit = units[String(words[1])],
      (1...3_650).contains(count), count * unit <= 3_650
    else {
      report(
        node, "bad_value", "expected \(what) such as '60 days', found \(Self.words(node))",
        "days and weeks, at least one day, at most 3650 days")
      return nil
    }
    return count * unit
  }

  static func words(_ node: Node) -> String {
    switch node {
    case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "'\(scalar.string)'"
    case .mapping: "a mapping"
    case .sequence(let sequence): sequence.isEmpty ? "an empty list" : "a list"
    case .alias: "an alias"
    }
  }
}

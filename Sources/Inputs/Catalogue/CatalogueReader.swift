import Diagnostics
import Foundation
import Yams

/// Reads a YAML file and collects every problem with its place.
final class CatalogueReader {
  let file: String
  private(set) var problems: [InputError] = []

  init(file: String) { self.file = file }

  /// The file's root mapping.
  ///
  /// - Throws: `inputs.missing_catalogue`, `inputs.bad_yaml`.
  func root() throws(InputError) -> Node {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw InputError(
        code: "inputs.missing_catalogue", message: "expected a catalogue, found no such file",
        hint: "name the project's folder with --project", file: file)
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw InputError(
        code: "inputs.bad_yaml", message: "expected UTF-8 text, found other bytes", file: file)
    }
    do {
      guard let node = try Yams.compose(yaml: text) else {
        throw InputError(
          code: "inputs.bad_yaml", message: "expected 'version: 1' and entries, found nothing",
          file: file)
      }
      return node
    } catch let error as InputError {
      throw error
    } catch let error as YamlError {
      throw syntax(error)
    } catch {
      throw InputError(code: "inputs.bad_yaml", message: "\(error)", file: file)
    }
  }

  private func syntax(_ error: YamlError) -> InputError {
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let during = context.map { " \($0.text)" } ?? ""
      return InputError(
        code: "inputs.bad_yaml", message: "expected YAML, found an error\(during): \(problem)",
        hint: "look at the indentation, brackets and quotes here", file: file, line: mark.line,
        column: mark.column)
    case .duplicatedKeysInMapping(let keys, let context):
      return InputError(
        code: "inputs.duplicate_key",
        message: "expected each key once, found \(keys.sorted().joined(separator: ", ")) again",
        file: file, line: context.mark.line, column: context.mark.column)
    case .reader(let problem, _, _, _):
      return InputError(code: "inputs.bad_yaml", message: problem, file: file)
    default:
      return InputError(code: "inputs.bad_yaml", message: "\(error)", file: file)
    }
  }

  /// Notes a problem at a node, `offset` scalars after its first character.
  func note(
    _ code: String, _ message: String, hint: String? = nil, at node: Node?, offset: Int = 0
  ) {
    problems.append(
      InputError(
        code: code, message: message, hint: hint, file: file, line: node?.mark?.line,
        column: node?.mark.map { $0.column + offset }))
  }

  /// Notes a fault of an expression at its place within the scalar that holds it.
  func note(_ fault: ExpressionFault, at node: Node) {
    let style = node.scalar?.style ?? .any
    let quoted = style == .singleQuoted || style == .doubleQuoted
    // A block scalar begins on another line than its mark: its own line is as near as it gets.
    let block = style == .literal || style == .folded
    note(
      fault.code, fault.message, hint: fault.hint, at: node,
      offset: block ? 0 : fault.at + (quoted ? 1 : 0))
  }

  /// The pairs of a mapping, or a noted problem.
  func mapping(_ node: Node, of what: String) -> [(key: String, keyNode: Node, value: Node)] {
    guard let mapping = node.mapping else {
      note("inputs.bad_catalogue", "expected \(what) as a mapping of names to values", at: node)
      return []
    }
    return mapping.map { ($0.key.scalar?.string ?? "", $0.key, $0.value) }
  }

  /// A mapping whose keys must be among the known ones.
  func fields(_ node: Node, of what: String, known: [String]) -> [String: Node] {
    var fields: [String: Node] = [:]
    for (key, keyNode, value) in mapping(node, of: what) {
      if known.contains(key) {
        fields[key] = value
      } else {
        note(
          "inputs.unknown_key", "unknown key '\(key)' in \(what)",
          hint: Suggestion.hint(for: key, among: known, noun: "known are"), at: keyNode)
      }
    }
    return fields
  }

  /// A scalar's text, or a noted problem.
  func text(_ node: Node, of what: String) -> String? {
    guard let scalar = node.scalar, !scalar.string.isEmpty else {
      note("inputs.bad_catalogue", "expected \(what) as one value", at: node)
      return nil
    }
    return scalar.string
  }

  /// Checks `version: 1`.
  func checkVersion(_ fields: [String: Node], at root: Node) {
    guard let node = fields["version"] else {
      note("inputs.bad_catalogue", "expected 'version: 1' at the top, found none", at: root)
      return
    }
    if node.scalar?.string != "1" {
      note(
        "inputs.bad_catalogue", "expected version 1, found '\(node.scalar?.string ?? "")'",
        hint: "this catalogue was written for another release", at: node)
    }
  }

  /// Throws what was noted.
  func finish() throws(InputError) {
    if let error = InputError.joining(problems) { throw error }
  }
}

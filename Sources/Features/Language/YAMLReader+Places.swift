import Diagnostics
import Yams

extension YAMLReader {
  /// Reports a problem inside a text; what is no ``TextProblem`` is reported at its beginning.
  mutating func report(_ node: Node, _ code: String, _ error: any Error) {
    let problem =
      error as? TextProblem
      ?? TextProblem(offset: 0, message: "expected another text, found one that fails: \(error)")
    report(node, code, problem)
  }

  /// Reports a problem inside a text at its own place, where the text stands on one line.
  mutating func report(_ node: Node, _ code: String, _ problem: TextProblem) {
    var column = node.mark?.column ?? 1
    if problem.offset > 0, case .scalar(let scalar) = node, !scalar.string.contains("\n") {
      switch scalar.style {
      case .singleQuoted, .doubleQuoted: column += problem.offset + 1
      case .any, .plain: column += problem.offset
      case .literal, .folded: break
      }
    }
    report(
      FileProblem(
        file: file, line: node.mark?.line ?? 1, column: column, code: "features.\(code)",
        message: problem.message, hint: problem.hint))
  }
}

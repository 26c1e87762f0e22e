/// One problem of a file that people write, at the place where it stands.
public struct FileProblem: Sendable, Equatable, CustomStringConvertible {
  /// The file as it was named by the caller.
  public let file: String
  /// From 1.
  public let line: Int
  /// From 1.
  public let column: Int
  /// A stable name, for example `features.unknown_kind`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do, often a suggestion; nil where the message says all.
  public let hint: String?

  /// A problem at a place.
  public init(
    file: String, line: Int, column: Int, code: String, message: String, hint: String? = nil
  ) {
    self.file = file
    self.line = line
    self.column = column
    self.code = code
    self.message = message
    self.hint = hint
  }

  /// `features.yaml:12:5: message; hint`.
  public var description: String {
    "\(file):\(line):\(column): \(message)" + (hint.map { "; \($0)" } ?? "")
  }
}

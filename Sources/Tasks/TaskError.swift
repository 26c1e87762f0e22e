import Orchestrator

/// A fault in how a project or a task is set up.
public struct TaskError: CodedError, Equatable, CustomStringConvertible {
  /// A stable name, for example `project.missing`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do.
  public let hint: String?
  /// Whether another attempt cannot help.
  public let isPermanent: Bool

  /// A fault with its code, message and hint; permanent unless said otherwise.
  public init(code: String, message: String, hint: String? = nil, isPermanent: Bool = true) {
    self.code = code
    self.message = message
    self.hint = hint
    self.isPermanent = isPermanent
  }

  /// The message, then the hint.
  public var description: String { hint.map { "\(message); \($0)" } ?? message }
}

/// A fault in running a DAG, with what to do about it.
public struct OrchestratorError: CodedError, CustomStringConvertible {
  /// A stable name, for example `orchestrator.run_in_flight`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do.
  public let hint: String?
  /// Whether another attempt cannot help.
  public let isPermanent: Bool

  /// A fault with its code and message.
  public init(code: String, message: String, hint: String? = nil, isPermanent: Bool = false) {
    self.code = code
    self.message = message
    self.hint = hint
    self.isPermanent = isPermanent
  }

  /// The message, then the hint.
  public var description: String { hint.map { "\(message); \($0)" } ?? message }

  /// The code of the error with which a second process on one interval is refused.
  public static let runInFlight = "orchestrator.run_in_flight"

  /// The code of the error of an attempt, or a foreground run, that another process has taken over.
  public static let leaseLost = "orchestrator.lease_lost"

  /// The code that is recorded for an attempt whose process is gone.
  static let interrupted = "orchestrator.interrupted"
}

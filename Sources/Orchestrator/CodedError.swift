import Pipeline
import Warehouse

/// An error whose code, message and hint are recorded with the attempt that it ended.
///
/// Errors of other types are recorded by their description, under the code `task.` and their type.
public protocol CodedError: Error {
  /// A stable name, for example `inputs.missing_file`.
  var code: String { get }
  /// What was expected and what was found.
  var message: String { get }
  /// What to do; nil if there is nothing to say.
  var hint: String? { get }
  /// The message with all that its readers need: every problem, with file, line and column.
  var fullMessage: String { get }
  /// Whether another attempt cannot help: then none is made, whatever the task's retries.
  var isPermanent: Bool { get }
}

extension CodedError {
  /// The message alone.
  public var fullMessage: String { message }
  /// False: another attempt may help.
  public var isPermanent: Bool { false }
}

extension WarehouseError: CodedError {
  /// Whether the statement itself is refused: its syntax or names, the data, or the privileges.
  public var isPermanent: Bool {
    guard let sqlState else { return false }
    return ["22", "42", "0A"].contains { sqlState.hasPrefix($0) }
  }
}

extension PipelineError: CodedError {}

/// Makes any error permanent: `throw Permanent(error)`.
public struct Permanent: CodedError, CustomStringConvertible {
  /// The error itself.
  public let cause: any Error

  /// The error `cause`, never to be retried.
  public init(_ cause: any Error) { self.cause = cause }

  /// The code of the cause.
  public var code: String { AttemptFault(cause).code }
  /// The message of the cause.
  public var message: String { AttemptFault(cause).message }
  /// The hint of the cause.
  public var hint: String? { AttemptFault(cause).hint }
  /// True.
  public var isPermanent: Bool { true }
  /// The description of the cause.
  public var description: String { String(describing: cause) }
}

/// Thrown by a task that finds it need not run: the attempt and the task end as skipped.
public struct TaskSkipped: Error, Sendable {
  /// Why, in a sentence.
  public let reason: String

  /// Skips the task for a reason.
  public init(_ reason: String) { self.reason = reason }
}

/// What is recorded of an error that ended an attempt.
struct AttemptFault: Codable, Sendable {
  let code: String
  let message: String
  let hint: String?
  let isPermanent: Bool

  init(_ error: any Error) {
    if let error = error as? any CodedError {
      code = storable(error.code)
      message = storable(error.fullMessage)
      hint = error.hint.map(storable)
      isPermanent = error.isPermanent
    } else {
      code = "task.\(type(of: error))"
      message = storable(String(describing: error))
      hint = nil
      isPermanent = false
    }
  }
}

/// Text as the database can hold it: without NUL, and of bounded length.
func storable(_ text: String) -> String {
  let limit = 65_536
  let clean = text.utf8.contains(0) ? text.replacing("\u{0}", with: "\u{FFFD}") : text
  return clean.utf8.count <= limit ? clean : String(clean.prefix(limit / 4)) + " …"
}

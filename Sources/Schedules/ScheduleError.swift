/// A fault in a schedule, zone or interval, with what to do about it.
public struct ScheduleError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A stable name, for example `schedule.unknown_zone`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do.
  public let hint: String?
  /// Where in a cron expression it is, from 1; nil for all else.
  public let column: Int?

  /// A fault with its code, message and hint.
  public init(code: String, message: String, hint: String? = nil, column: Int? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
    self.column = column
  }

  /// The message, then the hint.
  public var description: String { hint.map { "\(message); \($0)" } ?? message }
}

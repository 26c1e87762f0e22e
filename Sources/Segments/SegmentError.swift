/// A fault in evaluating, storing or publishing segments, with what to do about it.
public struct SegmentError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A stable name, for example `segments.out_of_step`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do; nil where there is nothing to add.
  public let hint: String?
  /// Whether trying again cannot help: a task that meets such a fault is not retried.
  public let isPermanent: Bool

  /// A fault with its code, message and hint.
  public init(code: String, message: String, hint: String? = nil, isPermanent: Bool = true) {
    self.code = code
    self.message = message
    self.hint = hint
    self.isPermanent = isPermanent
  }

  /// The message, then the hint.
  public var description: String { hint.map { "\(message); \($0)" } ?? message }
}

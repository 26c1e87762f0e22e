/// A fault in generating the synthetic shop.
public struct DemoError: Error, Sendable, Equatable, CustomStringConvertible {
  /// `demo.bad_recipe` or `demo.write_failed`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do.
  public let hint: String

  /// The message, then the hint.
  public var description: String { "\(message); \(hint)" }
}

/// A fault in the day tiles, the stored states or what they are built from.
public struct FeatureStoreError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A stable name, for example `feature_store.missing_measure`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do; nil where there is nothing general to say.
  public let hint: String?

  /// A fault with its code, message and hint.
  public init(code: String, message: String, hint: String? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
  }

  /// The message and hint.
  public var description: String { hint.map { "\(message); \($0)" } ?? message }
}

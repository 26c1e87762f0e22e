/// What went wrong in a matrix, a parameter or a learner.
public struct LearningError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A stable code such as `learning.one_class`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do about it, nil where nothing general can be said.
  public let hint: String?

  /// An error from its parts.
  public init(code: String, message: String, hint: String? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
  }

  /// The message, and the hint after it.
  public var description: String { hint.map { "\(message); \($0)" } ?? message }
}

extension LearningError {
  /// A matrix whose features are not those that the model was trained on, in that order.
  static func otherFeatures(expected: [String], found: [String]) -> LearningError {
    let missing = expected.filter { !found.contains($0) }
    let unknown = found.filter { !expected.contains($0) }
    var parts: [String] = []
    if !missing.isEmpty { parts.append("missing: \(missing.joined(separator: ", "))") }
    if !unknown.isEmpty { parts.append("not in the model: \(unknown.joined(separator: ", "))") }
    if parts.isEmpty {
      parts.append("the order differs: \(found.joined(separator: ", "))")
    }
    return LearningError(
      code: "learning.other_features",
      message: "the model expects \(expected.count) features "
        + "(\(expected.joined(separator: ", "))); \(parts.joined(separator: "; "))",
      hint: "build the matrix from the model's own feature names")
  }
}

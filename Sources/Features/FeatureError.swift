import Diagnostics

/// A fault in a feature catalogue, a sweep or a stored state, with what to do about it.
public struct FeatureError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A stable name, for example `features.overflow`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do; nil where there is nothing general to say.
  public let hint: String?
  /// Every problem of a catalogue, in file order; empty for other faults.
  public let problems: [FileProblem]

  /// A fault with its code, message and hint.
  public init(
    code: String, message: String, hint: String? = nil, problems: [FileProblem] = []
  ) {
    self.code = code
    self.message = message
    self.hint = hint
    self.problems = problems
  }

  /// The message and hint; for a catalogue one line for each problem.
  public var description: String {
    guard problems.isEmpty else {
      return ([message] + problems.map(\.description)).joined(separator: "\n")
    }
    return hint.map { "\(message); \($0)" } ?? message
  }

  static func invalid(_ problems: [FileProblem], in file: String) -> FeatureError {
    let count = problems.count
    return FeatureError(
      code: "features.invalid_catalogue",
      message: "\(file): \(count) \(count == 1 ? "problem" : "problems")", problems: problems)
  }

  static func overflow(_ what: String, customer: Int64) -> FeatureError {
    FeatureError(
      code: "features.overflow",
      message: "expected \(what) of customer \(customer) to fit 64 bits, found a larger total",
      hint: "look for amounts or quantities of absurd size among the customer's events")
  }
}

import Diagnostics

/// What keeps a model from being declared, trained, stored or used.
public struct ModelError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A stable name, for example `models.one_class`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do; nil where there is nothing general to say.
  public let hint: String?
  /// Every problem of a catalogue, in file order; empty for other faults.
  public let problems: [FileProblem]
  /// Whether trying again with the same data and definitions must fail again.
  public let isPermanent: Bool

  /// A fault with its code, message and hint.
  public init(
    code: String, message: String, hint: String? = nil, problems: [FileProblem] = [],
    isPermanent: Bool = true
  ) {
    self.code = code
    self.message = message
    self.hint = hint
    self.problems = problems
    self.isPermanent = isPermanent
  }

  /// Whether the data is too little for a model yet: no cut fits, too few rows, one label only.
  ///
  /// A pipeline may go on without scores then; every other fault is somebody's to repair.
  public var isLackOfData: Bool { ModelError.lackOfData.contains(code) }

  private static let lackOfData: Set<String> = [
    "models.not_enough_history", "models.not_enough_rows", "models.one_class",
  ]

  /// The message and hint; for a catalogue one line for each problem.
  public var description: String {
    guard problems.isEmpty else {
      return ([message] + problems.map(\.description)).joined(separator: "\n")
    }
    return hint.map { "\(message); \($0)" } ?? message
  }

  static func invalid(_ problems: [FileProblem], in file: String) -> ModelError {
    let count = problems.count
    let ordered = problems.enumerated().sorted {
      ($0.element.line, $0.element.column, $0.offset)
        < ($1.element.line, $1.element.column, $1.offset)
    }.map(\.element)
    return ModelError(
      code: "models.invalid_catalogue",
      message: "\(file): \(count) \(count == 1 ? "problem" : "problems")", problems: ordered)
  }
}

/// One fault of a DAG's definition.
public struct DAGProblem: Error, Sendable, Hashable, Codable, CustomStringConvertible {
  /// A stable name, for example `pipeline.cycle`.
  public let code: String
  /// The DAG it is in.
  public let dag: String
  /// The task it is in; nil where it concerns the whole DAG.
  public let task: String?
  /// What was expected and what was found.
  public let message: String
  /// What to do.
  public let hint: String?
  /// `file:line` of the declaration; nil where the fault is not one of a declaration.
  public let location: String?

  /// `file:line: dag.task: message; hint`.
  public var description: String {
    let subject = task.map { "\(dag).\($0)" } ?? dag
    return (location.map { "\($0): " } ?? "") + "\(subject): \(message)"
      + (hint.map { "; \($0)" } ?? "")
  }
}

/// A DAG that cannot be run, with all that is wrong with it.
public struct PipelineError: Error, Sendable, CustomStringConvertible {
  /// A stable name, for example `pipeline.invalid_dag`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do.
  public let hint: String?
  /// Every problem of the definitions, in the order of their declaration.
  public let problems: [DAGProblem]

  /// A fault with its code and message.
  public init(code: String, message: String, hint: String? = nil, problems: [DAGProblem] = []) {
    self.code = code
    self.message = message
    self.hint = hint
    self.problems = problems
  }

  /// The message, then every problem on a line of its own.
  public var description: String {
    ([hint.map { "\(message); \($0)" } ?? message] + problems.map { "  \($0)" })
      .joined(separator: "\n")
  }
}

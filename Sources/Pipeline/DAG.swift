import Foundation

/// A pipeline as a value: tasks, the edges between them, and when it runs.
public struct DAG: Sendable {
  /// Unique within a project.
  public let name: String
  /// One sentence for listings; nil if none.
  public let summary: String?
  /// When runs are due.
  public let schedule: Schedule
  /// Which missed intervals are made up for.
  public let catchUp: CatchUp
  /// The tasks in the order of their declaration.
  public var tasks: [TaskDefinition] { declarations.map(\.definition) }
  /// `file:line` of the declaration.
  public let location: String

  let declarations: [TaskDeclaration]

  /// Declares a DAG; `build` adds its tasks.
  ///
  /// Nothing is checked here: ``problems()`` reports all that is wrong at once.
  public init(
    _ name: String, summary: String? = nil, schedule: Schedule = .manual,
    catchUp: CatchUp = .none, file: String = #fileID, line: Int = #line,
    _ build: (inout DAGBuilder) -> Void
  ) {
    var builder = DAGBuilder()
    build(&builder)
    self.name = name
    self.summary = summary
    self.schedule = schedule
    self.catchUp = catchUp
    location = "\(file):\(line)"
    declarations = builder.declarations
  }

  /// What is stored with every run.
  ///
  /// - Throws: ``PipelineError`` `pipeline.invalid_dag` with every problem of the definition.
  public func snapshot() throws -> DAGSnapshot {
    let problems = problems()
    guard problems.isEmpty else {
      throw PipelineError(
        code: "pipeline.invalid_dag",
        message: "DAG '\(name)' has \(problems.count) problem\(problems.count == 1 ? "" : "s")",
        problems: problems)
    }
    return DAGSnapshot(
      name: name, summary: summary, schedule: schedule, catchUp: catchUp, tasks: tasks)
  }
}

/// One task of a DAG, as stored in its snapshot.
public struct TaskDefinition: Codable, Sendable, Hashable {
  /// Unique within the DAG.
  public let id: String
  /// The name of its ``TaskKind``.
  public let kind: String
  /// The encoded task.
  public let config: JSONValue
  /// The tasks whose products it reads, sorted.
  public let reads: [String]
  /// The tasks it only waits for, sorted.
  public let after: [String]
  /// When it runs.
  public let rule: TriggerRule
  /// How often a failed attempt is repeated.
  public let retries: Retries
  /// Milliseconds an attempt may take; nil for no limit.
  public let timeLimitMilliseconds: Int64?
  /// What its failure means for the run.
  public let failure: FailurePolicy

  /// All tasks it has edges from, each once, sorted.
  public var upstreams: [String] { Array(Set(reads).union(after)).sorted() }
}

/// A task with what only its declaration knows.
struct TaskDeclaration: Sendable {
  let definition: TaskDefinition
  let reads: Set<ReadCollector.Read>
  let optionalReads: Set<String>
  let product: String
  let location: String
  /// Why the task could not be encoded; nil if it was.
  let encodingFault: String?
}

/// Adds tasks to a DAG.
public struct DAGBuilder {
  var declarations: [TaskDeclaration] = []

  /// Adds a task, and returns its future product for other tasks to read.
  ///
  /// - Parameters:
  ///   - id: unique within the DAG: lower-case letters, digits, `_`, `-`, `.`; at most 63 bytes.
  ///   - task: its configuration; each ``Output`` in it becomes an edge.
  ///   - after: tasks that only have to end first.
  ///   - when: the rule over all upstream tasks, those read and those in `after`.
  ///   - retries: how often a failed attempt is repeated.
  ///   - timeLimit: what an attempt may take before it is cancelled and counts as failed.
  ///   - failure: whether the run fails with the task.
  @discardableResult
  public mutating func task<Kind: TaskKind>(
    _ id: String, _ task: Kind, after: [any TaskReference] = [],
    when rule: TriggerRule = .allSuccess, retries: Retries = .none, timeLimit: Duration? = nil,
    failure: FailurePolicy = .failsRun, file: String = #fileID, line: Int = #line
  ) -> Output<Kind.Product> {
    let collector = ReadCollector()
    let encoder = JSONEncoder()
    encoder.userInfo[ReadCollector.key] = collector
    var config = JSONValue.null
    var fault: String?
    do {
      config = try JSONDecoder().decode(JSONValue.self, from: encoder.encode(task))
    } catch {
      fault = String(describing: error)
    }
    let reads = collector.all
    declarations.append(
      TaskDeclaration(
        definition: TaskDefinition(
          id: id, kind: Kind.kind, config: config,
          reads: Array(Set(reads.map(\.producer))).sorted(),
          after: Array(Set(after.map(\.taskID))).sorted(), rule: rule, retries: retries,
          timeLimitMilliseconds: timeLimit?.milliseconds, failure: failure),
        reads: reads, optionalReads: optionalReads(of: task),
        product: String(reflecting: Kind.Product.self), location: "\(file):\(line)",
        encodingFault: fault))
    return Output(of: id)
  }
}

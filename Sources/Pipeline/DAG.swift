import Schedules

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
  /// The first local day that a scheduled interval may start on; nil for when it is enabled.
  public let starts: Day?
  /// What a run can be given, in the order of declaration.
  public let params: [Param]
  /// When a run should have ended; nil for no such time.
  public let deadline: Deadline?
  /// What is called about its runs.
  public let callbacks: [Callback]
  /// Runs at once.
  public let maxActiveRuns: Int
  /// Attempts at once over all its runs; nil for no limit.
  public let maxActiveTasks: Int?
  /// Attempts of one run at once.
  public let parallelism: Int
  /// The tasks in the order of their declaration.
  public var tasks: [TaskDefinition] { declarations.map(\.definition) }
  /// `file:line` of the declaration.
  public let location: String

  let declarations: [TaskDeclaration]
  let groups: [GroupDeclaration]

  /// Declares a DAG; `build` adds its tasks.
  ///
  /// Nothing is checked here: ``problems()`` reports all that is wrong at once.
  ///
  /// - Parameters:
  ///   - starts: the first day with a scheduled interval; needed to catch up on all of them.
  ///   - params: what a run can be given, with types and defaults.
  ///   - deadline: when a run should have ended; its callbacks are told of the event `deadline`.
  ///   - callbacks: what is called about runs, not about tasks.
  ///   - maxActiveRuns: runs at once.
  ///   - maxActiveTasks: attempts at once over all its runs.
  ///   - parallelism: attempts of one run at once.
  public init(
    _ name: String, summary: String? = nil, schedule: Schedule = .manual,
    catchUp: CatchUp = .none, starts: Day? = nil, params: [Param] = [],
    deadline: Deadline? = nil, callbacks: [Callback] = [],
    maxActiveRuns: Int = DAGSnapshot.usualMaxActiveRuns, maxActiveTasks: Int? = nil,
    parallelism: Int = DAGSnapshot.usualParallelism, file: String = #fileID, line: Int = #line,
    _ build: (inout DAGBuilder) -> Void
  ) {
    var builder = DAGBuilder()
    build(&builder)
    self.name = name
    self.summary = summary
    self.schedule = schedule
    self.catchUp = catchUp
    self.starts = starts
    self.params = params
    self.deadline = deadline
    self.callbacks = callbacks
    self.maxActiveRuns = maxActiveRuns
    self.maxActiveTasks = maxActiveTasks
    self.parallelism = parallelism
    location = "\(file):\(line)"
    declarations = builder.declarations
    groups = builder.groups
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
      name: name, summary: summary, schedule: schedule, catchUp: catchUp, starts: starts,
      params: params, deadline: deadline, callbacks: callbacks, maxActiveRuns: maxActiveRuns,
      maxActiveTasks: maxActiveTasks, parallelism: parallelism, tasks: tasks)
  }
}

/// A task with what only its declaration knows.
struct TaskDeclaration: Sendable {
  let definition: TaskDefinition
  /// The products it reads whole, those it is mapped over included.
  let reads: Set<ReadCollector.Read>
  /// The items that its configuration names.
  let items: Set<ReadCollector.Read>
  /// The items that its mapping hands out: the name of the type by the item's id.
  let ownItems: [String: String]
  let optionalReads: Set<String>
  let product: String
  let isSensorKind: Bool
  let location: String
  /// Why the task could not be encoded; nil if it was.
  let encodingFault: String?
}

/// A group as it was opened.
struct GroupDeclaration: Sendable {
  /// Its own name.
  let id: String
  /// With those of the groups around it.
  let path: String
  let location: String
}

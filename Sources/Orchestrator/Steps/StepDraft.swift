import Pipeline
import Schedules
import Warehouse

/// A decision that is being made: what was loaded, and what it has come to so far.
struct StepDraft {
  var run: RunRow
  let definition: Definition
  let machine: RunMachine
  /// The tasks as they were loaded.
  var loaded: [TaskKey: TaskStanding] = [:]
  /// The tasks as decided so far.
  var slice: RunSlice
  /// What is known of loaded tasks beside that, by id.
  var rows: [String: TaskRow] = [:]
  var isWhole = false

  /// Statements that are not sent yet; nothing that is read depends on them.
  var batch: [SQL] = []
  /// Ends of attempts that are not written yet, and those that are, by task.
  var endings: [Ending] = []
  var written: [String: Ending] = [:]
  var refused: [Int64] = []
  var availableAt: [TaskKey: Instant] = [:]
  var recorded: [(key: TaskKey, state: TaskState)] = []
  var messages: [TaskKey: String] = [:]
  var stops: Set<String> = []
  var dropped: Set<Int> = []
  /// What the items of tasks that were expanded stand for.
  var inputs: [Int: [JSONValue]] = [:]
  var stuck: String?
  var isReopened = false

  init(run: RunRow, definition: Definition) {
    self.run = run
    self.definition = definition
    machine = RunMachine(plan: definition.plan, interval: run.interval)
    slice = RunSlice(run: run.standing)
  }

  /// Takes in rows of the database.
  mutating func add(_ found: [Row]) throws {
    for row in found {
      let id = try row.get("task_id", as: String.self)
      // A task that a later definition of the run has dropped is of no concern.
      guard rows[id] == nil, let key = definition.key(id) else { continue }
      rows[id] = TaskRow(
        token: try row.get("fencing_token", as: Int64?.self),
        startedAt: try row.get("started_at", as: Instant?.self))
      let standing = try TaskStanding(row)
      loaded[key] = standing
      slice.tasks[key] = standing
    }
  }

  /// - Throws: ``OrchestratorError`` `orchestrator.missing_rows` where tasks were looked for and not
  ///   found: the machine would ask for them for ever.
  func require(_ numbers: [Int]) throws {
    let missing = numbers.filter { slice.tasks[TaskKey($0)] == nil }.sorted()
    guard let first = missing.first else { return }
    let more = missing.count > 1 ? " and \(missing.count - 1) more" : ""
    throw OrchestratorError(
      code: "orchestrator.missing_rows",
      message: "expected rows of task '\(definition.plan.ids[first])'\(more) of run "
        + "\(run.runID), found none",
      hint: "rows of runs.task were removed by hand: `strata run` makes them anew",
      isPermanent: true)
  }

  /// The task of an attempt, if that attempt is still the current one.
  func current(_ id: String, token: Int64) -> TaskKey? {
    guard let key = definition.key(id), let row = rows[id], row.token == token,
      slice.tasks[key]?.state == .running
    else { return nil }
    return key
  }

  /// Forgets the items of a mapped task that is cleared.
  mutating func drop(_ number: Int) {
    dropped.insert(number)
    inputs[number] = nil
    for key in loaded.keys where key.number == number && key.item != nil { loaded[key] = nil }
  }

  /// How the machine sees the end of an attempt.
  ///
  /// - Throws: never for a product that ``AttemptRunner`` took.
  func ending(of ended: EndedAttempt, _ key: TaskKey) throws -> AttemptEnding {
    switch ended.result {
    case .success(_, let skips):
      return .success(skips: skips.compactMap { definition.number(of: $0) }.sorted())
    case .skipped: return .skipped
    case .failed(let fault): return .failed(permanent: fault.isPermanent)
    case .deferred(let pause, _): return .deferred(until: run.at + pause)
    case .cancelled: return .cancelled
    case .released: return .released
    }
  }

  /// The tasks and items that differ from what was loaded, in order.
  var changed: [TaskKey] {
    slice.tasks.filter { loaded[$0.key] != $0.value || availableAt[$0.key] != nil }.keys.sorted()
  }
}

/// How an attempt ended, ready to be recorded.
struct Ending: Sendable {
  let taskID: String
  let token: Int64
  let attemptState: TaskState
  let startedAt: Instant?
  var errorCode: String?
  var message: String?
  var hint: String?
  var product: JSONValue?
  var progress: TaskProgress?

  init(_ ended: EndedAttempt) {
    taskID = ended.taskID
    token = ended.token
    startedAt = ended.startedAt
    progress = ended.progress
    switch ended.result {
    case .success(let product, _):
      attemptState = .success
      self.product = product
    case .skipped(let reason):
      attemptState = .skipped
      message = reason
    case .failed(let fault):
      attemptState = .failed
      errorCode = fault.code
      message = fault.message
      hint = fault.hint
    case .deferred(_, let reason):
      attemptState = .deferred
      message = reason
    case .cancelled(let reason), .released(let reason):
      attemptState = .cancelled
      message = reason
    }
  }

  init(_ orphan: OrphanedAttempt, startedAt: Instant?) {
    taskID = orphan.taskID
    token = orphan.token
    attemptState = .failed
    errorCode = OrchestratorError.interrupted
    message = orphan.message
    self.startedAt = startedAt
  }
}

import Logging
import Pipeline
import Schedules
import Warehouse

/// All that an attempt is given, in a form that can be handed to another process.
struct AttemptOrder: Codable, Sendable {
  let definition: TaskDefinition
  let run: RunIdentity
  let attempt: AttemptIdentity
  /// What it reads, by the task's id; what a mapped item stands for, by the item's.
  let products: [String: JSONValue]
  /// When it was claimed; nil where nobody claimed it.
  var startedAt: Instant?
  /// When a sensor first looked.
  var sensorSince: Instant?
  /// Of a branch or short-circuit: the tasks right downstream, and all downstream.
  var direct: [String] = []
  var downstream: [String] = []

  init(
    definition: TaskDefinition, run: RunIdentity, attempt: AttemptIdentity,
    products: [String: JSONValue]
  ) {
    self.definition = definition
    self.run = run
    self.attempt = attempt
    self.products = products
  }

  /// What a claimed attempt is given, with the products of the tasks that it reads.
  init(_ claimed: ClaimedTask, products: [String: JSONValue]) {
    var products = products
    if case .object(let items)? = claimed.input { products.merge(items) { $1 } }
    self.init(
      definition: claimed.definition.snapshot.tasks[claimed.key.number], run: claimed.run,
      attempt: AttemptIdentity(
        task: claimed.taskID, attempt: claimed.attempt, fencingToken: claimed.token),
      products: products)
    startedAt = claimed.startedAt
    sensorSince = claimed.sensorSince
    guard definition.steers else { return }
    let plan = claimed.definition.plan
    let next = plan.downstreams[claimed.key.number]
    direct = next.map { plan.ids[$0] }
    downstream = plan.descendants(of: Set(next)).sorted().map { plan.ids[$0] }
  }

  /// What the attempt may take; nil for no limit.
  var timeLimit: Duration? { definition.timeLimitMilliseconds.map { .milliseconds($0) } }

  /// The runner of this attempt.
  func runner(
    of task: any RunnableTask, in place: AttemptPlace, isStopped: @escaping @Sendable () -> Bool
  ) -> AttemptRunner {
    let context = TaskContext(
      pool: place.pool, projectDirectory: place.projectDirectory, zone: place.zone, run: run,
      attempt: attempt, clock: place.clock, log: place.log, products: products,
      report: place.report, rehearsal: place.rehearsal)
    return AttemptRunner(
      task: task, context: context, timeLimit: timeLimit, sensor: definition.sensor,
      sensorSince: sensorSince, downstream: (direct, downstream), limitClock: place.limitClock,
      isStopped: isStopped)
  }
}

/// What an attempt finds where it runs.
struct AttemptPlace: Sendable {
  let pool: ConnectionPool
  let projectDirectory: String
  let zone: Zone
  let clock: any WallClock
  let log: Logger
  let report: @Sendable (TaskProgress) -> Void
  /// What the time limit is measured on; nil for `clock`.
  var limitClock: (any WallClock)?
  /// The tasks as they stand, where nothing is recorded; nil in a run.
  var rehearsal: (@Sendable () -> [TaskRecord])?
}

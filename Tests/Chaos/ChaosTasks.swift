import Foundation
import Orchestrator
import Pipeline
import TestSupport
import Warehouse

/// The task kinds that chaos nodes run.
let chaosKinds: [any RunnableTask.Type] = [
  Step.self, Spread.self, ItemStep.self, Gather.self, Lookout.self, Hold.self,
]

/// Adds one to the sum of what it reads.
struct Step: RunnableTask {
  static let kind = "chaos_step"
  var seed: UInt64
  var inputs: [Output<Int64>]

  func run(in context: TaskContext) async throws -> Int64 {
    try await Effect(context, seed).perform(Self.value(try inputs.map(context.value(of:))))
  }

  static func value(_ inputs: [Int64]) -> Int64 { inputs.reduce(1) { ($0 + $1) % 1_000_003 } }
}

/// Makes a list for a mapped task.
struct Spread: RunnableTask {
  static let kind = "chaos_spread"
  var seed: UInt64
  var inputs: [Output<Int64>]
  var width: Int64

  func run(in context: TaskContext) async throws -> [Int64] {
    let value = try await Effect(context, seed).perform(
      Step.value(try inputs.map(context.value(of:))))
    return Self.items(value, width)
  }

  static func items(_ value: Int64, _ width: Int64) -> [Int64] { (0..<width).map { value + $0 } }
}

/// Doubles one item.
struct ItemStep: RunnableTask {
  static let kind = "chaos_item"
  var seed: UInt64
  var item: Output<Int64>

  func run(in context: TaskContext) async throws -> Int64 {
    try await Effect(context, seed).perform(Self.value(try context.value(of: item)))
  }

  static func value(_ item: Int64) -> Int64 { item * 2 % 1_000_003 }
}

/// Adds up what the items of a mapped task came to.
struct Gather: RunnableTask {
  static let kind = "chaos_gather"
  var seed: UInt64
  var list: Output<[Int64]>

  func run(in context: TaskContext) async throws -> Int64 {
    try await Effect(context, seed).perform(Step.value(try context.value(of: list)))
  }
}

/// A sensor that finds something at its third look; its budget outlasts every experiment, so that
/// only a clock that jumps could use it up.
struct Lookout: RunnableTask, SensorKind {
  static let kind = "chaos_lookout"
  static let budget = Duration.seconds(1800)
  var seed: UInt64
  var inputs: [Output<Int64>]

  func run(in context: TaskContext) async throws -> Int64 {
    let row = try await context.pool.first(
      """
      SELECT count(*) AS looks FROM chaos.start
      WHERE run_id = \(context.run.runID) AND task_id = \(context.attempt.task)
      """)
    guard try row?.get("looks", as: Int64.self) ?? 0 >= 2 else {
      try await Effect(context, seed).start()
      throw NotYet("the third look")
    }
    return try await Effect(context, seed).perform(
      Step.value(try inputs.map(context.value(of:))))
  }
}

/// Stands still in its first attempt until somebody opens the gate, then tries to publish, and
/// writes down how that went: what a worker does that was stopped for longer than its lease.
struct Hold: RunnableTask {
  static let kind = "chaos_hold"

  func run(in context: TaskContext) async throws -> Int64 {
    let effect = Effect(context, 0)
    try await effect.start()
    guard context.attempt.attempt == 1 else { return try await effect.publish(2) }
    // A task of its own: the stop that follows the loss of the lease must not keep it from trying.
    try await Task.detached {
      while try await patiently({ try await context.pool.first("SELECT FROM chaos.gate") }) == nil {
        try await patiently { try await context.pool.execute("SELECT pg_sleep(0.01)") }
      }
      var outcome = "published"
      do {
        _ = try await patiently { try await effect.publish(1) }
      } catch {
        outcome = (error as? any CodedError)?.code ?? String(describing: error)
      }
      let (token, code) = (context.attempt.fencingToken, outcome)
      try await context.pool.execute(
        "INSERT INTO chaos.outcome (token, code) VALUES (\(token), \(code))")
    }.value
    // The end that must be refused as well.
    return 1
  }
}

/// Runs a piece of work that may be repeated until the database is there for it.
///
/// - Throws: what is no passing fault of the connection; a passing one after two minutes.
@discardableResult
func patiently<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
  let limit = ContinuousClock.now + .seconds(120)
  while true {
    do {
      return try await body()
    } catch let error as WarehouseError
      where error.isTransientConnectionFailure && ContinuousClock.now < limit
    {
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}

/// A fault that a task meets on purpose.
struct ChaosFailure: CodedError {
  let code = "chaos.failure"
  let message: String
  let hint: String? = nil
}

/// The side effect of one attempt: a row, written in a transaction that the token guards.
///
/// Nothing but the fence keeps two attempts from writing it twice: the table has no unique key, and
/// an attempt looks for the row of an earlier one before it writes its own.
struct Effect {
  private let context: TaskContext
  private var dice: SplitMix64

  /// What happens to an attempt depends on nothing but the seed and its name.
  init(_ context: TaskContext, _ seed: UInt64) {
    self.context = context
    let name =
      "\(seed) \(context.run.runID) \(context.attempt.task) \(context.attempt.fencingToken)"
    dice = SplitMix64(
      seed: name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
  }

  /// Works for a while and writes the effect; fails, stops or dies on the way where the dice say so.
  func perform(_ value: Int64) async throws -> Int64 {
    var dice = dice
    func chance(of share: Double) -> Bool { Double.random(in: 0..<1, using: &dice) < share }
    func pause(_ milliseconds: Int64) -> Duration {
      .milliseconds(Int64.random(in: 0...milliseconds, using: &dice))
    }
    try await start()
    if chance(of: 0.2) {
      try await context.pool.execute("SELECT pg_sleep(0.03)")
    } else {
      try await context.clock.sleep(for: pause(15))
    }
    if chance(of: 0.03) { throw ChaosFailure(message: "before its effect") }
    let (inside, stops) = (pause(20), chance(of: 0.002))
    let result = try await publish(value, pause: inside, stops: stops)
    if chance(of: 0.03) { throw ChaosFailure(message: "after its effect") }
    if chance(of: 0.002) { kill(getpid(), SIGKILL) }
    try await context.clock.sleep(for: pause(10))
    return result
  }

  /// Notes that the attempt has begun, and how many transactions of earlier ones have committed:
  /// from now on there must never be one more of them.
  func start() async throws {
    let (run, attempt) = (context.run.runID, context.attempt)
    // Written by the worker in its own transactions, with times of its own.
    context.log.info("begins", metadata: ["token": "\(attempt.fencingToken)"])
    try await context.pool.execute(
      """
      INSERT INTO chaos.start (run_id, task_id, token, attempt, earlier)
      SELECT \(run), \(attempt.task), \(attempt.fencingToken), \(Int32(attempt.attempt)), count(*)
      FROM chaos.passage
      WHERE run_id = \(run) AND task_id = \(attempt.task) AND token < \(attempt.fencingToken)
      """)
  }

  /// Writes the effect unless an earlier attempt has, and returns the value that stands.
  ///
  /// - Parameter stops: whether the process stops inside of the transaction, the lock in its hands.
  func publish(
    _ value: Int64, pause: Duration = .zero, stops: Bool = false
  ) async throws -> Int64 {
    let (run, task, token) = (
      context.run.runID, context.attempt.task, context.attempt.fencingToken
    )
    let (context, clock) = (context, context.clock)
    return try await context.pool.transaction { connection in
      try await context.fence(connection)
      let found = try await connection.first(
        "SELECT value FROM chaos.effect WHERE run_id = \(run) AND task_id = \(task)")
      if found == nil {
        try await connection.execute(
          """
          INSERT INTO chaos.effect (run_id, task_id, token, value)
          VALUES (\(run), \(task), \(token), \(value))
          """)
      }
      try await clock.sleep(for: pause)
      if stops { kill(getpid(), SIGSTOP) }
      // The last statement: how many attempts were given out over this one by now.
      try await connection.execute(
        """
        INSERT INTO chaos.passage (run_id, task_id, token, wrote, newer)
        SELECT \(run), \(task), \(token), \(found == nil), count(*)
        FROM runs.attempt
        WHERE run_id = \(run) AND task_id = \(task) AND fencing_token > \(token)
        """)
      return try found?.get("value", as: Int64.self) ?? value
    }
  }
}

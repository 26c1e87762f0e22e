import Pipeline
import Schedules
import TestSupport
import Warehouse

@testable import Orchestrator

/// A worker that a test plays by hand: it claims attempts and says how they ended.
struct Puppet: Sendable {
  let pool: ConnectionPool
  let runtime: Runtime
  let worker: Int64
  private let turns = TurnsMemory()

  init(_ pool: ConnectionPool, registry: [any RunnableTask.Type] = [Probe.self]) async throws {
    self.pool = pool
    let runtime = Runtime(
      pool: pool, registry: try TaskRegistry(registry), projectDirectory: "/nowhere", zone: .utc,
      clock: SystemClock())
    self.runtime = runtime
    worker = try await pool.withConnection {
      try await WorkerRegistry(connection: $0).register(
        WorkerOptions(slots: 100, lease: .seconds(3_600)), runtime)
    }
  }

  var claimer: Claimer {
    Claimer(
      worker: worker, binding: 0, queues: ["default"], identity: runtime.identity,
      definitions: runtime.definitions, time: runtime.time, params: runtime.params, turns: turns,
      meters: runtime.meters)
  }

  /// Makes a run that any daemon may work on.
  func start(
    _ dag: DAG, interval: DataInterval = probeInterval, params: JSONValue = .object([:])
  ) async throws -> Int64 {
    let runtime = runtime
    let snapshot = try dag.snapshot()
    let made = try await pool.transaction { connection in
      let ledger = RunLedger(connection: connection)
      let now = try await ledger.now(runtime.time)
      try await ledger.ensurePartitions(at: now)
      let making = RunMaking(connection: connection, runtime: runtime)
      let definition = try await making.store(snapshot, at: now)
      return try await making.start(
        NewRun(
          dag: snapshot.name, interval: interval, params: params, snapshotHash: definition.hash,
          unfinished: definition.plan.ids.count), definition, at: now)
    }
    guard let made else { throw ProbeFailure(message: "the interval is taken") }
    return made
  }

  func claim(_ count: Int) async throws -> [ClaimedTask] {
    let claimer = claimer
    return try await pool.withConnection { try await claimer.claim(count, on: $0) }
  }

  func claimBatches(_ count: Int = 1) async throws -> [ClaimedTask] {
    let claimer = claimer
    return try await pool.withConnection { try await claimer.claimBatches(count, on: $0) }
  }

  @discardableResult
  func end(_ claimed: ClaimedTask, _ result: AttemptResult) async throws -> StepResult? {
    let runtime = runtime
    let ended = EndedAttempt(
      key: claimed.key, taskID: claimed.taskID, token: claimed.token, attempt: claimed.attempt,
      startedAt: claimed.startedAt, result: result, progress: nil)
    return try await pool.withConnection {
      try await runtime.step($0).decide(claimed.run.runID, [.ended(ended)])
    }
  }

  /// Works on all that can be claimed until there is nothing more.
  func workOff(_ result: (ClaimedTask) -> AttemptResult = { _ in .success(.integer(1), skips: []) })
    async throws
  {
    while true {
      let claimed = try await claim(50)
      if claimed.isEmpty { return }
      for task in claimed { try await end(task, result(task)) }
    }
  }

  func tasks(_ run: Int64) async throws -> [String: TaskRecord] {
    Dictionary(
      try await RunStore(pool).tasks(of: run).map { ($0.task, $0) }, uniquingKeysWith: { $1 })
  }
}

import Pipeline
import Schedules
import Warehouse

/// What people do to runs that are there: cancel, clear, rerun, mark; each with a dry run that says
/// exactly what would happen.
public struct RunOperations: Sendable {
  let runtime: Runtime
  let author: Author

  /// The operations on the runs of a project's database.
  ///
  /// - Parameter author: who asks, and why: noted with each run.
  public init(
    _ pool: ConnectionPool, author: Author = Author(), clock: any WallClock = SystemClock()
  ) {
    self.init(
      Runtime(
        pool: pool, registry: .empty, projectDirectory: "", zone: .utc, clock: clock),
      author: author)
  }

  init(_ runtime: Runtime, author: Author) {
    self.runtime = runtime
    self.author = author
  }

  /// The runs of a DAG whose intervals lie within a span, the oldest first.
  public func runs(of dag: String, from start: Instant, to end: Instant) async throws -> [Int64] {
    try await runtime.pool.query(
      SQL(file: "queries/orchestrator/list_runs_within.sql", dag, start, end)
    ).map { try $0.get("run_id", as: Int64.self) }
  }

  /// What an operation would do, run by run; nothing is written.
  ///
  /// - Throws: ``OrchestratorError`` `orchestrator.unknown_run`; `PipelineError`
  ///   `pipeline.unknown_tasks`.
  public func preview(_ operation: RunOperation, on runs: [Int64]) async throws -> [RunChange] {
    let runtime = runtime
    return try await runtime.pool.withConnection { connection in
      var changes: [RunChange] = []
      for runID in runs {
        let dead = try await DeadWorkers(runID, connection)
        let change = try await runtime.step(connection).preview(
          operation, on: runID, lost: dead.attempts)
        guard let change else { throw Self.unknown(runID) }
        changes.append(change)
      }
      return changes
    }
  }

  /// Does it, each run in one transaction.
  ///
  /// A run that had ended and begins again is worked on by daemons.
  ///
  /// - Throws: as ``preview(_:on:)``.
  public func apply(_ operation: RunOperation, to runs: [Int64]) async throws -> [RunChange] {
    var changes: [RunChange] = []
    for runID in runs {
      let change = try await runtime.pool.withConnection { connection in
        try await apply(operation, to: runID, RunBinding(), on: connection)
      }
      changes.append(change)
    }
    return changes
  }

  func apply(
    _ operation: RunOperation, to runID: Int64, _ binding: RunBinding, on connection: Connection
  ) async throws -> RunChange {
    let ledger = RunLedger(connection: connection)
    try await ledger.ensurePartitions(at: try await ledger.now(runtime.time))
    let dead = try await DeadWorkers(runID, connection)
    var binding = binding
    binding.rebinds = binding.rebinds || dead.holdsRun
    for worker in dead.workers {
      try await WorkerRegistry(connection: connection).giveUp(worker, runtime)
    }
    let (fixed, runtime, author) = (binding, runtime, author)
    let done: (change: RunChange, result: StepResult?)?
    do {
      done = try await connection.transaction { connection in
        try await runtime.step(connection).operate(
          operation, on: runID, by: author, binding: fixed,
          making: RunMaking(connection: connection, runtime: runtime))
      }
    } catch let error as WarehouseError where error.code == "warehouse.unique_violation" {
      // Somebody began another run of the interval at this very moment: now it is seen.
      return try await apply(operation, to: runID, binding, on: connection)
    }
    guard let done else { throw Self.unknown(runID) }
    if done.result?.endedTasks == true { try await askHeld(after: runID, connection) }
    return done.change
  }

  /// Asks tasks of later runs that wait for tasks of this one.
  private func askHeld(after runID: Int64, _ connection: Connection) async throws {
    let rows = try await connection.query(
      SQL(file: "queries/orchestrator/list_held_runs.sql", runID))
    for row in rows {
      _ = try await runtime.step(connection).decide(
        try row.get("run_id", as: Int64.self), [.askPast])
    }
  }

  static func unknown(_ runID: Int64) -> OrchestratorError {
    OrchestratorError(
      code: "orchestrator.unknown_run", message: "expected the number of a run, found \(runID)",
      hint: "strata runs list")
  }

  // MARK: Waiting

  /// Waits until runs have ended, and returns them.
  ///
  /// - Returns: also runs that have not ended where nobody is there who could end them: no daemon,
  ///   and no foreground process that holds them.
  public func waitForEnd(of runs: [Int64]) async throws -> [RunRecord] {
    let store = RunStore(runtime.pool)
    var records: [RunRecord] = []
    try await ChangeSignals(pool: runtime.pool).look {
      records = []
      for runID in runs {
        guard let run = try await store.run(runID) else { throw Self.unknown(runID) }
        records.append(run)
      }
      for run in records where run.state == .running || run.state == .queued {
        if try await hasSomebody(run) { return true }
      }
      return false
    }
    return records
  }

  /// Whether anybody can work on a run.
  func hasSomebody(_ run: RunRecord) async throws -> Bool {
    let runtime = runtime
    return try await runtime.pool.withConnection { connection in
      let registry = WorkerRegistry(connection: connection)
      let row = try await connection.first(
        SQL(file: "queries/orchestrator/find_binding.sql", run.runID))
      if let bound = try row?.get("bound_worker_id", as: Int64.self), bound > 0 {
        return try await registry.isAlive(bound)
      }
      return try await registry.hasDaemon()
    }
  }
}

/// The workers that a run depends on and that are known to be dead.
struct DeadWorkers {
  /// Their numbers.
  private(set) var workers: [Int64] = []
  /// The attempts at the run's tasks that are lost with them.
  private(set) var attempts: [OrphanedAttempt] = []
  /// Whether the run is bound to one of them.
  private(set) var holdsRun = false

  init(_ runID: Int64, _ connection: Connection) async throws {
    let registry = WorkerRegistry(connection: connection)
    let rows = try await connection.query(
      SQL(file: "queries/orchestrator/list_run_workers.sql", runID))
    var isDead: [Int64: Bool] = [:]
    for row in rows {
      let worker = try row.get("worker_id", as: Int64.self)
      let dead: Bool
      if let known = isDead[worker] {
        dead = known
      } else {
        dead = !(try await registry.isAlive(worker))
        isDead[worker] = dead
        if dead { workers.append(worker) }
      }
      guard dead else { continue }
      if let task = try row.get("task_id", as: String?.self) {
        attempts.append(
          OrphanedAttempt(
            taskID: task, token: try row.get("fencing_token", as: Int64.self),
            attempt: Int(try row.get("tries", as: Int32.self)),
            message: "the process that ran it is gone"))
      } else {
        holdsRun = true
      }
    }
  }
}

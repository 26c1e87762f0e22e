import Pipeline
import Schedules
import Warehouse

/// Starts the intervals of backfills, as many at once as each may have, and takes in how their runs
/// ended.
///
/// Each interval is one transaction under the lock of its backfill's row, so any number of
/// schedulers may feed: one that finds the row locked leaves it to the other.
struct BackfillFeeder: Sendable {
  let runtime: Runtime
  /// The worker that runs are bound to; 0 for any daemon.
  var binding: Int64 = 0
  /// Feeds only this backfill; nil for all.
  var only: Int64?

  /// A backfill whose row is locked.
  private struct Locked {
    let id: Int64
    let dag: String
    let state: BackfillState
    let maxActive: Int
    let reprocess: Reprocess
    let snapshotHash: String
    let params: JSONValue
    let isBatch: Bool

    init(_ row: Row) throws {
      id = try row.get("backfill_id", as: Int64.self)
      dag = try row.get("dag", as: String.self)
      state = try row.state("state", as: BackfillState.self)
      maxActive = Int(try row.get("max_active", as: Int32.self))
      reprocess = try row.state("reprocess", as: Reprocess.self)
      snapshotHash = try row.get("snapshot_hash", as: String.self)
      params = try JSONValue(parsing: row.get("params", as: JSONText.self).text)
      isBatch =
        try JSONValue(parsing: row.get("options", as: JSONText.self).text)
        .decoded(as: BackfillOptions.self).isBatch ?? false
    }
  }

  /// Does what can be done now, and returns how many intervals it started.
  func feed(_ connection: Connection) async throws -> Int {
    let rows = try await connection.query(
      SQL(file: "queries/orchestrator/list_open_backfills.sql", only))
    var started = 0
    for row in rows {
      let id = try row.get("backfill_id", as: Int64.self)
      var after: Int32 = -1
      do {
        // Each interval is looked at once: one that somebody else holds does not stop the others.
        while let place = try await feedOne(id, after: after, connection) {
          after = place.place
          if place.isStarted { started += 1 }
        }
      } catch let error as WarehouseError where error.code == "warehouse.unique_violation" {
        // Somebody began a run of the interval at this very moment: seen at the next look.
        try await RunLedger(connection: connection).notify(.schedule)
      }
    }
    return started
  }

  /// Takes in outcomes, and starts one interval behind a place; nil where there is no more to do.
  private func feedOne(
    _ id: Int64, after: Int32, _ connection: Connection
  ) async throws -> (place: Int32, isStarted: Bool)? {
    let feeder = self
    return try await connection.transaction { connection in
      let row = try await connection.first(
        SQL(file: "queries/orchestrator/try_lock_backfill.sql", id))
      guard let row else { return nil }
      let backfill = try Locked(row)
      try await connection.execute(SQL(file: "queries/orchestrator/settle_intervals.sql", id))
      let counts = try await connection.first(
        SQL(file: "queries/orchestrator/count_open_intervals.sql", id))
      let started = try counts?.get("started", as: Int64.self) ?? 0
      let open = try counts?.get("open", as: Int64.self) ?? 0
      guard open > 0 else {
        try await feeder.finish(backfill, connection)
        return nil
      }
      guard backfill.state == .running, backfill.isBatch || started < backfill.maxActive,
        let next = try await connection.first(
          SQL(file: "queries/orchestrator/next_interval.sql", id, after))
      else { return nil }
      let isStarted = try await feeder.take(try BackfillIntervalRecord(next), backfill, connection)
      return (try next.get("place", as: Int32.self), isStarted)
    }
  }

  private func finish(_ backfill: Locked, _ connection: Connection) async throws {
    let ledger = RunLedger(connection: connection)
    let now = try await ledger.now(runtime.time)
    let state: BackfillState = backfill.state == .cancelling ? .cancelled : .finished
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/update_backfill.sql", backfill.id, state.rawValue,
        now as Instant?))
    try await ledger.notify(.backfill(backfill.id))
  }

  // MARK: One interval

  /// Does about an interval what is right now; true where its run was started.
  private func take(
    _ interval: BackfillIntervalRecord, _ backfill: Locked, _ connection: Connection
  ) async throws -> Bool {
    let existing = try await connection.query(
      SQL(
        file: "queries/orchestrator/list_existing_runs.sql", backfill.dag,
        interval.interval.start, interval.interval.end, backfill.params.hash)
    ).map(ExistingRun.init).filter { $0.interval == interval.interval }
    let step = BackfillPlan.step(
      interval.place, interval.interval, existing: existing, reprocess: backfill.reprocess)
    let ledger = RunLedger(connection: connection)
    let now = try await ledger.now(runtime.time)
    try await ledger.ensurePartitions(at: now, runtime.months)
    switch step.action {
    case .skip:
      try await note(.skipped, step, backfill, connection)
      return false
    case .wait:
      if interval.outcome != .inFlight {
        try await connection.execute(
          Self.inFlight(
            interval.interval, of: backfill.dag, holder: step.runID, backfill: backfill.id, at: now)
        )
      }
      try await note(.inFlight, step, backfill, connection)
      return false
    case .run:
      guard let runID = try await start(interval.interval, backfill, at: now, connection) else {
        // Somebody was faster: the next look sees whose it is.
        try await ledger.notify(.schedule)
        return false
      }
      try await note(.started, step, backfill, run: runID, connection)
      return true
    case .rerun:
      guard let runID = step.runID else { return false }
      try await rerun(runID, backfill, connection)
      try await note(.started, step, backfill, connection)
      return true
    }
  }

  /// The statement that notes with a run that a backfill has come upon it.
  static func inFlight(
    _ interval: DataInterval, of dag: String, holder: Int64?, backfill: Int64, at now: Instant
  ) -> SQL {
    RunLedger.note(
      "in_flight", of: holder,
      [
        "dag": .string(dag), "interval": .string("\(interval)"),
        "by": .string("backfill \(backfill)"),
      ], at: now)
  }

  private func note(
    _ outcome: BackfillOutcome, _ step: BackfillStep, _ backfill: Locked, run: Int64? = nil,
    _ connection: Connection
  ) async throws {
    let reason = outcome == .started ? nil : step.reason
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/update_interval.sql", backfill.id, Int32(step.place),
        step.action.rawValue, outcome.rawValue, run ?? step.runID, reason))
  }

  private func start(
    _ interval: DataInterval, _ backfill: Locked, at now: Instant, _ connection: Connection
  ) async throws -> Int64? {
    let definition = try await runtime.definitions.definition(
      backfill.snapshotHash, on: connection)
    let snapshot = definition.snapshot
    return try await RunMaking(connection: connection, runtime: runtime).start(
      NewRun(
        dag: backfill.dag, interval: interval, params: backfill.params,
        snapshotHash: backfill.snapshotHash, kind: .backfill, boundWorker: binding(of: backfill),
        backfill: backfill.id, parallelism: snapshot.parallelism,
        deadlineAt: snapshot.deadline?.instant(start: now, interval: interval),
        unfinished: definition.plan.ids.count), definition, at: now)
  }

  private func rerun(
    _ runID: Int64, _ backfill: Locked, _ connection: Connection
  ) async throws {
    let definition = try await runtime.definitions.definition(
      backfill.snapshotHash, on: connection)
    let row = try await connection.first(SQL(file: "queries/orchestrator/find_run.sql", runID))
    guard let row else { throw RunOperations.unknown(runID) }
    try await connection.execute(
      SQL(file: "queries/orchestrator/assign_backfill.sql", runID, backfill.id))
    _ = try await RunMaking(connection: connection, runtime: runtime).repeatRun(
      try RunRecord(row), with: definition, everything: backfill.reprocess == .completed,
      worker: binding(of: backfill), parallelism: definition.snapshot.parallelism)
  }

  /// The runs of a batch are claimed together, by whoever claims the batch.
  private func binding(of backfill: Locked) -> Int64 {
    backfill.isBatch ? -backfill.id : binding
  }
}

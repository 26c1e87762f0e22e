import Pipeline
import Schedules
import Warehouse

/// The schedule of one DAG: makes the runs that are due, and lets queued ones start.
///
/// All of it happens under the lock of the DAG's row, so schedulers take turns.
struct DAGScheduling: Sendable {
  let dag: DAG
  let runtime: Runtime
  let watermarks: AssetWatermarks

  /// What is remembered of the DAG.
  private struct Memory {
    let activeSince: Instant
    let pausedAt: Instant?
    let last: DataInterval?
    let now: Instant

    init(_ row: Row) throws {
      activeSince = try row.get("active_since", as: Instant.self)
      pausedAt = try row.get("paused_at", as: Instant?.self)
      now = try row.get("at", as: Instant.self)
      if let start = try row.get("last_interval_start", as: Instant?.self),
        let end = try row.get("last_interval_end", as: Instant?.self)
      {
        last = try DataInterval(start: start, end: end)
      } else {
        last = nil
      }
    }
  }

  /// Does what is due, and returns when the schedule fires next; nil for never by itself.
  func look(_ connection: Connection) async throws -> Instant? {
    let scheduling = self
    return try await connection.transaction { connection in
      try await connection.execute(
        SQL(file: "queries/orchestrator/insert_dag.sql", scheduling.dag.name, scheduling.fixed))
      let rows = try await connection.query(
        SQL(file: "queries/orchestrator/lock_dag.sql", scheduling.dag.name, scheduling.fixed))
      // Another scheduler is at it.
      guard let row = rows.first else { return nil }
      let memory = try Memory(row)
      var next: Instant?
      if memory.pausedAt == nil {
        next = try await scheduling.makeDueRuns(memory, connection)
        try await scheduling.followAssets(memory, connection)
      }
      try await scheduling.startQueuedRuns(memory, connection)
      return next
    }
  }

  private var fixed: Instant? { runtime.time.fixed }

  // MARK: Due runs

  private func makeDueRuns(_ memory: Memory, _ connection: Connection) async throws -> Instant? {
    guard let timetable = try dag.schedule.timetable() else { return nil }
    let decision = ScheduleDecision.due(
      timetable, catchUp: dag.catchUp, starts: try dag.firstInstant(orIn: runtime.zone),
      lastInterval: memory.last, activeSince: memory.activeSince, now: memory.now)
    for due in decision.runs {
      try await enqueue(due.interval, kind: .scheduled, dueAt: due.fireAt, memory, connection)
      try await connection.execute(
        SQL(
          file: "queries/orchestrator/note_interval.sql", dag.name, due.interval.start,
          due.interval.end))
      runtime.meters.made(late: memory.now - due.fireAt)
    }
    return decision.isLimited ? memory.now : decision.nextFire
  }

  private func followAssets(_ memory: Memory, _ connection: Connection) async throws {
    let starts = try dag.firstInstant(orIn: runtime.zone)
    for trigger in dag.schedule.assetTriggers {
      let marks = try await watermarks(connection, trigger.assets)
      let rows = try await connection.query(
        SQL(file: "queries/orchestrator/list_assets.sql", dag.name))
      var seen: [Asset: Instant] = [:]
      for row in rows {
        let name = try row.get("asset", as: String.self)
        guard let asset = trigger.assets.first(where: { "\($0)" == name }) else { continue }
        seen[asset] = try row.get("seen_watermark", as: Instant.self)
      }
      let remembered: [Asset: Instant]
      switch AssetDecision.due(trigger, seen: seen, watermarks: marks, starts: starts) {
      case .wait: continue
      case .remember(let marks): remembered = marks
      case .run(let interval, let marks):
        try await enqueue(interval, kind: .asset, dueAt: memory.now, memory, connection)
        remembered = marks
      }
      for (asset, mark) in remembered.sorted(by: { "\($0.key)" < "\($1.key)" }) {
        try await connection.execute(
          SQL(
            file: "queries/orchestrator/upsert_asset.sql", dag.name, "\(asset)", mark,
            memory.now))
      }
    }
  }

  /// Makes a run that waits for its turn; where a backfill or a person was faster, that is noted.
  private func enqueue(
    _ interval: DataInterval, kind: RunKind, dueAt: Instant, _ memory: Memory,
    _ connection: Connection
  ) async throws {
    let snapshot = try dag.snapshot()
    let ledger = RunLedger(connection: connection)
    let definition = try await RunMaking(connection: connection, runtime: runtime)
      .store(snapshot, at: memory.now)
    let params = try snapshot.params(from: [String: String]())
    let made = try await ledger.create(
      NewRun(
        dag: dag.name, interval: interval, params: params, snapshotHash: definition.hash,
        state: .queued, kind: kind, dueAt: dueAt, parallelism: snapshot.parallelism,
        deadlineAt: snapshot.deadline?.instant(start: nil, interval: interval),
        unfinished: definition.plan.ids.count), at: memory.now)
    guard made == nil else {
      return try await ledger.note("queued", of: made, at: memory.now)
    }
    let other = try await ledger.find(dag.name, interval, paramsHash: params.hash)
    try await ledger.note(
      "in_flight", of: other?.runID,
      ["dag": .string(dag.name), "interval": .string("\(interval)"), "by": .string(kind.rawValue)],
      at: memory.now)
  }

  // MARK: Queued runs

  /// Lets queued runs start, as many as the DAG may have at once, the oldest interval first.
  private func startQueuedRuns(_ memory: Memory, _ connection: Connection) async throws {
    let rows = try await connection.query(
      SQL(
        file: "queries/orchestrator/start_queued_runs.sql", dag.name, Int64(dag.maxActiveRuns),
        memory.now))
    for row in rows {
      let runID = try row.get("run_id", as: Int64.self)
      let hash = try row.get("snapshot_hash", as: String.self)
      let interval = try DataInterval(
        start: row.get("interval_start", as: Instant.self),
        end: row.get("interval_end", as: Instant.self))
      try await UnusableRun.naming(runID) {
        let definition = try await runtime.definitions.definition(hash, on: connection)
        if let deadline = definition.snapshot.deadline {
          try await connection.execute(
            SQL(
              file: "queries/orchestrator/set_deadline.sql", runID,
              deadline.instant(start: memory.now, interval: interval)))
        }
        try await RunMaking(connection: connection, runtime: runtime).begin(
          runID, definition, at: memory.now, as: "started")
      }
    }
  }
}

/// Notes runs that are past their deadlines, once each, and who is to be told.
struct DeadlineWatch: Sendable {
  let runtime: Runtime

  func look(_ connection: Connection) async throws {
    let runtime = runtime
    try await connection.transaction { connection in
      let rows = try await connection.query(
        SQL(file: "queries/orchestrator/take_deadlines.sql", runtime.time.fixed))
      for row in rows {
        let runID = try row.get("run_id", as: Int64.self)
        let now = try row.get("at", as: Instant.self)
        let hash = try row.get("snapshot_hash", as: String.self)
        let definition = try await UnusableRun.naming(runID) {
          try await runtime.definitions.definition(hash, on: connection)
        }
        let deadline = try row.get("deadline_at", as: Instant.self)
        try await RunLedger(connection: connection).note(
          "deadline", of: runID, ["deadline": .string("\(deadline)")], at: now)
        let payload = JSONValue.object([
          "event": .string(CallbackEvent.deadline.rawValue),
          "dag": .string(definition.snapshot.name), "run": .integer(runID),
          "deadline": .string("\(deadline)"), "at": .string("\(now)"),
        ])
        let calls = definition.snapshot.callbacks.filter { $0.on.contains(.deadline) }.map {
          CallbackCall(task: nil, event: .deadline, action: $0.action, payload: payload)
        }
        if let insert = try CallbackCall.insert(calls, of: runID, at: now) {
          try await connection.execute(insert)
        }
      }
    }
  }
}

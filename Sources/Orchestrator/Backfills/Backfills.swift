import Pipeline
import Schedules
import Warehouse

/// What a backfill is asked for.
public struct BackfillRequest: Sendable {
  /// The DAG.
  public var dag: DAG
  /// The first instant of the data.
  public var start: Instant
  /// The first instant after them.
  public var end: Instant
  /// Parameters of its runs, checked: see `DAGSnapshot.params(from:)`.
  public var params: JSONValue
  /// Which intervals that were run before are run again.
  public var reprocess: Reprocess
  /// Whether the latest interval goes first.
  public var isReverse: Bool
  /// Its runs at once, at least 1.
  public var maxActive: Int
  /// Whether tasks may serve all intervals in one go, where all kinds of the DAG can.
  public var allowsBatch: Bool

  /// A backfill of the intervals that lie within `[start, end)`.
  public init(
    _ dag: DAG, from start: Instant, to end: Instant, params: JSONValue = .object([:]),
    reprocess: Reprocess = .none, isReverse: Bool = false, maxActive: Int = 4,
    allowsBatch: Bool = true
  ) {
    self.dag = dag
    self.start = start
    self.end = end
    self.params = params
    self.reprocess = reprocess
    self.isReverse = isReverse
    self.maxActive = maxActive
    self.allowsBatch = allowsBatch
  }
}

/// The backfills of a project: asked for, listed, paused, resumed, cancelled. Schedulers, or a
/// foreground `strata backfill`, run them.
public struct Backfills: Sendable {
  let runtime: Runtime
  let author: Author

  /// The backfills of a project's database.
  ///
  /// - Parameter registry: the task kinds, which tell whether intervals can be served in one go.
  public init(
    _ pool: ConnectionPool, registry: TaskRegistry, zone: Zone, author: Author = Author(),
    clock: any WallClock = SystemClock()
  ) {
    self.init(
      Runtime(pool: pool, registry: registry, projectDirectory: "", zone: zone, clock: clock),
      author: author)
  }

  init(_ runtime: Runtime, author: Author) {
    self.runtime = runtime
    self.author = author
  }

  // MARK: Asking

  /// What a backfill would do, interval by interval, the way it would be stored; nothing is
  /// written.
  ///
  /// - Throws: `PipelineError` for an invalid DAG or a span without intervals;
  ///   ``OrchestratorError`` `orchestrator.bad_backfill`.
  public func plan(_ request: BackfillRequest) async throws -> BackfillPlan {
    let snapshot = try request.dag.snapshot()
    return try await runtime.pool.withConnection { try await plan(request, snapshot, $0) }
  }

  /// Stores a backfill with its plan, for schedulers to run, and returns its number and the plan.
  ///
  /// - Throws: as ``plan(_:)``.
  public func create(
    _ request: BackfillRequest
  ) async throws -> (backfillID: Int64, plan: BackfillPlan) {
    let snapshot = try request.dag.snapshot()
    let options = BackfillOptions(
      isBatch: request.allowsBatch && runtime.registry.batches(snapshot) ? true : nil,
      by: author.name, message: author.message)
    let backfills = self
    return try await runtime.pool.transaction { connection in
      let ledger = RunLedger(connection: connection)
      let now = try await ledger.now(backfills.runtime.time)
      try await ledger.ensurePartitions(at: now)
      let plan = try await backfills.plan(request, snapshot, connection)
      let making = RunMaking(connection: connection, runtime: backfills.runtime)
      let definition = try await making.store(snapshot, at: now)
      let row = try await connection.first(
        SQL(
          file: "queries/orchestrator/insert_backfill.sql", now, Int32(request.maxActive),
          request.isReverse, snapshot.name, request.reprocess.rawValue, definition.hash,
          JSONText(try JSONValue(encoding: options).canonicalText),
          JSONText(request.params.canonicalText)))
      guard let row else {
        throw OrchestratorError(
          code: "orchestrator.no_backfill", message: "expected a row of runs.backfill, found none")
      }
      let id = try row.get("backfill_id", as: Int64.self)
      try await connection.execute(
        SQL(
          file: "queries/orchestrator/insert_backfill_intervals.sql", id,
          plan.steps.map { Int32($0.place) }, plan.steps.map(\.interval.start),
          plan.steps.map(\.interval.end), plan.steps.map(\.runID),
          plan.steps.map(\.action.rawValue), plan.steps.map(\.action.outcome.rawValue),
          plan.steps.map(\.reason)))
      let held = plan.steps.filter { $0.action == .wait }.map { step in
        BackfillFeeder.inFlight(
          step.interval, of: snapshot.name, holder: step.runID, backfill: id, at: now)
      }
      if !held.isEmpty { _ = try await connection.pipeline(held) }
      try await ledger.notify(.schedule)
      return (id, plan)
    }
  }

  private func plan(
    _ request: BackfillRequest, _ snapshot: DAGSnapshot, _ connection: Connection
  ) async throws -> BackfillPlan {
    func refuse(_ message: String, hint: String? = nil) -> OrchestratorError {
      OrchestratorError(code: "orchestrator.bad_backfill", message: message, hint: hint)
    }
    guard request.maxActive >= 1 else {
      throw refuse("expected 1 or more runs at once, found \(request.maxActive)")
    }
    guard request.start < request.end else {
      throw refuse(
        "expected a span that ends after it starts, found \(request.start) to "
          + "\(request.end)")
    }
    let held = BackfillPlan.dependentOnPast(snapshot)
    if request.isReverse, let first = held.first {
      throw refuse(
        "expected tasks that do not wait for the interval before, found '\(first)'",
        hint: "backfill '\(snapshot.name)' in order, without --reverse")
    }
    let intervals = try BackfillPlan.intervals(
      of: try request.dag.schedule.timetable(), from: request.start, to: request.end,
      zone: runtime.zone)
    let existing = try await connection.query(
      SQL(
        file: "queries/orchestrator/list_existing_runs.sql", snapshot.name, request.start,
        request.end, request.params.hash)
    ).map(ExistingRun.init)
    return BackfillPlan(
      intervals, existing: existing, reprocess: request.reprocess, isReverse: request.isReverse)
  }

  // MARK: Reading

  /// Backfills, the latest first.
  public func list(limit: Int = 50) async throws -> [BackfillRecord] {
    try await runtime.pool.query(
      SQL(file: "queries/orchestrator/list_backfills.sql", nil as Int64?, Int64(limit))
    ).map(BackfillRecord.init)
  }

  /// One backfill.
  ///
  /// - Throws: ``OrchestratorError`` `orchestrator.unknown_backfill`.
  public func record(_ id: Int64) async throws -> BackfillRecord {
    let row = try await runtime.pool.first(
      SQL(file: "queries/orchestrator/list_backfills.sql", id, 1 as Int64))
    guard let row else { throw Self.unknown(id) }
    return try BackfillRecord(row)
  }

  /// The intervals of a backfill in the order in which they are taken.
  public func intervals(_ id: Int64) async throws -> [BackfillIntervalRecord] {
    try await runtime.pool.query(
      SQL(file: "queries/orchestrator/list_backfill_intervals.sql", id)
    ).map(BackfillIntervalRecord.init)
  }

  // MARK: Steering

  /// Begins nothing new; what runs goes on.
  ///
  /// - Throws: ``OrchestratorError`` `orchestrator.unknown_backfill`, `orchestrator.backfill_ended`.
  public func pause(_ id: Int64) async throws -> BackfillRecord {
    try await change(id, to: .paused, from: [.running])
    return try await record(id)
  }

  /// Goes on after a pause.
  ///
  /// - Throws: as ``pause(_:)``.
  public func resume(_ id: Int64) async throws -> BackfillRecord {
    try await change(id, to: .running, from: [.paused])
    return try await record(id)
  }

  /// Takes back the intervals whose turn has not come, and cancels the runs that are under way; it
  /// is `cancelled` once those have ended.
  ///
  /// - Throws: as ``pause(_:)``.
  public func cancel(_ id: Int64) async throws -> BackfillRecord {
    try await change(id, to: .cancelling, from: [.running, .paused])
    let started = try await intervals(id).filter { $0.outcome == .started }.compactMap(\.runID)
    _ = try await RunOperations(runtime, author: author).apply(.cancel, to: started)
    let runtime = runtime
    try await runtime.pool.withConnection { connection in
      _ = try await BackfillFeeder(runtime: runtime, only: id).feed(connection)
    }
    return try await record(id)
  }

  /// Changes the state; one that it has already is left.
  private func change(
    _ id: Int64, to state: BackfillState, from: [BackfillState]
  ) async throws {
    try await runtime.pool.transaction { connection in
      let row = try await connection.first(
        SQL(file: "queries/orchestrator/lock_backfill.sql", id))
      guard let row else { throw Self.unknown(id) }
      let now = try row.state("state", as: BackfillState.self)
      guard now != state else { return }
      guard from.contains(now) else {
        throw OrchestratorError(
          code: "orchestrator.backfill_ended",
          message: "expected backfill \(id) in state "
            + from.map(\.rawValue).joined(separator: " or ") + ", found \(now.rawValue)")
      }
      try await connection.execute(
        SQL(file: "queries/orchestrator/update_backfill.sql", id, state.rawValue, nil as Instant?))
      if state == .cancelling {
        try await connection.execute(
          SQL(file: "queries/orchestrator/withdraw_intervals.sql", id))
      }
      let ledger = RunLedger(connection: connection)
      try await ledger.notify(.schedule)
    }
  }

  static func unknown(_ id: Int64) -> OrchestratorError {
    OrchestratorError(
      code: "orchestrator.unknown_backfill",
      message: "expected the number of a backfill, found \(id)", hint: "strata backfill list")
  }
}

extension BackfillAction {
  /// What an interval is stored with when the backfill is created.
  var outcome: BackfillOutcome {
    switch self {
    case .run, .rerun: .pending
    case .skip: .skipped
    case .wait: .inFlight
    }
  }
}

import Pipeline
import Schedules
import Warehouse

/// How a DAG's schedule stands.
public struct ScheduleStatus: Codable, Sendable, Hashable {
  /// Name of the DAG.
  public let dag: String
  /// Since when it is paused; nil where it is not.
  public let pausedAt: Instant?
  /// The latest interval that it made a run for; nil before the first.
  public let lastInterval: DataInterval?
  /// When it was first seen or last resumed; nil where no scheduler has seen it.
  public var activeSince: Instant?
}

/// What lifting a pause would do.
public struct UnpausePreview: Codable, Sendable, Hashable {
  /// Name of the DAG.
  public let dag: String
  /// Since when it is paused; nil where it is not.
  public let pausedAt: Instant?
  /// The runs that catch-up makes at once, the oldest first.
  public let runs: [DueRun]
  /// Whether there are more of them than are listed.
  public let isLimited: Bool
  /// When the next run is due after those; nil for never by itself.
  public let nextFire: Instant?
}

/// Holds schedules, and lets them go on. A paused DAG makes no runs by itself; runs that are there,
/// manual ones and backfills go on.
public struct SchedulePausing: Sendable {
  private let pool: ConnectionPool
  private let zone: Zone
  private let author: Author
  private let time: TimeSource

  /// The schedules of a project.
  public init(
    _ pool: ConnectionPool, zone: Zone, author: Author = Author(),
    clock: any WallClock = SystemClock()
  ) {
    self.pool = pool
    self.zone = zone
    self.author = author
    time = TimeSource(clock: clock)
  }

  /// Pauses a DAG's schedule; one that is paused stays so since when it was.
  public func pause(_ dag: String) async throws -> ScheduleStatus {
    try await change(dag, "queries/orchestrator/pause_dag.sql", note: "paused")
  }

  /// Lets a paused schedule go on: its runs since are made up for by the DAG's catch-up policy.
  public func unpause(_ dag: String) async throws -> ScheduleStatus {
    try await change(dag, "queries/orchestrator/unpause_dag.sql", note: "unpaused")
  }

  /// The runs that lifting the pause now would make, before they are made.
  ///
  /// - Parameter limit: runs listed at most.
  /// - Throws: `ScheduleError` for a schedule that is invalid.
  public func unpausePreview(_ dag: DAG, limit: Int = 1_000) async throws -> UnpausePreview {
    let (status, now) = try await status(dag.name)
    guard let timetable = try dag.schedule.timetable() else {
      return UnpausePreview(
        dag: dag.name, pausedAt: status.pausedAt, runs: [], isLimited: false, nextFire: nil)
    }
    let decision = ScheduleDecision.due(
      timetable, catchUp: dag.catchUp, starts: try dag.firstInstant(orIn: zone),
      lastInterval: status.lastInterval, activeSince: now, now: now, limit: limit)
    return UnpausePreview(
      dag: dag.name, pausedAt: status.pausedAt, runs: decision.runs,
      isLimited: decision.isLimited, nextFire: decision.nextFire)
  }

  /// Those of a schedule's past intervals that it makes no runs of, as its next look would decide;
  /// none where no scheduler has ever seen it, since then others run it.
  ///
  /// - Throws: `ScheduleError` for a schedule that is invalid.
  public func leftOut(of intervals: [DataInterval], _ dag: DAG) async throws -> Set<DataInterval> {
    let (status, now) = try await status(dag.name)
    guard let activeSince = status.activeSince, let timetable = try dag.schedule.timetable() else {
      return []
    }
    return ScheduleDecision.leftOut(
      of: intervals, timetable, catchUp: dag.catchUp, starts: try dag.firstInstant(orIn: zone),
      lastInterval: status.lastInterval, activeSince: activeSince, pausedAt: status.pausedAt,
      now: now)
  }

  /// How a schedule stands, and the present instant.
  private func status(_ dag: String) async throws -> (status: ScheduleStatus, now: Instant) {
    let time = time
    return try await pool.withConnection { connection in
      let now = try await RunLedger(connection: connection).now(time)
      let row = try await connection.first(SQL(file: "queries/orchestrator/find_dag.sql", dag))
      let status =
        try row.map { try ScheduleStatus($0, dag: dag) }
        ?? ScheduleStatus(dag: dag, pausedAt: nil, lastInterval: nil)
      return (status, now)
    }
  }

  private func change(_ dag: String, _ file: String, note: String) async throws -> ScheduleStatus {
    let (author, time) = (author, time)
    return try await pool.transaction { connection in
      let ledger = RunLedger(connection: connection)
      let now = try await ledger.now(time)
      try await ledger.ensurePartitions(at: now)
      let row = try await connection.first(SQL(file: file, dag, now))
      if row != nil {
        var detail = author.detail
        detail["dag"] = .string(dag)
        try await ledger.note(note, of: nil, detail, at: now)
        try await ledger.notify(.schedule)
      }
      let found = try await connection.first(SQL(file: "queries/orchestrator/find_dag.sql", dag))
      return try found.map { try ScheduleStatus($0, dag: dag) }
        ?? ScheduleStatus(dag: dag, pausedAt: nil, lastInterval: nil)
    }
  }
}

extension ScheduleStatus {
  init(_ row: Row, dag: String) throws {
    self.dag = dag
    pausedAt = try row.get("paused_at", as: Instant?.self)
    activeSince = try row.get("active_since", as: Instant.self)
    if let start = try row.get("last_interval_start", as: Instant?.self),
      let end = try row.get("last_interval_end", as: Instant?.self)
    {
      lastInterval = try DataInterval(start: start, end: end)
    } else {
      lastInterval = nil
    }
  }
}

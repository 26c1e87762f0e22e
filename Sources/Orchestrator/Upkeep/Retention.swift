import Logging
import Schedules
import Warehouse

/// How long what runs leave behind is kept. The ledger of runs and tasks is kept for ever.
public struct RetentionPolicy: Sendable, Hashable {
  /// Months of attempts, at least 1.
  public var attempts: Int
  /// Months of log lines, at least 1.
  public var logs: Int
  /// Months of events, at least 1.
  public var events: Int
  /// Days of workers that have left.
  public static let workerDays = 30

  /// By default a year of attempts and events, and three months of logs.
  public init(attempts: Int = 12, logs: Int = 3, events: Int = 12) {
    self.attempts = max(1, attempts)
    self.logs = max(1, logs)
    self.events = max(1, events)
  }
}

/// What retention drops, or would.
public struct RetentionReport: Codable, Sendable, Hashable {
  /// A month of attempts, logs or events.
  public struct Partition: Codable, Sendable, Hashable {
    /// The table it belongs to: `attempt`, `log` or `event`.
    public let table: String
    /// Its own name.
    public let partition: String
    /// The instant that all its rows are before.
    public let endsAt: Instant
    /// Its rows, as the server last counted them.
    public let rows: Int64
    /// Its size with its indexes.
    public let bytes: Int64
    /// `would_drop`, `dropped`, or `postponed` where somebody had a lock on it.
    public internal(set) var outcome: String
    let isAttached: Bool
    let isDetaching: Bool
  }

  /// The partitions, oldest first.
  public internal(set) var partitions: [Partition] = []
  /// Rows of workers that left long ago.
  public internal(set) var workers: Int64 = 0

  /// Whether there is nothing to do.
  public var isEmpty: Bool { partitions.isEmpty && workers == 0 }
}

/// Drops what is older than the policy keeps: whole partitions, so that no row is deleted.
public struct Retention: Sendable {
  private let connection: Connection
  private let policy: RetentionPolicy
  private let now: Instant?

  /// Retention over a connection outside of any transaction.
  ///
  /// - Parameter now: the instant that ages count from; nil for the server's clock.
  public init(_ connection: Connection, policy: RetentionPolicy, now: Instant? = nil) {
    self.connection = connection
    self.policy = policy
    self.now = now
  }

  /// What would go.
  public func plan() async throws -> RetentionReport {
    var report = RetentionReport()
    let rows = try await connection.query(
      SQL(
        file: "queries/orchestrator/list_old_partitions.sql", now, Int32(policy.attempts),
        Int32(policy.logs), Int32(policy.events)))
    for row in rows {
      let name = try row.get("partition", as: String.self)
      var count = try row.get("rows", as: Int64.self)
      if count < 0 {
        // Nobody has counted it yet.
        let counted = try await connection.first(
          "SELECT count(*) AS rows FROM runs.\(identifier: name)")
        count = try counted?.get("rows", as: Int64.self) ?? 0
      }
      report.partitions.append(
        RetentionReport.Partition(
          table: try row.get("parent", as: String.self), partition: name,
          endsAt: try row.get("ends_at", as: Instant.self), rows: count,
          bytes: try row.get("bytes", as: Int64.self), outcome: "would_drop",
          isAttached: try row.get("is_attached", as: Bool.self),
          isDetaching: try row.get("is_detaching", as: Bool.self)))
    }
    let row = try await connection.first(
      SQL(
        file: "queries/orchestrator/count_old_workers.sql", now,
        Int32(RetentionPolicy.workerDays)))
    report.workers = try row?.get("workers", as: Int64.self) ?? 0
    return report
  }

  /// Drops it. A partition that somebody has a lock on is left for the next time: nobody waits for
  /// retention longer than two seconds. Where another process is at it, nothing is done.
  public func apply() async throws -> RetentionReport {
    let lock = try await connection.first(
      "SELECT pg_try_advisory_lock(hashtextextended('strata.retention', 0)) AS taken")
    guard try lock?.get("taken", as: Bool.self) ?? false else { return RetentionReport() }
    do {
      let report = try await applyAlone()
      try await unlock()
      return report
    } catch {
      // The lock goes with the session, if not now.
      try? await unlock()
      throw error
    }
  }

  private func unlock() async throws {
    try await connection.execute("RESET lock_timeout")
    try await connection.execute(
      "SELECT pg_advisory_unlock(hashtextextended('strata.retention', 0))")
  }

  private func applyAlone() async throws -> RetentionReport {
    var report = try await plan()
    try await connection.execute("SET lock_timeout = '2s'")
    for index in report.partitions.indices {
      report.partitions[index].outcome =
        try await drop(report.partitions[index]) ? "dropped" : "postponed"
    }
    if report.workers > 0 {
      try await connection.execute(
        SQL(
          file: "queries/orchestrator/delete_old_workers.sql", now,
          Int32(RetentionPolicy.workerDays)))
    }
    return report
  }

  /// Drops a partition in two steps that block nobody: detached, it is a table of its own.
  private func drop(_ old: RetentionReport.Partition) async throws -> Bool {
    do {
      if old.isAttached {
        // One that a crash interrupted has to be ended before it can go.
        let how: SQL = old.isDetaching ? "FINALIZE" : "CONCURRENTLY"
        try await connection.execute(
          """
          ALTER TABLE runs.\(identifier: old.table)
          DETACH PARTITION runs.\(identifier: old.partition) \(fragment: how)
          """)
      }
      try await connection.execute("DROP TABLE IF EXISTS runs.\(identifier: old.partition)")
      return true
    } catch let error as WarehouseError where ["55P03", "55000"].contains(error.sqlState) {
      // Somebody has a lock on it; or on another month of the table, whose detachment is pending:
      // the server does one at a time.
      return false
    }
  }
}

import Schedules
import Warehouse

/// Reads what loads have left behind.
public struct LoadLedger: Sendable {
  let pool: ConnectionPool

  /// The ledger of a project's database.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// One row that was not accepted.
  public struct Rejected: Sendable, Codable, Equatable {
    /// The source's name.
    public let source: String
    /// The load's number.
    public let loadID: Int64
    /// The line of the file on which the row begins, from 1.
    public let line: Int64
    /// The failed check's name, or the loader's own reason.
    public let reason: String
    /// The column or field concerned; nil where it is the whole row.
    public let column: String?
    /// The row as it stood in the file.
    public let raw: String
    /// The file; nil for a query.
    public let file: String?
  }

  /// One load that was tried.
  public struct Load: Sendable, Codable, Equatable {
    /// The source's name.
    public let source: String
    /// The load's number.
    public let loadID: Int64
    /// `loaded` or `failed`.
    public let state: String
    /// The file; nil for a query.
    public let file: String?
    /// When it began.
    public let startedAt: Instant
    /// When it ended.
    public let finishedAt: Instant?
    /// Rows read.
    public let rowsRead: Int64
    /// Rows that went into the facts.
    public let rowsAccepted: Int64
    /// Rows kept as rejected.
    public let rowsRejected: Int64
    /// Rows that repeat what had been accepted.
    public let rowsDuplicate: Int64
    /// Accepted rows with a warning.
    public let rowsWarned: Int64
  }

  /// Rejected rows, newest load first, by line.
  ///
  /// - Parameters: each nil for all.
  public func rejected(
    source: String? = nil, load: Int64? = nil, reason: String? = nil, limit: Int = 100
  ) async throws -> [Rejected] {
    let rows = try await pool.query(
      SQL(file: "queries/inputs/list_rejected.sql", source, load, reason, Int64(limit)))
    return try rows.map { row in
      Rejected(
        source: try row.get("source"), loadID: try row.get("load_id"), line: try row.get("line"),
        reason: try row.get("reason"), column: try row.get("column_name"),
        raw: try row.get("raw"), file: try row.get("file"))
    }
  }

  /// Loads, newest first.
  public func loads(source: String? = nil, limit: Int = 100) async throws -> [Load] {
    let rows = try await pool.query(
      SQL(file: "queries/inputs/list_loads.sql", source, Int64(limit)))
    return try rows.map { row in
      Load(
        source: try row.get("source"), loadID: try row.get("load_id"),
        state: try row.get("state"), file: try row.get("file"),
        startedAt: try row.get("started_at"), finishedAt: try row.get("finished_at"),
        rowsRead: try row.get("rows_read"), rowsAccepted: try row.get("rows_accepted"),
        rowsRejected: try row.get("rows_rejected"), rowsDuplicate: try row.get("rows_duplicate"),
        rowsWarned: try row.get("rows_warned"))
    }
  }

  /// One event kind.
  public struct Kind: Sendable, Codable, Equatable {
    /// Its number; nil for a kind that rows had and the catalogue lacks.
    public let kindID: Int16?
    /// Its name.
    public let name: String
    /// Rows that were put aside because the catalogue lacked it.
    public let quarantined: Int64
  }

  /// The event kinds: the known ones by number, then the others, the most frequent first.
  public func kinds() async throws -> [Kind] {
    try await pool.query(SQL(file: "queries/inputs/list_kinds.sql")).map { row in
      Kind(
        kindID: try row.get("kind_id"), name: try row.get("name"),
        quarantined: try row.get("quarantined"))
    }
  }
}

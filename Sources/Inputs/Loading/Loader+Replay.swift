import Schedules
import Warehouse

/// Rejected rows of one load, to be read again page by page.
struct RejectedRows: Sendable {
  let pool: ConnectionPool
  let load: Int64
  /// Why they were rejected; nil for all.
  let reason: String?

  private static let pageSize: Int64 = 5000

  /// The rows behind a line, in order; nil where none is left.
  func page(after line: Int64) async throws -> [(line: Int64, raw: String)]? {
    let rows = try await pool.query(
      SQL(
        file: "queries/inputs/select_replayable_rows.sql", load, reason, line, Self.pageSize))
    if rows.isEmpty { return nil }
    return try rows.map { (try $0.get("line"), try $0.get("raw")) }
  }
}

extension Loader {
  /// Reads rejected rows again as the source is defined now, for example when a kind has become
  /// known or a check was mended. Rows that pass become facts, each once; the others stay rejected.
  ///
  /// - Parameters:
  ///   - reason: only rows that were rejected for it; nil for all.
  ///   - load: only rows of this load; nil for all.
  /// - Returns: one report per load that had such rows; `rowsRead` are the rows read again.
  /// - Throws: `inputs.no_header` for CSV rows of loads that kept no header.
  public func replay(
    _ source: SourceDefinition, reason: String? = nil, load: Int64? = nil,
    progress: @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> [LoadReport] {
    let loads = try await pool.query(
      SQL(file: "queries/inputs/list_replayable.sql", source.name, reason, load))
    var reports: [LoadReport] = []
    for row in loads {
      let target = try await target(source, accepting: true)
      let number: Int64 = try row.get("load_id")
      let header: String? = try row.get("header")
      if header == nil, case .csv(_, header: true) = source.format {
        throw InputError(
          code: "inputs.no_header",
          message: "expected the header of load \(number) of source '\(source.name)', found none",
          hint: "it was loaded by an earlier release; load its file again")
      }
      let reading = SourceReading.replay(
        target.source, header: header,
        rows: RejectedRows(pool: pool, load: number, reason: reason), now: target.started)
      let report = try await pool.withConnection { connection in
        try await run(target.replaying(number), reading, on: connection, progress)
      }
      reports.append(report)
    }
    return reports
  }
}

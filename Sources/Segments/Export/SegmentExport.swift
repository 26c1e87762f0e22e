import Schedules
import Warehouse

/// Members of segments as rows of CSV or NDJSON, streamed by COPY: memory does not grow with them.
///
/// One statement, hence of one publication. Rows are in the order of segment and internal number,
/// so that two exports of the same members are the same bytes.
public struct SegmentExport: Sendable {
  /// How rows are written.
  public enum Format: String, Sendable, CaseIterable {
    /// RFC 4180 with a header and line feeds; a null is nothing, an empty text is `""`.
    case csv
    /// One JSON object a line, keys in the order of the columns.
    case ndjson
  }

  /// What is exported.
  public struct Request: Sendable {
    /// One segment; nil for all.
    public let segment: String?
    /// The instant; nil for the live publication.
    public let asOf: Instant?
    /// What was known then; nil for what is known now. Counts only with `asOf`.
    public let knownAt: Instant?
    /// How rows are written.
    public let format: Format
    /// The columns in their order; none for those that the kind of export has by itself.
    public let columns: [String]

    /// A request.
    public init(
      segment: String?, asOf: Instant? = nil, knownAt: Instant? = nil, format: Format = .csv,
      columns: [String] = []
    ) {
      self.segment = segment
      self.asOf = asOf
      self.knownAt = knownAt
      self.format = format
      self.columns = columns
    }
  }

  private let pool: ConnectionPool

  /// Exports of one project's database.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// Streams the rows.
  ///
  /// - Parameter write: gets pieces of about 64 KiB, each of whole rows, on the connection's thread;
  ///   the server waits while it works.
  /// - Returns: how many members were written.
  /// - Throws: `segments.unknown_segment`, `segments.unknown_column`; what `write` throws;
  ///   `WarehouseError`.
  public func write(
    _ request: Request, to write: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
  ) async throws -> Int64 {
    let columns = try ExportColumn.chosen(request)
    if let segment = request.segment {
      _ = try await SegmentReader(pool: pool).row(of: segment)
    }
    let statement = Self.statement(request, columns)
    return try await pool.withConnection { connection in
      var pieces = try await connection.copyOut(statement, into: Pieces(write: write)) {
        try $0.take($1)
      }
      try pieces.finish()
      return pieces.rows - (request.format == .csv ? 1 : 0)
    }
  }

  /// The COPY. The server leaves the customers out where no column of them is asked for.
  static func statement(_ request: Request, _ columns: [ExportColumn]) -> SQL {
    let selected = SQL.joined(
      columns.map { "\(fragment: $0.expression) AS \(identifier: $0.name)" })
    let query: SQL =
      if let asOf = request.asOf {
        """
        SELECT \(fragment: selected)
        FROM (
          SELECT m.customer_id, m.customer_key, s.name AS segment
          FROM segments.segment AS s
          CROSS JOIN LATERAL segments.members_at(
            s.name, \(asOf), \(fragment: request.knownAt.map { "\($0)" } ?? "'infinity'")) AS m
          WHERE s.name = \(request.segment) OR \(request.segment) IS NULL) AS m
        LEFT JOIN segments.customer AS c ON c.customer_id = m.customer_id
        ORDER BY m.segment COLLATE "C", m.customer_id
        """
      } else {
        """
        SELECT \(fragment: selected)
        FROM segments.membership AS m
        LEFT JOIN segments.customer AS c ON c.customer_id = m.customer_id
        WHERE m.segment = \(request.segment) OR \(request.segment) IS NULL
        ORDER BY m.segment COLLATE "C", m.customer_id
        """
      }
    switch request.format {
    case .csv:
      return "COPY (\(fragment: query)) TO STDOUT (FORMAT csv, HEADER true)"
    case .ndjson:
      // The text format doubles backslashes; CSV does not, and quotes only what has its delimiter,
      // its quote or a line's end in it. In JSON such characters stand escaped.
      return """
        COPY (SELECT row_to_json(line) FROM (\(fragment: query)) AS line)
        TO STDOUT (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')
        """
    }
  }

  /// Rows gathered to pieces worth a call.
  private struct Pieces: Sendable {
    let write: @Sendable (UnsafeRawBufferPointer) throws -> Void
    var buffer: [UInt8] = []
    var rows: Int64 = 0

    static let size = 1 << 16

    init(write: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void) {
      self.write = write
      buffer.reserveCapacity(Self.size * 2)
    }

    mutating func take(_ row: UnsafeRawBufferPointer) throws {
      buffer.append(contentsOf: row)
      rows += 1
      if buffer.count >= Self.size { try finish() }
    }

    mutating func finish() throws {
      if buffer.isEmpty { return }
      try buffer.withUnsafeBytes { try write($0) }
      buffer.removeAll(keepingCapacity: true)
    }
  }
}

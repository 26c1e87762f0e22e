import Diagnostics
import Schedules
import Warehouse

/// What one load reads by SQL, from the project's own database or another one.
///
/// Rows pass as CSV from one COPY straight into the row pipeline, so that memory stays bounded
/// whatever the size of the answer; the other database sees one read-only transaction.
struct QueryReading: Sendable {
  let source: SourceDefinition
  /// How far the source was loaded; nil to begin.
  let since: Instant?
  /// The oldest transaction that was open when the source was last read; nil to begin.
  let cut: Int64?
  /// What the columns were then; empty at the first load.
  let shape: ColumnShapes

  /// What a reading finds out beside the rows.
  struct Found: Sendable {
    var shape: ColumnShapes
    var cut: Int64?
  }

  private var isRemote: Bool {
    if case .postgres = source.location { return true }
    return false
  }

  /// A session of its own.
  ///
  /// - Throws: `inputs.source_unreachable` where another database cannot be reached or refuses.
  func connect(_ own: ConnectionOptions) async throws -> Connection {
    guard case .postgres(let options, _) = source.location else {
      return try await Connection.connect(own)
    }
    do {
      return try await Connection.connect(options)
    } catch let error as WarehouseError {
      throw InputError(
        code: "inputs.source_unreachable",
        message: "source '\(source.name)': expected the database \(options) to answer, found: "
          + error.message,
        hint: error.hint ?? "is it up, and does postgres: name it with its TLS settings?")
    }
  }

  /// Checks the columns and copies the rows, all from one snapshot.
  func copy(
    on connection: Connection,
    _ take: @escaping @Sendable (_ rows: Int64, UnsafeRawBufferPointer) throws -> Void
  ) async throws -> Found {
    try await connection.transaction(.repeatableRead, readOnly: true) { connection in
      // Unambiguous texts, whatever the server's settings are.
      try await connection.script("SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC'")
      var found = Found(shape: try await columns(on: connection))
      var filter: SQL = ""
      switch source.advance {
      case .everything: break
      case .column(let column, let overlap):
        // Rows at the watermark are read again: others may have been committed at that instant.
        if let since { filter = " WHERE \(identifier: column) >= \(since - overlap)" }
      case .transactions:
        let horizon = try await horizon(on: connection)
        found.cut = horizon.oldest
        filter = newRows(horizon)
      }
      let copy: SQL = """
        COPY (SELECT \(identifiers: source.columns) FROM \(fragment: relation) AS source\(fragment: filter))
        TO STDOUT (FORMAT csv, HEADER)
        """
      _ = try await connection.copyOut(copy.named("source \(source.name)"), into: Int64(0)) {
        rows, bytes in
        try take(rows, bytes)
        rows += 1
      }
      return found
    }
  }

  private var relation: SQL {
    switch source.location {
    case .query(let text), .postgres(_, .query(let text)): "(\(unsafeText: text)\n)"
    case .postgres(_, .table(let name)):
      SQL.joined(name.map { "\(identifier: $0)" }, separator: ".")
    case .file, .files: "(SELECT)"
    }
  }

  // MARK: Columns

  private nonisolated(nonsending) func columns(
    on connection: Connection
  ) async throws -> ColumnShapes {
    let described: SQL = "SELECT * FROM \(fragment: relation) AS source LIMIT 0"
    let columns = try await connection.describe(described.named("source \(source.name)"))
    let rows = try await connection.query(
      """
      SELECT t.oid::bigint AS oid, format_type(t.oid, NULL)::text AS name
      FROM pg_type AS t WHERE t.oid = ANY (\(columns.map { Int64($0.typeID) })::oid[])
      """)
    var names: [Int64: String] = [:]
    for row in rows { names[try row.get("oid")] = try row.get("name", as: String.self) }
    var found = ColumnShapes()
    for column in columns where found.types[column.name] == nil {
      found.types[column.name] = names[Int64(column.typeID)] ?? "unknown"
    }
    let wanted = source.plan.columns
    if let error = found.missing(wanted, source: source.name, before: shape)
      ?? found.mismatch(wanted, source: source.name)
      ?? found.change(from: shape, source: source.name)
    {
      throw error
    }
    return found.only(wanted.map(\.name))
  }

  // MARK: Transactions

  private struct Horizon {
    /// The oldest transaction that is still open, and the first that has not begun.
    var oldest: Int64
    var next: Int64
  }

  private nonisolated(nonsending) func horizon(on connection: Connection) async throws -> Horizon {
    let row = try await connection.first(
      """
      SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next
      """)
    guard let row else {
      throw InputError(
        code: "inputs.ledger", message: "expected the other database's snapshot, found none")
    }
    return Horizon(oldest: try row.get("oldest"), next: try row.get("next"))
  }

  /// The rows that transactions wrote which were open, or had not begun, at the last reading.
  ///
  /// A row's xmin has 32 bits and `age` counts from the present, so rows of two thousand million
  /// transactions ago may look new: they are read again, which does no harm, and none is left out.
  private func newRows(_ horizon: Horizon) -> SQL {
    // A cut from the future: the other database was restored or replaced, and all is new.
    guard let cut, cut <= horizon.next, horizon.next - cut < 1 << 31 else { return "" }
    let word = String(cut & 0xFFFF_FFFF)
    return """
       WHERE age(source.xmin) <= age(\(unsafeText: SQL.quoted(literal: word))::xid)
        OR age(source.xmin) < 0
      """
  }
}

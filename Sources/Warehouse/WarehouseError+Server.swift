import CLibPQ

extension WarehouseError {
  /// The stable code of a SQLSTATE, and what to do where the server gives no hint of its own.
  static func describe(sqlState: String) -> (code: String, hint: String?) {
    switch sqlState {
    case "23505": ("warehouse.unique_violation", nil)
    case "23503": ("warehouse.foreign_key_violation", nil)
    case "23502": ("warehouse.not_null_violation", nil)
    case "23514": ("warehouse.check_violation", nil)
    case "23P01": ("warehouse.exclusion_violation", nil)
    case "40001":
      ("warehouse.serialization_failure", "run the transaction again: it met another one")
    case "40P01": ("warehouse.deadlock", "run the transaction again: it met another one")
    case "57014":
      ("warehouse.query_canceled", "a timeout or another session cancelled the statement")
    case "53100": ("warehouse.disk_full", "free space on the database's disk, then run it again")
    case "53200": ("warehouse.out_of_memory", "lower work_mem or the number of workers")
    case "53300":
      ("warehouse.too_many_connections", "lower the pool's limit or raise max_connections")
    case "42P01": ("warehouse.undefined_table", "run `strata db migrate` if the schema is behind")
    case "42703": ("warehouse.undefined_column", nil)
    case "42883": ("warehouse.undefined_function", nil)
    case "42601": ("warehouse.syntax_error", nil)
    case "42501": ("warehouse.permission_denied", "grant the role the privilege it lacks")
    case "42P04": ("warehouse.duplicate_database", nil)
    case "42P07": ("warehouse.duplicate_table", nil)
    case "28P01", "28000":
      ("warehouse.authentication_failed", "check the user and password of the database URL")
    case "3D000": ("warehouse.unknown_database", "create the database, or correct its name")
    case "57P01", "57P02": ("warehouse.admin_shutdown", "the server was stopped; start it again")
    case "25P03", "57P05":
      ("warehouse.connection_lost", "the session stood still for longer than it may; connect again")
    case "57P03": ("warehouse.starting_up", "the server is starting or stopping; try again")
    case "25006": ("warehouse.read_only", "write in a transaction that is not read only")
    case "25P02": ("warehouse.transaction_aborted", "an earlier statement failed; roll back")
    case "55P03": ("warehouse.lock_not_available", nil)
    case "55006": ("warehouse.object_in_use", nil)
    default:
      switch sqlState.prefix(2) {
      case "08": ("warehouse.connection_lost", "the connection broke; connect again")
      case "22": ("warehouse.data_exception", nil)
      case "23": ("warehouse.integrity_violation", nil)
      case "53": ("warehouse.insufficient_resources", nil)
      case "58", "XX": ("warehouse.server_failure", "see the server's log")
      default: ("warehouse.statement_failed", nil)
      }
    }
  }

  /// The fault in a result whose status is an error.
  ///
  /// - Parameters:
  ///   - text: the statement's text, to turn the server's character offset into a line and column.
  ///   - showsText: whether the line at the fault may be quoted; false for scripts.
  static func server(
    _ result: OpaquePointer?, connection: OpaquePointer, text: String, name: String?,
    showsText: Bool
  ) -> WarehouseError {
    func field(_ code: UnicodeScalar) -> String? {
      guard let result, let value = PQresultErrorField(result, Int32(code.value)) else {
        return nil
      }
      let string = String(cString: value)
      return string.isEmpty ? nil : string
    }
    guard let sqlState = field("C"), let message = field("M") else {
      // libpq itself speaks: the connection is gone, or memory is out.
      let said = String(cString: PQerrorMessage(connection)).trimmingLines
      let lost = isLost(connection)
      return WarehouseError(
        code: lost ? "warehouse.connection_lost" : "warehouse.protocol",
        message: lost
          ? "the connection to the database broke: \(said)" : "the database client failed: \(said)",
        hint: lost ? "see whether the server runs (`strata db status`), then try again" : nil,
        queryName: name)
    }
    let known = describe(sqlState: sqlState)
    var error = WarehouseError(
      code: known.code, message: message, hint: field("H") ?? known.hint, sqlState: sqlState,
      queryName: name, detail: field("D"))
    // A cached plan whose result type changed, or one that someone deallocated.
    if (sqlState == "0A000" && field("R") == "RevalidateCachedQuery") || sqlState == "26000" {
      error.code = "warehouse.stale_plan"
      error.hint = "run the transaction again: a table changed under a prepared statement"
    }
    // A file that may not grow (a quota, `ulimit -f`) has no SQLSTATE of its own.
    if sqlState == "XX000", message.contains("could not extend file") {
      (error.code, error.hint) = describe(sqlState: "53100")
    }
    error.context = field("W")
    error.constraint = field("n")
    error.column = field("c")
    if let table = field("t") { error.table = field("s").map { "\($0).\(table)" } ?? table }
    if let offset = field("P").flatMap(Int.init) {
      let (position, line) = place(offset, in: text)
      error.position = position
      if showsText { error.excerpt = line }
    }
    return error
  }

  /// Whether a connection is gone. After a write that failed libpq still shows a good status; reading
  /// finds what the server said last, and then the end of the stream. Does not wait.
  private static func isLost(_ connection: OpaquePointer) -> Bool {
    for _ in 0..<2 where PQstatus(connection) != CONNECTION_BAD { _ = PQconsumeInput(connection) }
    return PQstatus(connection) == CONNECTION_BAD
  }

  /// A line of SQL with the contents of its literals left out: they may be secrets or data.
  static func withoutLiterals(_ line: String) -> String {
    let pieces = line.split(separator: "'", omittingEmptySubsequences: false)
    return pieces.enumerated().map { index, piece in
      index % 2 == 1 && !piece.isEmpty ? "…" : String(piece)
    }.joined(separator: "'")
  }

  /// The line and column of a character offset (from 1), and that line, trimmed.
  static func place(_ offset: Int, in text: String) -> (Position, String) {
    var line = 1
    var column = 1
    var start = text.unicodeScalars.startIndex
    var index = start
    // The server counts characters as code points, not as Swift's grapheme clusters.
    for _ in 1..<max(1, offset) {
      guard index < text.unicodeScalars.endIndex else { break }
      let next = text.unicodeScalars.index(after: index)
      if text.unicodeScalars[index] == "\n" {
        line += 1
        column = 1
        start = next
      } else {
        column += 1
      }
      index = next
    }
    let rest = text.unicodeScalars[start...].prefix { $0 != "\n" }
    let excerpt = String(withoutLiterals(String(rest).trimmingLines).prefix(80))
    return (Position(line: line, column: column), excerpt)
  }
}

extension String {
  /// The text without white space at its ends.
  var trimmingLines: String {
    var scalars = Substring(self).unicodeScalars
    while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
    while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
    return String(scalars)
  }
}

/// A fault between Strata and the database: what was expected, what was found, what to do.
///
/// `description` is safe for logs. Bind values that the server quotes in its detail line appear in
/// `debugDescription` only. Passwords appear in neither.
public struct WarehouseError: Error, Sendable, Equatable {
  /// A place in the text of a statement, both counted from 1.
  public struct Position: Sendable, Equatable, CustomStringConvertible {
    /// The line, from 1.
    public let line: Int
    /// The character in the line, from 1.
    public let column: Int

    /// A place in a text.
    public init(line: Int, column: Int) {
      self.line = line
      self.column = column
    }

    /// `line:column`.
    public var description: String { "\(line):\(column)" }
  }

  /// A stable name, for example `warehouse.unique_violation`.
  public var code: String
  /// What was expected and what was found.
  public var message: String
  /// What to do; nil where nothing better than the message is known.
  public var hint: String?
  /// The five characters of the server's SQLSTATE; nil where the fault did not come from there.
  public var sqlState: String?
  /// The name of the statement, such as the file of a static query; nil for unnamed ones.
  public var queryName: String?
  /// Where in the statement; nil where the server named no place.
  public var position: Position?
  /// The line of SQL at `position`; nil for scripts, which may hold secrets.
  public var excerpt: String?
  /// The server's detail line; it may quote values, so only `debugDescription` shows it.
  public var detail: String?
  /// The call stack inside the server (functions, triggers, COPY line); may quote values.
  public var context: String?
  /// The constraint that was violated.
  public var constraint: String?
  /// The table the server named, with its schema.
  public var table: String?
  /// The column the server named.
  public var column: String?

  /// A fault with its code, message and hint.
  public init(
    code: String, message: String, hint: String? = nil, sqlState: String? = nil,
    queryName: String? = nil, detail: String? = nil
  ) {
    self.code = code
    self.message = message
    self.hint = hint
    self.sqlState = sqlState
    self.queryName = queryName
    self.detail = detail
  }

  /// Whether the same transaction may succeed when it is run again from its start.
  public var isRetryable: Bool {
    switch code {
    case "warehouse.serialization_failure", "warehouse.deadlock", "warehouse.stale_plan": true
    default: false
    }
  }

  /// Whether the connection to the server is gone or could not be made for a passing reason.
  public var isTransientConnectionFailure: Bool {
    switch code {
    case "warehouse.connection_lost", "warehouse.unreachable", "warehouse.starting_up",
      "warehouse.too_many_connections", "warehouse.admin_shutdown":
      true
    default: false
    }
  }
}

extension WarehouseError: CustomStringConvertible, CustomDebugStringConvertible {
  /// One line: message, SQLSTATE, query, place, hint.
  public var description: String {
    var facts: [String] = []
    if let sqlState { facts.append("SQLSTATE \(sqlState)") }
    if let queryName { facts.append("query \(queryName)") }
    if let position { facts.append("at \(position)") }
    if let excerpt { facts.append("near `\(excerpt)`") }
    var text = message
    if !facts.isEmpty { text += " [" + facts.joined(separator: ", ") + "]" }
    if let hint { text += "; " + hint }
    return text
  }

  /// Everything known, the server's detail and context included; may quote bind values.
  public var debugDescription: String {
    var lines = ["\(code): \(description)"]
    if let detail { lines.append("detail: \(detail)") }
    if let constraint { lines.append("constraint: \(constraint)") }
    if let table { lines.append("table: \(table)") }
    if let column { lines.append("column: \(column)") }
    if let context { lines.append("context: \(context)") }
    return lines.joined(separator: "\n")
  }
}

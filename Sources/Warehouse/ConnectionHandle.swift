import CLibPQ
import Foundation
import Logging

/// Where notices of the server go; libpq would print them on standard error.
private let noticeLogger = Logger(label: "strata.warehouse.notice")

/// Owns a `PGconn`.
///
/// @unchecked Sendable: only the connection's executor uses the pointer, but for `deinit`, which runs
/// when nobody else can.
final class ConnectionHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  private init(_ pointer: OpaquePointer) { self.pointer = pointer }

  deinit { PQfinish(pointer) }

  /// Connects; blocks until the server answered or every host failed.
  static func open(_ options: ConnectionOptions) throws -> ConnectionHandle {
    let (words, setsDefaultsLater) = try options.parameters()
    let opened = withCStrings(words.map(\.0)) { keywords in
      withCStrings(words.map(\.1)) { values in PQconnectdbParams(keywords, values, 1) }
    }
    guard let opened else {
      throw WarehouseError(code: "warehouse.out_of_memory", message: "libpq is out of memory")
    }
    let handle = ConnectionHandle(opened)
    guard PQstatus(opened) == CONNECTION_OK else {
      throw ConnectFailure.error(
        String(cString: PQerrorMessage(opened)),
        needsPassword: PQconnectionNeedsPassword(opened) != 0, options: options)
    }
    _ = PQsetNoticeProcessor(
      opened,
      { _, text in
        guard let text else { return }
        let notice = String(cString: text).trimmingLines
        noticeLogger.debug("\(notice)")
      }, nil)
    if setsDefaultsLater { try handle.setDefaults() }
    return handle
  }

  /// Sets the session's defaults where neither the service file nor the user did.
  private func setDefaults() throws {
    let values = ConnectionOptions.defaults.map { name, value in
      "(\(SQL.quoted(literal: name)), \(SQL.quoted(literal: value)))"
    }.joined(separator: ", ")
    let text = """
      SELECT set_config(wanted.name, wanted.value, false)
      FROM (VALUES \(values)) AS wanted (name, value)
      JOIN pg_settings ON pg_settings.name = wanted.name
      WHERE pg_settings.source NOT IN ('client', 'user', 'database user', 'database')
      """
    let result = PQexec(pointer, text)
    defer { PQclear(result) }
    guard PQresultStatus(result) == PGRES_TUPLES_OK else {
      throw WarehouseError.server(
        result, connection: pointer, text: text, name: "session defaults", showsText: false)
    }
  }
}

/// Calls `body` with C strings and a null pointer behind them.
func withCStrings<R>(
  _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R
) -> R {
  var bytes: [CChar] = []
  var offsets: [Int] = []
  for string in strings {
    offsets.append(bytes.count)
    bytes += string.utf8CString
  }
  return bytes.withUnsafeBufferPointer { buffer in
    var pointers: [UnsafePointer<CChar>?] = offsets.map { offset in
      buffer.baseAddress.map { $0 + offset }
    }
    pointers.append(nil)
    return pointers.withUnsafeBufferPointer { list in
      guard let first = list.baseAddress else { preconditionFailure("the list ends with nil") }
      return body(first)
    }
  }
}

/// Turns libpq's words about a failed connection into a fault.
///
/// libpq gives no SQLSTATE here, so the words decide; a server with translated messages gets the
/// general code, with the message as it is.
enum ConnectFailure {
  static func error(
    _ said: String, needsPassword: Bool, options: ConnectionOptions
  ) -> WarehouseError {
    let message = Secrets.redacted(said.trimmingLines, options: options)
    func fault(_ code: String, _ hint: String) -> WarehouseError {
      WarehouseError(code: code, message: message, hint: hint)
    }
    if needsPassword || message.contains("authentication failed")
      || message.contains("no password supplied") || message.contains("pg_hba.conf")
      || message.contains("role \"") && message.contains("does not exist")
    {
      return fault(
        "warehouse.authentication_failed",
        "check the user and password of the database URL, PGPASSWORD or ~/.pgpass")
    }
    if message.contains("database \"") && message.contains("does not exist") {
      return fault("warehouse.unknown_database", "create the database, or correct its name")
    }
    if message.contains("is starting up") || message.contains("is shutting down")
      || message.contains("in recovery mode") || message.contains("not yet accepting connections")
    {
      return fault("warehouse.starting_up", "the server is starting or stopping; try again")
    }
    if message.contains("too many clients") || message.contains("too many connections")
      || message.contains("remaining connection slots")
    {
      return fault(
        "warehouse.too_many_connections", "lower the pool's limit or raise max_connections")
    }
    if message.contains("definition of service") || message.contains("service file") {
      return fault("warehouse.unknown_service", "see PGSERVICEFILE and ~/.pg_service.conf")
    }
    if message.contains("SSL") || message.contains("certificate") {
      return fault("warehouse.tls_failed", "see sslmode, sslrootcert and the server's certificate")
    }
    if message.contains("invalid connection option") || message.contains("invalid sslmode value") {
      return fault("warehouse.bad_url", "correct the option in the database URL")
    }
    return fault(
      "warehouse.unreachable", "see whether the server runs there and is open to this machine")
  }
}

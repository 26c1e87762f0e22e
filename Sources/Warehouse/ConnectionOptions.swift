import CLibPQ
import Foundation

/// Where the database is and how a session starts.
///
/// The text goes to libpq untouched, so that everything it knows works: URLs and `key=value`, several
/// hosts, TLS modes, service files, `.pgpass`, and the `PG…` variables of the environment.
public struct ConnectionOptions: Sendable, Equatable {
  /// A `postgresql://` URL, `key=value` words, or empty for the environment alone. May hold secrets.
  let conninfo: String
  /// A database in the place of the one that the text names; nil for that one.
  public var database: String?
  /// The session's name in `pg_stat_activity`, unless the text or PGAPPNAME names another.
  public var applicationName = "strata"
  /// Settings of the session beyond the defaults, for example `["lock_timeout": "5s"]`.
  public var settings: [String: String] = [:]
  /// How many prepared statements a connection keeps.
  public var statementCacheSize = 128
  /// How often and how long to try again when the server cannot be reached.
  public var backOff = BackOff.brief
  /// How long what was sent may stay without an answer from the other host's kernel before the
  /// connection counts as lost; nil for as long as this host's kernel tries, about a quarter of an
  /// hour on Linux. Not for COPY: a server that stops reading for so long loses the connection too.
  public var sendTimeout: Duration?
  /// What every connection attempt throws, where there is to be no database; nil otherwise.
  private var refusal: WarehouseError?

  /// Options that lead nowhere: whoever tries to connect gets this fault.
  public static func refusing(_ fault: WarehouseError) -> ConnectionOptions {
    var options = ConnectionOptions()
    options.refusal = fault
    return options
  }

  /// Options from a URL, `key=value` words, or nothing.
  public init(_ conninfo: String = "") { self.conninfo = conninfo }

  /// The same server and session in another database.
  public func with(database: String) -> ConnectionOptions {
    var copy = self
    copy.database = database
    return copy
  }

  /// Settings that every session starts with, unless the user sets them through `options`.
  ///
  /// Results do not depend on them (columns come in binary); dates in SQL text do. JIT costs more
  /// than it gives for these statements.
  static let defaults = [("TimeZone", "UTC"), ("DateStyle", "ISO"), ("jit", "off")]

  /// How a connection that waits for an answer finds out that the other host is gone: it is asked
  /// after 15 quiet seconds, then every five, and is lost after three questions. The kernel's own
  /// defaults take more than two hours. A socket of this host needs none of it.
  static let keepalives = [
    ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
  ]

  /// The words of the text as libpq reads them; nil where libpq cannot read it.
  func words() -> [String: String]? {
    guard let options = PQconninfoParse(conninfo, nil) else { return nil }
    defer { PQconninfoFree(options) }
    var words: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { words[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    return words
  }

  /// What libpq says about a text that it cannot read, without quoting any of it.
  func checked() throws -> [String: String] {
    if let refusal { throw refusal }
    if conninfo.isEmpty { return [:] }
    if let words = words() { return words }
    var reason: UnsafeMutablePointer<CChar>?
    if let options = PQconninfoParse(conninfo, &reason) { PQconninfoFree(options) }
    defer { PQfreemem(reason) }
    let said = reason.map { String(cString: $0).trimmingLines } ?? "it cannot be read"
    throw WarehouseError(
      code: "warehouse.bad_url",
      message: "expected a database URL, found one that libpq refuses: \(Secrets.unquoted(said))",
      hint: "write postgresql://user:password@host:5432/database?sslmode=require and"
        + " percent-encode special characters")
  }

  /// Keywords and values for `PQconnectdbParams`, in order; later ones win.
  ///
  /// - Returns: also whether the session defaults still have to be set after connecting, which is so
  ///   where a service file may set `options`.
  func parameters(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> (words: [(String, String)], setsDefaultsLater: Bool) {
    let given = try checked()
    var words = [("fallback_application_name", applicationName)]
    let usesService = given["service"] != nil || environment["PGSERVICE"] != nil
    if !usesService && environment["PGCONNECT_TIMEOUT"] == nil {
      words.append(("connect_timeout", "10"))
    }
    // Before the text, whose own words win; a service file's would not.
    if !usesService {
      words += Self.keepalives
      if let sendTimeout {
        let (seconds, rest) = sendTimeout.components
        // At least 1, since 0 means the kernel's own.
        let milliseconds = seconds * 1000 + (rest + 999_999_999_999_999) / 1_000_000_000_000_000
        words.append(("tcp_user_timeout", "\(max(1, milliseconds))"))
      }
    }
    if !conninfo.isEmpty { words.append(("dbname", conninfo)) }
    // With expand_dbname only the first dbname is expanded; a second one is a plain name.
    if let database {
      if conninfo.isEmpty { words.append(("dbname", "dbname=''")) }
      words.append(("dbname", database))
    }
    words.append(("client_encoding", "UTF8"))
    var session = settings.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    if !usesService { session = Self.defaults + session }
    var options = session.map { "-c \($0)=\(Self.escaped($1))" }
    // The user's come last: the server lets the last one win.
    if let own = given["options"] ?? environment["PGOPTIONS"] { options.append(own) }
    if !options.isEmpty { words.append(("options", options.joined(separator: " "))) }
    return (words, usesService)
  }

  private static func escaped(_ value: String) -> String {
    value.reduce(into: "") { text, character in
      if character == " " || character == "\\" { text += "\\" }
      text.append(character)
    }
  }
}

extension ConnectionOptions: CustomStringConvertible, CustomReflectable {
  /// The server and database without any secret.
  public var description: String {
    guard let words = words() else { return "an unreadable database URL" }
    return ["host", "hostaddr", "port", "user", "dbname", "service"].compactMap { key in
      let value = key == "dbname" ? database ?? words[key] : words[key]
      return value.map { "\(key)=\($0)" }
    }.joined(separator: " ")
  }

  /// Hides the text from `dump` and `debugPrint`.
  public var customMirror: Mirror { Mirror(self, children: ["server": description]) }

  /// How to start `psql` on this database: an argument without secrets, and variables with them.
  ///
  /// Arguments of a process are readable by every user of the machine; its environment is not.
  public func psqlInvocation() throws -> (arguments: [String], environment: [String: String]) {
    var words = try checked()
    if let database { words["dbname"] = database }
    var environment: [String: String] = [:]
    environment["PGPASSWORD"] = words.removeValue(forKey: "password")
    // psql has no variable for the key's pass phrase; it asks for it.
    words["sslpassword"] = nil
    let text = Self.text(words)
    return (text.isEmpty ? [] : [text], environment)
  }
}

extension ConnectionOptions {
  /// `key='value'` words that lead another process to the same database. Holds secrets: for an
  /// environment, never for a command line.
  ///
  /// - Throws: ``WarehouseError`` `warehouse.bad_url`.
  public func keywords() throws -> String {
    var words = try checked()
    if let database { words["dbname"] = database }
    return Self.text(words)
  }

  private static func text(_ words: [String: String]) -> String {
    words.sorted { $0.key < $1.key }.map { key, value in
      "\(key)='" + value.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }.joined(separator: " ")
  }
}

/// Keeps passwords out of messages.
enum Secrets {
  /// A message of libpq with everything in double quotes replaced: it quotes pieces of the URL.
  static func unquoted(_ message: String) -> String {
    var pieces = message.components(separatedBy: "\"")
    for index in stride(from: 1, to: pieces.count, by: 2) { pieces[index] = "…" }
    return pieces.joined(separator: "\"")
  }

  /// A message with the passwords of the options blotted out.
  static func redacted(_ message: String, options: ConnectionOptions) -> String {
    guard let words = options.words() else { return unquoted(message) }
    var text = message
    for key in ["password", "sslpassword"] {
      guard let secret = words[key], !secret.isEmpty else { continue }
      text = text.replacing(secret, with: "…")
      if let encoded = secret.addingPercentEncoding(withAllowedCharacters: .alphanumerics) {
        text = text.replacing(encoded, with: "…")
      }
    }
    return text
  }
}

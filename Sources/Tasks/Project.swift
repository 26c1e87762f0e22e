import Foundation
import Schedules
import Warehouse
import Yams

/// A project folder: its name, zone and currency, and where its catalogues stand.
public struct Project: Sendable, Equatable {
  /// Lower-case letters, digits and underscores; also the name of its database in the cluster.
  public let name: String
  /// The zone of local days and midnights.
  public let zone: Zone
  /// ISO 4217.
  public let currency: String
  /// The folder that holds `project.yaml`, absolute.
  public let directory: URL

  private struct File: Decodable {
    let name: String
    let zone: String
    let currency: String
  }

  /// Reads `project.yaml` of a folder.
  ///
  /// - Throws: ``TaskError`` `project.*` that says what is wrong and where.
  public init(directory: URL) throws {
    let directory = directory.standardizedFileURL.resolvingSymlinksInPath()
    let file = directory.appendingPathComponent("project.yaml")
    let text: String
    do {
      text = try String(contentsOf: file, encoding: .utf8)
    } catch {
      throw TaskError(
        code: "project.missing",
        message: "expected a project folder with a project.yaml, found none in \(directory.path)",
        hint: "name one with --project, for example --project dags/retail")
    }
    let parsed: File
    do {
      parsed = try YAMLDecoder().decode(File.self, from: text)
    } catch {
      throw TaskError(
        code: "project.invalid", message: "\(file.path): \(Self.describe(error))",
        hint: "project.yaml holds three keys: name, zone, currency")
    }
    let letters = parsed.name.utf8
    guard
      letters.allSatisfy({ ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 95 }),
      let first = letters.first, first >= 97, letters.count <= 63
    else {
      throw TaskError(
        code: "project.invalid",
        message: "\(file.path): expected a name of lower-case letters, digits and underscores "
          + "that begins with a letter, found '\(parsed.name)'",
        hint: "the name is also that of the project's database")
    }
    guard parsed.currency.utf8.count == 3, parsed.currency.utf8.allSatisfy({ (65...90) ~= $0 })
    else {
      throw TaskError(
        code: "project.invalid",
        message: "\(file.path): expected an ISO 4217 currency such as EUR, found "
          + "'\(parsed.currency)'", hint: nil)
    }
    do {
      zone = try Zone(parsed.zone)
    } catch {
      throw TaskError(
        code: "project.invalid", message: "\(file.path): \(error.message)", hint: error.hint)
    }
    name = parsed.name
    currency = parsed.currency
    self.directory = directory
  }

  private static func describe(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "expected the key '\(key.stringValue)'"
    case DecodingError.typeMismatch(_, let context), DecodingError.dataCorrupted(let context):
      context.underlyingError.map { "\($0)" } ?? context.debugDescription
    default: "\(error)"
    }
  }

  /// The path of one of the project's catalogues.
  public func path(_ catalogue: String) -> String {
    directory.appendingPathComponent(catalogue).path
  }

  /// Records the project in its database on the first run, and refuses another's database.
  ///
  /// - Throws: ``TaskError`` `project.other_database` when the database belongs to another project
  ///   or was built in another zone.
  public func claim(_ connection: Connection) async throws {
    if try await connection.first("SELECT FROM strata.project") == nil {
      try await connection.execute(
        """
        INSERT INTO strata.project (name, zone, currency)
        VALUES (\(name), \(zone.name), \(currency)) ON CONFLICT DO NOTHING
        """)
    }
    guard
      let row = try await connection.first("SELECT name, zone, currency FROM strata.project")
    else { return }
    let owner = try (
      row.get("name", as: String.self), row.get("zone", as: String.self),
      row.get("currency", as: String.self)
    )
    guard owner == (name, zone.name, currency) else {
      throw TaskError(
        code: "project.other_database",
        message: "expected the database of project \(name) (\(zone.name), \(currency)), found "
          + "that of \(owner.0) (\(owner.1), \(owner.2))",
        hint: "day tiles depend on the zone: use another database, or restore project.yaml")
    }
  }
}

/// A fault in how a project or a task is set up.
public struct TaskError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A stable name, for example `project.missing`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do.
  public let hint: String?

  /// A fault with its code, message and hint.
  public init(code: String, message: String, hint: String? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
  }

  /// The message, then the hint.
  public var description: String { hint.map { "\(message); \($0)" } ?? message }
}

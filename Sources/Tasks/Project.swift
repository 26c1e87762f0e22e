import Foundation
import Inputs
import Schedules
import Warehouse

/// A project folder: its name, zone and currency, and where its catalogues stand.
public struct Project: Sendable, Equatable {
  /// What `project.yaml` says.
  public let settings: ProjectSettings
  /// The folder that holds `project.yaml`, absolute.
  public let directory: URL

  /// Lower-case letters, digits and underscores; also the name of its database in the cluster.
  public var name: String { settings.name }
  /// The zone of local days and midnights.
  public var zone: Zone { settings.zone }

  /// Reads `project.yaml` of a folder.
  ///
  /// - Throws: ``TaskError`` `project.missing` or `project.bad_name`, and `InputError` for what is
  ///   wrong inside the file.
  public init(directory: URL) throws {
    let directory = directory.standardizedFileURL.resolvingSymlinksInPath()
    guard
      FileManager.default.fileExists(atPath: directory.appendingPathComponent("project.yaml").path)
    else {
      throw TaskError(
        code: "project.missing",
        message: "expected a project folder with a project.yaml, found none in \(directory.path)",
        hint: "name one with --project, for example --project dags/retail")
    }
    settings = try ProjectSettings.load(folder: directory.path)
    let letters = settings.name.utf8
    guard
      letters.allSatisfy({ ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 95 }),
      let first = letters.first, first >= 97, letters.count <= 63
    else {
      throw TaskError(
        code: "project.bad_name",
        message: "expected a project name of at most 63 lower-case letters, digits and "
          + "underscores that begins with a letter, found '\(settings.name)' in project.yaml",
        hint: "the name is also that of the project's database")
    }
    self.directory = directory
  }

  /// The path of one of the project's catalogues.
  public func path(_ catalogue: String) -> String {
    directory.appendingPathComponent(catalogue).path
  }

  /// Records the project in its database on the first run, and refuses another's database.
  ///
  /// - Throws: ``TaskError`` `project.other_database` when the database belongs to another project
  ///   or was built in another zone or currency.
  public func claim(_ connection: Connection) async throws {
    let query: SQL = "SELECT name, zone, currency FROM strata.project"
    var found = try await connection.first(query)
    if found == nil {
      try await connection.execute(
        """
        INSERT INTO strata.project (name, zone, currency)
        VALUES (\(name), \(zone.name), \(settings.currency)) ON CONFLICT DO NOTHING
        """)
      found = try await connection.first(query)
    }
    guard let row = found else { return }
    let owner = try ProjectSettings(
      name: row.get("name", as: String.self), zone: Zone(row.get("zone", as: String.self)),
      currency: row.get("currency", as: String.self))
    guard
      owner.name == name, owner.zone == zone, owner.currency == settings.currency
    else {
      throw TaskError(
        code: "project.other_database",
        message: "expected the database of project \(name) (\(zone.name), \(settings.currency)), "
          + "found that of \(owner.name) (\(owner.zone.name), \(owner.currency))",
        hint: "day tiles depend on the zone: use another database, or restore project.yaml")
    }
  }
}

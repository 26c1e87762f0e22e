import Features
import Foundation
import Schedules
import Warehouse

/// The feature catalogues as they were last built, by file.
public struct BuiltCatalogues: Sendable {
  private let pool: ConnectionPool

  /// The records of a project's database.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// A catalogue as it was last built; nil where it never was.
  public func last(_ file: String) async throws -> BuiltCatalogue? {
    let row = try await pool.first(SQL(file: "queries/features/find_built_catalogue.sql", file))
    guard let row else { return nil }
    let text: String = try row.get("definition")
    return try JSONDecoder().decode(BuiltCatalogue.self, from: Data(text.utf8))
  }

  /// Records that features were built by a catalogue; nothing is written where it is as it was.
  public func record(
    _ built: BuiltCatalogue, as file: String, asOf: Instant, at now: Instant
  ) async throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let text = String(decoding: try encoder.encode(built), as: UTF8.self)
    try await pool.execute(
      SQL(
        file: "queries/features/record_built_catalogue.sql", file, JSONText(text), asOf, now))
  }
}

import Pipeline
import Schedules
import Warehouse

/// How far the data of a project is that asset triggers wait for.
public enum ProjectAssets {
  /// The watermarks of assets: of a source what its loads have seen, of a DAG the end of the latest
  /// interval that it ran over with success, of segments the live publication's as-of. What is not
  /// there yet is absent.
  public static func watermarks(
    _ connection: Connection, _ assets: [Asset]
  ) async throws -> [Asset: Instant] {
    var marks: [Asset: Instant] = [:]
    for asset in assets {
      let row: Row?
      switch asset {
      case .source(let name):
        row = try await connection.first(
          SQL(file: "queries/inputs/find_watermark.sql", name))
      case .publication(let dag):
        row = try await connection.first(
          SQL(file: "queries/orchestrator/find_last_success.sql", dag))
      case .segments:
        row = try await connection.first(SQL(file: "queries/segments/find_live_as_of.sql"))
      }
      if let mark = try row?.get("watermark", as: Instant?.self) { marks[asset] = mark }
    }
    return marks
  }
}

import Schedules
import Warehouse

/// What was published around a past as-of.
struct PublicationNeighbours: Sendable {
  /// A publication as a correction beside it needs it.
  struct Neighbour: Sendable {
    let id: Int32
    let asOf: Instant
    let publishedAt: Instant
    /// The rule version of each segment of its catalogue; nil where an older release published it.
    let versions: [Int32: Int32]?
  }

  /// The nearest one before; nil where the as-of is the first.
  let before: Neighbour?
  /// The newest one of the as-of itself; nil where it was not published yet.
  let same: Neighbour?
  /// The nearest one after; nil where the as-of is not a past one.
  let after: Neighbour?

  static func load(
    around asOf: Instant, on connection: Connection
  ) async throws -> PublicationNeighbours {
    var found: [String: Neighbour] = [:]
    let rows = try await connection.query(
      SQL(file: "queries/segments/select_neighbours.sql", asOf))
    for row in rows {
      let segments = try row.get("segment_ids", as: [Int32]?.self)
      let versions = try row.get("version_ids", as: [Int32]?.self)
      found[try row.get("place")] = Neighbour(
        id: try row.get("publication_id"), asOf: try row.get("as_of"),
        publishedAt: try row.get("published_at"),
        versions: segments.flatMap { segments in
          versions.map { Dictionary(zip(segments, $0)) { first, _ in first } }
        })
    }
    return PublicationNeighbours(
      before: found["before"], same: found["same"], after: found["after"])
  }
}

import Schedules
import Warehouse

/// A definition that runs of a DAG began with.
public struct DAGVersion: Codable, Sendable, Hashable {
  /// The SHA-256 of its canonical JSON.
  public let hash: String
  /// When a run first had it.
  public let firstUsedAt: Instant
  /// When the latest of its runs began; nil where no run has it any more.
  public let lastUsedAt: Instant?
  /// How many runs have it.
  public let runs: Int64

  init(_ row: Row) throws {
    hash = try row.get("hash", as: String.self)
    firstUsedAt = try row.get("first_used_at", as: Instant.self)
    lastUsedAt = try row.get("last_used_at", as: Instant?.self)
    runs = try row.get("runs", as: Int64.self)
  }
}

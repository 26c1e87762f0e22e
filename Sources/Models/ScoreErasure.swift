import Columns
import Schedules
import Warehouse

/// Takes erased customers out of stored scores, in the caller's transaction. Models stay as they were
/// trained.
public enum ScoreErasure {
  /// Removes the scores of customers.
  ///
  /// - Returns: the number of scores.
  /// - Throws: ``ModelError`` `models.damaged_scores`; `WarehouseError`.
  public static func erase(_ customers: IDIndex, on connection: Connection) async throws -> Int {
    var removed = 0
    for row in try await connection.query(SQL(file: "queries/erasure/list_scores.sql")) {
      let (model, asOf): (String, Instant) = (try row.get("model"), try row.get("as_of"))
      guard
        let stored = try await connection.first(
          SQL(file: "queries/models/select_score.sql", model, asOf))
      else { continue }
      let (index, scores) = try ScorePayload.decode(stored.get("payload", as: [UInt8].self))
      let gone = Set(customers.rows(in: index).filter { $0 >= 0 })
      if gone.isEmpty { continue }
      let kept = index.ids.indices.filter { !gone.contains($0) }
      let payload = ScorePayload.encode(
        IDIndex(sorted: kept.map { index.ids[$0] }), kept.map { scores[$0] })
      try await connection.execute(
        SQL(
          file: "queries/erasure/update_scores.sql", model, asOf, Int64(kept.count), payload))
      removed += gone.count
    }
    return removed
  }
}

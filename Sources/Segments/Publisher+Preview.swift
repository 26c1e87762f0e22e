import Schedules
import Warehouse

extension Publisher {
  /// What publishing a stored evaluation would show, without publishing it: members, and who entered
  /// and left since the publication before its as-of, whatever is live.
  ///
  /// Everyone has entered where there was none, or its evaluation is no longer kept.
  /// - Throws: ``SegmentError`` `segments.unknown_evaluation`; `WarehouseError`.
  public func preview(evaluationID: Int64) async throws -> PublicationResult {
    let now = clock.now()
    return try await pool.transaction(.repeatableRead, readOnly: true) { connection in
      let new = try await EvaluationStore.load(evaluationID, on: connection)
      let row = try await connection.first(
        SQL(file: "queries/segments/select_publication_before.sql", new.asOf))
      var base: SegmentEvaluation?
      if let kept = try row?.get("evaluation_id", as: Int64?.self) {
        base = try await EvaluationStore.load(kept, on: connection)
      }
      let plan = PublicationPlan(publishing: new, live: base, base: base)
      let before = base == nil ? 0 : try row?.get("publication_id", as: Int32.self) ?? 0
      return plan.result(
        .withheld, id: before, publishedAt: now, customers: new.customers.count)
    }
  }
}

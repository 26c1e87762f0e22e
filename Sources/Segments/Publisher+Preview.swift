import Schedules
import Warehouse

extension Publisher {
  /// What publishing a stored evaluation would show, without publishing it: members, and who entered
  /// and left since the publication before its as-of, whatever is live.
  ///
  /// Everyone has entered where there was none, or its evaluation is no longer kept.
  /// - Throws: ``SegmentError`` `segments.unknown_evaluation`; `WarehouseError`.
  public func preview(
    evaluationID: Int64, outcome: PublicationResult.Outcome = .withheld
  ) async throws -> PublicationResult {
    let now = clock.now()
    return try await pool.transaction(.repeatableRead, readOnly: true) { connection in
      let new = try await EvaluationStore.load(evaluationID, on: connection)
      let row = try await connection.first(
        SQL(file: "queries/segments/select_publication_before.sql", new.asOf))
      var base: SegmentEvaluation?
      if try row?.get("evaluation_id", as: Int64?.self) != nil {
        base = try await EarlierPublications.entry(before: new.asOf, on: connection)?.evaluation
      }
      let plan = PublicationPlan(publishing: new, live: base, base: base)
      let before = base == nil ? 0 : try row?.get("publication_id", as: Int32.self) ?? 0
      return plan.result(
        outcome, id: before, publishedAt: now, customers: new.customers.count)
    }
  }

  /// Whether an instant was published by another DAG only, and a later one since: a refresh between the
  /// nights has published the midnight and gone on.
  public func isOvertaken(_ asOf: Instant, dag: String) async throws -> Bool {
    try await pool.first(SQL(file: "queries/segments/find_overtaken.sql", asOf, dag))?
      .get("overtaken", as: Bool.self) ?? false
  }
}

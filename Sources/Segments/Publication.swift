import Columns
import Foundation
import Schedules
import Warehouse

/// What a publication keeps of itself, as `segments.publication_record.summary`.
struct PublicationSummary: Codable, Sendable {
  /// The evaluation published; its row may be gone.
  let evaluation: Int64
  let result: PublicationResult

  /// What a run has published of an evaluation; nil where it has not.
  static func find(
    of runID: Int64?, evaluation: Int64, on connection: Connection
  ) async throws -> PublicationResult? {
    guard let runID else { return nil }
    let row = try await connection.first(
      SQL(file: "queries/segments/select_publication_of_run.sql", runID, evaluation))
    guard let row else { return nil }
    let text = try row.get("summary", as: JSONText.self).text
    return try JSONDecoder().decode(PublicationSummary.self, from: Data(text.utf8)).result
  }
}

/// The writing half of a publication, inside its transaction; everything is decided already.
struct Publication: Sendable {
  let publisher: Publisher
  let connection: Connection
  let plan: PublicationPlan
  let id: Int32
  let publishedAt: Instant
  let evaluationID: Int64
  var runID: Int64?
  let base: EarlierPublications.Entry?
  /// What is told of it, once that is known.
  var result: PublicationResult?
  /// What is published.
  let evaluation: SegmentEvaluation

  /// Writes everything that the plan changes.
  ///
  /// - Parameter reasons: see ``reasons(_:)``.
  func write(_ reasons: TransitionReasons) async throws {
    let catalogue = try await catalogueUpdate()
    try await record(catalogue.ids)
    if plan.catalogueChanged { try await write(catalogue) }
    try await writeSpells(
      SpellRows(plan: plan, publicationID: id, reasons: reasons, ids: catalogue.ids))
    _ = try await connection.pipeline(sizes(catalogue.ids))
    var decisions = DecisionRecord(connection)
    try await decisions.write(evaluation, segments: catalogue.ids.mapValues(\.segment))
    if plan.catalogueChanged { try await change(catalogue.views) }
    try await connection.execute(
      SQL(
        file: "queries/segments/delete_old_evaluations.sql", evaluationID, plan.asOf,
        base?.evaluationID))
  }

  /// Writes the row of the publication itself.
  func record(_ ids: [String: (segment: Int32, version: Int32)]) async throws {
    try await connection.execute(try recording(ids))
  }

  /// The statement that writes the row of the publication itself.
  func recording(_ ids: [String: (segment: Int32, version: Int32)]) throws -> SQL {
    let live = plan.changes.filter(\.isLive).compactMap { ids[$0.definition.name] }
    return SQL(
      file: "queries/segments/insert_publication.sql", id, plan.asOf, runID, publishedAt,
      evaluationID,
      try result.map {
        JSONText(try EvaluationStore.json(PublicationSummary(evaluation: evaluationID, result: $0)))
      }, live.map(\.segment), live.map(\.version))
  }

  /// What explains the transitions of the plan's customers.
  func reasons(_ activity: Publisher.Activity) async throws -> TransitionReasons {
    // Without an earlier publication every transition is the rule's.
    guard let base else { return TransitionReasons(active: Bitset(count: plan.customers.count)) }
    switch activity {
    case .customers(let index): return TransitionReasons(active: rows(of: index.ids))
    case .recorded:
      let found = try await connection.pipeline([
        SQL(file: "queries/segments/select_customers_between.sql", base.asOf, plan.asOf),
        SQL(file: "queries/segments/select_late_customers.sql", base.asOf, base.publishedAt),
        SQL(file: "queries/segments/select_merged_customers.sql", base.publishedAt),
      ]).map { rows(of: try $0.first?.get("customers", as: [Int64?]?.self) ?? []) }
      var reasons = TransitionReasons(active: found[0])
      reasons.late = found[1]
      reasons.merged = found[2]
      return reasons
    }
  }

  /// The rows of customers; those that the plan lacks have none.
  func rows(of customers: [Int64?]) -> Bitset {
    var rows = Bitset(count: plan.customers.count)
    for customer in customers {
      if let customer, let row = plan.customers.row(of: customer) { rows[row] = true }
    }
    return rows
  }

  func catalogueUpdate() async throws -> CatalogueUpdate {
    let stored = try await connection.query(SQL(file: "queries/segments/select_segments.sql"))
    let versions = try await connection.query(
      SQL(file: "queries/segments/select_rule_versions.sql"))
    return CatalogueUpdate(
      for: plan,
      stored: try stored.map {
        CatalogueUpdate.Stored(
          id: try $0.get("segment_id"), name: try $0.get("name"), title: try $0.get("title"),
          description: try $0.get("description"), view: try $0.get("audience_view"))
      },
      versions: try versions.map {
        CatalogueUpdate.StoredVersion(
          id: try $0.get("version_id"), segment: try $0.get("segment_id"),
          hash: try $0.get("hash"))
      })
  }

  func write(_ catalogue: CatalogueUpdate) async throws {
    try await connection.execute(
      SQL(
        file: "queries/segments/upsert_segments.sql",
        JSONText(try EvaluationStore.json(catalogue.segments))))
    if catalogue.versions.isEmpty { return }
    try await connection.execute(
      SQL(
        file: "queries/segments/insert_rule_versions.sql",
        JSONText(try EvaluationStore.json(catalogue.versions)), id))
  }

  /// Takes spells that open, in binary form.
  static let opening: SQL = """
    COPY segments.open_spell (
      customer_id, valid_from, segment_id, opened_in, entered_version, entered_cause)
    FROM STDIN (FORMAT binary)
    """

  /// Opens, ends and corrects spells, and checks that the spells were as the sets said.
  private func writeSpells(_ rows: SpellRows) async throws {
    let endings = rows.endings(
      of: base?.evaluation.members.reduce(0) { $0 + $1.population } ?? 0)
    if rows.retracted + rows.reopened == 0,
      let early = publisher.earlyOpening(of: id, opened: rows.opened, ended: rows.ended)
    {
      endings.share(with: rows.opened)
      try await early.write(beside: connection) {
        try await endings.locateShared(on: $0)
        try await Self.open(rows, on: $0)
        try await endings.locateRest(on: $0)
      } rest: {
        try await endings.end(on: connection)
      }
      CrashPoint.publishAfterCopy.pass()
      return
    }
    if rows.opened > 0 { try await Self.open(rows, on: connection) }
    CrashPoint.publishAfterCopy.pass()
    try await endings.end(on: connection)
    if rows.retracted + rows.reopened > 0 { try await correct(rows) }
  }

  private static func open(_ rows: SpellRows, on connection: Connection) async throws {
    let opened = try await connection.copyIn(opening) { writer in
      try await rows.eachOpened { try await writer.write(bytes: $0) }
    }
    try expect(opened, rows.opened, "opened")
  }

  /// Takes back what an earlier publication of the same as-of recorded wrongly.
  private func correct(_ rows: SpellRows) async throws {
    let sent = try await connection.copyIn(
      "COPY segments.delta (customer_id, segment_id, cause, action) FROM STDIN (FORMAT binary)"
    ) { writer in
      try await rows.eachDelta { try await writer.write(bytes: $0) }
    }
    try await Self.prepareDelta(on: connection)
    if rows.retracted > 0 {
      let retracted = try await connection.execute(
        SQL(file: "queries/segments/retract_spells.sql", id, plan.asOf))
      try Self.expect(retracted, rows.retracted, "retracted")
    }
    if rows.reopened > 0 {
      let reopened = try await connection.execute(
        SQL(file: "queries/segments/reopen_spells.sql", id, plan.asOf))
      try Self.expect(reopened, rows.reopened, "reopened")
    }
    try await Self.clearDelta(of: sent, on: connection)
  }

  /// Makes the statements over the deltas cheap.
  static func prepareDelta(on connection: Connection) async throws {
    try await connection.execute("ANALYZE segments.delta")
    // Spells are found by their keys, ascending: their pages are read once, so an index page costs
    // no more than another; without this a scan of all spells looks cheaper from 1 % on. Where it is, the
    // deltas are to fit one pass.
    try await connection.execute(
      "SELECT set_config('random_page_cost', '1', true), set_config('work_mem', '64MB', true)")
  }

  /// Empties the deltas.
  static func clearDelta(of rows: Int, on connection: Connection) async throws {
    // Nobody reads the staging table, so its lock is nobody's wait. A new file is cheaper than
    // many dead rows, a few dead rows than a new file.
    try await connection.execute(
      rows > 10_000 ? "TRUNCATE segments.delta" : "DELETE FROM segments.delta")
  }

  static func expect(_ found: Int, _ expected: Int, _ verb: String) throws {
    guard found != expected else { return }
    throw SegmentError(
      code: "segments.out_of_step",
      message: "expected \(expected) spells to be \(verb), found \(found)",
      hint: "the memberships are not those of the live evaluation; were they changed by hand?")
  }

  /// The statements that write sizes and movements, and whose change a rule is.
  func sizes(_ ids: [String: (segment: Int32, version: Int32)]) -> [SQL] {
    let sized = plan.changes.compactMap { change in
      ids[change.definition.name].map { (change, $0.segment) }
    }
    return [
      SQL(file: "queries/segments/delete_sizes.sql", plan.asOf),
      SQL(
        file: "queries/segments/insert_sizes.sql", plan.asOf, sized.map(\.1),
        sized.map { Int64($0.0.members) }, sized.map { Int64($0.0.entered) },
        sized.map { Int64($0.0.left) }),
      SQL(file: "queries/segments/insert_rule_changes.sql", id, runID),
    ]
  }

  func change(_ views: [CatalogueUpdate.ViewChange]) async throws {
    for view in views {
      switch view {
      case .drop(let name):
        try await connection.execute("DROP VIEW IF EXISTS \(identifier: "audience", name)")
      case .describe(let name, let comment):
        try await describe(name, comment)
      case .create(let name, let segment, let comment):
        try await connection.execute(
          """
          CREATE VIEW \(identifier: "audience", name) AS
          SELECT o.customer_id, c.customer_key, o.valid_from AS since,
            o.entered_cause::text AS cause, v.hash AS rule_version, p.run_id
          FROM segments.shown_spell o
          LEFT JOIN facts.customers c ON c.customer_id = o.customer_id
          LEFT JOIN segments.rule_version v ON v.version_id = o.entered_version
          LEFT JOIN segments.publication_record p ON p.publication_id = o.opened_in
          WHERE o.segment_id = \(unsafeText: String(segment))
          """)
        try await describe(name, comment)
        for (column, meaning) in Self.columns {
          try await connection.execute(
            """
            COMMENT ON COLUMN \(identifier: "audience", name, column)
            IS \(unsafeText: SQL.quoted(literal: meaning))
            """)
        }
        try await connection.execute(
          "GRANT SELECT ON \(identifier: "audience", name) TO strata_reader")
      }
    }
  }

  private func describe(_ view: String, _ comment: String) async throws {
    try await connection.execute(
      """
      COMMENT ON VIEW \(identifier: "audience", view) IS \(unsafeText: SQL.quoted(literal: comment))
      """)
  }

  private static let columns = [
    ("customer_id", "The customer, internal number."),
    ("customer_key", "The customer, the company's own key."),
    ("since", "As-of of the publication at which the customer entered, without a break since."),
    ("cause", "Why the customer entered."),
    ("rule_version", "The rule version under which the customer entered."),
    ("run_id", "The run that recorded the entry; null outside a run."),
  ]
}

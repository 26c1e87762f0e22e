import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// The analysts' API: what `strata_reader` may do, what is described, what queries cost.
@Suite("The analysts' views of segments")
struct SegmentsReaderRoleTests {
  static let views = [
    "catalog", "membership", "history", "transitions", "daily_size", "primary_segment",
    "publication", "customer", "customer_value", "rule_history", "suppressed",
    "recorded_history",
  ]
  /// Without conflicts nobody loses anything.
  private static let emptyViews: Set<String> = ["suppressed"]

  /// Two days of two segments over three customers.
  private func publishTwoDays(_ project: SegmentsProject) async throws {
    let best = SegmentsProject.definition("Best Ones", priority: 1)
    let all = SegmentsProject.definition("all", priority: 2)
    for (day, members) in [(1, [1]), (2, [2, 3])] as [(Int, Set<Int64>)] {
      try await project.publish(
        SegmentsProject.evaluation(
          SegmentsProject.day(day), customers: [1, 2, 3], [(all, [1, 2, 3]), (best, members)]),
        runID: Int64(day))
    }
    try await project.pool.execute("SELECT facts.ensure_months(ARRAY[date '1970-01-01'])")
    try await project.pool.execute(
      """
      INSERT INTO facts.events (
        customer_id, occurred_at, ingested_at, load_id, kind_id, source_id, amount, event_id)
      VALUES (1, '1970-01-02', '1970-01-03', 1, 1, 1, 12.5, 'e')
      """)
  }

  private func asReader<T: Sendable>(
    _ pool: ConnectionPool, _ body: nonisolated(nonsending) (Connection) async throws -> T
  ) async throws -> T {
    try await pool.transaction { connection in
      try await connection.execute("SET LOCAL ROLE strata_reader")
      return try await body(connection)
    }
  }

  @Test("The reader reads every view and function")
  func reads() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 3)
      try await publishTwoDays(project)
      try await asReader(pool) { connection in
        for view in Self.views {
          let rows = try await connection.query(
            "SELECT * FROM \(identifier: "segments", view)")
          #expect(rows.isEmpty == Self.emptyViews.contains(view), "\(view)")
        }
        let best = try await connection.query(
          "SELECT customer_key, cause FROM audience.best_ones ORDER BY 1")
        #expect(try best.map { try $0.get(0, as: String.self) } == ["C2", "C3"])
        let then = try await connection.query(
          "SELECT customer_key FROM segments.members_at('Best Ones', \(SegmentsProject.day(1)))")
        #expect(try then.map { try $0.get(0, as: String.self) } == ["C1"])
        let primary = try await connection.query(
          "SELECT segment FROM segments.primary_segment ORDER BY customer_id")
        #expect(
          try primary.map { try $0.get(0, as: String.self) } == ["all", "Best Ones", "Best Ones"])
      }
    }
  }

  @Test("The reader reads nothing else and writes nothing")
  func readsNothingElse() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 3)
      try await publishTwoDays(project)
      for relation in try await relations(pool) {
        let isView = relation.hasPrefix("segments.") && Self.views.contains(relation.segment)
        let may = relation.hasPrefix("audience.") || isView
        for statement in Self.attempts(on: relation) {
          let isReading = statement.hasPrefix("SELECT")
          let code = try await refusal(of: statement, pool)
          if may && isReading {
            #expect(code == nil, "\(statement)")
          } else {
            // 42501: insufficient privilege. A view over several tables takes no rows from anybody.
            let isRefused = code == "42501" || (may && code == "55000")
            #expect(isRefused, "\(statement): \(code ?? "done")")
          }
        }
      }
      let refused: [SQL] = [
        "SELECT * FROM segments.open_spell", "SELECT * FROM facts.customers",
        "DELETE FROM segments.membership", "INSERT INTO segments.delta VALUES (1, 1, 'rule', 1)",
        "UPDATE audience.best_ones SET customer_id = 1", "CREATE TABLE segments.mine (a int)",
        "CREATE TABLE public.mine (a int)", "CREATE VIEW audience.mine AS SELECT 1",
        "DROP VIEW audience.best_ones", "CREATE SCHEMA mine",
        "SELECT nextval('landing.customer_id')", "SELECT runs.ensure_partitions(now())",
        "SELECT facts.ensure_months(ARRAY[date '2020-01-01'])",
        "CREATE FUNCTION segments.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "COPY segments.membership TO PROGRAM 'cat'", "SELECT pg_read_file('PG_VERSION')",
      ]
      for sql in refused {
        await #expect(throws: WarehouseError.self) {
          try await asReader(pool) { try await $0.execute(sql) }
        }
      }
    }
  }

  /// Every table, view and sequence of ours, as `schema.name`, quoted where SQL needs it.
  private func relations(_ pool: ConnectionPool) async throws -> [String] {
    try await pool.query(
      """
      SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema'
      """
    ).map { try $0.get(0, as: String.self) }
  }

  private static func attempts(on relation: String) -> [String] {
    [
      "SELECT 1 FROM \(relation) LIMIT 1", "DELETE FROM \(relation)",
      "INSERT INTO \(relation) DEFAULT VALUES", "LOCK TABLE \(relation) IN SHARE MODE",
    ]
  }

  /// Why the reader may not; nil where it may, which is undone.
  private func refusal(of statement: String, _ pool: ConnectionPool) async throws -> String? {
    struct Undo: Error {}
    do {
      try await pool.transaction(retries: 0) { connection in
        try await connection.execute("SET LOCAL ROLE strata_reader")
        try await connection.execute(SQL(unsafeText: statement))
        throw Undo()
      }
    } catch is Undo {
      return nil
    } catch let error as WarehouseError {
      return error.sqlState
    }
    return nil
  }

  @Test("The reader may use its views and two functions, and no other schema")
  func rights() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 3)
      try await publishTwoDays(project)
      let schemas = try await pool.query(
        """
        SELECT nspname::text || CASE
          WHEN has_schema_privilege('strata_reader', oid, 'CREATE') THEN ' create' ELSE '' END
        FROM pg_namespace
        WHERE has_schema_privilege('strata_reader', oid, 'USAGE') AND nspname !~ '^pg_'
          AND nspname NOT IN ('information_schema', 'public') ORDER BY 1
        """
      ).map { try $0.get(0, as: String.self) }
      #expect(schemas == ["audience", "reports", "segments"])
      let functions = try await pool.query(
        """
        SELECT p.oid::regprocedure::text FROM pg_proc p
        JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND has_schema_privilege('strata_reader', n.oid, 'USAGE')
          AND has_function_privilege('strata_reader', p.oid, 'EXECUTE')
        ORDER BY 1
        """
      ).map { try $0.get(0, as: String.self) }
      #expect(
        functions == [
          "segments.members_at(text,timestamp with time zone,timestamp with time zone)",
          "segments.scores_at(text,timestamp with time zone)",
        ])
      let owned = try await project.count(
        """
        SELECT count(*) FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
        WHERE r.rolname = 'strata_reader' AND d.deptype = 'o'
          AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        """)
      #expect(owned == 0)
    }
  }

  @Test("Every table, view, column and function of segments and audience is described")
  func comments() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 3)
      try await publishTwoDays(project)
      let bare = try await pool.query(
        """
        SELECT c.oid::regclass::text || coalesce('.' || a.attname, '') AS what
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN LATERAL (
          SELECT attname, attnum FROM pg_attribute
          WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
          UNION ALL SELECT NULL, 0) a ON true
        WHERE n.nspname IN ('segments', 'audience') AND c.relkind IN ('r', 'v', 'p')
          AND NOT EXISTS (
            SELECT FROM pg_description d
            WHERE d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum)
        UNION ALL
        SELECT p.oid::regprocedure::text FROM pg_proc p
        JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'segments' AND obj_description(p.oid, 'pg_proc') IS NULL
        """
      ).map { try $0.get(0, as: String.self) }
      #expect(bare.isEmpty, "without a comment: \(bare.joined(separator: ", "))")
    }
  }

  @Test("Counting per segment does not touch the customers")
  func countsWithoutCustomers() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 3)
      try await publishTwoDays(project)
      let counting: [SQL] = [
        "EXPLAIN SELECT segment, count(*) FROM segments.membership GROUP BY segment",
        "EXPLAIN SELECT segment, count(*) FROM segments.primary_segment GROUP BY segment",
        "EXPLAIN SELECT count(*) FROM segments.transitions WHERE cause = 'event'",
        "EXPLAIN SELECT count(*) FROM audience.best_ones",
      ]
      for sql in counting {
        let plan = try await pool.query(sql).map { try $0.get(0, as: String.self) }
        #expect(!plan.contains { $0.contains("customers") }, "\(plan)")
        // Of the publications only the newest number is asked for.
        let publications = plan.filter { $0.contains("publication_record") }
        #expect(
          publications.count <= 1
            && publications.allSatisfy { $0.contains("Index Only Scan Backward") }, "\(plan)")
      }
    }
  }

  @Test("An unknown segment is an error that names it")
  func unknownSegment() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 3)
      try await publishTwoDays(project)
      await #expect {
        _ = try await pool.query("SELECT * FROM segments.members_at('nobody', now())")
      } throws: {
        ($0 as? WarehouseError)?.message.contains("nobody") == true
      }
      await #expect {
        _ = try await project.reader.show("nobody")
      } throws: {
        ($0 as? SegmentError)?.code == "segments.unknown_segment"
      }
    }
  }

  @Test("Listings show the live publication, best priority first")
  func listings() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 3)
      #expect(try await project.reader.list().isEmpty)
      #expect(try await project.reader.liveAsOf() == nil)
      try await publishTwoDays(project)
      let list = try await project.reader.list()
      #expect(list.map(\.segment) == ["Best Ones", "all"])
      #expect(list.map(\.members) == [2, 3])
      #expect(list.map(\.entered) == [2, 0] && list.map(\.left) == [1, 0])
      #expect(list.map(\.audienceView) == ["best_ones", "all"])
      #expect(try await project.reader.liveAsOf() == SegmentsProject.day(2))
      let detail = try await project.reader.show("Best Ones")
      #expect(detail.versions.map(\.ruleVersion) == ["v1"])
      #expect(detail.versions.map(\.runID) == [1])
      #expect(detail.isLive && detail.members == 2 && detail.priority == 1)
      let some = try await project.reader.members(of: "all", limit: 2)
      #expect(some.map(\.customerKey) == ["C1", "C2"])
    }
  }
}

extension String {
  /// What stands behind the schema.
  fileprivate var segment: String { split(separator: ".").last.map(String.init) ?? self }
}

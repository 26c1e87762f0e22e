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
    "publication",
  ]

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
          #expect(!rows.isEmpty, "\(view)")
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
      let relations = try await pool.query(
        """
        SELECT n.nspname::text AS schema, c.relname::text AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname IN (
          'strata', 'runs', 'landing', 'facts', 'features', 'models', 'segments', 'audience',
          'public')
        """)
      for row in relations {
        let (schema, name): (String, String) = (try row.get("schema"), try row.get("name"))
        let isOurs = schema == "segments" || schema == "audience"
        let may = schema == "audience" || (schema == "segments" && Self.views.contains(name))
        let privileges = try await pool.query(
          """
          SELECT p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p
          WHERE has_table_privilege(
            'strata_reader', (quote_ident(\(schema)) || '.' || quote_ident(\(name)))::regclass, p)
          """
        ).map { try $0.get(0, as: String.self) }
        if isOurs || !privileges.isEmpty {
          #expect(privileges == (may ? ["SELECT"] : []), "\(schema).\(name)")
        }
      }
      let refused: [SQL] = [
        "SELECT * FROM segments.open_spell", "SELECT * FROM facts.customers",
        "DELETE FROM segments.membership", "INSERT INTO segments.delta VALUES (1, 1, 'rule', 1)",
        "UPDATE audience.best_ones SET customer_id = 1", "CREATE TABLE segments.mine (a int)",
        "CREATE TABLE public.mine (a int)", "CREATE VIEW audience.mine AS SELECT 1",
        "DROP VIEW audience.best_ones", "CREATE SCHEMA mine",
      ]
      for sql in refused {
        await #expect(throws: WarehouseError.self) {
          try await asReader(pool) { try await $0.execute(sql) }
        }
      }
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
        #expect(!plan.contains { $0.contains("publication_record") }, "\(plan)")
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

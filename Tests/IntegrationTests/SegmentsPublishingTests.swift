import Columns
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// One publication among others: causes, the fence, lost connections, concurrency, readers.
@Suite("Publishing")
struct SegmentsPublishingTests {
  private func evaluation(
    _ day: Int, _ sets: [(SegmentDefinition, Set<Int64>)], customers: [Int64] = Array(1...6)
  ) -> SegmentEvaluation {
    SegmentsProject.evaluation(SegmentsProject.day(day), customers: customers, sets)
  }

  @Test("Causes come from recorded events, late ones included, then scores, then time")
  func causes() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 6)
      let plain = SegmentsProject.definition("plain")
      let scored = SegmentsProject.definition("scored", usesScore: true)
      try await project.publish(evaluation(1, [(plain, []), (scored, [])]), activity: .recorded)
      let day = SegmentsProject.day
      try await pool.execute(
        """
        INSERT INTO landing.source (name, created_at) VALUES ('shop', \(day(1)))
        """)
      // Load 1 is old, load 2 came after the first publication and brings a late event too.
      let now = project.clock.now()
      for (finished, first) in [(now - .seconds(3600), day(0)), (now + .seconds(1), day(0))] {
        try await pool.execute(
          """
          INSERT INTO landing.load (
            source_id, started_at, finished_at, first_occurred_at, state, definition)
          SELECT source_id, \(finished), \(finished), \(first), 'loaded', '' FROM landing.source
          """)
      }
      try await pool.execute("SELECT facts.ensure_months(ARRAY[date '1969-12-01', '1970-01-01'])")
      let hour = Duration.seconds(3600)
      let events: [(customer: Int64, at: Instant, load: Int64)] = [
        (1, day(1), 1),  // at the as-of before: counts for day 2
        (2, day(2) - hour, 2),
        (3, day(0) + hour, 2),  // late
        (4, day(0) + hour, 1),  // known long ago
        (5, day(2), 2),  // does not exist yet
      ]
      for event in events {
        try await pool.execute(
          """
          INSERT INTO facts.events (
            customer_id, occurred_at, ingested_at, load_id, kind_id, source_id, event_id)
          VALUES (\(event.customer), \(event.at), \(event.at), \(event.load), 1, 1, 'e')
          """)
      }
      let everyone = Set(Int64(1)...6)
      let fresh = SegmentsProject.definition("fresh")
      try await project.publish(
        evaluation(2, [(plain, everyone), (scored, everyone), (fresh, everyone)]),
        activity: .recorded)
      func causes(_ segment: String) async throws -> [String] {
        try await pool.query(
          """
          SELECT cause FROM segments.transitions WHERE segment = \(segment) ORDER BY customer_id
          """
        ).map { try $0.get(0, as: String.self) }
      }
      #expect(try await causes("plain") == ["event", "event", "late", "time", "time", "time"])
      #expect(try await causes("scored") == ["event", "event", "late", "model", "model", "model"])
      #expect(try await causes("fresh") == Array(repeating: "rule", count: 6))

      // A changed rule, and a segment that goes.
      let changed = SegmentsProject.definition("plain", version: "v2")
      try await project.publish(evaluation(3, [(changed, [1]), (fresh, everyone)]))
      let left = try await pool.query(
        """
        SELECT segment, cause, rule_version, count(*) AS n FROM segments.transitions
        WHERE transition = 'left' GROUP BY 1, 2, 3 ORDER BY 1
        """)
      #expect(try left.map { try $0.get("segment", as: String.self) } == ["plain", "scored"])
      #expect(try left.map { try $0.get("cause", as: String.self) } == ["rule", "rule"])
      #expect(try left.map { try $0.get("rule_version", as: String.self) } == ["v2", "v1"])
      #expect(try left.map { try $0.get("n", as: Int64.self) } == [5, 6])
    }
  }

  struct LeaseLost: Error {}

  @Test("A fence that refuses, early or late, leaves everything as it was", arguments: [1, 2])
  func fence(refusal: Int64) async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 6)
      let a = SegmentsProject.definition("a")
      try await project.publish(evaluation(1, [(a, [1, 2])]))
      let contents = try await project.contents()
      try await pool.execute("CREATE SEQUENCE public.asked")
      await #expect(throws: LeaseLost.self) {
        try await project.publish(evaluation(2, [(a, [3])])) { connection in
          let asked = try await connection.first("SELECT nextval('public.asked')")
          if try asked?.get(0, as: Int64.self) == refusal { throw LeaseLost() }
        }
      }
      #expect(try await project.contents() == contents)
      let result = try await project.publish(evaluation(2, [(a, [3])]))
      #expect(result.segments.map(\.entered) == [1] && result.segments.map(\.left) == [2])
    }
  }

  @Test("A session that dies before the commit changes nothing; the next run completes")
  func deadSession() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 6)
      let a = SegmentsProject.definition("a")
      try await project.publish(evaluation(1, [(a, [1, 2])]))
      let contents = try await project.contents()
      await #expect(throws: WarehouseError.self) {
        try await project.publish(evaluation(2, [(a, [2, 3])])) { connection in
          let written = try await connection.first(
            "SELECT count(*) FROM segments.open_spell WHERE customer_id = 3")
          guard try written?.get(0, as: Int64.self) == 1 else { return }
          // Everything is written; the session ends as it does when its client is killed.
          let process = await connection.serverProcess
          try await pool.execute("SELECT pg_terminate_backend(\(process), 5000)")
        }
      }
      #expect(try await project.contents() == contents)
      try await project.publish(evaluation(2, [(a, [2, 3])]))
      #expect(
        try await project.count(
          "SELECT count(*) FROM segments.transitions WHERE as_of = \(SegmentsProject.day(2))") == 2)
      #expect(try await project.overlaps() == 0)
    }
  }

  @Test("The same evaluation published at once by four: one publishes, three find nothing to do")
  func concurrent() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 6)
      let a = SegmentsProject.definition("a")
      let id = try await project.store.save(evaluation(1, [(a, [1, 2])]), runID: nil)
      let outcomes = try await withThrowingTaskGroup(of: PublicationResult.Outcome.self) { group in
        for _ in 0..<4 {
          group.addTask {
            try await project.publisher.publish(evaluationID: id, runID: nil).outcome
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(outcomes.filter { $0 == .published }.count == 1)
      #expect(outcomes.filter { $0 == .unchanged }.count == 3)
      #expect(try await project.count("SELECT count(*) FROM segments.membership") == 2)
    }
  }

  @Test("Readers never wait for a publication and never see half of one")
  func readers() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 200)
      let customers = Array(Int64(1)...200)
      // Each customer is in exactly one of the two, so a mix would not add up.
      func split(_ day: Int) -> SegmentEvaluation {
        let odd = Set(customers.filter { ($0 + Int64(day)) % 3 == 0 })
        return SegmentsProject.evaluation(
          SegmentsProject.day(day), customers: customers,
          [
            (SegmentsProject.definition("in"), odd),
            (SegmentsProject.definition("out"), Set(customers).subtracting(odd)),
          ])
      }
      try await project.publish(split(1))
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<2 {
          group.addTask {
            var seen: Set<Instant> = []
            try await pool.withConnection { connection in
              // A reader that had to wait for a lock for this long would fail.
              try await connection.execute("SET lock_timeout = '20ms'")
              while !seen.contains(SegmentsProject.day(25)) {
                let row = try await connection.first(
                  """
                  SELECT (SELECT count(*) FROM segments.membership) AS members,
                    (SELECT sum(members)::bigint FROM segments.catalog) AS sizes,
                    (SELECT count(*) FROM audience."in") AS audience,
                    (SELECT members FROM segments.catalog WHERE segment = 'in') AS listed,
                    (SELECT max(as_of) FROM segments.publication WHERE is_live) AS as_of
                  """)
                guard let row else { break }
                #expect(try row.get("members", as: Int64.self) == 200)
                #expect(try row.get("sizes", as: Int64.self) == 200)
                #expect(
                  try row.get("audience", as: Int64.self) == row.get("listed", as: Int64.self))
                seen.insert(try row.get("as_of"))
              }
            }
            return seen.count
          }
        }
        for day in 2...25 { try await project.publish(split(day)) }
        for try await seen in group { #expect(seen > 1) }
      }
    }
  }

  @Test("Evaluations go once a later one is live; the live one and the one before stay")
  func pruning() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 6)
      let a = SegmentsProject.definition("a")
      for day in 1...4 { try await project.publish(evaluation(day, [(a, [Int64(day)])])) }
      #expect(try await project.count("SELECT count(*) FROM segments.evaluation") == 2)
      // The live day again: what it is compared with is still there.
      try await project.publish(evaluation(4, [(a, [3])]))
      #expect(try await project.count("SELECT count(*) FROM segments.evaluation") == 2)
      #expect(try await project.count("SELECT count(*) FROM segments.evaluation_set") == 2)
      await #expect {
        _ = try await project.publisher.publish(evaluationID: 1, runID: nil)
      } throws: {
        ($0 as? SegmentError)?.code == "segments.unknown_evaluation"
      }
    }
  }

  @Test("A stored evaluation comes back as it was")
  func roundTrip() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 1)
      let stored = evaluation(
        3,
        [
          (SegmentsProject.definition("ünï 'code'", priority: -3, usesScore: true), [1, 6]),
          (SegmentsProject.definition("nobody"), []),
        ], customers: [1, 5, 6, 900])
      let id = try await project.store.save(stored, runID: 7)
      #expect(try await project.store.load(id) == stored)
    }
  }
}

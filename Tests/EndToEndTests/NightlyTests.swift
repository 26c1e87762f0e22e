import Foundation
import Testing
import Warehouse

@Suite("The nightly run, through the binary")
struct NightlyTests {
  @Test("runs every kind of task, publishes, and a second call changes nothing")
  func nightly() async throws {
    try await Shop.open { shop in
      let first = try await shop.night()
      #expect(first.code == 0, "\(first.error) \(first.output.prefix(3000))")
      let report = try first.json(ReportFacts.self)
      #expect(report.run.state == "success")
      #expect(
        report.tasks.map(\.name) == [
          "extract", "features", "train_churn", "score_churn", "rules", "publish", "report",
        ])
      #expect(report.tasks.allSatisfy { $0.state == "success" })
      #expect(report.segments.count == 28)
      // What the report says is what analysts read.
      for segment in report.segments {
        let members = try await shop.count(
          "SELECT count(*) FROM segments.membership WHERE segment = \(segment.name)")
        #expect(members == Int64(segment.members), "\(segment.name)")
      }
      #expect(report.segments.contains { $0.members > 0 && $0.members < $0.population })

      // Listings for programs: the same keys in every object, null where there is nothing.
      let listing = try await shop("segments", "list", "--json")
      let objects = try JSONDecoder().decode(
        [[String: JSONLeaf]].self, from: Data(listing.output.utf8))
      #expect(objects.count == 28)
      let keys: Set = [
        "as_of", "audience_view", "entered", "left", "members", "priority", "rule_version",
        "segment", "title",
      ]
      for object in objects { #expect(Set(object.keys) == keys) }

      let state: SQL = """
        SELECT count(*) + (SELECT count(*) FROM segments.history) * 1000000
          + (SELECT count(*) FROM segments.publication) * 1000000000000 FROM segments.transitions
        """
      let before = try await shop.count(state)
      let second = try await shop.night()
      #expect(second.code == 0, "\(second.error)")
      #expect(try second.json(ReportFacts.self).run.id == report.run.id)
      #expect(try await shop.count(state) == before)
    }
  }

  @Test("the next day moves segments, and movements add up to sizes")
  func nextDay() async throws {
    try await Shop.open { shop in
      #expect(try await shop.night("2025-02-02").code == 0)
      let outcome = try await shop.night("2025-02-03")
      #expect(outcome.code == 0, "\(outcome.error)")
      let report = try outcome.json(ReportFacts.self)
      #expect(report.segments.reduce(0) { $0 + $1.entered } > 0)
      #expect(report.segments.reduce(0) { $0 + $1.left } > 0)
      func unbalanced() async throws -> Int64 {
        try await shop.count(
          """
          SELECT count(*) FROM (
            SELECT segment, as_of, members,
              sum(entered - "left") OVER (PARTITION BY segment ORDER BY as_of) AS net
            FROM segments.daily_size) AS s
          WHERE members <> net
          """)
      }
      #expect(try await unbalanced() == 0)
      // A day before those goes between what is published, and changes nothing that is live.
      let live: SQL =
        "SELECT extract(epoch FROM as_of)::bigint FROM segments.publication WHERE is_live"
      let before = try await shop.count(live)
      let earlier = try await shop.night("2025-02-01")
      #expect(earlier.code == 0, "\(earlier.error)")
      #expect(try await shop.count(live) == before)
      #expect(try await unbalanced() == 0)
    }
  }

  @Test("a failing publish: the report still runs, the run is failed, the exit code is 1")
  func failingPublish() async throws {
    try await Shop.open { shop in
      try await shop.pool.withConnection { connection in
        try await connection.script(
          """
          CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'refused by the test' USING ERRCODE = '42501'; END $$;
          CREATE TRIGGER refuse BEFORE INSERT ON segments.publication_record
            FOR EACH STATEMENT EXECUTE FUNCTION refuse();
          """)
      }
      let failed = try await shop.night()
      #expect(failed.code == 1)
      let report = try failed.json(ReportFacts.self)
      #expect(report.run.state == "failed")
      let states = Dictionary(uniqueKeysWithValues: report.tasks.map { ($0.name, $0.state) })
      #expect(states["publish"] == "failed")
      #expect(states["report"] == "success")
      #expect(report.failures.contains { $0.message.contains("refused by the test") })
      #expect(try await shop.count("SELECT count(*) FROM segments.membership") == 0)
      #expect(try await shop.count("SELECT count(*) FROM reports.run_report") == 1)

      try await shop.pool.withConnection {
        try await $0.script("DROP TRIGGER refuse ON segments.publication_record")
      }
      let mended = try await shop.night()
      #expect(mended.code == 0, "\(mended.error)")
      #expect(try mended.json(ReportFacts.self).run.id == report.run.id)
      #expect(try await shop.count("SELECT count(*) FROM segments.membership") > 0)
    }
  }

  @Test(
    "kill -9 during publish: readers see the old publication, the next run completes",
    arguments: ["publish.after_copy", "publish.before_commit", "publish.after_commit"])
  func killed(point: String) async throws {
    try await Shop.open { shop in
      #expect(try await shop.night("2025-02-02").code == 0)
      let facts: SQL = """
        SELECT hashtextextended(string_agg(customer_id || segment, ',' ORDER BY customer_id, segment),
          count(*)) FROM segments.membership
        """
      let before = try await shop.count(facts)
      let killed = try await shop.night("2025-02-03", environment: ["STRATA_CRASH_POINT": point])
      #expect(killed.code == nil, "expected a process ended by a signal, found \(killed.status)")
      let publications = try await shop.count("SELECT count(*) FROM segments.publication")
      if point == "publish.after_commit" {
        #expect(publications == 2)
      } else {
        #expect(publications == 1)
        #expect(try await shop.count(facts) == before)
      }
      let next = try await shop.night("2025-02-03")
      #expect(next.code == 0, "\(next.error)")
      #expect(try await shop.count("SELECT count(*) FROM segments.publication") == 2)
      let doubled = try await shop.count(
        """
        SELECT count(*) FROM (
          SELECT FROM segments.transitions GROUP BY as_of, customer_id, segment HAVING count(*) > 1
        ) AS doubled
        """)
      #expect(doubled == 0)
      let unbalanced = try await shop.count(
        """
        SELECT count(*) FROM segments.daily_size AS s WHERE s.as_of = (
          SELECT max(as_of) FROM segments.publication) AND s.members <> (
          SELECT count(*) FROM segments.membership AS m WHERE m.segment = s.segment)
        """)
      #expect(unbalanced == 0)
    }
  }

  @Test("a second process on the same interval exits with 3")
  func inFlight() async throws {
    try await Shop.open { shop in
      #expect(try await shop.night("2025-02-02").code == 0)
      // Publishing waits for this lock, so the first process surely holds the interval meanwhile.
      try await shop.pool.withConnection { blocker in
        try await blocker.execute("BEGIN")
        try await blocker.execute(SQL(file: "queries/segments/lock_publication.sql"))
        async let first = shop.night()
        while try await shop.count(
          "SELECT count(*) FROM runs.task WHERE task_id = 'publish' AND state = 'running'") == 0
        { try await shop.pool.execute("SELECT pg_sleep(0.01)") }
        let second = try await shop.night()
        #expect(second.code == 3)
        #expect(second.error.contains("another process is running"))
        try await blocker.execute("ROLLBACK")
        #expect(try await first.code == 0)
      }
    }
  }
}

/// Any JSON scalar, for tests that look at keys only.
enum JSONLeaf: Decodable {
  case null
  case value(String)

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let number = try? container.decode(Double.self) {
      self = .value("\(number)")
    } else {
      self = .value(try container.decode(String.self))
    }
  }
}

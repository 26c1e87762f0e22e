import Columns
import Foundation
import Schedules
import Segments
import Tasks
import TestSupport
import Testing
import Warehouse

@testable import Inputs
@testable import Models

/// Erasures beside what else goes on: loads on both roads, a watch, runs, evaluations, scores.
@Suite("Erasure of customers")
struct CustomersErasureTests {
  private func identify(_ id: Int64, as key: String, _ pool: ConnectionPool) async throws {
    try await pool.execute(
      "INSERT INTO landing.identity (customer_id, customer_key) VALUES (\(id), \(key))")
  }

  private func erase(_ key: String, _ pool: ConnectionPool) async throws -> ErasureReport {
    try await CustomerEraser(pool: pool).erase(key, reason: "asked", author: "test")
  }

  // MARK: Loads

  private static let catalogue = """
    version: 1
    sources:
      - name: shop
        file: data.csv
        zone: UTC
        columns: {id: text, who: text, at: timestamp, paid: decimal}
        map: {event_id: id, kind: "'purchase'", customer: who, occurred_at: at, amount: paid}
        totals: {paid: paid}
    """

  private static func file(_ days: Range<Int>) -> String {
    var text = "id,who,at,paid\n"
    for day in days {
      for (place, who) in ["ann", "zoe", "bob"].enumerated() {
        text +=
          "e\(day)-\(place),\(who),2024-01-\(day < 10 ? "0" : "")\(day)T0\(place):00:00,\(day)\n"
      }
      // Rejected for its amount, though the customer is there.
      text += "f\(day),\"zoe\",2024-01-\(day < 10 ? "0" : "")\(day)T05:00:00,none\n"
    }
    return text
  }

  @Test(
    "Rows of an erased customer are counted and dropped, straight into the facts or staged",
    arguments: [true, false])
  func loads(isDirect: Bool) async throws {
    let folder = try InputsFolder()
    let source = try folder.source(Self.catalogue)
    try await withFreshDatabase { pool in
      try await InputFaults.$directRows.withValue(isDirect ? 4 : 0) {
        let loader = Loader(pool: pool)
        _ = try folder.write("data.csv", Self.file(10..<12))
        let first = try await loader.load(source)
        #expect(first.rowsAccepted == 6 && first.rejected == ["bad_decimal": 2])
        let report = try await erase("zoe", pool)
        #expect(report.erased["facts.events"] == 2 && report.erased["landing.event_key"] == 2)
        #expect(report.erased["landing.rejected"] == 2)

        // The rows that came before, and new ones.
        _ = try folder.write("data.csv", Self.file(10..<14))
        let second = try await loader.load(source)
        #expect(second.rowsAccepted == 4 && second.rowsDuplicate == 4)
        #expect(second.rejected == ["bad_decimal": 4, "erased": 4])
        #expect(second.totals.first?.accepted == "50")
        #expect(!second.samples.contains { $0.raw.contains("zoe") })
        // A load of others alone takes the road that it took before.
        _ = try folder.write("data.csv", "id,who,at,paid\ng,carl,2024-02-01T00:00:00,1\n")
        #expect(try await loader.load(source).rowsAccepted == 1)

        let kept = try await pool.query("SELECT customer_key FROM facts.customers ORDER BY 1")
        #expect(try kept.map { try $0.get(0, as: String.self) } == ["ann", "bob", "carl"])
        let traces = try await pool.first(
          """
          SELECT (SELECT count(*) FROM landing.identity WHERE customer_key = 'zoe')
            + (SELECT count(*) FROM landing.rejected WHERE raw LIKE '%zoe%')
            + (SELECT count(*) FROM landing.load WHERE error::text LIKE '%zoe%')
            + (SELECT count(*) FROM facts.events WHERE event_id LIKE 'e%-1')
          """)
        #expect(try traces?.get(0, as: Int64.self) == 0)
      }
    }
  }

  @Test("A load that stops keeps no sample of an erased customer")
  func failedLoads() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(
      Self.catalogue + "\n    contract: [{check: \"paid > 0\", name: priced, on_fail: stop}]\n")
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      _ = try folder.write("data.csv", "id,who,at,paid\n1,zoe,2024-01-01T00:00:00,1\n")
      _ = try await loader.load(source)
      _ = try await erase("zoe", pool)
      _ = try folder.write(
        "data.csv",
        "id,who,at,paid\n2,zoe,2024-01-02T00:00:00,-1\n3,ann,2024-01-02T00:00:00,-1\n")
      await #expect(throws: InputError.self) { _ = try await loader.load(source) }
      let error = try await pool.first("SELECT error FROM landing.load WHERE state = 'failed'")
      let text = try #require(try error?.get("error", as: JSONText.self).text)
      #expect(text.contains("ann") && !text.contains("zoe"))
    }
  }

  // MARK: Watches

  @Test("A watch forgets the customer, whatever time brings, and stays right about the others")
  func watches() async throws {
    try await withRefreshShop(seed: 4242, isRelative: false) { shop in
      let days = shop.days
      var day = shop.shop.first + 60
      while days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
      try await shop.database.load(shop.shop.known(through: day))
      var asOf = days.end(of: day) + .seconds(1)
      _ = try await shop.refresher.step(to: asOf)
      let members = try await shop.seen().values.reduce(into: Set<Int64>()) { $0.formUnion($1) }
      let victim = try #require(members.min())
      try await identify(victim, as: "c\(victim)", shop.pool)
      let left = try await shop.seen().count { $0.value.contains(victim) }
      let report = try await erase("c\(victim)", shop.pool)
      #expect(report.erased["segments.open_spell"] == Int64(left) && left > 0)
      var kinds: [RefreshStep.Kind] = []
      for hours in [1, 5, 11, 30, 60] {
        asOf = asOf + .seconds(hours * 3600)
        if hours == 5 {
          try await shop.database.load(
            shop.shop.known(through: day + 1, from: day).filter { $0.customer != victim })
        }
        let step = try await shop.refresher.step(to: asOf)
        kinds.append(step.kind)
        let seen = try await shop.seen()
        #expect(seen == (try await shop.expected(asOf)), "after \(hours) hours")
        #expect(!seen.values.contains { $0.contains(victim) })
      }
      #expect(kinds.contains(.touched), "\(kinds)")
      #expect(try await shop.overlaps() == 0)
      let causes = try await shop.pool.query(
        """
        SELECT DISTINCT cause FROM segments.transitions
        WHERE customer_id = \(victim) AND transition = 'left' AND as_of > \(days.end(of: day))
        """)
      #expect(try causes.map { try $0.get(0, as: String.self) } == ["erasure"])
    }
  }

  // MARK: Runs, evaluations, scores

  @Test("An evaluation that waits to be published does not bring the customer back")
  func evaluations() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 4)
      for id in 1...4 { try await identify(Int64(id), as: "C\(id)", pool) }
      let segment = SegmentsProject.definition("loyal")
      func evaluation(_ day: Int, _ members: Set<Int64>) -> SegmentEvaluation {
        SegmentsProject.evaluation(
          SegmentsProject.day(day), customers: [1, 2, 3, 4], [(segment, members)])
      }
      try await project.publish(evaluation(1, [1, 2]))
      let waiting = try await project.store.save(evaluation(2, [1, 2, 3]), runID: nil)
      let report = try await erase("C2", pool)
      #expect(report.publicationID == 2 && report.erased["segments.evaluation"] == 1)
      let result = try await project.publisher.publish(
        evaluationID: waiting, runID: nil, activity: .customers(IDIndex(sorted: [])))
      #expect(result.segments.map(\.members) == [2] && result.segments.map(\.entered) == [1])
      let now = try await pool.query("SELECT customer_id FROM segments.membership ORDER BY 1")
      #expect(try now.map { try $0.get(0, as: Int64.self) } == [1, 3])
      // The past adds up, under a number that nothing connects with the person.
      #expect(try await project.members(of: "loyal", at: SegmentsProject.day(1)) == [1, 2])
      let history = try await pool.first(
        "SELECT customer_key, left_cause FROM segments.history WHERE customer_id = 2")
      #expect(try history?.get("customer_key", as: String?.self) == nil)
      #expect(try history?.get("left_cause", as: String.self) == "erasure")
      #expect(try await project.overlaps() == 0)

      // Someone in no segment leaves no publication.
      let other = try await erase("C4", pool)
      #expect(other.publicationID == nil && !other.isRepeated)
      #expect(try await erase("C4", pool).isRepeated)
      #expect(try await CustomerEraser(pool: pool).list().count == 2)
    }
  }

  @Test("Scores of the customer go, those of others stay")
  func scores() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 4)
      try await identify(3, as: "C3", pool)
      try await pool.withConnection { connection in
        try await connection.script(
          """
          SET session_replication_role = replica;
          INSERT INTO models.score (model, as_of, version, customers, payload, scored_at)
          VALUES ('churn', '2025-01-01', 1, 0, '', '2025-01-01');
          RESET session_replication_role;
          """)
        try await connection.execute(
          """
          UPDATE models.score SET customers = 3,
            payload = \(ScorePayload.encode(IDIndex(sorted: [1, 3, 4]), [0.1, 0.3, 0.4]))
          """)
      }
      #expect(try await erase("C3", pool).erased["models.score"] == 1)
      let row = try #require(try await pool.first("SELECT customers, payload FROM models.score"))
      let (index, scores) = try ScorePayload.decode(row.get("payload", as: [UInt8].self))
      #expect(index.ids == [1, 4] && scores == [0.1, 0.4])
      #expect(try row.get("customers", as: Int64.self) == 2)
      #expect(try await project.count("SELECT count(*) FROM facts.customers") == 3)
    }
  }

  @Test("While a run is under way nothing is erased; unknown keys are refused")
  func refusals() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 1)
      try await identify(1, as: "C1", pool)
      func code(_ key: String) async throws -> String? {
        do {
          _ = try await erase(key, pool)
          return nil
        } catch let error as TaskError {
          return error.code
        }
      }
      #expect(try await code("C2") == "customers.unknown")
      try await pool.withConnection { connection in
        try await connection.script(
          """
          INSERT INTO runs.dag_snapshot (hash, dag, definition, created_at)
          VALUES ('h', 'nightly', '{}', now());
          INSERT INTO runs.run (interval_start, interval_end, created_at, started_at, dag,
            params_hash, snapshot_hash, state, params)
          VALUES ('2025-01-01', '2025-01-02', now(), now(), 'nightly', 'p', 'h', 'running', '{}');
          """)
      }
      #expect(try await code("C1") == "customers.run_under_way")
      #expect(try await project.count("SELECT count(*) FROM facts.customers") == 1)
      try await pool.execute("UPDATE runs.run SET state = 'success'")
      #expect(try await code("C1") == nil)
    }
  }

  @Test("Texts lose keys where they are words of their own, raw rows that hold one as a whole")
  func texts() async throws {
    try await withFreshDatabase { pool in
      func cleaned(_ json: String, _ keys: [String]) async throws -> String? {
        try await pool.first(
          """
          SELECT landing.without_keys(
            \(JSONText(json)), landing.key_pattern(\(keys)))::text AS text
          """)?.get("text", as: String.self)
      }
      #expect(
        try await cleaned(#"{"m": "row of C1, not C12 or xC1 or C1-b"}"#, ["C1"])
          == #"{"m": "row of (erased), not C12 or xC1 or C1-b"}"#)
      #expect(
        try await cleaned(#"{"s": [{"raw": "7,C1,Zoe", "line": 12}], "n": 1}"#, ["C1"])
          == #"{"n": 1, "s": [{"raw": "(erased)", "line": 12}]}"#)
      #expect(
        try await cleaned(#"{"a+b(c": "see a+b(c."}"#, ["a+b(c", "x]["])
          == #"{"(erased)": "see (erased)."}"#)
      let words = try await pool.query(
        "SELECT w FROM landing.words(\(#"1,"say ""hi""",a@b.c;"k": "v w""#)) AS w")
      let found = Set(try words.map { try $0.get(0, as: String.self) })
      #expect(found.isSuperset(of: ["1", #"say "hi""#, "a@b.c", "v w"]))
    }
  }
}

import Foundation
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Inputs

/// A project with visits and with merges of customers.
private let catalogueText = """
  version: 1
  sources:
    - name: visits
      file: data.csv
      zone: UTC
      columns: {id: text, who: text, at: timestamp, paid: decimal}
      map: {event_id: id, kind: "'purchase'", customer: who, occurred_at: at, amount: paid}
    - name: merges
      file: merges.csv
      zone: UTC
      into: merges
      columns: {anonymous: text, known: text, at: timestamp}
      map: {from: anonymous, to: known, merged_at: at}
      contract:
        - {not_null: known, name: known_present}
    - name: people
      file: people.csv
      zone: UTC
      into: customers
      columns: {who: text, country: text, income: text}
      map: {customer: who, profile: {country: country, income: income}}
  """

/// Who owns each event, by the company's keys.
private func owners(_ pool: ConnectionPool, knownAt: Instant? = nil) async throws -> [String:
  String]
{
  let rows =
    if let knownAt {
      try await pool.query(
        """
        SELECT e.event_id, coalesce(c.customer_key, m.from_key) AS key
        FROM facts.event_record AS e
        LEFT JOIN facts.customers AS c USING (customer_id)
        LEFT JOIN landing.merge AS m ON m.from_id = e.customer_id
        WHERE e.recorded_from <= \(knownAt) AND \(knownAt) < e.recorded_to
        """)
    } else {
      try await pool.query(
        """
        SELECT e.event_id, c.customer_key AS key
        FROM facts.events AS e JOIN facts.customers AS c USING (customer_id)
        """)
    }
  var owners: [String: String] = [:]
  for row in rows {
    let event: String = try row.get("event_id")
    #expect(owners[event] == nil, "event \(event) stands twice")
    owners[event] = try row.get("key", as: String.self)
  }
  return owners
}

private struct Project {
  let folder: InputsFolder
  let visits: SourceDefinition
  let merges: SourceDefinition
  let people: SourceDefinition

  init() throws {
    folder = try InputsFolder()
    _ = try folder.write("project.yaml", "name: test\nzone: UTC\ncurrency: EUR\n")
    let path = try folder.write("sources.yaml", catalogueText)
    let catalogue = try SourceCatalogue.load(path, environment: [:])
    visits = try catalogue.source("visits")
    merges = try catalogue.source("merges")
    people = try catalogue.source("people")
  }

  func visit(_ rows: [(id: String, who: String, at: String)]) throws {
    _ = try folder.write(
      "data.csv",
      "id,who,at,paid\n" + rows.map { "\($0.id),\($0.who),\($0.at),1.5\n" }.joined())
  }

  func merge(_ rows: [(String, String)], from day: Int = 1) throws {
    _ = try folder.write(
      "merges.csv",
      "anonymous,known,at\n"
        + rows.enumerated().map { index, row in
          "\(row.0),\(row.1),2024-03-\(String(format: "%02d", day)) 00:00:\(String(format: "%02d", index))\n"
        }.joined())
  }
}

@Suite("Inputs: merges move history")
struct InputsMergesTests {
  @Test func everythingOfTheAnonymousIsTheKnownOnes() async throws {
    let project = try Project()
    let clock = ManualClock(try #require(Instant(rfc3339: "2024-03-01T00:00:00Z")))
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool, clock: clock)
      try project.visit([
        ("1", "anon", "2024-01-01 10:00"), ("2", "ann", "2024-01-05 10:00"),
        ("3", "anon", "2024-02-01 10:00"), ("4", "bob", "2024-02-02 10:00"),
      ])
      _ = try await loader.load(project.visits)
      _ = try project.folder.write(
        "people.csv", "who,country,income\nanon,PT,low\nann,ES,\nbob,FR,high\n")
      _ = try await loader.load(project.people)
      let before = try await owners(pool)
      clock.advance(by: .seconds(3600))
      let known = clock.now()

      clock.advance(by: .seconds(3600))
      try project.merge([("anon", "ann")])
      let report = try await loader.load(project.merges)
      #expect(report.rowsAccepted == 1)
      #expect(try await owners(pool) == ["1": "ann", "2": "ann", "3": "ann", "4": "bob"])
      // What was known an hour before is still there to be asked.
      #expect(try await owners(pool, knownAt: known) == before)
      #expect(before["1"] == "anon")

      // Both customers' days are told to whoever derives something of them.
      let touched = try await pool.query(
        """
        SELECT t.cause, t.first_at, t.last_at, coalesce(c.customer_key, 'gone') AS who
        FROM facts.touched AS t LEFT JOIN facts.customers AS c USING (customer_id) ORDER BY 4
        """)
      #expect(try touched.map { try $0.get("who", as: String.self) } == ["ann", "gone"])
      for row in touched {
        #expect(try row.get("cause", as: String.self) == "merge")
        #expect(try row.get("first_at", as: Instant.self).description == "2024-01-01T10:00:00Z")
        #expect(try row.get("last_at", as: Instant.self).description == "2024-02-01T10:00:00Z")
      }
      // The load of the merge says which days it concerns, as loads of late events do.
      let span = try #require(
        try await pool.first(
          "SELECT first_occurred_at, last_occurred_at FROM landing.load ORDER BY load_id DESC"))
      #expect(try span.get(0, as: Instant.self).description == "2024-01-01T10:00:00Z")
      #expect(try span.get(1, as: Instant.self).description == "2024-02-01T10:00:00Z")
      // The known one was seen since the anonymous one was, and keeps what was said of it.
      let ann = try #require(
        try await pool.first(
          """
          SELECT first_seen_at, profile ->> 'country' AS country, profile ->> 'income' AS income
          FROM facts.customers WHERE customer_key = 'ann'
          """))
      #expect(try ann.get("first_seen_at", as: Instant.self).description == "2024-01-01T10:00:00Z")
      #expect(try ann.get("country", as: String.self) == "ES")
      #expect(try ann.get("income", as: String.self) == "low")
      let count = try await pool.first("SELECT count(*) AS n FROM facts.customers")
      #expect(try count?.get("n", as: Int64.self) == 2)

      // Later events under the old key are the known one's at once.
      try project.visit([("5", "anon", "2024-02-03 10:00"), ("6", "ann", "2024-02-04 10:00")])
      #expect(try await loader.load(project.visits).newCustomers == 0)
      #expect(try await owners(pool)["5"] == "ann")
    }
  }

  @Test func mergesAreToldOnceAndNotUndone() async throws {
    let project = try Project()
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      try project.visit([
        ("1", "a", "2024-01-01"), ("2", "b", "2024-01-02"), ("3", "c", "2024-01-03"),
      ])
      _ = try await loader.load(project.visits)
      try project.merge([("a", "b")])
      #expect(try await loader.load(project.merges).rowsAccepted == 1)
      try project.merge([("a", "b"), ("b", "a"), ("a", "c"), ("b", "c"), ("c", "c")], from: 2)
      let second = try await loader.load(project.merges)
      #expect(second.rowsAccepted == 1)
      #expect(second.rowsDuplicate == 1)
      #expect(second.rejected == ["merge_cycle": 1, "already_merged": 1, "merge_self": 1])
      #expect(try await owners(pool) == ["1": "c", "2": "c", "3": "c"])
      let rejected = try await LoadLedger(pool: pool).rejected(source: "merges")
      #expect(rejected.map(\.line) == [3, 4, 6])
      let touched = try await pool.first("SELECT count(*) AS n FROM facts.touched")
      #expect(try touched?.get("n", as: Int64.self) == 4)
    }
  }

  @Test func keysMayBeMergedBeforeAnythingCameOfThem() async throws {
    let project = try Project()
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      try project.merge([("a", "b"), ("b", "c")])
      let report = try await loader.load(project.merges)
      #expect(report.newCustomers == 1)
      try project.visit([
        ("1", "a", "2024-01-01"), ("2", "b", "2024-01-02"), ("3", "c", "2024-01-03"),
      ])
      #expect(try await loader.load(project.visits).newCustomers == 0)
      #expect(try await owners(pool) == ["1": "c", "2": "c", "3": "c"])
    }
  }

  /// Random visits and merges in random loads, against labels that are moved one by one.
  @Test func agreesWithLabelsMovedOneByOne() async throws {
    var random = SplitMix64(seed: 21)
    let project = try Project()
    for _ in 0..<4 {
      var label: [String: String] = [:]
      var key: [String: String] = [:]
      var loads: [(visits: [(id: String, who: String, at: String)], merges: [(String, String)])] =
        []
      for load in 0..<6 {
        let visits = (0..<20).map { index -> (id: String, who: String, at: String) in
          let who = "k\(Int.random(in: 0..<12, using: &random))"
          let day = Int.random(in: 1...28, using: &random)
          return ("\(load)-\(index)", who, "2024-01-\(String(format: "%02d", day)) 08:00")
        }
        let merges = (0..<3).map { _ in
          (
            "k\(Int.random(in: 0..<12, using: &random))",
            "k\(Int.random(in: 0..<12, using: &random))"
          )
        }
        loads.append((visits, merges))
      }
      let planned = loads
      for load in loads {
        for visit in load.visits {
          key[visit.id] = visit.who
          if label[visit.who] == nil { label[visit.who] = visit.who }
        }
        for (from, to) in load.merges where from != to {
          let (source, target) = (label[from] ?? from, label[to] ?? to)
          guard source == from, target != from else { continue }
          label[from] = label[from] ?? from
          label[to] = target
          for (name, owner) in label where owner == from { label[name] = target }
        }
      }
      let expected = key.mapValues { label[$0] ?? $0 }
      try await withFreshDatabase { pool in
        let loader = Loader(pool: pool)
        for (index, load) in planned.enumerated() {
          try project.visit(load.visits)
          _ = try await loader.load(project.visits)
          try project.merge(load.merges, from: index + 1)
          _ = try await loader.load(project.merges)
        }
        #expect(try await owners(pool) == expected)
        // Every event whose owner changed lies in a span that both customers were touched in.
        let missed = try await pool.first(
          """
          SELECT count(*) AS n FROM facts.event_version AS v
          WHERE NOT EXISTS (
            SELECT FROM facts.touched AS t
            WHERE t.customer_id = v.customer_id
              AND v.occurred_at BETWEEN t.first_at AND t.last_at AND t.recorded_at = v.recorded_to)
          """)
        #expect(try missed?.get("n", as: Int64.self) == 0)
      }
    }
  }
}

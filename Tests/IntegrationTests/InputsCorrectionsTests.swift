import Foundation
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Inputs

private let catalogueText = """
  version: 1
  kinds: [wishlist_add]
  sources:
    - name: sales
      file: data.csv
      zone: UTC
      columns: {id: text, type: text, who: text, at: timestamp, pieces: integer, paid: decimal, money: text, order: text}
      map:
        event_id: id
        kind: type
        customer: who
        occurred_at: at
        quantity: pieces
        amount: paid
        currency: money
        order: order
      contract:
        - {reference: order, to: purchases, name: linked, on_fail: warn}
  """

private let header = "id,type,who,at,pieces,paid,money,order\n"

@Suite("Inputs: corrections, orders, currencies, kinds")
struct InputsCorrectionsTests {
  /// Deliveries in order, each of some of the events, the later one right; against the last row of
  /// each event, and at every instant between against the last row until then.
  @Test func theLastDeliveryOfAnEventCounts() async throws {
    var random = SplitMix64(seed: 5)
    let folder = try InputsFolder()
    let source = try folder.source(catalogueText)
    let start = try #require(Instant(rfc3339: "2024-06-01T00:00:00Z"))
    let clock = ManualClock(start)
    var deliveries: [[Int: String]] = []
    for _ in 0..<5 {
      var rows: [Int: String] = [:]
      for id in 0..<60 where Int.random(in: 0..<3, using: &random) > 0 {
        let day = Int.random(in: 1...28, using: &random)
        rows[id] =
          "purchase,c\(Int.random(in: 0..<5, using: &random)),2024-0\(Int.random(in: 1...5, using: &random))-"
          + String(format: "%02d", day) + " 10:00,1,\(Int.random(in: 1...3, using: &random)),EUR,"
      }
      deliveries.append(rows)
    }
    let all = deliveries
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool, clock: clock)
      var now: [Int: String] = [:]
      var history: [[Int: String]] = []
      for (number, rows) in all.enumerated() {
        let path = try folder.write(
          "part\(number).csv",
          header + rows.sorted { $0.key < $1.key }.map { "e\($0.key),\($0.value)\n" }.joined())
        clock.advance(by: .seconds(3600))
        let report = try await loader.load(source.reading(file: path))
        let changed = rows.count { now[$0.key] != nil && now[$0.key] != $0.value }
        let new = rows.count { now[$0.key] == nil }
        #expect(report.rowsCorrected == Int64(changed))
        #expect(report.rowsAccepted == Int64(changed + new))
        #expect(report.rowsDuplicate == Int64(rows.count - changed - new))
        now.merge(rows) { _, new in new }
        history.append(now)
      }
      for (number, expected) in history.enumerated() {
        let instant = start + .seconds(3600 * Int64(number + 1) + 1)
        let rows = try await pool.query(
          """
          SELECT e.event_id, 'purchase,' || c.customer_key
            || to_char(e.occurred_at AT TIME ZONE 'UTC', ',YYYY-MM-DD HH24:MI') || ',1,'
            || round(e.amount) || ',EUR,' AS row
          FROM facts.event_record AS e JOIN facts.customers AS c USING (customer_id)
          WHERE e.recorded_from <= \(instant) AND \(instant) < e.recorded_to
          """)
        var found: [Int: String] = [:]
        for row in rows {
          let id: String = try row.get("event_id")
          found[Int(id.dropFirst()) ?? -1] = try row.get("row", as: String.self)
        }
        #expect(found == expected)
        #expect(rows.count == expected.count)
      }
      // Each version that was replaced is told, at its own place.
      let told = try await pool.first(
        """
        SELECT count(*) AS versions, count(*) FILTER (WHERE EXISTS (
            SELECT FROM facts.touched AS t
            WHERE t.customer_id = v.customer_id AND t.first_at = v.occurred_at
              AND t.cause = 'correction')) AS told
        FROM facts.event_version AS v
        """)
      let versions = try told?.get("versions", as: Int64.self)
      #expect(versions ?? 0 > 50)
      #expect(try told?.get("told", as: Int64.self) == versions)
    }
  }

  @Test func aSourceMayRefuseCorrections() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(
      catalogueText.replacing("zone: UTC", with: "zone: UTC\n    corrections: reject"))
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      _ = try folder.write("data.csv", header + "1,purchase,a,2024-01-01,1,5,EUR,\n")
      _ = try await loader.load(source)
      _ = try folder.write("data.csv", header + "1,purchase,a,2024-01-01,1,6,EUR,\n")
      let report = try await loader.load(source)
      #expect(report.rejected == ["conflicting_redelivery": 1])
      #expect(report.rowsCorrected == 0)
      let sum = try await pool.first("SELECT sum(amount)::text AS sum FROM facts.events")
      #expect(try sum?.get("sum", as: String.self) == "5.0000")
    }
  }

  @Test func refundsKnowTheirOrders() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(catalogueText)
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      _ = try folder.write(
        "data.csv",
        header + "1,purchase,a,2024-01-01,1,5,EUR,o1\n2,refund,a,2024-01-02,1,5,EUR,o1\n"
          + "3,refund,a,2024-01-02,1,5,EUR,o9\n4,refund,a,2024-01-02,1,5,EUR,\n")
      #expect(try await loader.load(source).warnings == ["linked": 2])
      // The order of an earlier load is known; the share is that of refunds.
      let strict = try folder.source(
        catalogueText.replacing("on_fail: warn", with: "mostly: 0.5"))
      let path = try folder.write(
        "more.csv",
        header + "5,refund,a,2024-01-03,1,1,EUR,o1\n6,refund,a,2024-01-03,1,1,EUR,o7\n"
          + "7,purchase,a,2024-01-03,1,1,EUR,o8\n")
      let second = try await loader.load(strict.reading(file: path))
      #expect(second.rejected == ["linked": 1])
      #expect(second.rowsAccepted == 2)
      let worse = try folder.write(
        "worse.csv",
        header + "8,refund,a,2024-01-03,1,1,EUR,o7\n9,purchase,a,2024-01-03,1,1,EUR,o5\n")
      let error = await #expect(throws: InputError.self) {
        _ = try await loader.load(strict.reading(file: worse))
      }
      #expect(error?.code == "inputs.contract_breached")
      let linked = try await pool.first(
        """
        SELECT string_agg(r.event_id, ',' ORDER BY r.event_id) AS ids
        FROM facts.events AS r JOIN facts.events AS p ON p.order_key = r.order_key
        WHERE r.kind_id = 2 AND p.kind_id = 1
        """)
      #expect(try linked?.get("ids", as: String.self) == "2,5")
    }
  }

  @Test func badValuesAreKeptWithTheirReasons() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(catalogueText)
    let clock = ManualClock(try #require(Instant(rfc3339: "2024-02-01T00:00:00Z")))
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool, clock: clock)
      _ = try folder.write(
        "data.csv",
        header + "1,purchase,a,2024-01-01,-1,5,EUR,\n2,purchase,a,2024-02-03,1,5,EUR,\n"
          + "3,purchase,a,2024-02-01 23:00,1,5,EUR,\n4,purchase,a,2024-01-01,1,5,USD,\n"
          + "5,purchase,a,2024-01-01,1,5,euro,\n6,refund,a,2024-01-01,1,5,EUR,\n")
      let report = try await loader.load(source)
      #expect(report.rejected == ["negative_quantity": 1, "future_time": 1, "bad_currency": 1])
      // The future moves no watermark, so that what is to come is still read.
      #expect(report.watermark?.description == "2024-02-01T23:00:00Z")
      let currencies = try await pool.query(
        "SELECT kind_id || ' ' || currency AS pair FROM facts.amount_currency ORDER BY 1")
      #expect(
        try currencies.map { try $0.get("pair", as: String.self) } == ["1 EUR", "1 USD", "2 EUR"])
    }
  }

  @Test func unknownKindsAreQuarantinedAndComeBack() async throws {
    let folder = try InputsFolder()
    let plain = try folder.source(catalogueText)
    let richer = try folder.source(
      catalogueText.replacing("[wishlist_add]", with: "[wishlist_add, gift_wrap]"))
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      _ = try folder.write(
        "data.csv",
        header + "1,wishlist_add,a,2024-01-01,1,,,\n2,gift_wrap,\"a, b\",2024-01-02,1,,,\n"
          + "3,gift_wrap,b,2024-01-03,1,,,\n4,teleport,b,2024-01-04,1,,,\n5,login,,2024-01-05,1,,,\n"
      )
      let report = try await loader.load(plain)
      #expect(report.unknownKinds == ["gift_wrap": 2, "teleport": 1])
      #expect(report.rejected == ["unknown_kind": 3, "missing_customer": 1])
      let ledger = LoadLedger(pool: pool)
      let kinds = try await ledger.kinds()
      #expect(kinds.filter { $0.kindID == nil }.map(\.name) == ["gift_wrap", "teleport"])
      #expect(kinds.first { $0.name == "wishlist_add" }?.kindID == 1000)

      let none = try await loader.replay(plain, reason: "unknown_kind")
      #expect(none.map(\.rowsAccepted) == [0])
      let again = try await loader.replay(richer, reason: "unknown_kind")
      #expect(again.map(\.rowsAccepted) == [2])
      #expect(again.map(\.rowsRejected) == [1])
      #expect(try await ledger.rejected(source: "sales").map(\.line) == [5, 6])
      let back = try await pool.query(
        """
        SELECT k.name || ' ' || e.event_id || ' ' || c.customer_key AS row
        FROM facts.events AS e JOIN facts.event_kind AS k USING (kind_id)
        JOIN facts.customers AS c USING (customer_id) ORDER BY e.event_id
        """)
      #expect(
        try back.map { try $0.get("row", as: String.self) }
          == ["wishlist_add 1 a", "gift_wrap 2 a, b", "gift_wrap 3 b"])
      // Nothing is left of those that came back, and a second replay adds nothing.
      #expect(try await loader.replay(richer, reason: "unknown_kind").map(\.rowsAccepted) == [0])
      let rows = try await pool.first("SELECT count(*) AS n FROM facts.events")
      #expect(try rows?.get("n", as: Int64.self) == 3)
    }
  }
}

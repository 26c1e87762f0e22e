import Foundation
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Inputs

private let orders = """
  version: 1
  sources:
    - name: orders
      file: data.csv
      columns: {id: text, type: text, who: text, at: timestamp, pieces: integer, price: decimal}
      map:
        event_id: id
        kind: type
        customer: who
        occurred_at: at
        item: "'sku ' || id"
        quantity: pieces
        amount: pieces * price
        properties: {price: price, note: "'a \\"quoted\\" note'"}
      contract:
        - {not_null: who, name: customer_present}
        - {check: "price > 0", name: priced, on_fail: warn}
      totals: {revenue: pieces * price}
  """

private let header = "id,type,who,at,pieces,price\n"

private func counts(_ pool: ConnectionPool) async throws -> [Int64] {
  let row = try await pool.first(
    """
    SELECT (SELECT count(*) FROM facts.events) AS events,
      (SELECT count(*) FROM facts.customers) AS customers,
      (SELECT count(*) FROM landing.identity) AS identities,
      (SELECT count(*) FROM landing.event_key) AS keys,
      (SELECT count(*) FROM landing.rejected) AS rejected,
      (SELECT count(*) FROM landing.load WHERE state = 'loaded') AS loaded,
      (SELECT count(*) FROM landing.load WHERE state = 'failed') AS failed
    """)
  return try (0..<7).map { try row?.get($0, as: Int64.self) ?? -1 }
}

@Suite("Inputs: loads into the facts")
struct InputsLoadTests {
  @Test func rowsBecomeEventsOfKnownShape() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(orders)
    _ = try folder.write(
      "data.csv", header + "7,purchase,c1,2024-07-01 12:00:00.25,3,1.1\n8,login,c1,2024-08-01,,\n")
    let now = try #require(Instant(rfc3339: "2024-09-01T00:00:00Z"))
    try await withFreshDatabase { pool in
      let report = try await Loader(pool: pool, clock: ManualClock(now)).load(source)
      #expect(report.rowsAccepted == 2)
      #expect(report.newCustomers == 1)
      #expect(report.watermark == Instant(rfc3339: "2024-07-31T23:00:00Z"))
      let row = try #require(
        try await pool.first(
          """
          SELECT c.customer_key, e.occurred_at, e.ingested_at, k.name, s.name AS source, e.item,
            e.quantity, e.amount::text AS amount, e.currency, e.properties::text AS properties,
            e.event_id, c.first_seen_at, e.load_id = l.load_id AS same_load,
            e.tableoid::regclass::text AS partition
          FROM facts.events AS e JOIN facts.customers AS c USING (customer_id)
          JOIN facts.event_kind AS k USING (kind_id) JOIN landing.source AS s USING (source_id)
          JOIN landing.load AS l USING (load_id) ORDER BY occurred_at LIMIT 1
          """))
      #expect(try row.get("customer_key", as: String.self) == "c1")
      // Noon in Lisbon's summer is eleven in UTC.
      #expect(
        try row.get("occurred_at", as: Instant.self).description == "2024-07-01T11:00:00.250000Z")
      #expect(try row.get("ingested_at", as: Instant.self) == now)
      #expect(try row.get("name", as: String.self) == "purchase")
      #expect(try row.get("source", as: String.self) == "orders")
      #expect(try row.get("item", as: String.self) == "sku 7")
      #expect(try row.get("quantity", as: Int64.self) == 3)
      #expect(try row.get("amount", as: String.self) == "3.3000")
      #expect(try row.get("currency", as: String.self) == "EUR")
      #expect(
        try row.get("properties", as: String.self)
          == #"{"note": "a \"quoted\" note", "price": 1.1}"#)
      #expect(
        try row.get("first_seen_at", as: Instant.self) == row.get("occurred_at", as: Instant.self))
      #expect(try row.get("same_load", as: Bool.self))
      #expect(try row.get("partition", as: String.self) == "facts.events_2024_07")
    }
  }

  @Test func repeatedRowsCountOnceAndConflictsAreKept() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(orders)
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      _ = try folder.write(
        "data.csv",
        header + "1,purchase,c1,2024-07-01,1,2\n1,purchase,c1,2024-07-01,1,2\n"
          + "2,purchase,c2,2024-07-02,1,0\n1,purchase,c9,2024-07-01,1,9\n")
      let first = try await loader.load(source)
      #expect(first.rowsAccepted == 2)
      #expect(first.rowsDuplicate == 1)
      #expect(first.rejected == ["conflicting_redelivery": 1])
      #expect(first.warnings == ["priced": 1])
      #expect(
        first.totals.first
          == ControlTotal(name: "revenue", accepted: "2", rejected: "9", duplicate: "2", all: "13"))
      #expect(try await counts(pool) == [2, 2, 2, 2, 1, 1, 0])
      let rejected = try await LoadLedger(pool: pool).rejected(source: "orders")
      #expect(rejected.map(\.raw) == ["1,purchase,c9,2024-07-01,1,9"])
      #expect(rejected.map(\.line) == [5])

      // The same rows and one new in another file; one carries other content: a correction.
      let other = try folder.write(
        "more.csv",
        header
          + "2,purchase,c2,2024-07-02,1,0\n3,purchase,c1,2024-06-30,1,5\n1,purchase,c1,2024-07-01,1,3\n"
      )
      let second = try await loader.load(source.reading(file: other))
      #expect(second.rowsAccepted == 2)
      #expect(second.rowsCorrected == 1)
      #expect(second.rowsDuplicate == 1)
      #expect(second.rejected.isEmpty)
      #expect(second.warnings.isEmpty)
      #expect(second.newCustomers == 0)
      #expect(try await counts(pool) == [3, 2, 2, 3, 1, 2, 0])
      // A late event moves the customer's beginning back, and the watermark not.
      let seen = try await pool.first(
        "SELECT first_seen_at FROM facts.customers WHERE customer_key = 'c1'")
      #expect(
        try seen?.get("first_seen_at", as: Instant.self).description == "2024-06-29T23:00:00Z")
      #expect(second.watermark == first.watermark)

      let third = try await loader.load(source.reading(file: other))
      #expect(third.state == .skipped)
      #expect(third.loadID == second.loadID)
      let ledger = try await LoadLedger(pool: pool).loads()
      #expect(ledger.map(\.rowsAccepted) == [2, 2])
    }
  }

  @Test func aBreachLeavesNothingButItsRecord() async throws {
    let folder = try InputsFolder()
    let strict = orders.replacing(
      "name: customer_present", with: "name: customer_present, mostly: 0.9")
    let source = try folder.source(strict)
    _ = try folder.write(
      "data.csv", header + "1,purchase,c1,2024-07-01,1,2\n2,purchase,,2024-07-01,1,2\n")
    try await withFreshDatabase { pool in
      await #expect(throws: InputError.self) { _ = try await Loader(pool: pool).load(source) }
      #expect(try await counts(pool) == [0, 0, 0, 0, 0, 0, 1])
      let load = try #require(
        try await pool.first(
          """
          SELECT rows_read, rows_rejected, rejected_by::text AS reasons, error->>'code' AS code,
            error->'samples'->0->>'raw' AS sample FROM landing.load
          """))
      #expect(try load.get("rows_read", as: Int64.self) == 2)
      #expect(try load.get("reasons", as: String.self) == #"{"customer_present": 1}"#)
      #expect(try load.get("code", as: String.self) == "inputs.contract_breached")
      #expect(try load.get("sample", as: String.self) == "2,purchase,,2024-07-01,1,2")

      // A file that cannot be read is recorded too.
      let missing = source.reading(file: folder.url.appendingPathComponent("none.csv").path)
      await #expect(throws: InputError.self) { _ = try await Loader(pool: pool).load(missing) }
      #expect(try await counts(pool) == [0, 0, 0, 0, 0, 0, 2])
    }
  }

  @Test func uniqueAndReferenceAreCheckedInTheDatabase() async throws {
    let folder = try InputsFolder()
    let contract =
      "name: customer_present}\n      - {reference: customer, to: customers, name: known}\n      - {unique: event_id, on_fail: stop}"
    let source = try folder.source(orders.replacing("name: customer_present}", with: contract))
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      try await pool.execute("INSERT INTO landing.identity (customer_key) VALUES ('c1')")
      _ = try folder.write(
        "data.csv", header + "1,purchase,c1,2024-07-01,1,2\n2,purchase,c2,2024-07-01,1,3\n")
      let report = try await loader.load(source)
      #expect(report.rejected == ["known": 1])
      #expect(report.totals.first?.rejected == "3")
      #expect(try await counts(pool) == [1, 1, 1, 1, 1, 1, 0])
      // Two rows of one load that share an id and differ: nobody can say which is right.
      _ = try folder.write(
        "data.csv", header + "4,purchase,c1,2024-07-01,9,2\n4,purchase,c1,2024-07-01,8,2\n")
      let error = await #expect(throws: InputError.self) { _ = try await loader.load(source) }
      #expect(error?.code == "inputs.contract_breached")
      #expect(
        error?.message.contains("check 'unique_event_id': expected every row to pass") == true)
      #expect(try await counts(pool) == [1, 1, 1, 1, 1, 1, 1])
    }
  }

  @Test(arguments: ["keys", "customers", "events", "rejected", "ledger", "commit"])
  func aLoadThatDiesAtAnyStepLeavesNothing(_ step: String) async throws {
    struct Crash: Error {}
    let folder = try InputsFolder()
    let source = try folder.source(orders)
    _ = try folder.write(
      "data.csv", header + "1,purchase,c1,2024-07-01,1,2\n2,purchase,,2024-07-01,1,2\n")
    try await withFreshDatabase { (pool) async throws -> Void in
      let loader = Loader(pool: pool)
      await #expect(throws: Crash.self) {
        let crash: @Sendable (String) async throws -> Void = { if $0 == step { throw Crash() } }
        try await InputFaults.$beforeStep.withValue(crash) {
          _ = try await loader.load(source)
        }
      }
      #expect(try await counts(pool) == [0, 0, 0, 0, 0, 0, 0])
      #expect(try await loader.load(source).rowsAccepted == 1)
      #expect(try await counts(pool) == [1, 1, 1, 1, 1, 1, 0])
    }
  }

  @Test func loadsSideBySideAddEachRowOnce() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(orders)
    let rows = (1...2000).map { "\($0),purchase,c\($0 % 97),2024-0\($0 % 9 + 1)-01 10:00:00,1,2" }
    let paths = try (0..<4).map { index in
      // Each file misses a quarter and stands in another order.
      try folder.write(
        "part\(index).csv",
        header
          + rows.enumerated().filter { $0.offset % 4 != index }.map(\.element)
          .sorted { ($0.hashValue ^ index) < ($1.hashValue ^ index) }.joined(separator: "\n"))
    }
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      let accepted = try await withThrowingTaskGroup(of: Int64.self) { group in
        for path in paths {
          group.addTask { try await loader.load(source.reading(file: path)).rowsAccepted }
        }
        return try await group.reduce(0, +)
      }
      #expect(accepted == 2000)
      #expect(try await counts(pool) == [2000, 97, 97, 2000, 0, 4, 0])
    }
  }

  @Test func aFileThatEndsEarlyLeavesNothingAndAUsableConnection() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(orders)
    // Enough rows for several batches, and then a quote that is never closed.
    let rows = (1...20_000).map { "\($0),purchase,c\($0),2024-07-01,1,2" }
    _ = try folder.write("data.csv", header + rows.joined(separator: "\n") + "\n\"open,")
    try await withFreshDatabase(limit: 1) { pool in
      let error = await #expect(throws: InputError.self) {
        _ = try await Loader(pool: pool).load(source)
      }
      #expect(error?.code == "inputs.endless_record")
      #expect(error?.line == 20_002)
      #expect(try await counts(pool) == [0, 0, 0, 0, 0, 0, 1])
      _ = try folder.write("data.csv", header + rows.joined(separator: "\n"))
      #expect(try await Loader(pool: pool).load(source).rowsAccepted == 20_000)
    }
  }

  @Test func aCancelledLoadLeavesNothing() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(orders)
    let rows = (1...50_000).map { "\($0),purchase,c\($0),2024-07-01,1,2" }
    _ = try folder.write("data.csv", header + rows.joined(separator: "\n"))
    try await withFreshDatabase(limit: 1) { (pool) async throws -> Void in
      let (begun, signal) = AsyncStream.makeStream(of: Void.self)
      let loader = Loader(pool: pool)
      let load = Task { try await loader.load(source) { _ in signal.yield() } }
      for await _ in begun { break }
      load.cancel()
      await #expect(throws: CancellationError.self) { _ = try await load.value }
      #expect(try await counts(pool) == [0, 0, 0, 0, 0, 0, 0])
      #expect(try await loader.load(source).rowsAccepted == 50_000)
    }
  }

  @Test func aLoadWakesWhoListens() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(orders)
    _ = try folder.write("data.csv", header + "1,purchase,c1,2024-07-01,1,2\n")
    try await withFreshDatabase { pool in
      try await pool.withConnection { listener in
        try await listener.listen("strata_loaded")
        let report = try await Loader(pool: pool).load(source)
        for try await note in try await listener.notifications() {
          #expect(note.payload == "orders \(report.loadID ?? 0)")
          break
        }
      }
    }
  }
}

import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Inputs

/// Rows may go straight into the facts or through staging: both roads must come to the same.
@Suite("Inputs: straight into the facts")
struct InputsDirectTests {
  private static let catalogue = """
    version: 1
    sources:
      - name: orders
        file: data.csv
        columns:
          {id: text, type: text, who: text, at: timestamp, pieces: integer, price: decimal, cur: text}
        map:
          event_id: id
          kind: type
          customer: who
          occurred_at: at
          item: "'sku ' || pieces"
          quantity: pieces
          amount: pieces * price
          currency: cur
          properties: {price: price}
        contract:
          - {check: "price < 90", name: cheap}
          - {check: "price > 5", name: priced, on_fail: warn}
        totals: {revenue: pieces * price, pieces: pieces}
    """

  /// A file with flaws: unknown kinds, no customer, ids that stand near each other or far apart twice,
  /// with the same content or another.
  private static func file(_ random: inout SplitMix64, days: Range<Int>, flawed: Bool) -> String {
    var lines: [String] = []
    var id = days.lowerBound * 10_000
    for day in days {
      for hour in 0..<24 {
        for minute in [3, 17, 40] where Int.random(in: 0..<3, using: &random) > 0 {
          id += Int.random(in: 1...3, using: &random)
          let date = Day(number: Int32(19_900 + day))
          let kind = ["purchase", "refund", "login"].randomElement(using: &random) ?? "login"
          let who =
            flawed && Int.random(in: 0..<40, using: &random) == 0
            ? "" : "ç\(Int.random(in: 0..<60, using: &random))"
          let type = flawed && Int.random(in: 0..<40, using: &random) == 0 ? "odd" : kind
          let price =
            "\(Int.random(in: 1...99, using: &random)).\(Int.random(in: 10...99, using: &random))"
          let clock = "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute):00"
          let currency = ["EUR", "USD"].randomElement(using: &random) ?? "EUR"
          lines.append(
            "e\(id),\(type),\(who),\(date) \(clock),"
              + "\(Int.random(in: 0...4, using: &random)),\(price),\(currency)")
          guard flawed else { continue }
          switch Int.random(in: 0..<60, using: &random) {
          case 0: lines.append(lines[lines.count - 1])
          case 1: lines.append(lines[lines.count - 1] + "X")
          case 2: lines.append(lines[max(0, lines.count - 30)])
          default: break
          }
        }
      }
    }
    return "id,type,who,at,pieces,price,cur\n" + lines.joined(separator: "\n") + "\n"
  }

  /// Everything that a load leaves, without ids that depend on the order of arrival.
  private static func contents(_ pool: ConnectionPool) async throws -> [String] {
    let row = try await pool.first(
      """
      WITH n AS (
        -- A road that is given up takes a number with it.
        SELECT load_id, row_number() OVER (ORDER BY load_id) AS place FROM landing.load
      )
      SELECT ARRAY[
        (SELECT string_agg(concat_ws('|', c.customer_key, e.occurred_at, e.ingested_at, n.place,
            e.kind_id, e.source_id, e.item, e.quantity, e.amount, e.currency, e.properties,
            e.event_id, e.order_key), E'\\n' ORDER BY e.event_id)
          FROM facts.events AS e JOIN n USING (load_id)
          LEFT JOIN facts.customers AS c USING (customer_id)),
        (SELECT string_agg(concat_ws('|', k.content, n.place, k.line, k.source_id, k.event_id), E'\\n'
            ORDER BY k.event_id) FROM landing.event_key AS k JOIN n USING (load_id)),
        (SELECT string_agg(concat_ws('|', n.place, r.line, r.reason, r.column_name, r.raw), E'\\n'
            ORDER BY n.place, r.line) FROM landing.rejected AS r JOIN n USING (load_id)),
        (SELECT string_agg(concat_ws('|', c.customer_key, c.first_seen_at), E'\\n'
            ORDER BY c.customer_key) FROM facts.customers AS c),
        (SELECT string_agg(customer_key, ' ' ORDER BY customer_key) FROM landing.identity),
        (SELECT string_agg(concat_ws('|', n.place, a.kind_id, a.currency), ' '
            ORDER BY a.kind_id, a.currency) FROM facts.amount_currency AS a JOIN n USING (load_id)),
        (SELECT string_agg((to_jsonb(l) - 'load_id')::text, E'\\n' ORDER BY l.load_id)
          FROM landing.load AS l),
        (SELECT string_agg(s::text, E'\\n' ORDER BY s.source_id) FROM landing.source AS s)
      ]::text[] AS all
      """)
    return try row?.get("all", as: [String?].self).map { $0 ?? "" } ?? []
  }

  @Test(arguments: 0..<6)
  func bothRoadsLeaveTheSame(_ seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let folder = try InputsFolder()
    let source = try folder.source(Self.catalogue)
    var files = [
      Self.file(&random, days: 0..<12, flawed: seed > 1),
      // Days that were delivered before come again.
      Self.file(&random, days: 10..<20, flawed: true),
      Self.file(&random, days: 30..<40, flawed: seed.isMultiple(of: 2)),
    ]
    if seed == 5 {
      // Not in the order of time.
      let lines = files[0].split(separator: "\n")
      files[0] =
        ([lines[0]] + lines.dropFirst().shuffled(using: &random)).joined(separator: "\n")
    }
    let clock = ManualClock(try #require(Instant(rfc3339: "2030-01-01T00:00:00Z")))
    var found: [[String]] = []
    for rows in [0, 100, 1 << 20] {
      try await InputFaults.$directRows.withValue(rows) {
        try await withFreshDatabase { pool in
          let loader = Loader(pool: pool, clock: clock)
          for file in files {
            _ = try folder.write("data.csv", file)
            let report = try await loader.load(source)
            #expect(report.rowsAccepted > 300)
          }
          found.append(try await Self.contents(pool))
        }
      }
    }
    #expect(found[0].count == 8)
    #expect(found[0].allSatisfy { !$0.isEmpty })
    #expect(found[1] == found[0])
    #expect(found[2] == found[0])
  }

  @Test func rowsThatAreNewAreNotStaged() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(Self.catalogue)
    var random = SplitMix64(seed: 9)
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      let steps = Steps()
      let note: @Sendable (String) async throws -> Void = { await steps.add($0) }
      for (days, isNew) in [(0..<3, true), (3..<6, true), (1..<3, false)] {
        _ = try folder.write("data.csv", Self.file(&random, days: days, flawed: false))
        try await InputFaults.$beforeStep.withValue(note) {
          try await InputFaults.$directRows.withValue(50) { _ = try await loader.load(source) }
        }
        // Several batches, each with its keys; through staging all keys are claimed once.
        let keys = await steps.take().count { $0 == "keys" }
        #expect(isNew ? keys > 1 : keys == 1)
      }
    }
  }

  private actor Steps {
    private var names: [String] = []
    func add(_ name: String) { names.append(name) }
    func take() -> [String] {
      defer { names = [] }
      return names
    }
  }

  @Test func keysAreToldApartAsBytes() throws {
    var keys = CustomerKeys()
    var places: [[UInt8]: Int] = [:]
    var random = SplitMix64(seed: 4)
    for _ in 0..<20_000 {
      let length = Int.random(in: 1...9, using: &random)
      let key = (0..<length).map { _ in UInt8.random(in: 97...100, using: &random) }
      let place = key.withUnsafeBytes { keys.place(of: $0) }
      if let known = places[key] { #expect(known == place) } else { places[key] = place }
      #expect(keys.key(place) == String(decoding: key, as: UTF8.self))
    }
    #expect(keys.count == places.count)
    #expect(keys.count > 1000)
  }
}

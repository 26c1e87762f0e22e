import Columns
import Features
import Rules
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// Thirty consecutive days, evaluated by the real rules and published one by one.
@Suite("Thirty days of segments")
struct SegmentsThirtyDaysTests {
  static let catalogue = """
    version: 1
    segments:
      - {name: high_value, title: High Value, priority: 1, rule: {all: ["revenue > 500", "days_since <= 20"]}}
      - {name: lapsing, title: Lapsing, priority: 2, rule: {all: ["days_since > 10", {not: "days_since > 25"}]}}
      - {name: never_bought, title: Never Bought, rule: "days_since is_missing"}
      - {name: iberia, title: Iberia, priority: 3, rule: "country in [PT, ES]"}
    """

  static let attributes = AttributeList([
    Attribute(name: "revenue", type: .number, unit: .money, scale: 4),
    Attribute(name: "days_since", type: .number, unit: .days),
    Attribute(name: "country", type: .text),
  ])

  /// A small shop: who bought when for how much.
  struct Shop {
    var random = SplitMix64(seed: 30)
    let customers = 300
    var revenue = [Int64](repeating: 0, count: 300)
    var last = [Int?](repeating: nil, count: 300)
    let country = (0..<300).map { ["PT", "ES", "FR", "DE"][$0 % 4] }

    /// A day's purchases.
    mutating func trade(_ day: Int) {
      for customer in 0..<customers where Int.random(in: 0..<25, using: &random) == 0 {
        revenue[customer] += Int64.random(in: 20...300, using: &random) * 10_000
        last[customer] = day
      }
    }

    func table(_ day: Int) -> FeatureTable {
      let since = last.map { $0.map { Int64(day - $0) } }
      let codes = country.map { Int32(["PT", "ES", "FR", "DE"].firstIndex(of: $0) ?? 0) }
      return FeatureTable(
        index: IDIndex(sorted: (1...Int64(customers)).map { $0 }),
        asOf: SegmentsProject.day(day + 1),
        columns: [
          "revenue": .integer(Dense(revenue), scale: 4),
          "days_since": .integer(
            Dense(
              since.map { $0 ?? 0 }, present: Bitset(count: customers) { since[$0] != nil }),
            scale: 0),
          "country": .text(Dense(codes), dictionary: ["PT", "ES", "FR", "DE"]),
        ])
    }

    /// The four rules in plain Swift.
    func members(_ day: Int) -> [String: Set<Int64>] {
      var sets: [String: Set<Int64>] = [
        "high_value": [], "lapsing": [], "never_bought": [], "iberia": [],
      ]
      for row in 0..<customers {
        let id = Int64(row + 1)
        if let last = last[row] {
          if revenue[row] > 5_000_000, day - last <= 20 { sets["high_value"]?.insert(id) }
          if day - last > 10, day - last <= 25 { sets["lapsing"]?.insert(id) }
        } else {
          sets["never_bought"]?.insert(id)
        }
        if row % 4 < 2 { sets["iberia"]?.insert(id) }
      }
      return sets
    }
  }

  @Test("Every entry opens one stay, its leaving closes it, and every day is as it was")
  func thirtyDays() async throws {
    let catalogue = try SegmentCatalogue.parse(Self.catalogue, attributes: Self.attributes)
    let evaluate = EvaluateSegments(catalogue)
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 300)
      var shop = Shop()
      var days: [(asOf: Instant, sets: [String: Set<Int64>])] = []
      var moving = 0
      for day in 0..<30 {
        shop.trade(day)
        let sets = shop.members(day)
        let outcome = try evaluate(over: shop.table(day))
        let result = try await project.publish(outcome.evaluation, runID: Int64(day))
        #expect(result.outcome == .published)
        if let before = days.last?.sets, before != sets { moving += 1 }
        for segment in result.segments {
          let now = try #require(sets[segment.name])
          let before = days.last?.sets[segment.name] ?? []
          #expect(segment.members == now.count)
          #expect(segment.entered == now.subtracting(before).count)
          #expect(segment.left == before.subtracting(now).count)
        }
        // The same day again changes nothing.
        let contents = try await project.contents()
        let again = try await project.publish(outcome.evaluation, runID: 1000)
        #expect(again.outcome == .unchanged && again.rowsChanged == 0)
        #expect(try await project.contents() == contents)
        days.append((SegmentsProject.day(day + 1), sets))
      }
      #expect(moving >= 20)

      for (asOf, sets) in days {
        for (segment, members) in sets {
          #expect(try await project.members(of: segment, at: asOf) == members)
        }
      }
      try await checkHistory(project, days)
    }
  }

  private func checkHistory(
    _ project: SegmentsProject, _ days: [(asOf: Instant, sets: [String: Set<Int64>])]
  ) async throws {
    #expect(try await project.overlaps() == 0)
    // Each `entered` is the opening of exactly one stay, and each `left` the closing of one.
    let unmatched = try await project.count(
      """
      SELECT count(*) FROM (
        SELECT customer_id, segment, valid_from AS as_of, 'entered' AS transition
        FROM segments.history
        UNION ALL
        SELECT customer_id, segment, valid_to, 'left' FROM segments.history
        WHERE valid_to IS NOT NULL
      ) h
      FULL JOIN segments.transitions t USING (customer_id, segment, as_of, transition)
      WHERE h.customer_id IS NULL OR t.customer_id IS NULL
      """)
    #expect(unmatched == 0)
    var transitions = 0
    var before: [String: Set<Int64>] = [:]
    for (asOf, sets) in days {
      for (segment, now) in sets {
        let old = before[segment] ?? []
        let rows = try await project.pool.query(
          """
          SELECT customer_id, transition FROM segments.transitions
          WHERE as_of = \(asOf) AND segment = \(segment)
          """
        ).map {
          (try $0.get("customer_id", as: Int64.self), try $0.get("transition", as: String.self))
        }
        #expect(Set(rows.filter { $0.1 == "entered" }.map(\.0)) == now.subtracting(old))
        #expect(Set(rows.filter { $0.1 == "left" }.map(\.0)) == old.subtracting(now))
        #expect(rows.count == now.symmetricDifference(old).count)
        transitions += rows.count
      }
      before = sets
    }
    #expect(try await project.count("SELECT count(*) FROM segments.transitions") == transitions)
    let sizes = try await project.reader.sizes(of: "lapsing")
    #expect(sizes.map(\.members) == days.map { Int64($0.sets["lapsing"]?.count ?? -1) })
  }
}

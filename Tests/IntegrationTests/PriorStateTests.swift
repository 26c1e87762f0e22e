import Columns
import FeatureOracle
import FeatureStore
import Features
import Foundation
import Rules
import Schedules
import Segments
import Tasks
import TestSupport
import Testing
import Warehouse

/// Scores that are easier to stay in than to enter, and `was_member_of`: every road goes by the state of
/// the midnight before, which a plain fold over all midnights gives too.
@Suite("Prior state on every road")
struct PriorStateTests {
  static let rules = """

      - name: sticky
        rule:
          score: [{when: orders_30d >= 1, weight: 2}, {when: views_14d >= 2}]
          threshold: 3
          leave_below: 1
      - {name: lapsed, rule: {all: [was_member_of sticky within 2 weeks, {not: member_of sticky}]}}
      - {name: was_buyer, rule: was_member_of buyers within 1 month}
    """

  /// The two rules in plain Swift, midnight by midnight.
  struct Fold {
    var sticky: Set<Int64> = []
    var lastSticky: [Int64: Day] = [:]
    var lastBuyer: [Int64: Day] = [:]
    var isStickyNow: Set<Int64> = []

    /// The members of the three segments at an as-of whose last day is `day`.
    func members(_ table: FeatureTable, _ day: Day) throws -> [String: Set<Int64>] {
      var found: [String: Set<Int64>] = ["sticky": [], "lapsed": [], "was_buyer": []]
      let (orders, views) = try Self.numbers(table)
      for (row, id) in table.index.ids.enumerated() {
        let sum = (orders[row] >= 1 ? 2 : 0) + (views[row] >= 2 ? 1 : 0)
        let isSticky = sum >= 3 || (sticky.contains(id) && sum >= 1)
        if isSticky { found["sticky"]?.insert(id) }
        if !isSticky, let last = lastSticky[id], last > day - 14 { found["lapsed"]?.insert(id) }
        if let last = lastBuyer[id], last > day.adding(months: -1) {
          found["was_buyer"]?.insert(id)
        }
      }
      return found
    }

    /// Goes on to the midnight of a table, with which `day` begins.
    mutating func pass(_ table: FeatureTable, _ day: Day) throws {
      let (orders, _) = try Self.numbers(table)
      sticky = try members(table, day - 1)["sticky"] ?? []
      for id in sticky { lastSticky[id] = day }
      for (row, id) in table.index.ids.enumerated() where orders[row] >= 1 { lastBuyer[id] = day }
    }

    private static func numbers(_ table: FeatureTable) throws -> (orders: [Int64], views: [Int64]) {
      guard case .integer(let orders, _) = try table.column(named: "orders_30d"),
        case .integer(let views, _) = try table.column(named: "views_14d")
      else { return ([], []) }
      return (orders.values, views.values)
    }
  }

  /// What a fold from the first midnight says, and the features at the as-of.
  private func expected(
    _ shop: RefreshShop, _ asOf: Instant
  ) async throws -> [String: Set<Int64>] {
    let days = shop.days
    let day = days.lastDay(before: asOf)
    let catalogue = try shop.features.restricted(to: ["orders_30d", "views_14d"])
    let builder = FeatureBuilder(pool: shop.pool, zone: shop.zone)
    var fold = Fold()
    let first = shop.shop.first - 40
    var midnights: [Instant] = []
    for at in days.midnights(from: first, through: day)
    where midnights.last.map({ $0 < at }) ?? true { midnights.append(at) }
    _ = try await builder.sweep(catalogue, over: midnights) { table in
      try fold.pass(table, days.day(of: table.asOf))
    }
    let table = try await builder.advance(nil, to: asOf, catalogue).built.table
    return try fold.members(table, day)
  }

  private func compare(
    _ shop: RefreshShop, _ asOf: Instant, _ told: String
  ) async throws -> [String: Int] {
    let seen = try await shop.seen()
    let expected = try await expected(shop, asOf)
    for (name, members) in expected { #expect(seen[name] == members, "\(told), \(name)") }
    return expected.mapValues(\.count)
  }

  @Test(
    "steps, midnights, late events, corrections and merges agree with a plain fold",
    arguments: 0..<2)
  func steps(_ seed: Int) async throws {
    try await withRefreshShop(
      seed: 2700 + seed, isRelative: false, rules: RefreshShop.rules + Self.rules
    ) { shop in
      var dice = Dice(seed: seed)
      let days = shop.days
      var day = shop.shop.first + 60
      while days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
      var asOf = days.end(of: day)
      try await shop.database.load(shop.shop.known(through: day))
      var sizes: [String: Int] = [:]
      var stored: Int64 = 0
      for round in 0..<12 {
        let hours = round % 3 == 2 ? 20 + dice.below(60) : dice.below(6)
        asOf = asOf + .microseconds(1 + hours * 3_600_000_000 + dice.below(3_600_000_000))
        shop.clock.advance(by: .seconds(60))
        let today = days.lastDay(before: asOf)
        if today > day {
          try await shop.database.load(shop.shop.known(through: today, from: day))
          day = today
        }
        if round == 5 { try await shop.correct(dice.pick(shop.shop.customers)) }
        if round == 8 {
          let customers = shop.shop.customers
          try await shop.merge(customers[0], into: customers[1])
        }
        _ = try await shop.refresher.step(to: asOf)
        let found = try await compare(shop, asOf, "seed \(seed), round \(round), \(asOf)")
        sizes.merge(found, uniquingKeysWith: +)
        stored = try await shop.count("SELECT count(*) FROM segments.prior_state")
      }
      for (name, size) in sizes where seed == 0 || name == "sticky" {
        #expect(size > 0, "\(name) never has a member")
      }
      #expect(stored >= 1 && stored < 60, "\(stored) states are kept")
    }
  }

  @Test("a state is found in the store, folded from the one before it, or from the first midnight")
  func states() async throws {
    try await withRefreshShop(seed: 2750, isRelative: false, rules: RefreshShop.rules + Self.rules)
    { shop in
      let days = shop.days
      var day = shop.shop.first + 60
      while days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
      try await shop.database.load(shop.shop.known(through: day + 5))
      try await TileStore(pool: shop.pool, zone: shop.zone).fold(shop.features)
      func states(_ features: FeatureCatalogue) throws -> PriorStates {
        try #require(
          try PriorStates(
            shop.segments, features, pool: shop.pool, zone: shop.zone, clock: shop.clock))
      }
      let prior = try states(shop.features)
      let asOf = days.end(of: day + 5)
      let folded = try await prior.before(asOf) { _ in }
      #expect(folded.midnight == shop.zone.midnight(days.lastDay(before: asOf)))
      #expect(folded.members["sticky"]?.isEmpty == false)
      #expect(try await prior.before(asOf) { _ in } == folded)
      // Within the day that begins at the midnight it is the same state.
      #expect(try await prior.before(folded.midnight + .seconds(3600)) { _ in } == folded)
      // From a stored one some days before.
      try await shop.pool.execute(
        "DELETE FROM segments.prior_state WHERE midnight > \(days.end(of: day + 1))")
      #expect(try await prior.before(asOf) { _ in } == folded)
      // Known at a time at which all was known.
      let known = try await prior.before(asOf, knownAt: Instant(seconds: 4_000_000_000)) { _ in }
      #expect(known.customers.count > 2)
      #expect(
        folded.rows(of: known.customers)
          == PriorMembership(members: known.members, lastDays: known.lastDays))
      // Before the first event nobody was anything.
      let early = try await prior.before(days.end(of: shop.shop.first - 200)) { _ in }
      #expect(early.customers.count == 0)
    }
  }

  @Test("the SELECT that analysts get answers questions about the past from the published history")
  func sql() async throws {
    try await withRefreshShop(
      seed: 2700, isRelative: false, rules: RefreshShop.rules + Self.rules
    ) { shop in
      let days = shop.days
      var day = shop.shop.first + 60
      while days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
      var asOf = days.end(of: day)
      try await shop.database.load(shop.shop.known(through: day + 30))
      try await TileStore(pool: shop.pool, zone: shop.zone).fold(shop.features)
      // Nights for as long as rules look back.
      for number in 0..<32 {
        asOf = days.end(of: day + number)
        shop.clock.advance(by: .seconds(60))
        _ = try await shop.refresher.step(to: asOf)
      }
      let members = try await shop.seen()
      for name in ["sticky", "lapsed", "was_buyer"] {
        let segment = try #require(shop.segments.segment(named: name))
        let text = try SegmentSQL.text(
          of: segment, in: shop.segments, features: shop.features, asOf: asOf, zone: shop.zone)
        let rows = try await shop.pool.query("\(unsafeText: String(text.dropLast(2)))")
        let found = Set(try rows.map { try $0.get("customer_id", as: Int64.self) })
        #expect(found == members[name], "\(name)\n\(text)")
      }
    }
  }

  @Test("of old states the fewer are kept the older they are, and no fold goes back far")
  func thinning() {
    let now = Day(number: 20_011)
    let kept = (0...2_000).filter { PriorStates.isKept(now - $0, at: now) }
    #expect(kept.prefix(8) == [0, 1, 2, 3, 4, 5, 6, 7])
    #expect(kept.count < 100, "\(kept.count)")
    // Whatever day is asked for, a kept one lies at most as far before it as it is old, and a week.
    for age in 0..<1_000 {
      let start = kept.first { $0 >= age } ?? .max
      #expect(start - age <= max(8, age), "\(age) days ago: \(start)")
    }
    // Once kept no longer, never again.
    for day in 0..<200 {
      let ages = (0..<600).map {
        PriorStates.isKept(
          Day(number: 20_000 + Int32(day)), at: Day(number: 20_000 + Int32(day)) + $0)
      }
      #expect(!zip(ages, ages.dropFirst()).contains { !$0 && $1 })
    }
  }
}

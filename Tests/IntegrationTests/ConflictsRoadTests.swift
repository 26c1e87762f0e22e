import Columns
import FeatureOracle
import FeatureStore
import Features
import Rules
import Schedules
import Segments
import Tasks
import TestSupport
import Testing
import Warehouse

/// Overrides, groups, cap and default between the nights: what is published is what one decides by
/// hand, customer by customer, from what the rules find of everyone evaluated from nothing.
@Suite("When segments compete between the nights")
struct ConflictsRoadTests {
  static let rules = """
    version: 1
    fatigue: {email: 2, push: 1}
    default: {segment: everyone_else}
    budget: 12
    segments:
      - {name: buyers, rule: "orders_30d >= 1", group: value, priority: 2, channels: [email]}
      - {name: net_positive, rule: {all: ["member_of buyers", {not: "refund_rate > 20%"}]},
         group: value, priority: 1, channels: [email, push]}
      - {name: viewers_24h, rule: "views_24h >= 1", group: recency, channels: [push]}
      - {name: quiet_72h, rule: "views_72h = 0", group: recency, priority: 3, channels: [email]}
      - {name: once_active, rule: "events_prev_48h >= 1", channels: [push], weight: 2}
      - {name: quick, rule: "quick_views >= 2", channels: [email], weight: 1.5}
      - {name: engaged, rule: "engagement > 20", priority: 5, channels: [email, push]}
      - {name: everyone_else, title: Everyone else}
    """
  static let naive = NaiveConflicts(
    segments: [
      .init(name: "buyers", priority: 2, group: "value", channels: ["email"]),
      .init(name: "net_positive", priority: 1, group: "value", channels: ["email", "push"]),
      .init(name: "viewers_24h", group: "recency", channels: ["push"]),
      .init(name: "quiet_72h", priority: 3, group: "recency", channels: ["email"]),
      .init(name: "once_active", weight: 2, channels: ["push"]),
      .init(name: "quick", weight: 1.5, channels: ["email"]),
      .init(name: "engaged", priority: 5, channels: ["email", "push"]),
      .init(name: "everyone_else"),
    ], fatigue: ["email": 2, "push": 1], fallback: "everyone_else")

  /// What a test has ordered, by the key of the customer.
  struct Pin {
    let id: Int64
    let key: String
    let segment: String
    let isIn: Bool
    let from: Instant
    var to: Instant?
  }

  struct Row: Hashable, CustomStringConvertible {
    let customer: Int64
    let segment: String
    var reason = ""
    var winner: String?
    var channel: String?
    var description: String {
      "\(customer) \(segment) \(reason) \(winner ?? "-") \(channel ?? "-")"
    }
  }

  /// Who is in what, who lost what, and each customer's best, by hand.
  private func expected(
    _ shop: RefreshShop, _ pins: [Pin], _ asOf: Instant
  ) async throws -> (members: Set<Row>, lost: Set<Row>, primary: [Int64: String]) {
    let raw = try await shop.evaluated(asOf)
    let keys = try await shop.pool.query("SELECT customer_id, customer_key FROM landing.identity")
    var pinned: [Int64: (in: Set<String>, out: Set<String>)] = [:]
    for row in keys {
      let (id, key): (Int64, String) = (try row.get(0), try row.get(1))
      for pin in pins where pin.key == key && pin.from <= asOf && pin.to.map({ asOf < $0 }) ?? true
      {
        if pin.isIn {
          pinned[id, default: ([], [])].in.insert(pin.segment)
        } else {
          pinned[id, default: ([], [])].out.insert(pin.segment)
        }
      }
    }
    var (members, lost): (Set<Row>, Set<Row>) = ([], [])
    var primary: [Int64: String] = [:]
    for (row, id) in raw.customers.ids.enumerated() {
      let names = zip(raw.segments, raw.members).filter { $1[row] }.map(\.0.name)
      let result = Self.naive(
        Set(names), pinnedIn: pinned[id]?.in ?? [], pinnedOut: pinned[id]?.out ?? [])
      for segment in result.members { members.insert(Row(customer: id, segment: segment)) }
      primary[id] = Self.naive.primary(of: result.members)
      for (segment, loss) in result.lost {
        lost.insert(
          Row(
            customer: id, segment: segment, reason: loss.reason, winner: loss.winner,
            channel: loss.channel))
      }
    }
    return (members, lost, primary)
  }

  private func seen(_ pool: ConnectionPool) async throws -> (members: Set<Row>, lost: Set<Row>) {
    let members = try await pool.query("SELECT customer_id, segment FROM segments.membership")
    let lost = try await pool.query(
      """
      SELECT customer_id, segment, reason, winner, channel FROM segments.suppressed
      WHERE as_of = (SELECT max(as_of) FROM segments.publication)
      """)
    return (
      Set(try members.map { Row(customer: try $0.get(0), segment: try $0.get(1)) }),
      Set(
        try lost.map {
          Row(
            customer: try $0.get(0), segment: try $0.get(1), reason: try $0.get(2),
            winner: try $0.get(3), channel: try $0.get(4))
        })
    )
  }

  @Test("Each step publishes what one decides by hand", arguments: 0..<2)
  func steps(_ seed: Int) async throws {
    try await withRefreshShop(seed: 2400 + seed, rules: Self.rules) { shop in
      var dice = Dice(seed: seed)
      let days = shop.days
      var day = shop.shop.first + 60
      while days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
      var asOf = days.end(of: day)
      try await shop.database.load(shop.shop.known(through: day))
      var pins: [Pin] = []
      var customers = shop.shop.customers
      var kinds: [RefreshStep.Kind] = []
      for round in 0..<24 {
        // Mostly within the day; now and then over a midnight.
        let hours = dice.chance(12) ? 20 + dice.below(30) : dice.below(4)
        asOf = asOf + .microseconds(1 + hours * 3_600_000_000 + dice.below(3_600_000_000))
        shop.clock.advance(by: .seconds(60))
        let today = days.lastDay(before: asOf)
        if today > day || round == 0 || dice.chance(25) {
          try await shop.database.load(shop.shop.known(through: max(today, day), from: day))
          day = max(today, day)
        }
        try await shop.identify()
        if dice.chance(8), customers.count > 4 {
          let gone = customers.remove(at: dice.below(customers.count))
          let other = dice.pick(customers)
          try await shop.merge(gone, into: other)
          try await shop.pool.execute(
            "UPDATE landing.identity SET customer_id = \(other) WHERE customer_id = \(gone)")
        }
        for _ in 0..<dice.below(3) {
          try await decide(&pins, customers, asOf, &dice, shop)
        }
        kinds.append(try await shop.refresher.step(to: asOf).kind)
        let (members, lost, primary) = try await expected(shop, pins, asOf)
        let seen = try await seen(shop.pool)
        #expect(seen.members == members, "seed \(seed), round \(round), as of \(asOf)")
        #expect(seen.lost == lost, "seed \(seed), round \(round), as of \(asOf)")
        let best = try await shop.pool.query(
          "SELECT customer_id, segment FROM segments.primary_segment")
        #expect(
          Dictionary(uniqueKeysWithValues: try best.map { (try $0.get(0), try $0.get(1)) })
            == primary)
        if seen.members != members || seen.lost != lost { return }
      }
      #expect(kinds.count { $0 == .touched } >= 8, "\(kinds)")
      #expect(try await shop.overlaps() == 0)
      let causes = try await shop.pool.query(
        "SELECT DISTINCT cause FROM segments.transitions ORDER BY 1"
      ).map { try $0.get(0, as: String.self) }
      #expect(Set(causes).isSuperset(of: ["conflict", "override"]), "\(causes)")
      #expect(!causes.contains("erasure"))
    }
  }

  /// Adds an override at random, or removes one; a second pin of a group is refused.
  private func decide(
    _ pins: inout [Pin], _ customers: [Int64], _ asOf: Instant, _ dice: inout Dice,
    _ shop: RefreshShop
  ) async throws {
    let store = OverrideStore(pool: shop.pool, clock: ManualClock(asOf))
    if dice.chance(25),
      let place = pins.indices.filter({ pins[$0].to.map { asOf < $0 } ?? true })
        .randomElement(using: &dice)
    {
      _ = try await store.remove(pins[place].id, author: "test", reason: "over")
      pins[place].to = max(asOf, pins[place].from)
      return
    }
    let from = asOf + .microseconds(dice.below(4) * 3_000_000_000 - 3_000_000_000)
    var order = OverrideStore.Order(
      customerKey: "c\(dice.pick(customers))", segment: dice.pick(Self.naive.segments).name,
      direction: dice.chance(60) ? .in : .out, validFrom: from, author: "test", reason: "why not")
    if dice.chance(60) { order.expires = from + .seconds(3600 * (4 + dice.below(8))) }
    do {
      let made = try await store.add(order, catalogue: shop.segments)
      pins.append(
        Pin(
          id: made.id, key: made.customerKey, segment: made.segment,
          isIn: made.direction == .in, from: from, to: order.expires))
    } catch let error as SegmentError
      where [
        "segments.second_pin", "segments.same_override", "segments.unknown_customer",
      ].contains(error.code)
    {
      // The group's only pin stays; not everyone has come yet.
    }
  }
}

extension RefreshShop {
  /// Gives the customers of the random shop their keys.
  fileprivate func identify() async throws {
    try await pool.execute(
      """
      INSERT INTO landing.identity (customer_id, customer_key)
      SELECT customer_id, customer_key FROM facts.customers ON CONFLICT DO NOTHING
      """)
  }
}

import Columns
import FeatureOracle
import FeatureStore
import Features
import Schedules
import TestSupport
import Testing
import Warehouse

/// One way from a held state to any instant, and what happens to it when the past changes.
struct FeaturesAdvanceTests {
  private func check(
    _ table: FeatureTable, _ events: [ShopEvent], _ shop: RandomShop, _ what: String
  ) throws {
    let oracle = NaiveOracle(
      table.catalogue, zone: shop.zone, asOf: table.asOf, events: events)
    for feature in table.catalogue.features {
      let found = try table.column(named: feature.name).oracleValues()
      let expected = try oracle.values(feature, table.index.ids)
      #expect(
        found.agree(with: expected, isReal: feature.type == .real),
        "\(what): \(feature.name) as of \(table.asOf): \(found), \(expected)")
    }
  }

  /// Nights from a state in memory, and between them some customers alone at instants of the day.
  @Test(arguments: 0..<3)
  func nightsAndMicroBatchesAgree(_ seed: Int) async throws {
    let catalogue = try OracleCatalogue.catalogue()
    try await FeaturesShop.open(seed: 1200 + seed) { database in
      let (shop, days, builder) = (database.shop, database.days, database.builder)
      var dice = Dice(seed: seed)
      var day = database.existing(shop.first + 60)
      try await database.arrive(shop.known(through: day), catalogue)
      var (built, state) = try await builder.advance(nil, to: days.end(of: day), catalogue)
      try check(built.table, shop.known(through: day), shop, "from nothing")
      for _ in 0..<4 {
        let asOf = days.end(of: day) + .microseconds(1 + dice.below(80_000_000_000))
        let today = days.lastDay(before: asOf)
        try await database.arrive(shop.known(through: today, from: day), catalogue)
        let known = shop.known(through: today)
        let midnight = try await builder.advance(state, to: days.end(of: day), catalogue)
        let touched = IDIndex(built.table.index.ids.filter { _ in dice.chance(50) })
        let few = try await builder.advance(
          state, to: asOf, touched: touched, catalogue, midnight: midnight.built.table
        ).built.table
        #expect(Set(few.index.ids).isSubset(of: touched.ids))
        try check(few, known, shop, "touched customers")
        // Who is not among them, and has no new event, is as before, or time has changed them.
        day = database.existing(max(today, day + 1))
        try await database.arrive(shop.known(through: day, from: today), catalogue)
        (built, state) = try await builder.advance(state, to: days.end(of: day), catalogue)
        #expect(built.from != nil)
        try check(built.table, shop.known(through: day), shop, "a night")
      }
    }
  }

  /// Whose past was changed is built from nothing, and the tiles with it; the others are advanced.
  @Test func correctedCustomersAreBuiltAnew() async throws {
    let catalogue = try OracleCatalogue.catalogue()
    try await FeaturesShop.open(seed: 1300) { database in
      let (pool, shop, days) = (database.pool, database.shop, database.days)
      let builder = database.builder
      let day = shop.first + 100
      var events = shop.known(through: day)
      try await database.arrive(events, catalogue)
      _ = try await builder.build(catalogue, asOf: days.end(of: day))

      // The first customer's purchases double, the way a correction comes: in a load of its own.
      let customer = try #require(shop.customers.first)
      let load = try await database.load([])
      let touched = events.filter { $0.customer == customer }.map(\.at)
      for position in events.indices
      where events[position].customer == customer && events[position].kind == "purchase" {
        events[position].amount = events[position].amount.map { $0 * 2 }
      }
      try await pool.execute(
        """
        UPDATE facts.events AS e SET amount = amount * 2, load_id = \(load)
        FROM facts.event_kind AS k
        WHERE k.kind_id = e.kind_id AND k.name = 'purchase' AND e.customer_id = \(customer)
        """)
      try await pool.execute(
        """
        INSERT INTO facts.touched (customer_id, load_id, first_at, last_at, recorded_at, cause)
        VALUES (\(customer), \(load), \(try #require(touched.min())),
          \(try #require(touched.max())), \(Instant(seconds: 9)), 'correction')
        """)
      try await database.tiles.fold(catalogue)
      for next in [day, day + 1] {
        let built = try await builder.build(catalogue, asOf: days.end(of: next))
        #expect(built.from == day)
        try check(built.table, events, shop, "after a correction")
      }
    }
  }

  @Test func amountsOfTwoCurrenciesAreAnError() async throws {
    let catalogue = try OracleCatalogue.catalogue()
    try await FeaturesShop.open(seed: 1301) { database in
      let (pool, shop, builder) = (database.pool, database.shop, database.builder)
      let load = try await database.load(shop.known(through: shop.first + 100))
      try await database.tiles.fold(catalogue)
      try await pool.execute(
        """
        INSERT INTO facts.amount_currency (load_id, kind_id, currency)
        SELECT \(load), kind_id, currency
        FROM facts.event_kind, (VALUES ('EUR'), ('USD')) AS c (currency) WHERE name = 'refund'
        """)
      let asOf = database.end(ofDay: 100)
      await #expect {
        try await builder.build(catalogue, asOf: asOf)
      } throws: {
        ($0 as? FeatureStoreError)?.message
          == "expected amounts of one currency for 'ltv_net', found EUR and USD"
      }
      let others = try catalogue.restricted(to: ["revenue_90d", "orders"])
      #expect(try await builder.build(others, asOf: asOf).table.index.count > 0)
    }
  }
}

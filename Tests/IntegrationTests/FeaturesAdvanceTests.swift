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
    let shop = try RandomShop(seed: 1200 + seed)
    try await withFreshDatabase { pool in
      let database = FeaturesShop(pool: pool, shop: shop)
      let tiles = TileStore(pool: pool, zone: shop.zone)
      let builder = FeatureBuilder(pool: pool, zone: shop.zone)
      let days = LocalDays(zone: shop.zone)
      var dice = Dice(seed: seed)
      var day = shop.first + 60
      if days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
      try await database.load(shop.known(through: day))
      try await tiles.fold(catalogue)
      var (built, state) = try await builder.advance(nil, to: days.end(of: day), catalogue)
      try check(built.table, shop.known(through: day), shop, "from nothing")
      for _ in 0..<4 {
        let asOf = days.end(of: day) + .microseconds(1 + dice.below(80_000_000_000))
        let today = days.lastDay(before: asOf)
        try await database.load(shop.known(through: today, from: day))
        try await tiles.fold(catalogue)
        let known = shop.known(through: today)
        let midnight = try await builder.advance(state, to: days.end(of: day), catalogue)
        let touched = IDIndex(built.table.index.ids.filter { _ in dice.chance(50) })
        let few = try await builder.advance(
          state, to: asOf, touched: touched, catalogue, midnight: midnight.built.table
        ).built.table
        #expect(Set(few.index.ids).isSubset(of: touched.ids))
        try check(few, known, shop, "touched customers")
        // Who is not among them, and has no new event, is as before, or time has changed them.
        day = max(today, day + 1)
        if days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
        try await database.load(shop.known(through: day, from: today))
        try await tiles.fold(catalogue)
        (built, state) = try await builder.advance(state, to: days.end(of: day), catalogue)
        #expect(built.from != nil)
        try check(built.table, shop.known(through: day), shop, "a night")
      }
    }
  }

  /// Whose past was changed is built from nothing, and the tiles with it; the others are advanced.
  @Test func correctedCustomersAreBuiltAnew() async throws {
    let catalogue = try OracleCatalogue.catalogue()
    let shop = try RandomShop(seed: 1300)
    try await withFreshDatabase { pool in
      let database = FeaturesShop(pool: pool, shop: shop)
      let tiles = TileStore(pool: pool, zone: shop.zone)
      let builder = FeatureBuilder(pool: pool, zone: shop.zone)
      let days = LocalDays(zone: shop.zone)
      let day = shop.first + 100
      var events = shop.known(through: day)
      try await database.load(events)
      try await tiles.fold(catalogue)
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
      try await tiles.fold(catalogue)
      for next in [day, day + 1] {
        let built = try await builder.build(catalogue, asOf: days.end(of: next))
        #expect(built.from == day)
        try check(built.table, events, shop, "after a correction")
      }
    }
  }

  @Test func amountsOfTwoCurrenciesAreAnError() async throws {
    let catalogue = try OracleCatalogue.catalogue()
    let shop = try RandomShop(seed: 1301)
    try await withFreshDatabase { pool in
      let database = FeaturesShop(pool: pool, shop: shop)
      let load = try await database.load(shop.known(through: shop.first + 100))
      try await TileStore(pool: pool, zone: shop.zone).fold(catalogue)
      try await pool.execute(
        """
        INSERT INTO facts.amount_currency (load_id, kind_id, currency)
        SELECT \(load), kind_id, currency
        FROM facts.event_kind, (VALUES ('EUR'), ('USD')) AS c (currency) WHERE name = 'refund'
        """)
      let asOf = LocalDays(zone: shop.zone).end(of: shop.first + 100)
      let builder = FeatureBuilder(pool: pool, zone: shop.zone)
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

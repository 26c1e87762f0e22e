import Columns
import FeatureOracle
import FeatureStore
import Features
import Schedules
import TestSupport
import Testing
import Warehouse

/// What the day tiles and stored states do beside being right.
struct FeaturesTileTests {
  private func catalogue(_ entries: String...) throws -> FeatureCatalogue {
    let list = entries.map { "  - {\($0)}\n" }.joined()
    return try FeatureCatalogue(yaml: "version: 1\nfeatures:\n" + list)
  }
  private let orders = "name: orders, count: purchase, window: 30 days"
  private let revenue = "name: revenue, sum: purchase.amount, window: lifetime"

  private func columns(_ pool: ConnectionPool) async throws -> [String] {
    try await pool.query(
      """
      SELECT column_name::text AS name FROM information_schema.columns
      WHERE table_schema = 'facts' AND table_name = 'customer_day' ORDER BY ordinal_position
      """
    ).map { try $0.get("name") }
  }

  @Test func columnsFollowTheCatalogue() async throws {
    let shop = try RandomShop(seed: 5)
    try await withFreshDatabase { pool in
      let database = FeaturesShop(pool: pool, shop: shop)
      let tiles = TileStore(pool: pool, zone: shop.zone)
      let events = shop.known(through: shop.first + 400)
      let load = try await database.load(events)
      let narrow = try catalogue(orders)
      #expect(try await tiles.fold(narrow).loads == [load])
      #expect(try await columns(pool) == ["customer_id", "day", "purchase_count"])
      let again = try await tiles.fold(narrow)
      #expect(again == FoldResult(version: 1, loads: [], rows: 0))

      // A new measure is filled from the loads folded before; a state lacks only its slots.
      let builder = FeatureBuilder(pool: pool, zone: shop.zone)
      let asOf = LocalDays(zone: shop.zone).end(of: shop.first + 149)
      _ = try await builder.build(narrow, asOf: asOf)
      let wide = try catalogue(orders, revenue)
      await #expect(throws: FeatureStoreError.self) { try await builder.build(wide, asOf: asOf) }
      #expect(try await tiles.fold(wide).version == 2)
      let built = try await builder.build(wide, asOf: asOf)
      #expect(built.from == shop.first + 149)
      let oracle = NaiveOracle(wide, zone: shop.zone, asOf: asOf, events: events)
      for feature in wide.features {
        #expect(
          try built.table.column(named: feature.name).oracleValues()
            == oracle.values(feature, built.table.index.ids))
      }

      // A measure that a catalogue no longer needs stays true until it is dropped.
      try await database.load(Array(events.prefix(3)))
      _ = try await tiles.fold(narrow)
      let total = try await pool.first(
        "SELECT sum(purchase_amount)::bigint AS tiles FROM facts.customer_day")
      let facts = try await pool.first(
        """
        SELECT (sum(amount) * 10000)::bigint AS facts FROM facts.events JOIN facts.event_kind
        USING (kind_id) WHERE name = 'purchase'
        """)
      #expect(
        try total?.get("tiles", as: Int64.self) == facts?.get("facts", as: Int64.self))
      #expect(try await tiles.dropUnused(narrow) == ["purchase_amount"])
      #expect(try await columns(pool) == ["customer_id", "day", "purchase_count"])
    }
  }

  @Test func anotherZoneRebuildsTheTiles() async throws {
    let shop = try RandomShop(seed: 6)
    try await withFreshDatabase { pool in
      let database = FeaturesShop(pool: pool, shop: shop)
      let events = shop.known(through: shop.first + 400)
      try await database.load(events)
      let catalogue = try catalogue(orders)
      for name in ["Asia/Tokyo", "America/New_York"] {
        let zone = try Zone(name)
        #expect(try await TileStore(pool: pool, zone: zone).fold(catalogue).loads.count == 1)
        let asOf = LocalDays(zone: zone).end(of: shop.first + 100)
        let built = try await FeatureBuilder(pool: pool, zone: zone).build(catalogue, asOf: asOf)
        #expect(built.from == nil)
        let oracle = NaiveOracle(catalogue, zone: zone, asOf: asOf, events: events)
        #expect(
          try built.table.column(named: "orders").oracleValues()
            == oracle.values(catalogue.resolve("orders"), built.table.index.ids))
      }
    }
  }

  /// Loads that failed or have no events are not waited for; commits out of order are caught up.
  @Test func foldsEachFinishedLoadOnce() async throws {
    let shop = try RandomShop(seed: 8)
    try await withFreshDatabase { pool in
      let database = FeaturesShop(pool: pool, shop: shop)
      let tiles = TileStore(pool: pool, zone: shop.zone)
      let catalogue = try catalogue(orders)
      let events = shop.known(through: shop.first + 400)
      let first = try await database.load(Array(events.prefix(20)))
      let second = try await database.load(Array(events.dropFirst(20).prefix(30)))
      try await pool.execute("UPDATE landing.load SET state = 'failed' WHERE load_id = \(first)")
      #expect(try await tiles.fold(catalogue).loads == [second])
      try await pool.execute("UPDATE landing.load SET state = 'loaded' WHERE load_id = \(first)")
      let empty = try await database.load([])
      #expect(try await tiles.fold(catalogue).loads == [first, empty])
      #expect(try await tiles.version() == 2)
      let customers = try await tiles.customers(inLoads: [first])
      #expect(customers == IDIndex(events.prefix(20).map(\.customer)))
      let times = events.prefix(50).map(\.at).sorted()
      let between = try await tiles.customersWithEvents(from: times[10], to: times[20])
      #expect(
        between
          == IDIndex(
            events.prefix(50).filter { $0.at >= times[10] && $0.at < times[20] }
              .map(\.customer)))
    }
  }

  @Test func aSumBeyond64BitsIsAnError() async throws {
    let shop = try RandomShop(seed: 9)
    try await withFreshDatabase { pool in
      let database = FeaturesShop(pool: pool, shop: shop)
      var events = shop.known(through: shop.first + 400).filter { $0.kind == "purchase" }
      for position in events.indices {
        events[position].amount = 999_999_999_999_999_999
        events[position].at = shop.zone.midnight(shop.first)
        events[position].customer = 1
      }
      try await database.load(events)
      do {
        try await TileStore(pool: pool, zone: shop.zone).fold(try catalogue(revenue))
        Issue.record("a sum of \(events.count) huge amounts was folded")
      } catch let error as WarehouseError {
        #expect(error.sqlState == "22003" && error.queryName == "fold tiles")
      }
    }
  }

  /// Three thousand features of one sum are built; of three thousand sums there is no table.
  @Test func threeThousandFeatures() async throws {
    let windows = (1...3000).map { "  - {name: f\($0), count: purchase, window: \($0) days}\n" }
    let sums = (1...3000).map {
      "  - {name: f\($0), count: purchase, where: amount > \($0), window: 9 days}\n"
    }
    let many = try FeatureCatalogue(yaml: "version: 1\nfeatures:\n" + windows.joined())
    let tooMany = try FeatureCatalogue(yaml: "version: 1\nfeatures:\n" + sums.joined())
    try await FeaturesShop.open(seed: 12) { database in
      let (shop, tiles) = (database.shop, database.tiles)
      let events = shop.known(through: shop.first + 400)
      try await database.arrive(events, many)
      let asOf = database.end(ofDay: 120)
      let table = try await database.builder.build(many, asOf: asOf).table
      let oracle = NaiveOracle(many, zone: shop.zone, asOf: asOf, events: events)
      for place in stride(from: 0, to: 3000, by: 299) {
        let feature = many.features[place]
        #expect(
          try table.column(named: feature.name).oracleValues()
            == oracle.values(feature, table.index.ids), "\(feature.name)")
      }
      await #expect {
        try await tiles.fold(tooMany)
      } throws: { error in
        (error as? FeatureStoreError)?.message
          == "expected at most 1500 sums by day, found 3001"
      }
      // Nothing of it stays.
      #expect(
        try await columns(database.pool) == ["customer_id", "day", "purchase_count"])
    }
  }

  @Test func aDamagedStateIsNoticed() async throws {
    let shop = try RandomShop(seed: 10)
    try await withFreshDatabase { pool in
      try await FeaturesShop(pool: pool, shop: shop).load(shop.known(through: shop.first + 400))
      let catalogue = try catalogue(orders)
      try await TileStore(pool: pool, zone: shop.zone).fold(catalogue)
      let builder = FeatureBuilder(pool: pool, zone: shop.zone)
      let days = LocalDays(zone: shop.zone)
      _ = try await builder.build(catalogue, asOf: days.end(of: shop.first + 60))
      try await pool.execute(
        "UPDATE features.state_column SET bytes = set_byte(bytes, 3, 1 + get_byte(bytes, 3) % 200)")
      // As a state that another process stored: this one has what it stored in memory.
      try await pool.execute(
        "UPDATE features.state SET created_at = created_at - interval '1 second'")
      await #expect {
        try await builder.build(catalogue, asOf: days.end(of: shop.first + 61))
      } throws: { ($0 as? FeatureError)?.code == "features.damaged_column" }
    }
  }

  @Test func statesArePruned() async throws {
    let shop = try RandomShop(seed: 11)
    try await withFreshDatabase { pool in
      try await FeaturesShop(pool: pool, shop: shop).load(shop.known(through: shop.first + 400))
      let catalogue = try catalogue(orders, revenue)
      try await TileStore(pool: pool, zone: shop.zone).fold(catalogue)
      let builder = FeatureBuilder(pool: pool, zone: shop.zone)
      for day in 60..<66 {
        let asOf = LocalDays(zone: shop.zone).end(of: shop.first + day)
        _ = try await builder.build(catalogue, asOf: asOf)
      }
      func kept() async throws -> [Day] {
        try await pool.query("SELECT day FROM features.state ORDER BY day")
          .map { try $0.get("day") }
      }
      #expect(try await kept() == [63, 64, 65].map { shop.first + $0 })

      // Beside the fold of a night there is room made already, never of what it goes on from.
      func ahead(to day: Int) async throws {
        try await builder.readAhead(
          catalogue, to: LocalDays(zone: shop.zone).end(of: shop.first + day))
      }
      try await ahead(to: 66)
      #expect(try await kept() == [64, 65].map { shop.first + $0 })
      try await ahead(to: 65)
      #expect(try await kept() == [64, 65].map { shop.first + $0 })
      let next = LocalDays(zone: shop.zone).end(of: shop.first + 66)
      let built = try await builder.build(catalogue, asOf: next)
      #expect(built.from == shop.first + 65)
      #expect(try await kept() == [64, 65, 66].map { shop.first + $0 })
      let oracle = NaiveOracle(
        catalogue, zone: shop.zone, asOf: next, events: shop.known(through: shop.first + 400))
      for feature in catalogue.features {
        #expect(
          try built.table.column(named: feature.name).oracleValues()
            == oracle.values(feature, built.table.index.ids))
      }
    }
  }

  @Test func profilesBecomeColumns() async throws {
    try await withFreshDatabase { pool in
      try await pool.execute(
        """
        INSERT INTO facts.customers (customer_id, customer_key, first_seen_at, profile) VALUES
        (1, 'a', '2024-01-01Z', '{"country": "PT", "age": 31, "spent": 12.5, "vip": true,
          "born": "1990-02-28", "seen": "2024-01-01T00:00:00Z"}'),
        (2, 'b', NULL, '{"country": "tab\\tand\\\\slash", "age": null}'),
        (3, 'c', '2024-01-02Z', '{"country": "PT"}'),
        (4, 'd', '2024-02-01Z', '{"country": "later"}')
        """)
      try await pool.execute(
        """
        INSERT INTO facts.customer_profile
          (customer_id, valid_from, valid_to, recorded_from, attributes)
        SELECT customer_id, '-infinity', 'infinity', '2024-01-01Z', profile FROM facts.customers
        """)
      let catalogue = try catalogue(
        "name: country, profile: country", "name: age, profile: age, type: integer",
        "name: spent, profile: spent, type: decimal", "name: vip, profile: vip, type: boolean",
        "name: born, profile: born, type: date", "name: seen, profile: seen, type: timestamp")
      try await TileStore(pool: pool, zone: .utc).fold(catalogue)
      let asOf = try #require(Instant(rfc3339: "2024-02-01T00:00:00Z"))
      let builder = FeatureBuilder(pool: pool, zone: .utc)
      let table = try await builder.build(catalogue, asOf: asOf).table
      #expect(table.index.ids == [1, 2, 3])
      guard case .text(let codes, let names) = try table.column(named: "country") else {
        Issue.record("country is no text")
        return
      }
      #expect(
        (0..<3).map { row in codes[row].map { names[Int($0)] } }
          == ["PT", "tab\tand\\slash", "PT"])
      let one = Bitset(count: 3) { $0 == 0 }
      #expect(
        try table.column(named: "age") == .integer(Dense([31, 0, 0], present: one), scale: 0))
      #expect(
        try table.column(named: "spent")
          == .integer(Dense([125_000, 0, 0], present: one), scale: 4))
      #expect(
        try table.column(named: "vip") == .boolean(Dense([true, false, false], present: one)))
      let born = try #require(Day(iso8601: "1990-02-28"))
      #expect(try table.column(named: "born") == .day(Dense([born.number, 0, 0], present: one)))
      let seen = try #require(Instant(rfc3339: "2024-01-01T00:00:00Z"))
      #expect(
        try table.column(named: "seen")
          == .instant(Dense([seen.microseconds, 0, 0], present: one)))

      try await pool.execute(
        "UPDATE facts.customer_profile SET attributes = '{\"age\": \"old\"}' WHERE customer_id = 3")
      await #expect {
        try await builder.build(catalogue, asOf: asOf)
      } throws: {
        ($0 as? FeatureStoreError)?.message
          == "expected integer in the profile of customer 3, found 'old' in 'age'"
      }
    }
  }
}

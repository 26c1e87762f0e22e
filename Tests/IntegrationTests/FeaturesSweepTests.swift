import Columns
import FeatureOracle
import FeatureStore
import Features
import Schedules
import TestSupport
import Testing
import Warehouse

/// The road over many days through the database: against the oracle, and against nights.
struct FeaturesSweepTests {
  /// From nothing or from a stored state to whose days something has come late since.
  @Test(arguments: 0..<4)
  func everyDayOfASweepEqualsTheOracle(_ seed: Int) async throws {
    let catalogue = try OracleCatalogue.catalogue()
    let shop = try RandomShop(seed: 1400 + seed)
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
      if seed % 2 == 0 { _ = try await builder.build(catalogue, asOf: days.end(of: day)) }

      var midnights: [Instant] = []
      var next = day + 1
      for _ in 0..<6 {
        if days.lastDay(before: days.end(of: next)) != next { next = next + 1 }
        midnights.append(days.end(of: next))
        next = next + (dice.chance(70) ? 1 : 1 + dice.below(20))
      }
      let last = days.lastDay(before: midnights[5])
      try await database.load(shop.known(through: last, from: day))
      try await tiles.fold(catalogue)
      let events = shop.known(through: last)

      var seen: [Instant] = []
      let swept = try await builder.sweep(catalogue, over: midnights, saving: true) { table in
        seen.append(table.asOf)
        let oracle = NaiveOracle(
          catalogue, zone: shop.zone, asOf: table.asOf, events: events)
        let customers = Set(events.filter { $0.at < table.asOf }.map(\.customer))
        #expect(table.index.ids == customers.sorted())
        for feature in catalogue.features {
          let found = try table.column(named: feature.name).oracleValues()
          let expected = try oracle.values(feature, table.index.ids)
          #expect(
            found.agree(with: expected, isReal: feature.type == .real),
            "\(feature.name) as of \(table.asOf): \(found), \(expected)")
        }
      }
      #expect(seen == midnights)
      // Where much has come late, nothing is the better start.
      #expect(swept.from == nil || (seed % 2 == 0 && swept.from == day))
      #expect(swept.rowsRead > 0)

      // The night after it goes on from where it ended, as if it had been nights all along.
      let night = try await builder.build(catalogue, asOf: days.end(of: last))
      #expect(night.from == last)
      let state = try #require(
        try await StateStore(pool: pool, zone: shop.zone).newest(
          through: last, slots: catalogue.slots, rings: catalogue.rings.map(\.slot)))
      let anew = try await builder.advance(nil, to: days.end(of: last), catalogue).state.state
      #expect(state.state.day == anew.day)
      #expect(
        state.state.reindexed(to: night.table.index)
          == anew.withoutEdges.reindexed(to: night.table.index))
    }
  }

  /// Profiles as they were on each day, whatever attributes are derived from them.
  @Test func profilesOfEachDay() async throws {
    let catalogue = try FeatureCatalogue(
      yaml: """
        version: 1
        features:
          - {name: orders, count: purchase, window: 30 days}
          - {name: country, profile: country}
          - {name: age, profile: age, type: integer}
          - {name: plan, profile: plan}
        """)
    let days = LocalDays(zone: .utc)
    let first = Day(number: 20_000)
    let midnights = (0..<5).map { days.end(of: first + $0) }
    try await withFreshDatabase { pool in
      try await pool.execute(
        """
        INSERT INTO facts.customers (customer_id, customer_key, first_seen_at) VALUES
          (1, 'a', NULL), (2, 'b', \(days.end(of: first))), (3, 'c', \(midnights[2])),
          (4, 'd', NULL)
        """)
      try await pool.execute(
        """
        INSERT INTO facts.profile_attribute (name, position, definition) VALUES
          ('age', 0, '{"from": "born", "derive": "age"}'), ('plan', 1, '{"fallback": "free"}')
        """)
      try await pool.execute(
        """
        INSERT INTO facts.customer_profile
          (customer_id, valid_from, valid_to, recorded_from, attributes) VALUES
          (1, '-infinity', \(midnights[1]), '2024-01-01Z', '{"country": "PT", "born": "1990-10-06"}'),
          (1, \(midnights[1]), 'infinity', '2024-01-01Z',
            '{"country": "ES", "born": "1990-10-06", "plan": "gold"}'),
          (2, '-infinity', 'infinity', '2024-01-01Z', '{"country": "PT", "born": "1990-10-06"}'),
          (3, \(midnights[2]), 'infinity', '2024-01-01Z', '{"country": "FR"}')
        """)
      try await TileStore(pool: pool, zone: .utc).fold(catalogue)
      let builder = FeatureBuilder(pool: pool, zone: .utc)
      var swept: [FeatureTable] = []
      _ = try await builder.sweep(catalogue, over: midnights) { swept.append($0) }
      for table in swept {
        let alone = try await builder.advance(nil, to: table.asOf, catalogue).built.table
        #expect(table.index == alone.index)
        for feature in catalogue.features {
          #expect(
            try table.column(named: feature.name).oracleValues()
              == alone.column(named: feature.name).oracleValues(),
            "\(feature.name) as of \(table.asOf)")
        }
      }
      #expect(swept.map(\.index.count) == [2, 3, 3, 4, 4])
      #expect(
        try await builder.populations(at: midnights) == swept.map(\.index.count))
      let countries = try swept.map { try $0.column(named: "country").oracleValues().first }
      #expect(countries == [.text("PT"), .text("PT"), .text("ES"), .text("ES"), .text("ES")])
    }
  }
}

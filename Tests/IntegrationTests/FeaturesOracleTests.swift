import Columns
import FeatureOracle
import FeatureStore
import Features
import Schedules
import TestSupport
import Testing

/// The database path against the naive oracle and against the SQL of every feature.
struct FeaturesOracleTests {
  /// Nightly steps with late events, jumps, and as-of inside a day; three roads to each value.
  @Test(arguments: 0..<6)
  func storedStatesEqualTheOracle(_ seed: Int) async throws {
    let catalogue = try OracleCatalogue.catalogue()
    try await FeaturesShop.open(seed: 900 + seed) { database in
      let (shop, days, builder) = (database.shop, database.days, database.builder)
      var dice = Dice(seed: seed)
      var loaded: Day?

      /// Loads and folds what has arrived by the end of a day; returns all events known then.
      func arrive(_ day: Day) async throws -> [ShopEvent] {
        let new = shop.known(through: day, from: loaded)
        // Two loads, so that a fold has several.
        let half = new.count / 2
        try await database.load(Array(new[..<half]))
        try await database.load(Array(new[half...]))
        let result = try await database.tiles.fold(catalogue)
        #expect(result.loads.count == 2)
        loaded = day
        return shop.known(through: day)
      }

      func compare(_ table: FeatureTable, _ events: [ShopEvent]) async throws {
        let oracle = NaiveOracle(catalogue, zone: shop.zone, asOf: table.asOf, events: events)
        let customers = Set(events.filter { $0.at < table.asOf }.map(\.customer))
        #expect(table.index.ids == customers.sorted())
        for feature in catalogue.features {
          let column = try table.column(named: feature.name)
          let expected = try oracle.values(feature, table.index.ids)
          #expect(
            column.oracleValues().agree(with: expected, isReal: feature.type == .real),
            "\(feature.name) as of \(table.asOf): \(column.oracleValues()), \(expected)")
          let sql = try await database.sql(feature.name, catalogue, asOf: table.asOf)
          let rows = table.index.ids.map { sql[$0] ?? nil }
          #expect(
            column.unscaled().agree(with: rows, isReal: feature.type == .real),
            "SQL of \(feature.name) as of \(table.asOf): \(column.unscaled()), \(rows)")
        }
      }

      var day = shop.first + 50 + dice.below(30)
      var steps = 0
      for _ in 0..<8 {
        day = database.existing(day)
        let events = try await arrive(day)
        let built = try await builder.build(catalogue, asOf: days.end(of: day))
        if built.from != nil { steps += 1 }
        try await compare(built.table, events)
        if dice.chance(50) {
          let asOf = days.end(of: day) + .microseconds(1 + dice.below(80_000_000_000))
          let known = try await arrive(days.lastDay(before: asOf))
          try await compare(try await builder.build(catalogue, asOf: asOf).table, known)
        }
        day = max(day, loaded ?? day) + 1 + (dice.chance(30) ? dice.below(20) : 0)
      }
      #expect(steps >= 6)
      // Again, now that the state is stored: the same features, and nothing to read but the parts
      // of days at the bounds of hour windows.
      let last = days.end(of: try #require(loaded))
      let first = try await builder.build(catalogue, asOf: last)
      let again = try await builder.build(catalogue, asOf: last)
      let whole = try catalogue.restricted(
        to: catalogue.features.filter { $0.window?.isOfDays ?? true }.map(\.name))
      #expect(try await builder.build(whole, asOf: last, saving: false).rowsRead == 0)
      for feature in catalogue.features {
        #expect(
          try first.table.column(named: feature.name) == again.table.column(named: feature.name))
      }
    }
  }

  /// Past dates in one pass, and one customer alone, equal the builds of everyone at one date.
  @Test func everyRoadGivesTheSameValues() async throws {
    let catalogue = try OracleCatalogue.catalogue()
    try await FeaturesShop.open(seed: 77) { database in
      let (shop, days, builder) = (database.shop, database.days, database.builder)
      try await database.arrive(shop.known(through: shop.first + 400), catalogue)
      let wanted = [40, 90, 91, 145].map { shop.first + $0 }
      let tables = try await builder.build(catalogue, atEndsOf: wanted)
      for (day, table) in zip(wanted, tables) {
        let asOf = days.end(of: day)
        let single = try await builder.build(catalogue, asOf: asOf, saving: false).table
        #expect(table.index == single.index && table.asOf == asOf)
        for (row, customer) in table.index.ids.enumerated() where row % 3 == 0 {
          let alone = try await builder.features(of: customer, catalogue, asOf: asOf)
          #expect(alone.index.ids == [customer])
          for feature in catalogue.features {
            #expect(
              try alone.column(named: feature.name).oracleValues()[0]
                == table.column(named: feature.name).oracleValues()[row],
              "\(feature.name) of \(customer) as of \(asOf)")
          }
        }
        for feature in catalogue.features {
          #expect(
            try table.column(named: feature.name) == single.column(named: feature.name))
        }
      }
      let unknown = try await builder.features(
        of: 4711, catalogue, asOf: days.end(of: wanted[0]))
      #expect(unknown.index.count == 0)
    }
  }
}

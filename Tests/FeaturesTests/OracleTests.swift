import Columns
import FeatureOracle
import Schedules
import Testing

@testable import Features

/// The sweep against the naive oracle: full builds, chains of steps with late arrivals and
/// redeliveries, jumps, as-of inside a day, several dates in one pass.
struct OracleTests {
  /// Runs one random history; calls `seen` with every feature value compared.
  ///
  /// - Returns: the first difference from the oracle in words, nil where there is none.
  private func difference(
    seed: Int, fault: SweepFault? = nil, seen: (String, Double?) -> Void = { _, _ in }
  ) throws -> String? {
    let catalogue = try OracleCatalogue.catalogue()
    let shop = try RandomShop(seed: seed)
    var dice = Dice(seed: seed &+ 7_000_000)
    let days = LocalDays(zone: shop.zone)
    let slots = catalogue.slots
    let population = IDIndex(shop.customers)

    func compare(_ state: FeatureState, _ asOf: Instant, _ events: [ShopEvent]) throws -> String? {
      let table = FeatureTable(
        catalogue: catalogue, asOf: asOf, zone: shop.zone, state: state, population: population,
        fault: fault)
      let oracle = NaiveOracle(catalogue, zone: shop.zone, asOf: asOf, events: events)
      for feature in catalogue.features {
        let found = try table.column(named: feature.name).doubles()
        let expected = try oracle.values(feature, table.index.ids)
        expected.forEach { seen(feature.name, $0) }
        if found != expected {
          return "seed \(seed), \(shop.zone.name), \(feature.name) as of \(asOf): "
            + "expected \(expected), found \(found)"
        }
      }
      return nil
    }

    /// A build from nothing where `state` is nil, else an advance with what came late since.
    func move(
      _ state: FeatureState?, to day: Day, tiles: MemoryTiles, late: [ShopEvent]
    ) throws -> FeatureState {
      // Half of the builds know none of the customers beforehand.
      var sweep =
        if let state {
          try Sweep(advancing: state, slots: slots, to: day, fault: fault)
        } else {
          Sweep(
            FeatureState(slots: slots, index: dice.chance(50) ? population : IDIndex([])),
            to: day, fault: fault)
        }
      for read in sweep.reads { try sweep.apply(tiles.batch(read)) }
      if let from = sweep.from, !sweep.lateMeasures.isEmpty {
        let deltas = MemoryTiles(late, zone: shop.zone, measures: sweep.lateMeasures)
        let read = TileRead(
          days: DaySpan(first: .init(number: .min), last: from), measures: sweep.lateMeasures)
        try sweep.apply(deltas.batch(read), as: .late)
      }
      return sweep.finish()
    }

    var day = shop.first + 20 + dice.below(60)
    var state: FeatureState?
    while day < shop.first + RandomShop.length {
      let events = shop.known(through: day)
      let tiles = MemoryTiles(events, zone: shop.zone, measures: catalogue.measures)
      let arrived = state?.day.map { shop.known(through: day, from: $0) } ?? []
      let reached = try move(state, to: day, tiles: tiles, late: arrived)
      if let difference = try compare(reached, days.end(of: day), events) { return difference }
      state = reached

      if dice.chance(40) {
        // Inside the next day: whole days from tiles, the day's beginning from events.
        let asOf = Instant(
          microseconds: days.end(of: day).microseconds + Int64(1 + dice.below(80_000_000_000)))
        let today = days.lastDay(before: asOf)
        let future = shop.known(through: today)
        let whole = MemoryTiles(
          future, zone: shop.zone, measures: catalogue.measures, before: asOf)
        let late = shop.known(through: today, from: day)
        let inside = try move(
          dice.chance(80) ? state : nil, to: today, tiles: whole, late: late)
        if let difference = try compare(inside, asOf, future) { return difference }
      }
      day = day + (dice.chance(60) ? 1 : dice.chance(80) ? 1 + dice.below(12) : 45)
      // Apia had no 30 December 2011: no instant is the end of that day and of no other.
      if days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
    }
    return nil
  }

  @Test func sweepEqualsTheOracleOnRandomHistories() throws {
    var seeds: [String: Set<Int>] = [:]
    for seed in 0..<200 {
      let difference = try difference(seed: seed) { name, value in
        if let value, value != 0 { seeds[name, default: []].insert(seed) }
      }
      #expect(difference == nil)
    }
    for feature in try OracleCatalogue.catalogue().features {
      #expect(seeds[feature.name, default: []].count >= 100, "\(feature.name) is mostly empty")
    }
  }

  @Test(arguments: SweepFault.allCases)
  func oracleNoticesEveryFault(_ fault: SweepFault) throws {
    let noticed = try (0..<200).contains { try difference(seed: $0, fault: fault) != nil }
    #expect(noticed, "\(fault) went unnoticed on 200 histories")
  }

  @Test func severalDatesInOnePassEqualSingleBuilds() throws {
    let catalogue = try OracleCatalogue.catalogue()
    for seed in 300..<310 {
      let shop = try RandomShop(seed: seed)
      let events = shop.known(through: shop.first + 300)
      let tiles = MemoryTiles(events, zone: shop.zone, measures: catalogue.measures)
      let index = IDIndex(shop.customers)
      let days = [30, 31, 75, 140].map { shop.first + $0 }
      func sweep(_ day: Day) -> Sweep { Sweep(building: catalogue.slots, index: index, to: day) }
      var together = days.map(sweep)
      for read in Sweep.reads(for: together) {
        let batch = tiles.batch(read)
        for position in together.indices { try together[position].apply(batch) }
      }
      for (day, done) in zip(days, together) {
        var alone = sweep(day)
        for read in alone.reads { try alone.apply(tiles.batch(read)) }
        #expect(done.finish() == alone.finish())
      }
    }
  }
}

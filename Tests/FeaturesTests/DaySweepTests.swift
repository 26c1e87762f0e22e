import Columns
import FeatureOracle
import Schedules
import Testing

@testable import Features

/// One sweep over many days against a step for each of them.
struct DaySweepTests {
  /// Random histories, catalogues, starts and stops: every state and every feature is the same.
  @Test func equalsAStepForEachDay() throws {
    let all = try OracleCatalogue.catalogue()
    var withLate = 0
    for seed in 0..<60 {
      var dice = Dice(seed: seed &+ 4_000)
      let names = all.features.map(\.name).filter { _ in dice.chance(60) }
      let catalogue = seed % 3 == 0 ? all : try all.restricted(to: names)
      var walk = try OracleTests.Walk(catalogue, seed: seed)
      let (shop, days) = (walk.shop, walk.days)

      // Half of the sweeps start from a state, to whose days something has come late since.
      var day = shop.first + 20 + dice.below(60)
      var state: FeatureState?
      var late: [ShopEvent] = []
      let start = day
      if dice.chance(50) {
        if days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
        let early = shop.known(through: day)
        state = try walk.advance(nil, to: days.end(of: day), known: early, late: [])
        day = day + (dice.chance(50) ? 1 : dice.below(30))
      }
      let stops = Self.stops(from: day, days, &dice)
      let last = days.lastDay(before: stops[stops.count - 1])
      let known = shop.known(through: last)
      if let from = state?.day { late = shop.known(through: last, from: from) }
      if state != nil, late.contains(where: { $0.at < days.end(of: start) }) { withLate += 1 }

      var sweep = try DaySweep(
        state, through: stops, for: catalogue, days: days,
        index: dice.chance(50) ? walk.population : IDIndex([]),
        expected: dice.chance(50) ? walk.population : IDIndex(walk.population.ids.prefix(3)))
      try Self.feed(&sweep, known, late, shop, catalogue, before: stops[stops.count - 1])
      for (position, asOf) in stops.enumerated() {
        let swept = try #require(try sweep.next())
        let stepped = try walk.advance(
          state, to: asOf, known: known, late: position == 0 ? late : [])
        let one = walk.table(swept, asOf, walk.population)
        let other = walk.table(stepped, asOf, walk.population)
        #expect(
          swept.withoutEdges.reindexed(to: walk.population)
            == stepped.withoutEdges.reindexed(to: walk.population), "seed \(seed), \(asOf)")
        for feature in catalogue.features {
          #expect(
            try one.column(named: feature.name) == other.column(named: feature.name),
            "seed \(seed), \(feature.name) as of \(asOf)")
        }
        state = stepped
      }
      #expect(try sweep.next() == nil)
    }
    #expect(withLate >= 10, "few states had anything late: \(withLate)")
  }

  /// A customer joins when the first event of its own is swept, or when the caller says so.
  @Test func customersJoinOnTheirDay() throws {
    let catalogue = try FeatureCatalogue(
      yaml: """
        version: 1
        features:
          - {name: orders, count: purchase, window: lifetime}
        """)
    let days = LocalDays(zone: .utc)
    let first = Day(number: 20_000)
    let stops = (0..<3).map { days.end(of: first + $0) }
    var sweep = try DaySweep(nil, through: stops, for: catalogue, days: days)
    for read in sweep.tileReads {
      var batch = TileBatch(measures: read.measures)
      for (customer, day) in [(Int64(7), first), (5, first + 1), (9, first + 2)]
      where read.days.contains(day) {
        batch.append(customer: customer, day: day, values: [2])
      }
      try sweep.apply(batch)
    }
    #expect(try sweep.next()?.index.ids == [7])
    #expect(try sweep.next(joining: IDIndex([7, 8]))?.index.ids == [5, 7, 8])
    let last = try #require(try sweep.next())
    #expect(last.index.ids == [5, 7, 8, 9])
    #expect(last.values == [[2, 2, 0, 2]])
  }

  @Test func otherInstantsThanAscendingMidnightsAreRefused() throws {
    let catalogue = try OracleCatalogue.catalogue()
    let days = LocalDays(zone: .utc)
    let midnight = days.end(of: Day(number: 20_000))
    let noon = midnight + .seconds(43_200)
    let before = days.end(of: Day(number: 19_999))
    for stops in [[], [noon], [midnight, midnight], [midnight, before]] {
      let error = #expect(throws: FeatureError.self) {
        try DaySweep(nil, through: stops, for: catalogue, days: days)
      }
      #expect(error?.code == "features.not_midnights")
    }
  }

  @Test func aTotalThatLeavesSixtyFourBitsIsAnError() throws {
    let catalogue = try FeatureCatalogue(
      yaml: """
        version: 1
        features:
          - {name: orders, count: purchase, window: lifetime}
        """)
    let days = LocalDays(zone: .utc)
    let first = Day(number: 20_000)
    let stops = (0..<2).map { days.end(of: first + $0) }
    var sweep = try DaySweep(nil, through: stops, for: catalogue, days: days)
    for read in sweep.tileReads {
      var batch = TileBatch(measures: read.measures)
      for day in [first, first + 1] where read.days.contains(day) {
        batch.append(customer: 7, day: day, values: [Int64.max])
      }
      try sweep.apply(batch)
    }
    _ = try sweep.next()
    let error = #expect(throws: FeatureError.self) { try sweep.next() }
    #expect(error?.code == "features.overflow")
    #expect(error?.message.contains("customer 7") == true)
  }

  private static func stops(from start: Day, _ days: LocalDays, _ dice: inout Dice) -> [Instant] {
    var stops: [Instant] = []
    var day = start
    for _ in 0..<(2 + dice.below(6)) {
      if days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
      stops.append(days.end(of: day))
      day = day + (dice.chance(70) ? 1 : dice.chance(70) ? 1 + dice.below(12) : 45)
    }
    return stops
  }

  private static func feed(
    _ sweep: inout DaySweep, _ known: [ShopEvent], _ late: [ShopEvent], _ shop: RandomShop,
    _ catalogue: FeatureCatalogue, before end: Instant
  ) throws {
    let tiles = MemoryTiles(known, zone: shop.zone, measures: catalogue.measures, before: end)
    for read in sweep.tileReads { try sweep.apply(tiles.batch(read)) }
    if let from = sweep.from, !sweep.lateMeasures.isEmpty {
      let deltas = MemoryTiles(late, zone: shop.zone, measures: sweep.lateMeasures)
      let read = TileRead(
        days: DaySpan(first: Day(number: .min), last: from), measures: sweep.lateMeasures)
      try sweep.apply(deltas.batch(read), as: .late)
    }
    let streams = MemoryStreams(known, late: late)
    for read in sweep.streamReads { sweep.apply(streams.batch(read), of: read) }
    for read in sweep.streamFollowUps { sweep.apply(streams.batch(read), of: read) }
    if let read = sweep.stepRead { sweep.take(streams.batch(read)) }
  }
}

import Columns
import FeatureOracle
import Foundation
import Schedules
import Testing

@testable import Features

/// The engine against the naive oracle: full builds, chains of steps with late arrivals and
/// redeliveries, jumps, as-of inside a day, touched customers alone, several dates in one pass.
struct OracleTests {
  /// One random history with the state that is carried along it.
  struct Walk {
    let catalogue: FeatureCatalogue
    let shop: RandomShop
    let days: LocalDays
    let population: IDIndex
    var fault: SweepFault?
    var dice: Dice

    init(_ catalogue: FeatureCatalogue, seed: Int, fault: SweepFault? = nil) throws {
      self.catalogue = catalogue
      shop = try RandomShop(seed: seed)
      days = LocalDays(zone: shop.zone)
      population = IDIndex(shop.customers)
      self.fault = fault
      dice = Dice(seed: seed &+ 7_000_000)
    }

    /// A build from nothing where `state` is nil, else an advance with what came late since.
    mutating func advance(
      _ state: FeatureState?, to asOf: Instant, known: [ShopEvent], late: [ShopEvent]
    ) throws -> FeatureState {
      // Half of the builds know none of the customers beforehand.
      var advance = try StateAdvance(
        state, to: asOf, for: catalogue, days: days,
        index: dice.chance(50) ? population : IDIndex([]), range: 0, fault: fault)
      let tiles = MemoryTiles(
        known, zone: shop.zone, measures: catalogue.measures, before: asOf)
      for read in advance.tileReads { try advance.apply(tiles.batch(read)) }
      if let from = advance.from, !advance.lateMeasures.isEmpty {
        let deltas = MemoryTiles(late, zone: shop.zone, measures: advance.lateMeasures)
        let read = TileRead(
          days: DaySpan(first: .init(number: .min), last: from), measures: advance.lateMeasures)
        try advance.apply(deltas.batch(read), as: .late)
      }
      let streams = MemoryStreams(known, late: late)
      for read in advance.streamReads { advance.apply(streams.batch(read), of: read) }
      for read in advance.streamFollowUps { advance.apply(streams.batch(read), of: read) }
      return try advance.finish()
    }

    func table(_ state: FeatureState, _ asOf: Instant, _ population: IDIndex) -> FeatureTable {
      FeatureTable(
        catalogue: catalogue, asOf: asOf, zone: shop.zone, state: state, population: population,
        fault: fault)
    }

    /// The first feature that differs from the oracle, in words.
    func difference(
      _ table: FeatureTable, _ events: [ShopEvent], seen: (String, NaiveOracle.Value?) -> Void
    ) throws -> String? {
      let oracle = NaiveOracle(
        catalogue, zone: shop.zone, asOf: table.asOf, events: events,
        population: shop.customers)
      for feature in catalogue.features {
        let found = try table.column(named: feature.name).oracleValues()
        let expected = try oracle.values(feature, table.index.ids)
        expected.forEach { seen(feature.name, $0) }
        if !found.agree(with: expected, isReal: feature.type == .real) {
          return "\(shop.zone.name), \(feature.name) as of \(table.asOf): "
            + "expected \(expected), found \(found)"
        }
      }
      return nil
    }
  }

  /// Runs one random history; calls `seen` with every feature value compared.
  ///
  /// - Returns: the first difference from the oracle in words, nil where there is none.
  private func difference(
    _ catalogue: FeatureCatalogue, seed: Int, dates: Int = .max, fault: SweepFault? = nil,
    seen: (String, NaiveOracle.Value?) -> Void = { _, _ in }
  ) throws -> String? {
    var walk = try Walk(catalogue, seed: seed, fault: fault)
    let (shop, days) = (walk.shop, walk.days)
    var day = shop.first + 20 + walk.dice.below(60)
    var state: FeatureState?
    var left = dates
    while day < shop.first + RandomShop.length, left > 0 {
      left -= 1
      let events = shop.known(through: day)
      let arrived = state?.day.map { shop.known(through: day, from: $0) } ?? []
      let reached = try walk.advance(
        state, to: days.end(of: day), known: events, late: arrived)
      let table = walk.table(reached, days.end(of: day), walk.population)
      if let difference = try walk.difference(table, events, seen: seen) { return difference }
      state = reached
      if walk.dice.chance(50) {
        if let difference = try insideTheDay(&walk, reached, day, seen: seen) { return difference }
      }
      day = day + (walk.dice.chance(60) ? 1 : walk.dice.chance(80) ? 1 + walk.dice.below(12) : 45)
      // Apia had no 30 December 2011: no instant is the end of that day and of no other.
      if days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
    }
    return nil
  }

  /// An instant of the next day: everyone, and some customers alone, which must agree.
  private func insideTheDay(
    _ walk: inout Walk, _ state: FeatureState, _ day: Day,
    seen: (String, NaiveOracle.Value?) -> Void
  ) throws -> String? {
    let (shop, days) = (walk.shop, walk.days)
    let midnight = days.end(of: day)
    var asOf = Instant(
      microseconds: midnight.microseconds + Int64(1 + walk.dice.below(80_000_000_000)))
    // Or just so long after an event that a bound falls on it, a microsecond before or after.
    var near: [Int64] = []
    let hour: Int64 = 3_600_000_000
    for event in shop.deliveries {
      for hours: Int64 in [2, 24, 48, 72, 300] {
        let jitter = Int64(walk.dice.below(3)) - 1
        let time: Int64 = event.at.microseconds + hours * hour + jitter
        let since = time - midnight.microseconds
        if since > 0, since < 80_000_000_000 { near.append(time) }
      }
    }
    if !near.isEmpty, walk.dice.chance(70) {
      asOf = Instant(microseconds: walk.dice.pick(near))
    }
    let today = days.lastDay(before: asOf)
    let known = shop.known(through: today)
    let late = shop.known(through: today, from: day)
    let base = try walk.advance(state, to: midnight, known: known, late: late)
    let fixed = walk.table(base, midnight, walk.population)
    let inside = try walk.advance(
      walk.dice.chance(80) ? state : nil, to: asOf, known: known, late: late)
    var table = walk.table(inside, asOf, walk.population)
    try table.fix(at: fixed)
    if let difference = try walk.difference(table, known, seen: seen) { return difference }

    let touched = IDIndex(shop.customers.filter { _ in walk.dice.chance(40) })
    func only(_ events: [ShopEvent]) -> [ShopEvent] {
      events.filter { touched.row(of: $0.customer) != nil }
    }
    let part = try walk.advance(
      base.restricted(to: touched), to: asOf, known: only(known), late: [])
    var few = walk.table(part.restricted(to: touched), asOf, touched)
    try few.fix(at: fixed)
    return try walk.difference(few, known) { _, _ in }.map { "touched customers: \($0)" }
  }

  /// `make test-long` takes 2,000 histories and walks all of them to their ends.
  private static let isLong = ProcessInfo.processInfo.environment["STRATA_LONG_TESTS"] == "1"

  @Test func engineEqualsTheOracleOnRandomHistories() throws {
    let catalogue = try OracleCatalogue.catalogue()
    var seeds: [String: Set<Int>] = [:]
    for seed in 0..<(Self.isLong ? 2000 : 500) {
      // The naive side is slow in a debug build: most histories end after a build and a step.
      let dates = !Self.isLong && seed >= 40 ? 2 : Int.max
      let difference = try difference(catalogue, seed: seed, dates: dates) { name, value in
        if let value, value.isTelling { seeds[name, default: []].insert(seed) }
      }
      #expect(difference == nil, "seed \(seed)")
    }
    for feature in catalogue.features {
      #expect(seeds[feature.name, default: []].count >= 100, "\(feature.name) is mostly empty")
    }
  }

  /// `make test-long STEPS=feature_faults` counts on how many histories each fault is noticed.
  @Test(arguments: SweepFault.allCases)
  func oracleNoticesEveryFault(_ fault: SweepFault) throws {
    let catalogue = try OracleCatalogue.catalogue()
    let histories = Self.isLong ? 60 : 200
    var noticed = 0
    for seed in 0..<histories where Self.isLong || noticed == 0 {
      if try difference(catalogue, seed: seed, fault: fault) != nil { noticed += 1 }
    }
    if Self.isLong { print("engine, \(fault): noticed by \(noticed) of \(histories) histories") }
    #expect(noticed > 0, "\(fault) went unnoticed on \(histories) histories")
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

import Columns
import FeatureOracle
import Features
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import FeatureStore

/// Customer ranges: however everyone is cut, the features are the same.
struct FeaturesRangesTests {
  /// A shop in a database, night after night, with what is known in memory.
  private struct Nights {
    let catalogue: FeatureCatalogue
    let shop: RandomShop
    let pool: ConnectionPool
    let days: LocalDays
    private var loaded: Day?
    private var known: [ShopEvent] = []
    /// Whose events were moved to whom.
    private var moved: [Int64: Int64] = [:]

    init(seed: Int, _ pool: ConnectionPool) throws {
      catalogue = try OracleCatalogue.catalogue()
      shop = try RandomShop(seed: seed)
      self.pool = pool
      days = LocalDays(zone: shop.zone)
    }

    var events: [ShopEvent] {
      known.map { event in
        var event = event
        event.customer = moved[event.customer] ?? event.customer
        return event
      }
    }

    /// What arrives by the end of a day, also late, as the loader would bring it.
    mutating func arrive(_ day: Day) async throws {
      let new = shop.known(through: day, from: loaded).map { event in
        var event = event
        event.customer = moved[event.customer] ?? event.customer
        return event
      }
      try await FeaturesShop(pool: pool, shop: shop).load(new)
      try await TileStore(pool: pool, zone: shop.zone).fold(catalogue)
      known = shop.known(through: day)
      loaded = day
    }

    /// Moves the history of the first customer to the last one, who is in another range.
    mutating func merge() async throws {
      let database = FeaturesShop(pool: pool, shop: shop)
      let (from, to) = (shop.customers[0], shop.customers[shop.customers.count - 1])
      let times = events.filter { $0.customer == from || $0.customer == to }.map(\.at)
      guard let first = times.min(), let last = times.max() else { return }
      let load = try await database.load([])
      try await pool.execute(
        """
        UPDATE facts.events SET customer_id = \(to), load_id = \(load) WHERE customer_id = \(from)
        """)
      try await pool.execute(
        """
        INSERT INTO facts.touched (customer_id, load_id, first_at, last_at, recorded_at, cause)
        SELECT c, \(load), \(first), \(last), \(Instant(seconds: 9)), 'merge'
        FROM unnest(\([from, to])) AS c
        """)
      try await TileStore(pool: pool, zone: shop.zone).fold(catalogue)
      moved[from] = to
    }

    func check(_ table: FeatureTable, _ what: String) throws {
      let oracle = NaiveOracle(
        table.catalogue, zone: shop.zone, asOf: table.asOf, events: events,
        population: table.index.ids)
      for feature in table.catalogue.features {
        let found = try table.column(named: feature.name).oracleValues()
        let expected = try oracle.values(feature, table.index.ids)
        #expect(
          found.agree(with: expected, isReal: feature.type == .real),
          "\(what): \(feature.name) as of \(table.asOf): \(found), \(expected)")
      }
    }
  }

  private func builder(_ nights: Nights) -> FeatureBuilder {
    FeatureBuilder(
      pool: nights.pool, zone: nights.shop.zone, limits: ResourceLimits(threads: 2))
  }

  /// Nights whose number of ranges changes each time, with late events and a merge over the cut:
  /// stored states are split again, and every table equals that of one range and the oracle.
  @Test(arguments: 0..<4)
  func anyNumberOfRangesGivesTheSameFeatures(_ seed: Int) async throws {
    try await withFreshDatabase { pool in
      var nights = try Nights(seed: 2100 + seed, pool)
      let builder = builder(nights)
      let days = nights.days
      var dice = Dice(seed: seed)
      var day = nights.shop.first + 60
      var advanced = 0
      let counts = [7, 7, 2, 1, 3, 7, 1].shuffled(using: &dice)
      for (step, count) in counts.enumerated() {
        if days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
        try await nights.arrive(day)
        if step == 3 { try await nights.merge() }
        let asOf = days.end(of: day)
        let built = try await builder.advanceStates(
          nights.catalogue, to: asOf, by: .count(count))
        #expect(built.ranges.count == count)
        if built.from != nil { advanced += 1 }
        let one = try await builder.build(
          nights.catalogue, asOf: asOf, saving: false, by: .count(1)
        ).table
        try nights.check(one, "\(count) ranges, read as one")
        // Range by range, and put together again.
        for pieces in [2, 7] {
          let parts = try await builder.eachRange(
            nights.catalogue, asOf: asOf, by: .count(pieces), population: ["orders"]
          ) { everyone in
            try everyone.column(named: "orders").count
          } _: { table, everyone in
            let columns = try table.catalogue.features.map {
              try table.column(named: $0.name).oracleValues()
            }
            return (ids: table.index.ids, columns: columns, everyone: everyone)
          }
          #expect(parts.parts.count == pieces)
          #expect(parts.parts.flatMap(\.ids) == one.index.ids)
          #expect(parts.customers == one.index.count)
          #expect(parts.parts.allSatisfy { $0.everyone == one.index.count })
          for (place, feature) in nights.catalogue.features.enumerated() {
            let values = parts.parts.flatMap { $0.columns[place] }
            #expect(
              try values == one.column(named: feature.name).oracleValues(),
              "\(pieces) pieces of \(count): \(feature.name) as of \(asOf)")
          }
        }
        // Within the next day ranks are those of the midnight, whatever the ranges.
        let inside = asOf + .microseconds(1 + dice.below(60_000_000_000))
        let whole = try await builder.build(
          nights.catalogue, asOf: inside, by: .count(1)
        ).table
        let cut = try await builder.build(nights.catalogue, asOf: inside, by: .count(3)).table
        #expect(whole.index == cut.index)
        for feature in nights.catalogue.features {
          #expect(
            try whole.column(named: feature.name) == cut.column(named: feature.name),
            "\(feature.name) as of \(inside)")
        }
        day = day + 1 + dice.below(4)
      }
      // Many late events, or a merge among few customers, are a reason to build from nothing.
      #expect(advanced >= 4)
    }
  }

  /// Ranges of hashes, as where the warehouse is sharded: their customers lie between each other.
  @Test func rangesOfHashesAreMerged() async throws {
    try await withFreshDatabase { pool in
      var nights = try Nights(seed: 2200, pool)
      let builder = builder(nights)
      let cuts: [Int32] = [.min, -1_500_000_000, -20, 700_000_000]
      let shards = cuts.indices.map { place in
        CustomerRange.Bucket(
          low: cuts[place], high: place + 1 < cuts.count ? cuts[place + 1] - 1 : .max)
      }
      let ranges = try CustomerRange.ranges(count: 3, shards: shards)
      for day in [60, 61, 65].map({ nights.shop.first + $0 }) {
        try await nights.arrive(day)
        let asOf = nights.days.end(of: day)
        let built = try await builder.build(nights.catalogue, asOf: asOf, by: .fixed(ranges))
        try nights.check(built.table, "hashes")
        let one = try await builder.build(
          nights.catalogue, asOf: asOf, saving: false, by: .count(2))
        #expect(one.rowsRead == built.rowsRead || one.from != nil)
        for feature in nights.catalogue.features {
          #expect(
            try one.table.column(named: feature.name) == built.table.column(named: feature.name))
        }
      }
    }
  }

  /// A state that is missing, or one of another cut, must not be taken for everyone's.
  @Test func statesThatDoNotHoldEveryoneAreLeftAlone() async throws {
    try await withFreshDatabase { pool in
      var nights = try Nights(seed: 2300, pool)
      let builder = builder(nights)
      let days = nights.days
      let first = nights.shop.first + 60
      for day in [first, first + 1] {
        try await nights.arrive(day)
        _ = try await builder.advanceStates(
          nights.catalogue, to: days.end(of: day), by: .count(3))
      }
      let asOf = days.end(of: first + 2)
      try await nights.arrive(first + 2)
      func from() async throws -> Day? {
        let built = try await builder.build(
          nights.catalogue, asOf: asOf, saving: false, by: .count(3))
        try nights.check(built.table, "states that are not whole")
        return built.from
      }
      #expect(try await from() == first + 1)
      // One of three is missing: the day before is whole.
      try await pool.execute(
        "DELETE FROM features.state WHERE day = \(first + 1) AND range_number = 1")
      #expect(try await from() == first)
      // The others say that they are two of two: there is a gap between them.
      try await pool.execute(
        """
        UPDATE features.state SET range_count = 2, range_number = least(range_number, 1)
        WHERE day = \(first + 1)
        """)
      #expect(try await from() == first)
      // A gap in the extents of the day before.
      try await pool.execute(
        "UPDATE features.state SET end_id = end_id - 1 WHERE day = \(first) AND range_number = 0")
      #expect(try await from() == nil)
    }
  }

  /// A worker's share: its ranges alone are stored, and count once the others are there.
  @Test func workersStoreTheirShares() async throws {
    try await withFreshDatabase { pool in
      var nights = try Nights(seed: 2400, pool)
      let day = nights.shop.first + 80
      try await nights.arrive(day)
      let asOf = nights.days.end(of: day)
      let (catalogue, builder) = (nights.catalogue, builder(nights))
      let ranges = try await pool.withConnection { try await CustomerRange.read(count: 3, on: $0) }
      var rows = 0
      for range in ranges {
        let built = try await builder.advanceStates(catalogue, to: asOf, by: .fixed([range]))
        #expect(built.from == nil && built.ranges == [range])
        rows += built.rowsRead
      }
      let all = try await builder.build(catalogue, asOf: asOf)
      #expect(all.from == day && all.rowsRead < rows)
      try nights.check(all.table, "shares")
    }
  }

  /// What this process has stored is not read back; another process reads the same.
  @Test func theNextTaskTakesStatesFromMemory() async throws {
    try await withFreshDatabase { pool in
      var nights = try Nights(seed: 2500, pool)
      let day = nights.shop.first + 70
      try await nights.arrive(day)
      let asOf = nights.days.end(of: day)
      let (catalogue, builder) = (nights.catalogue, builder(nights))
      _ = try await builder.advanceStates(catalogue, to: asOf, by: .count(2))
      // The stored bytes are unreadable: who reads them fails.
      try await pool.execute(
        "UPDATE features.state_column SET bytes = set_byte(bytes, 3, 1 + get_byte(bytes, 3) % 200)")
      let kept = try await builder.build(catalogue, asOf: asOf, saving: false)
      #expect(kept.from == day)
      try nights.check(kept.table, "from memory")
      // States that are too large are not kept; neither are those of another number.
      let cache = StateCache()
      let state = FeatureState(slots: [], index: IDIndex(1...100))
      let one = StateCache.Key(pool.options, 1, createdAt: asOf)
      cache.keep(state, as: one, limit: state.byteCount - 1)
      #expect(cache.state(one) == nil)
      for number in 1...3 {
        cache.keep(
          state, as: StateCache.Key(pool.options, Int64(number), createdAt: asOf),
          limit: 2 * state.byteCount)
      }
      #expect(cache.state(one) == nil && cache.count == 2)
      #expect(cache.state(StateCache.Key(pool.options, 3, createdAt: asOf)) == state)
      #expect(
        cache.state(StateCache.Key(pool.options, 3, createdAt: asOf + .microseconds(1))) == nil)
    }
  }

  /// Builds side by side take connections of a small pool one at a time, and never wait in a ring.
  @Test(.timeLimit(.minutes(15)), arguments: [1, 2])
  func buildsShareASmallPool(_ limit: Int) async throws {
    try await withFreshDatabase(limit: limit) { pool in
      var nights = try Nights(seed: 2700, pool)
      let day = nights.shop.first + 75
      try await nights.arrive(day)
      let asOf = nights.days.end(of: day)
      let (catalogue, builder) = (nights.catalogue, builder(nights))
      let tables = try await withThrowingTaskGroup(of: FeatureTable.self) { group in
        for count in [1, 2, 3, 7] {
          group.addTask {
            try await builder.build(catalogue, asOf: asOf, saving: false, by: .count(count)).table
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(tables.count == 4)
      for table in tables { try nights.check(table, "a pool of \(limit)") }
      // Storing needs a connection, too.
      _ = try await builder.build(catalogue, asOf: asOf, by: .count(1))
      _ = try await builder.build(catalogue, asOf: asOf + .seconds(3600), by: .count(3))
    }
  }

  /// Limits become ranges, and what cannot be kept is said before any work.
  @Test func memoryLimitsBecomeRanges() async throws {
    let catalogue = try OracleCatalogue.catalogue()
    let estimate = MemoryEstimate(catalogue, events: 20, days: 400, whole: 16)
    let five = 5_000_000
    func ranges(_ limit: Int?, threads: Int = 2) throws -> (count: Int, atOnce: Int) {
      try estimate.ranges(
        customers: five, limits: ResourceLimits(threads: threads, memoryBytes: limit))
    }
    #expect(try ranges(nil) == (2, 2))
    #expect(try ranges(nil, threads: 1) == (1, 1))
    var last = Int.max
    for gigabytes in [1, 2, 4, 8, 16, 64, 256] {
      let (count, atOnce) = try ranges(gigabytes << 30)
      #expect(count <= last && count >= atOnce)
      last = count
      // What is at work at once, and what is whole, stays within the limit.
      let used =
        MemoryEstimate.base + estimate.whole * five
        + estimate.underWay * ((five + count - 1) / count) * atOnce
      #expect(used <= gigabytes << 30)
    }
    #expect(last == 2)
    let failure = #expect(throws: FeatureStoreError.self) { try ranges(300 << 20) }
    #expect(failure?.code == "feature_store.memory_limit")
    #expect(failure?.message.contains("for 5000000 customers, found 300 MiB") == true)
    // A handful of customers is one range.
    #expect(try estimate.ranges(customers: 300, limits: ResourceLimits(threads: 8)) == (1, 1))

    try await withFreshDatabase { pool in
      var nights = try Nights(seed: 2600, pool)
      try await nights.arrive(nights.shop.first + 60)
      let small = FeatureBuilder(
        pool: pool, zone: nights.shop.zone,
        limits: ResourceLimits(threads: 2, memoryBytes: 64 << 20))
      let (catalogue, asOf) = (nights.catalogue, nights.days.end(of: nights.shop.first + 60))
      await #expect {
        try await small.build(catalogue, asOf: asOf)
      } throws: { ($0 as? FeatureStoreError)?.code == "feature_store.memory_limit" }
    }
  }

  @Test(arguments: [
    ("4GiB", 4 << 30), ("512 MiB", 512 << 20), ("2gb", 2_000_000_000), ("1.5g", 3 << 29),
    ("1000", 1000), ("64k", 65_536), ("1TiB", 1 << 40), ("10B", 10),
  ])
  func sizes(_ text: String, _ bytes: Int) {
    #expect(ResourceLimits.bytes(text) == bytes)
  }

  @Test(arguments: ["", "4 GiBs", "GiB", "-1GiB", "0", "4 potatoes", "1e40TiB", "1.2.3M"])
  func badSizes(_ text: String) {
    #expect(ResourceLimits.bytes(text) == nil)
  }
}

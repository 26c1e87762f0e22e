import FeatureOracle
import FeatureStore
import Features
import Schedules
import Segments
import Tasks
import TestSupport
import Testing
import Warehouse

/// Steps between the nights: the same as everyone evaluated from nothing, and as the nights alone.
struct RefreshTests {
  /// A day on which the zone has a midnight of its own.
  private func firstDay(_ shop: RandomShop, _ days: LocalDays) -> Day {
    var day = shop.first + 60
    while days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
    return day
  }

  /// Random batches, late and early events, corrections, merges, hours in which nothing happens, and
  /// midnights: after each step every segment holds whom it would hold had everyone been evaluated.
  ///
  /// Without rules that depend on everybody else, late events and corrections stay steps for few.
  @Test(arguments: 0..<6)
  func stepsAgreeWithEveryone(_ seed: Int) async throws {
    let isRelative = seed < 3
    try await withRefreshShop(seed: 2100 + seed, isRelative: isRelative) { shop in
      var dice = Dice(seed: seed)
      let days = shop.days
      var day = firstDay(shop.shop, days)
      var asOf = days.end(of: day)
      try await shop.database.load(shop.shop.known(through: day))
      var kinds: [RefreshStep.Kind] = []
      var evaluated = 0
      var customers = shop.shop.customers
      for round in 0..<24 {
        // Mostly within the day; now and then over a midnight.
        let hours = dice.chance(12) ? 20 + dice.below(30) : dice.below(4)
        asOf = asOf + .microseconds(1 + hours * 3_600_000_000 + dice.below(3_600_000_000))
        shop.clock.advance(by: .seconds(60))
        let today = days.lastDay(before: asOf)
        if today > day || round == 0 || dice.chance(40) {
          // All of a day at once: events later than as-of come before their time.
          try await shop.database.load(shop.shop.known(through: max(today, day), from: day))
          day = max(today, day)
        }
        if dice.chance(15) { try await shop.correct(dice.pick(customers)) }
        if dice.chance(8), customers.count > 4 {
          let gone = customers.remove(at: dice.below(customers.count))
          try await shop.merge(gone, into: dice.pick(customers))
        }
        let step = try await shop.refresher.step(to: asOf)
        kinds.append(step.kind)
        evaluated += step.kind == .touched ? step.customers : 0
        let expected = try await shop.expected(asOf)
        let seen = try await shop.seen()
        for (name, members) in expected.sorted(by: { $0.key < $1.key }) {
          #expect(
            seen[name] == members,
            "seed \(seed), round \(round), \(step.kind) as of \(asOf): \(name)")
        }
      }
      #expect(kinds.count { $0 == .touched } >= (isRelative ? 3 : 10), "\(kinds)")
      #expect(kinds.contains(.everyone))
      #expect(evaluated > 0)
      #expect(try await shop.overlaps() == 0)
      #expect(
        try await shop.count(
          "SELECT count(*) FROM segments.transitions WHERE cause NOT IN ('event', 'time', 'rule')")
          == 0)
      // The tiles are those of one fold of everything.
      let tiles = try await shop.tiles()
      try await shop.pool.execute("TRUNCATE facts.customer_day")
      try await shop.pool.execute("DELETE FROM features.folded_load")
      try await shop.pool.execute("UPDATE landing.load SET is_folded = false")
      try await TileStore(pool: shop.pool, zone: shop.zone).fold(shop.features)
      #expect(try await shop.tiles() == tiles)
    }
  }

  /// A night after steps publishes what it would have published without them, and history keeps what
  /// happened within the day.
  @Test(arguments: 0..<2)
  func nightsAreTheSameWithoutSteps(_ seed: Int) async throws {
    let random = try RandomShop(seed: 2200 + seed)
    let days = LocalDays(zone: random.zone)
    let first = firstDay(random, days)
    let second = days.lastDay(before: days.end(of: first + 1))
    try await withFreshDatabase { without in
      let plain = try RefreshShop(without, random)
      try await plain.database.load(random.known(through: first))
      try await plain.night(days.end(of: first))
      try await plain.database.load(random.known(through: second, from: first))
      try await plain.night(days.end(of: second))
      try plain.close()
      try await withRefreshShop(seed: 2200 + seed) { shop in
        var dice = Dice(seed: seed)
        try await shop.database.load(random.known(through: first))
        try await shop.night(days.end(of: first))
        let known = random.known(through: second, from: first)
        var asOf = days.end(of: first)
        var transitions: Int64 = 0
        for part in 0..<6 {
          asOf = asOf + .microseconds(1 + dice.below(3 * 3_600_000_000))
          try await shop.database.load(
            known.enumerated().filter { $0.offset % 6 == part }.map(\.element))
          let step = try await shop.refresher.step(to: asOf)
          transitions += Int64(step.entered + step.left)
        }
        #expect(transitions > 0)
        let before = try await shop.count("SELECT count(*) FROM segments.transitions")
        try await shop.night(days.end(of: second))
        #expect(try await shop.seen() == plain.seen())
        #expect(try await shop.expected(days.end(of: second)) == plain.seen())
        #expect(try await shop.count("SELECT count(*) FROM segments.transitions") >= before)
        #expect(try await shop.overlaps() == 0)
        // Once more changes nothing.
        #expect(try await shop.night(days.end(of: second)).outcome == .unchanged)
        for name in ["buyers", "viewers_24h"] {
          let reader = SegmentReader(pool: shop.pool)
          let then = try await reader.members(of: name, asOf: days.end(of: first))
          let alone = try await SegmentReader(pool: without).members(
            of: name, asOf: days.end(of: first))
          #expect(then.map(\.customerID) == alone.map(\.customerID))
        }
      }
    }
  }

  /// What a step writes: one publication, one run with one task, sizes of what moved; and nothing
  /// where there is nothing to do.
  @Test func aStepIsOneRunAndAnIdleOneNothing() async throws {
    try await withRefreshShop(seed: 2300) { shop in
      let days = shop.days
      let day = firstDay(shop.shop, days)
      try await shop.database.load(shop.shop.known(through: day))
      try await shop.night(days.end(of: day))
      let noon = days.end(of: day) + .seconds(12 * 3600)
      #expect(try await shop.refresher.step(to: noon).kind != .waiting)
      let (runs, publications) = (
        try await shop.count("SELECT count(*) FROM runs.run"),
        try await shop.count("SELECT count(*) FROM segments.publication")
      )
      let evaluations = try await shop.count("SELECT count(*) FROM segments.evaluation")
      let idle = try await shop.refresher.step(to: noon + .microseconds(1))
      #expect(idle.kind == .idle)
      #expect(idle.runID == nil)
      #expect(try await shop.count("SELECT count(*) FROM runs.run") == runs)

      let customer = try #require(shop.shop.customers.first)
      try await shop.database.load([
        shop.purchase(by: customer, at: noon, 1), shop.purchase(by: 999, at: noon, 2),
      ])
      shop.clock.advance(by: .seconds(1))
      let step = try await shop.refresher.step(to: noon + .seconds(5))
      #expect(step.kind == .touched)
      #expect(step.loads == 1)
      #expect(step.customers >= 2)
      #expect(step.entered >= 1)
      #expect(step.eventToTransition.count >= 1)
      #expect(try await shop.count("SELECT count(*) FROM runs.run") == runs + 1)
      #expect(
        try await shop.count("SELECT count(*) FROM segments.publication") == publications + 1)
      #expect(try await shop.count("SELECT count(*) FROM segments.evaluation") == evaluations)
      let run = try #require(
        try await shop.pool.first(
          """
          SELECT r.dag, r.state, r.interval_end, t.kind, t.state AS task, p.publication_id
          FROM runs.run r JOIN runs.task t USING (run_id)
          JOIN segments.publication p USING (run_id) WHERE run_id = \(step.runID)
          """))
      #expect(try run.get("dag", as: String.self) == "segment_refresh")
      #expect(try run.get("state", as: String.self) == "success")
      #expect(try run.get("task", as: String.self) == "success")
      #expect(try run.get("kind", as: String.self) == "refresh_segments")
      #expect(try run.get("interval_end", as: Instant.self) == noon + .seconds(5))
      #expect(try run.get("publication_id", as: Int32.self) == step.publicationID)
      let sizes = try await shop.pool.query(
        """
        SELECT c.segment, c.members, count(m.customer_id) AS found
        FROM segments.catalog c LEFT JOIN segments.membership m USING (segment) GROUP BY 1, 2
        """)
      for row in sizes {
        let name: String = try row.get("segment")
        #expect(
          try row.get("members", as: Int64?.self) == row.get("found", as: Int64.self), "\(name)")
      }
      let listed = try await SegmentReader(pool: shop.pool).list()
      #expect(listed.count == shop.segments.segments.count)
      #expect(listed.allSatisfy { $0.asOf == noon + .seconds(5) })
      #expect(try await shop.refresher.step(to: noon + .seconds(5)).kind == .idle)
    }
  }

  /// Two refreshers over one database: each sees what the other did, and nothing is done twice.
  @Test func twoRefreshersDoEachStepOnce() async throws {
    try await withRefreshShop(seed: 2400) { shop in
      let days = shop.days
      let day = firstDay(shop.shop, days)
      try await shop.database.load(shop.shop.known(through: day))
      try await shop.night(days.end(of: day))
      var other = try RefreshShop.refresher(shop.project, shop.pool, shop.clock)
      var asOf = days.end(of: day) + .seconds(3600)
      _ = try await shop.refresher.step(to: asOf)
      asOf = asOf + .seconds(1)
      _ = try await other.step(to: asOf)
      var number = 10
      for round in 0..<6 {
        asOf = asOf + .seconds(60)
        let customer = shop.shop.customers[round % shop.shop.customers.count]
        number += 1
        try await shop.database.load([
          shop.purchase(by: customer, at: asOf + .seconds(-1), number)
        ])
        let runs = try await shop.count("SELECT count(*) FROM runs.run")
        // Both wake; one of them is first.
        let first =
          try await (round % 2 == 0 ? shop.refresher.step(to: asOf) : other.step(to: asOf))
        asOf = asOf + .microseconds(1)
        let second =
          try await (round % 2 == 0 ? other.step(to: asOf) : shop.refresher.step(to: asOf))
        #expect(first.kind == .touched)
        #expect(first.loads == 1)
        #expect(second.kind == .idle, "round \(round)")
        #expect(try await shop.count("SELECT count(*) FROM runs.run") == runs + 1)
        #expect(try await shop.seen() == shop.expected(asOf))
      }
      #expect(try await shop.overlaps() == 0)
    }
  }

  /// A process that dies between steps, or whose commit fails, loses nothing: the next one begins from
  /// the tables.
  @Test func aStepThatFailsLeavesNothing() async throws {
    try await withRefreshShop(seed: 2500) { shop in
      struct Died: Error {}
      let days = shop.days
      let day = firstDay(shop.shop, days)
      try await shop.database.load(shop.shop.known(through: day))
      try await shop.night(days.end(of: day))
      var asOf = days.end(of: day) + .seconds(3600)
      _ = try await shop.refresher.step(to: asOf)
      let customer = try #require(shop.shop.customers.last)
      asOf = asOf + .seconds(60)
      try await shop.database.load([shop.purchase(by: customer, at: asOf + .seconds(-1), 1)])
      let (runs, tiles) = (
        try await shop.count("SELECT count(*) FROM runs.run"), try await shop.tiles()
      )
      await #expect(throws: Died.self) {
        try await WarehouseFaults.$beforeCommit.withValue({ _ in throw Died() }) {
          _ = try await shop.refresher.step(to: asOf)
        }
      }
      #expect(try await shop.count("SELECT count(*) FROM runs.run") == runs)
      #expect(try await shop.tiles() == tiles)
      // Another process takes over, with nothing in memory.
      shop.refresher = try RefreshShop.refresher(shop.project, shop.pool, shop.clock)
      let step = try await shop.refresher.step(to: asOf)
      #expect(step.kind == .everyone)
      #expect(try await shop.seen() == shop.expected(asOf))
    }
  }

  /// A midnight that no night has published is published by the refresh; a night that comes later finds
  /// itself overtaken, and shows what it found without publishing.
  @Test func aNightThatComesLaterIsOvertaken() async throws {
    try await withRefreshShop(seed: 2550) { shop in
      let days = shop.days
      let midnight = days.end(of: firstDay(shop.shop, days))
      try await shop.database.load(shop.shop.known(through: days.lastDay(before: midnight)))
      let noon = midnight + .seconds(6 * 3600)
      let step = try await shop.refresher.step(to: noon)
      #expect(step.night == midnight)
      #expect(try await shop.seen() == shop.expected(noon))
      let publisher = Publisher(pool: shop.pool, clock: shop.clock)
      #expect(try await publisher.isOvertaken(midnight, dag: "nightly_segments"))
      #expect(try await !publisher.isOvertaken(midnight, dag: "segment_refresh"))
      #expect(try await !publisher.isOvertaken(noon, dag: "nightly_segments"))
      let before = try await shop.count("SELECT count(*) FROM segments.publication")
      let id = try await EvaluationStore(pool: shop.pool).save(
        try EvaluateSegments(shop.segments)(
          over: try await FeatureBuilder(pool: shop.pool, zone: shop.zone).build(
            shop.features, asOf: midnight
          ).table
        ).evaluation, runID: nil)
      let shown = try await publisher.preview(evaluationID: id, outcome: .overtaken)
      #expect(shown.outcome == .overtaken)
      #expect(shown.rowsChanged == 0)
      #expect(try await shop.count("SELECT count(*) FROM segments.publication") == before)
    }
  }

  /// A step may bring its events itself: events, transitions and run are one transaction.
  @Test func aStepBringsEventsInItsTransaction() async throws {
    try await withRefreshShop(seed: 2600) { shop in
      let days = shop.days
      let day = firstDay(shop.shop, days)
      try await shop.database.load(shop.shop.known(through: day))
      try await shop.night(days.end(of: day))
      let asOf = days.end(of: day) + .seconds(3600)
      _ = try await shop.refresher.step(to: asOf)
      let next = asOf + .seconds(60)
      #expect(shop.refresher.holds(next))
      let customer = try #require(shop.shop.customers.first)
      let at = asOf + .seconds(1)
      let before = try await shop.count("SELECT max(load_id) FROM landing.load")
      let step = try await shop.refresher.step(to: next) { connection in
        let load = try await connection.first(
          "SELECT landing.new_load('till', \(at), \(at), 1) AS load_id")
        let id = try load?.get("load_id", as: Int64.self)
        try await connection.execute(
          """
          INSERT INTO facts.events (customer_id, occurred_at, ingested_at, load_id, kind_id,
            source_id, amount, event_id)
          SELECT \(customer), \(at), \(at), \(id), kind_id, 1, 5, 'till1'
          FROM facts.event_kind WHERE name = 'purchase'
          """)
      }
      #expect(step.kind == .touched)
      #expect(step.loads == 1)
      #expect(try await shop.count("SELECT max(load_id) FROM landing.load") == before + 1)
      #expect(try await shop.seen() == shop.expected(next))
    }
  }
}

extension RefreshShop {
  /// A purchase of 12.50.
  func purchase(by customer: Int64, at: Instant, _ number: Int) -> ShopEvent {
    var event = shop.deliveries[0]
    event.eventID = 100_000 + number
    event.customer = customer
    event.kind = "purchase"
    event.at = at
    event.amount = 125_000
    event.quantity = 1
    event.arrives = days.day(of: at)
    event.item = "A1"
    return event
  }
}

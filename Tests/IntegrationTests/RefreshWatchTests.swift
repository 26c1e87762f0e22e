import FeatureOracle
import Inputs
import Schedules
import Tasks
import TestSupport
import Testing
import Warehouse

/// What wakes a watch, and what it does when nobody does.
struct RefreshWatchTests {
  /// A load of others tells of itself when it commits, and not before.
  @Test func aLoadTellsWithItsCommit() async throws {
    try await withFreshDatabase { pool in
      let listener = try await Connection.connect(pool.options)
      try await listener.listen(LoadChannel.name)
      var notes = try await listener.notifications().makeAsyncIterator()
      let at = Instant(seconds: 1_300_000_000)
      let load = try await pool.transaction { connection in
        let row = try await connection.first(
          "SELECT landing.new_load('till', \(at), \(at), 1) AS load_id")
        // Sent and committed while the load is open: it comes first.
        try await pool.withConnection { try await $0.notify(LoadChannel.name, payload: "marker") }
        return try row?.get("load_id", as: Int64.self) ?? 0
      }
      #expect(try await notes.next()?.payload == "marker")
      #expect(try await notes.next()?.payload == "till \(load)")

      // Where rows come from elsewhere, a trigger may tell; once per statement.
      try await pool.execute(
        """
        CREATE TRIGGER told AFTER INSERT ON facts.events
        FOR EACH STATEMENT EXECUTE FUNCTION landing.tell_loaded('others')
        """)
      try await pool.execute("SELECT facts.ensure_months(\([Zone.utc.day(of: at)]))")
      try await pool.execute(
        """
        INSERT INTO facts.events (customer_id, occurred_at, ingested_at, load_id, kind_id,
          source_id, event_id)
        SELECT i, \(at), \(at), \(load), 1, 1, i::text FROM generate_series(1, 3) AS i
        """)
      try await pool.withConnection { try await $0.notify(LoadChannel.name, payload: "end") }
      #expect(try await notes.next()?.payload == "others")
      #expect(try await notes.next()?.payload == "end")
      await listener.close()
    }
  }

  /// A notification wakes the watch without the clock; one that is lost is made up for by the poll;
  /// a stop lets it end.
  @Test func notificationsWakeAndPollsMakeUpForLostOnes() async throws {
    try await withRefreshShop(seed: 2700) { shop in
      let days = shop.days
      var day = shop.shop.first + 60
      while days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
      try await shop.database.load(shop.shop.known(through: day))
      try await shop.night(days.end(of: day))
      let clock = ManualClock(days.end(of: day) + .seconds(6 * 3600))
      let pool = shop.pool
      let watch = RefreshWatch(pool: pool, clock: clock, poll: .seconds(5))
      let refresher = try RefreshShop.refresher(shop.project, pool, clock)
      let (events, told) = AsyncStream.makeStream(of: RefreshWatch.Event.self)
      let work = Task { try await watch.run(refresher) { told.yield($0) } }
      var steps = events.makeAsyncIterator()
      /// The next step that did something, or the first of all.
      func next(_ wanted: (RefreshStep) -> Bool) async -> RefreshStep? {
        while let event = await steps.next() {
          if case .step(let step) = event, wanted(step) { return step }
        }
        return nil
      }
      #expect(await next { _ in true } != nil)

      let customers = shop.shop.customers
      clock.advance(by: .seconds(2))
      try await shop.database.load([
        shop.purchase(by: customers[0], at: clock.now() + .seconds(-1), 1)
      ])
      try await pool.withConnection { try await $0.notify(LoadChannel.name, payload: "shop 1") }
      let woken = try #require(await next { $0.kind == .touched })
      #expect(woken.loads == 1)
      #expect(woken.loadToCommit != nil)
      #expect(try await shop.seen() == shop.expected(woken.asOf))

      // Nobody tells of this one.
      try await shop.database.load([
        shop.purchase(by: customers[1], at: clock.now() + .seconds(-1), 2)
      ])
      await clock.waitForSleepers()
      clock.advance(by: .seconds(5))
      let polled = try #require(await next { $0.kind == .touched })
      #expect(polled.loads == 1)
      #expect(try await shop.seen() == shop.expected(polled.asOf))
      watch.stop()
      try await work.value
    }
  }

  @Test func latenciesAreOfTheLatestValues() {
    var window = LatencyWindow(capacity: 4)
    #expect(window.quantile(0.5) == nil)
    window.add([9, 9, 9, 1, 2, 3, 4])
    #expect(window.quantile(0.5) == 2)
    #expect(window.quantile(0.95) == 4)
    #expect(window.quantile(0) == 1)
  }
}

import Columns
import Rules
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// Overrides as they are recorded: added, removed, never changed, and known at any time.
@Suite("Overrides")
struct OverrideStoreTests {
  private static let catalogue: SegmentCatalogue? = try? SegmentCatalogue.parse(
    """
    default: {segment: rest}
    segments:
      - {name: Best Ones, rule: "n > 1", group: tier}
      - {name: good, rule: "n > 2", group: tier}
      - {name: loud, rule: "n > 3"}
      - {name: rest}
    """, attributes: AttributeList([Attribute(name: "n", type: .number)]))

  private let hour = Duration.seconds(3600)
  private let start = Instant(seconds: 1_700_000_000)

  private func withStore(
    _ body: (OverrideStore, ManualClock, SegmentCatalogue, ConnectionPool) async throws -> Void
  ) async throws {
    let catalogue = try #require(Self.catalogue)
    try await withFreshDatabase { pool in
      try await pool.execute(
        """
        INSERT INTO landing.identity (customer_id, customer_key)
        SELECT i, 'C' || i FROM generate_series(1, 3) AS i
        """)
      let clock = ManualClock(start)
      try await body(OverrideStore(pool: pool, clock: clock), clock, catalogue, pool)
    }
  }

  private func order(
    _ customer: String, _ segment: String, _ direction: Override.Direction = .in,
    from: Instant? = nil, expires: Instant? = nil
  ) -> OverrideStore.Order {
    OverrideStore.Order(
      customerKey: customer, segment: segment, direction: direction, validFrom: from,
      expires: expires, author: "ann", reason: "because")
  }

  private func pins(_ overrides: Overrides, _ asOf: Instant) -> [String] {
    overrides.inForce(at: asOf).map { "\($0.customerID) \($0.segment) \($0.direction)" }.sorted()
  }

  @Test("They count from their beginning to their expiry or removal, as known at any time")
  func times() async throws {
    try await withStore { store, clock, catalogue, pool in
      let made = try await store.add(order("C1", "best_ones"), catalogue: catalogue)
      #expect(made.segment == "Best Ones" && made.customerID == 1 && made.validFrom == start)
      clock.advance(by: hour)
      try await _ = store.add(
        order("C2", "loud", .out, from: start - hour, expires: start + hour * 5),
        catalogue: catalogue)
      clock.advance(by: hour)
      let removed = try await store.remove(made.id, author: "ben", reason: "enough")
      #expect(removed.removedAt == start + hour * 2 && removed.removedBecause == "enough")

      let now = try await store.load()
      #expect(pins(now, start - hour * 2).isEmpty)
      #expect(pins(now, start - hour) == ["2 loud out"])
      #expect(pins(now, start) == ["1 Best Ones in", "2 loud out"])
      #expect(pins(now, start + hour * 2) == ["2 loud out"])
      #expect(pins(now, start + hour * 5).isEmpty)
      // Before the removal was recorded, and before anything was.
      let earlier = try await store.load(knownAt: start + hour)
      #expect(pins(earlier, start + hour * 3) == ["1 Best Ones in", "2 loud out"])
      #expect(pins(try await store.load(knownAt: start), start + hour) == ["1 Best Ones in"])
      #expect(try await store.load(knownAt: start - hour).all.isEmpty)

      #expect(try await store.list().map(\.id) == [2])
      let all = try await store.list(all: true)
      #expect(all.map(\.isInForce) == [false, true] && all[1].expires == start + hour * 5)
      // Rows are only added: the removal is the third.
      let rows = try await pool.first("SELECT count(*), max(override_id) FROM segments.override")
      #expect(try rows?.get(0, as: Int64.self) == 3)
      #expect(try rows?.get(1, as: Int64.self) == 3)
    }
  }

  @Test("Who was merged keeps what was decided, and had it before under the old number")
  func merges() async throws {
    try await withStore { store, clock, catalogue, pool in
      try await _ = store.add(order("C1", "loud"), catalogue: catalogue)
      try await pool.execute("UPDATE landing.identity SET customer_id = 2 WHERE customer_id = 1")
      try await pool.execute(
        """
        INSERT INTO landing.merge (merged_at, recorded_at, load_id, from_id, to_id, from_key, to_key)
        VALUES (\(start), \(start + hour), 1, 1, 2, 'C1', 'C2')
        """)
      #expect(pins(try await store.load(), start) == ["2 loud in"])
      #expect(pins(try await store.load(knownAt: start), start) == ["1 loud in"])
      // The same for the one who stayed is refused: it is there already.
      await #expect(throws: SegmentError.self) {
        try await store.add(order("C2", "loud"), catalogue: catalogue)
      }
    }
  }

  @Test("What cannot be is refused, with the reason and a way out")
  func refusals() async throws {
    try await withStore { store, clock, catalogue, _ in
      try await _ = store.add(
        order("C1", "good", expires: start + hour), catalogue: catalogue)
      func code(_ order: OverrideStore.Order) async throws -> String {
        do {
          _ = try await store.add(order, catalogue: catalogue)
          return "added"
        } catch let error as SegmentError {
          #expect(!error.message.isEmpty)
          return error.code
        }
      }
      #expect(try await code(order("C1", "Best Ones")) == "segments.second_pin")
      #expect(try await code(order("C1", "good")) == "segments.same_override")
      #expect(try await code(order("C1", "lood")) == "segments.unknown_segment")
      #expect(try await code(order("C9", "loud")) == "segments.unknown_customer")
      #expect(try await code(order("C1", "loud", expires: start)) == "segments.expired")
      var silent = order("C1", "loud")
      silent.reason = "  "
      #expect(try await code(silent) == "segments.no_reason")
      // Out of the other is no pin in; another customer, another time and another group are free.
      #expect(try await code(order("C1", "Best Ones", .out)) == "added")
      #expect(try await code(order("C2", "Best Ones")) == "added")
      #expect(try await code(order("C1", "rest")) == "added")
      #expect(
        try await code(order("C1", "good", .in, from: start + hour)) == "added")
      await #expect(throws: SegmentError.self) {
        try await store.remove(99, author: "ann", reason: "why")
      }
      clock.advance(by: hour * 2)
      await #expect(throws: SegmentError.self) {
        try await store.remove(1, author: "ann", reason: "it has expired")
      }
    }
  }

  @Test("Two at once cannot both pin into one group")
  func concurrent() async throws {
    try await withStore { store, _, catalogue, _ in
      let orders = [order("C3", "good"), order("C3", "Best Ones")]
      let added = await withTaskGroup(of: Bool.self) { group in
        for order in orders {
          group.addTask { (try? await store.add(order, catalogue: catalogue)) != nil }
        }
        return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      #expect(added == 1)
      let listed = try await store.list()
      #expect(listed.count == 1)
    }
  }

  @Test("Who adds or removes one wakes the watch")
  func wakes() async throws {
    try await withStore { store, _, catalogue, pool in
      try await pool.withConnection { listener in
        try await listener.listen("strata_loaded")
        var notes = try await listener.notifications().makeAsyncIterator()
        let made = try await store.add(order("C1", "loud"), catalogue: catalogue)
        #expect(try await notes.next()?.payload == "override \(made.id)")
        _ = try await store.remove(made.id, author: "ben", reason: "enough")
        #expect(try await notes.next()?.payload == "override \(made.id + 1)")
      }
    }
  }
}

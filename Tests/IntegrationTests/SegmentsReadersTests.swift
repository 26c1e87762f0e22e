import Foundation
import Schedules
import Segments
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Analysts who read while segments are published, one publication after the other.
@Suite("Readers during publications")
struct SegmentsReadersTests {
  /// 20 publications in `make test`, 100 with the long tests.
  static let publications =
    ProcessInfo.processInfo.environment["STRATA_LONG_TESTS"] == nil ? 20 : 100
  static let customers = 400

  /// What the readers of one test tell.
  private final class Watch: Sendable {
    struct State {
      var isOver = false
      var reads = 0
      var publicationsSeen: Set<Int32> = []
      var faults: [String] = []
    }
    let state = Mutex(State())
    var isOver: Bool { state.withLock { $0.isOver } }
    func end() { state.withLock { $0.isOver = true } }
    func note(_ fault: String) { state.withLock { $0.faults.append(fault) } }
  }

  /// A session of the reader that takes no lock it would have to wait for: a wait of a millisecond is
  /// an error (55P03).
  private static func asReader(_ connection: Connection) async throws {
    try await connection.execute("SET LOCAL ROLE strata_reader")
    try await connection.execute("SET LOCAL lock_timeout = '1ms'")
  }

  /// One statement: its counts balance in themselves.
  private static let balance: SQL = """
    SELECT (SELECT publication_id FROM segments.publication WHERE is_live) AS publication,
      count(*) FILTER (WHERE size.members IS DISTINCT FROM coalesce(now.members, 0)) AS differing,
      coalesce(sum(size.members), 0)::bigint AS members,
      coalesce(sum(size.entered - size."left"), 0)::bigint AS growth
    FROM (
      SELECT segment, members, entered, "left" FROM segments.daily_size
      WHERE as_of = (SELECT as_of FROM segments.publication WHERE is_live)) AS size
    FULL JOIN (
      SELECT segment, count(*) AS members FROM segments.membership GROUP BY segment) AS now
      USING (segment)
    """

  /// Reads statement by statement, as dashboards do.
  private static func readSingly(_ pool: ConnectionPool, _ watch: Watch) async throws {
    while !watch.isOver {
      try await pool.transaction(readOnly: true, retries: 0) { connection in
        try await asReader(connection)
        let row = try #require(try await connection.first(balance))
        if try row.get("differing", as: Int64.self) != 0 { watch.note("a mix in one statement") }
        let seen = try row.get("publication", as: Int32.self)
        watch.state.withLock { state in
          state.reads += 1
          state.publicationsSeen.insert(seen)
        }
      }
    }
  }

  /// Reads several statements on one publication, by the README's recipe.
  private static func readTogether(_ pool: ConnectionPool, _ watch: Watch) async throws {
    while !watch.isOver {
      try await pool.transaction(.repeatableRead, readOnly: true, retries: 0) { connection in
        try await asReader(connection)
        let first = try #require(try await connection.first(balance))
        let live = try #require(
          try await connection.first(
            "SELECT publication_id, as_of FROM segments.publication WHERE is_live"))
        let seen = try live.get("publication_id", as: Int32.self)
        let asOf = try live.get("as_of", as: Instant.self)
        let catalog = try await connection.first(
          "SELECT sum(members)::bigint FROM segments.catalog WHERE is_live")
        let views = try await connection.first(
          "SELECT (SELECT count(*) FROM audience.odd) + (SELECT count(*) FROM audience.some)")
        let then = try await connection.first(
          """
          SELECT (SELECT count(*) FROM segments.members_at('odd', \(asOf)))
            + (SELECT count(*) FROM segments.members_at('some', \(asOf)))
          """)
        let history = try await connection.first(
          "SELECT count(*) FROM segments.history WHERE valid_to IS NULL")
        let transitions = try await connection.first(
          """
          SELECT coalesce(sum(CASE transition WHEN 'entered' THEN 1 ELSE -1 END), 0)::bigint
          FROM segments.transitions WHERE as_of = \(asOf)
          """)
        let members = try first.get("members", as: Int64.self)
        let differing = try first.get("differing", as: Int64.self)
        let publication = try first.get("publication", as: Int32.self)
        let growth = try first.get("growth", as: Int64.self)
        let moved = try transitions?.get(0, as: Int64.self)
        let sums = try [catalog, views, then, history].map { try $0?.get(0, as: Int64.self) }
        if differing != 0 || publication != seen || moved != growth
          || sums.contains(where: { $0 != members })
        {
          watch.note("a mix at publication \(seen): \(members), \(sums)")
        }
        watch.state.withLock { state in
          state.reads += 1
          state.publicationsSeen.insert(seen)
        }
      }
    }
  }

  /// Looks for sessions that wait for a lock, but for the publisher's own.
  private static func lookForWaits(_ pool: ConnectionPool, _ watch: Watch) async throws {
    while !watch.isOver {
      let waiting = try await pool.query(
        """
        SELECT l.locktype || ' ' || coalesce(l.relation::regclass::text, '') AS what
        FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE a.datname = current_database() AND (NOT l.granted OR a.wait_event_type = 'Lock')
          AND a.query ~ '(segments|audience)[.]' AND a.query !~ 'pg_locks'
          AND a.backend_type = 'client backend'
        """
      ).map { try $0.get(0, as: String.self) }
      if !waiting.isEmpty { watch.note("waits for \(waiting)") }
    }
  }

  /// Publishes another evaluation, each time after a reader has read.
  private static func publishAll(_ project: SegmentsProject, _ watch: Watch) async throws {
    var random = SplitMix64(seed: 100)
    let ids = (1...Int64(customers)).map { $0 }
    for day in 2...publications + 1 {
      let odd = Set(ids.filter { ($0 + Int64(day)) % 2 == 1 })
      let some = Set(ids.filter { _ in Int.random(in: 0..<3, using: &random) == 0 })
      // One of them says something else of the same day: a correction.
      let asOf = SegmentsProject.day(day % 7 == 0 ? day - 1 : day)
      try await project.publish(
        SegmentsProject.evaluation(
          asOf, customers: ids,
          [
            (SegmentsProject.definition("odd", version: "v\(day / 5)"), odd),
            (SegmentsProject.definition("some"), some),
          ]))
    }
    watch.end()
  }

  @Test("None waits for a lock, none sees a mix")
  func readers() async throws {
    try await withFreshDatabase(limit: 10) { pool in
      let project = try await SegmentsProject(pool, customers: Self.customers)
      // What autovacuum may do to a table at any time is not what this is about.
      for table in ["open_spell", "ended_spell", "segment_size", "publication_record", "segment"] {
        try await pool.execute(
          "ALTER TABLE \(identifier: "segments", table) SET (autovacuum_enabled = off)")
      }
      try await project.publish(
        SegmentsProject.evaluation(
          SegmentsProject.day(1), customers: Array(1...Int64(Self.customers)),
          [
            (SegmentsProject.definition("odd"), [1]), (SegmentsProject.definition("some"), [2]),
          ]))
      let watch = Watch()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<2 {
          group.addTask { try await Self.readSingly(pool, watch) }
          group.addTask { try await Self.readTogether(pool, watch) }
        }
        group.addTask { try await Self.lookForWaits(pool, watch) }
        group.addTask { try await Self.publishAll(project, watch) }
        do {
          try await group.waitForAll()
        } catch {
          watch.end()
          throw error
        }
      }
      let state = watch.state.withLock { $0 }
      #expect(state.faults.isEmpty, "\(state.faults.prefix(3))")
      #expect(state.reads >= Self.publications / 2)
      #expect(state.publicationsSeen.count >= 3)
    }
  }

  @Test("A publisher that did lock a table would be noticed")
  func noticesLocks() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 3)
      try await project.publish(
        SegmentsProject.evaluation(
          SegmentsProject.day(1), customers: [1, 2, 3],
          [(SegmentsProject.definition("odd"), [1]), (SegmentsProject.definition("some"), [2])]))
      try await pool.transaction { holder in
        try await holder.execute("LOCK TABLE segments.open_spell IN ACCESS EXCLUSIVE MODE")
        await #expect {
          try await pool.transaction(readOnly: true, retries: 0) { connection in
            try await Self.asReader(connection)
            _ = try await connection.query(Self.balance)
          }
        } throws: {
          ($0 as? WarehouseError)?.sqlState == "55P03"
        }
      }
    }
  }
}

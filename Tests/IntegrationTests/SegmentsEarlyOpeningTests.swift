import Columns
import Schedules
import Segments
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Spells that are written before their publication is: nobody sees them, and none is left of one that
/// never came to its end.
@Suite("Spells written beside their publication")
struct SegmentsEarlyOpeningTests {
  private static let customers = Array(1...Int64(200))

  /// Half of the customers are in `odd`, by the day.
  private static func evaluation(_ day: Int) -> SegmentEvaluation {
    SegmentsProject.evaluation(
      SegmentsProject.day(day), customers: customers,
      [
        (SegmentsProject.definition("odd"), Set(customers.filter { ($0 + Int64(day)) % 2 == 1 })),
        (SegmentsProject.definition("all"), Set(customers)),
      ])
  }

  /// What an analyst sees, whatever the view.
  private static func seen(_ project: SegmentsProject) async throws -> [String] {
    try await project.pool.query(
      """
      SELECT 'm' || m::text AS row FROM segments.membership m
      UNION ALL SELECT 'h' || h::text FROM segments.history h
      UNION ALL SELECT 'r' || r::text FROM segments.recorded_history r
      UNION ALL SELECT 't' || t::text FROM segments.transitions t
      UNION ALL SELECT 'p' || p::text FROM segments.primary_segment p
      UNION ALL SELECT 'a' || a::text FROM audience.odd a
      UNION ALL SELECT 'n' || n::text
        FROM segments.members_at('odd', \(SegmentsProject.day(9))) n
      ORDER BY row
      """
    ).map { try $0.get("row", as: String.self) }
  }

  private struct Refused: Error {}

  @Test("A publication that fails after its spells were committed shows nothing, and is taken back")
  func failing() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: Self.customers.count)
      try await project.publish(Self.evaluation(1))
      let before = try await Self.seen(project)
      let members = try await project.reader.members(of: "odd", asOf: nil).map(\.customerID)
      let asked = Mutex(0)
      await #expect(throws: Refused.self) {
        try await project.publish(Self.evaluation(2)) { _ in
          // The second asking is the one before the commit.
          let time = asked.withLock { count in
            count += 1
            return count
          }
          if time == 2 { throw Refused() }
        }
      }
      #expect(
        try await project.count("SELECT count(*) FROM segments.open_spell WHERE opened_in = 2")
          == 100)
      #expect(try await project.count("SELECT count(*) FROM segments.early_opening") == 1)
      #expect(try await Self.seen(project) == before)
      #expect(
        try await project.reader.members(of: "odd", asOf: nil).map(\.customerID) == members)

      // What comes next is as if it had never been, whatever it publishes.
      try await project.publish(Self.evaluation(3))
      #expect(try await project.count("SELECT count(*) FROM segments.early_opening") == 0)
      #expect(try await project.overlaps() == 0)
      let after = try await Self.seen(project)
      try await withFreshDatabase { other in
        let twin = try await SegmentsProject(
          other, customers: Self.customers.count, besideFrom: nil)
        try await twin.publish(Self.evaluation(1))
        try await twin.publish(Self.evaluation(3))
        // The refused one took a minute of the clock.
        let columns: SQL = "customer_id, segment, valid_from, valid_to, entered_cause, left_cause"
        func history(_ project: SegmentsProject) async throws -> [String] {
          try await project.pool.query(
            """
            SELECT h::text AS row FROM (SELECT \(fragment: columns) FROM segments.history) h
            ORDER BY row
            """
          ).map { try $0.get("row", as: String.self) }
        }
        #expect(try await history(project) == history(twin))
        #expect(try await Self.seen(twin).count == after.count)
      }
    }
  }

  @Test(
    "A spell that was removed by hand is missed by whichever connection looks it up",
    arguments: [false, true])
  func missing(isLast: Bool) async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: Self.customers.count)
      try await project.publish(Self.evaluation(1))
      // The publication's connection begins with the first customers, the other one with the last.
      let ends = Self.customers.filter { $0 % 2 == 0 }
      let customer = try #require(isLast ? ends.last : ends.first)
      let removed = try await pool.execute(
        """
        DELETE FROM segments.open_spell WHERE customer_id = \(customer) AND segment_id = (
          SELECT segment_id FROM segments.segment WHERE name = 'odd')
        """)
      #expect(removed == 1)
      let error = await #expect(throws: SegmentError.self) {
        try await project.publish(Self.evaluation(2))
      }
      #expect(error?.code == "segments.out_of_step")
      #expect(error?.message.contains("found") == true)
      #expect(try await project.count("SELECT count(*) FROM segments.ended_spell") == 0)
    }
  }

  @Test("A publication whose other connection cannot begin fails at once, and changes nothing")
  func refusedAtTheBeginning() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: Self.customers.count)
      try await project.publish(Self.evaluation(1))
      let before = try await Self.seen(project)
      try await pool.execute(
        "ALTER TABLE segments.early_opening ADD CONSTRAINT none CHECK (publication_id < 2)")
      let error = await #expect(throws: WarehouseError.self) {
        try await project.publish(Self.evaluation(2))
      }
      #expect(error?.sqlState == "23514")
      #expect(try await Self.seen(project) == before)
    }
  }

  @Test("A publication waits for spells on their way of one that has gone, and removes them")
  func waiting() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: Self.customers.count)
      try await project.publish(Self.evaluation(1))
      // As a process leaves it whose first session has died: the second one is about to commit.
      let result = try await pool.transaction { straggler in
        try await straggler.execute(
          SQL(file: "queries/segments/begin_early_opening.sql", Int32(2)))
        try await straggler.execute(
          """
          INSERT INTO segments.open_spell (
            customer_id, valid_from, segment_id, opened_in, entered_version, entered_cause)
          SELECT customer_id, \(SegmentsProject.day(2)), segment_id + 100, 2, entered_version, 'time'
          FROM segments.open_spell
          """)
        let next = Task { try await project.publish(Self.evaluation(2)) }
        // It waits for the straggler's lock.
        while try await project.count(
          """
          SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
          WHERE a.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted
          """) == 0
        {}
        return next
      }
      #expect(try await result.value.outcome == .published)
      #expect(
        try await project.count("SELECT count(*) FROM segments.open_spell WHERE segment_id > 100")
          == 0)
      #expect(try await project.count("SELECT count(*) FROM segments.early_opening") == 0)
      #expect(try await project.count("SELECT count(*) FROM segments.membership") == 300)
    }
  }
}

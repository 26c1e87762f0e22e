import Columns
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// Several publications in a transaction leave behind what as many single ones do.
@Suite("Publications in a series")
struct SegmentsSeriesTests {
  /// Random members over days on which customers come, segments change and leave.
  private static func evaluations(_ seed: UInt64) -> [SegmentEvaluation] {
    var random = SplitMix64(seed: seed)
    // Not in the order of their numbers, so that the index grows in its middle.
    let joining = (1...60).map { Int64($0) }.shuffled(using: &random)
    var members: [String: Set<Int64>] = [:]
    return (1...25).map { day in
      let customers = joining.prefix(20 + day * 2).sorted()
      var names = ["alpha", "beta", "gamma"]
      if day < 12 { names.append("leaving") }
      if day >= 8 { names.append("coming") }
      let sets = names.map { name in
        var set = members[name] ?? []
        for customer in customers where Int.random(in: 0..<5, using: &random) == 0 {
          if set.remove(customer) == nil { set.insert(customer) }
        }
        members[name] = set
        let version = name == "beta" && day >= 15 ? "v2" : "v1"
        return (
          SegmentsProject.definition(name, version: version, usesScore: name == "gamma"), set
        )
      }
      return SegmentsProject.evaluation(
        SegmentsProject.day(day), customers: customers, sets)
    }
  }

  /// Events of some customers on each day.
  private func trade(_ pool: ConnectionPool, _ seed: UInt64) async throws {
    var random = SplitMix64(seed: seed &+ 1)
    try await pool.execute(
      "INSERT INTO landing.source (name, created_at) VALUES ('shop', \(Instant(seconds: 0)))")
    try await pool.execute(
      """
      INSERT INTO landing.load (rows_accepted, started_at, finished_at, source_id, state, definition)
      SELECT 1, \(Instant(seconds: 0)), \(Instant(seconds: 1)), source_id, 'loaded', ''
      FROM landing.source
      """)
    let months = Set((0..<25).map { Zone.utc.day(of: SegmentsProject.day($0)) }).sorted()
    _ = try await pool.query("SELECT facts.ensure_months(\(months))")
    for day in 0..<25 {
      let customers = (1...60).map { Int64($0) }.filter { _ in
        Int.random(in: 0..<3, using: &random) == 0
      }
      try await pool.execute(
        """
        INSERT INTO facts.events (customer_id, occurred_at, ingested_at, load_id, kind_id,
          source_id, event_id)
        SELECT c, \(SegmentsProject.day(day) + .seconds(60)), \(Instant(seconds: 1)),
          (SELECT max(load_id) FROM landing.load), 1, (SELECT max(source_id) FROM landing.source),
          \(Int64(day)) || '-' || c
        FROM unnest(\(customers)) AS c
        """)
    }
  }

  /// Everything that publications write, without the time of day.
  private func contents(_ pool: ConnectionPool) async throws -> [String] {
    try await pool.query(
      """
      SELECT 'o' || o::text AS row FROM segments.open_spell o
      UNION ALL SELECT 'e' || e::text FROM segments.ended_spell e
      UNION ALL SELECT 's' || s::text FROM segments.segment s
      UNION ALL SELECT 'v' || v::text FROM segments.rule_version v
      UNION ALL SELECT 'z' || z::text FROM segments.segment_size z
      UNION ALL SELECT 'd' || d::text FROM segments.delta d
      UNION ALL SELECT 'b' || b::text FROM segments.early_opening b
      UNION ALL SELECT 't' || t::text FROM segments.transitions t
      UNION ALL SELECT 'p' || concat_ws(' ', publication_id, as_of, run_id, evaluation_id)
        FROM segments.publication_record
      UNION ALL SELECT 'n' || evaluation_id FROM segments.evaluation
      UNION ALL SELECT 'a' || viewname || definition FROM pg_views WHERE schemaname = 'audience'
      ORDER BY row
      """
    ).map { try $0.get("row", as: String.self) }
  }

  @Test(arguments: [1, 2, 3])
  func equalsSinglePublications(_ seed: UInt64) async throws {
    let evaluations = Self.evaluations(seed)
    let single = try await withFreshDatabase { pool in
      // Over one connection, the series over two.
      let project = try await SegmentsProject(pool, customers: 60, besideFrom: nil)
      try await trade(pool, seed)
      var results: [PublicationResult] = []
      let ids = try await save(evaluations, project)
      for (position, id) in ids.enumerated() {
        results.append(
          try await project.publisher.publish(evaluationID: id, runID: Int64(position)))
      }
      return (try await contents(pool), results)
    }
    let series = try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 60)
      try await trade(pool, seed)
      var results: [PublicationResult] = []
      let ids = try await save(evaluations, project)
      // The first ones one by one, as a backfill goes on after nights.
      let first = seed == 2 ? 6 : 0
      for (position, id) in ids.prefix(first).enumerated() {
        results.append(
          try await project.publisher.publish(evaluationID: id, runID: Int64(position)))
      }
      let orders = ids.enumerated().dropFirst(first).map {
        Publisher.Order(evaluationID: $1, runID: Int64($0))
      }
      try await project.publisher.publish(series: Array(orders)) { position, result in
        #expect(position == results.count - first)
        results.append(result)
      }
      #expect(try await project.overlaps() == 0)
      return (try await contents(pool), results)
    }
    #expect(series.0 == single.0)
    #expect(series.1.map(\.segments) == single.1.map(\.segments))
    #expect(series.1.map(\.rowsChanged) == single.1.map(\.rowsChanged))
    #expect(series.1.map(\.publicationID) == Array(1...25))
    #expect(series.1.map(\.customers) == single.1.map(\.customers))
    #expect(single.0.contains { $0.contains("event") } && single.0.contains { $0.contains("time") })
  }

  private func save(
    _ evaluations: [SegmentEvaluation], _ project: SegmentsProject
  ) async throws -> [Int64] {
    var ids: [Int64] = []
    for evaluation in evaluations {
      ids.append(try await project.store.save(evaluation, runID: nil))
    }
    return ids
  }

  @Test func theLiveDayAgainIsCorrectedAndTheRestFollows() async throws {
    let evaluations = Self.evaluations(9)
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 60)
      try await project.publish(evaluations[0])
      let other = SegmentsProject.evaluation(
        evaluations[0].asOf, customers: [1, 2, 3], [(SegmentsProject.definition("alpha"), [2])])
      let orders = try await save([other, evaluations[1], evaluations[2]], project).map {
        Publisher.Order(evaluationID: $0, runID: nil)
      }
      var outcomes: [PublicationResult.Outcome] = []
      try await project.publisher.publish(series: orders) { outcomes.append($1.outcome) }
      #expect(outcomes == [.corrected, .published, .published])
      #expect(try await project.members(of: "alpha", at: SegmentsProject.day(1)) == [2])
      #expect(try await project.overlaps() == 0)
    }
  }

  /// Who was killed after a commit, and knows nothing of it, comes with the same orders again.
  @Test func whatARunHasPublishedIsToldAgain() async throws {
    let evaluations = Array(Self.evaluations(12).prefix(12))
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 60)
      let orders = try await save(evaluations, project).enumerated().map {
        Publisher.Order(evaluationID: $1, runID: Int64($0))
      }
      var first: [PublicationResult] = []
      try await project.publisher.publish(series: orders) { first.append($1) }
      let contents = try await project.contents()
      var again: [PublicationResult] = []
      try await project.publisher.publish(series: Array(orders.dropFirst(2))) { again.append($1) }
      #expect(again == Array(first.dropFirst(2)))
      #expect(try await project.contents() == contents)
      // Another run that comes with the same past day changes nothing.
      let other = Publisher.Order(evaluationID: orders[10].evaluationID, runID: 99)
      try await project.publisher.publish(series: [other]) { _, result in
        #expect(result.outcome == .unchanged)
      }
      #expect(try await project.contents() == contents)
    }
  }

  @Test func anEarlierDayIsPublishedBetweenTheOthers() async throws {
    let evaluations = Self.evaluations(10)
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 60)
      let orders = try await save([evaluations[3], evaluations[5], evaluations[1]], project).map {
        Publisher.Order(evaluationID: $0, runID: nil)
      }
      var done: [Int] = []
      try await project.publisher.publish(series: orders) { position, _ in done.append(position) }
      #expect(done == [0, 1, 2])
      let live = try await project.reader.liveAsOf()
      #expect(live == evaluations[5].asOf)
      #expect(try await project.count("SELECT count(*) FROM segments.publication") == 3)
    }
  }

  @Test func aFenceThatRefusesTakesItsTransactionBack() async throws {
    struct Refused: Error {}
    let evaluations = Self.evaluations(11)
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 60)
      let ids = try await save(Array(evaluations.prefix(3)), project)
      let before = try await project.contents()
      let orders = ids.enumerated().map { position, id in
        Publisher.Order(evaluationID: id, runID: nil) { _ in
          if position == 2 { throw Refused() }
        }
      }
      await #expect(throws: Refused.self) {
        try await project.publisher.publish(series: orders) { _, _ in }
      }
      #expect(try await project.contents() == before)
    }
  }
}

import Columns
import Schedules
import Segments
import TestSupport
import Warehouse

/// A database with customers, and what the tests of publication do to it.
struct SegmentsProject: Sendable {
  let pool: ConnectionPool
  let clock: ManualClock
  let store: EvaluationStore
  let publisher: Publisher
  let reader: SegmentReader

  /// Customers 1 to `customers`, whose keys are `C1`, `C2` ….
  ///
  /// - Parameter besideFrom: how many spells open and end where publications open theirs over a
  ///   connection of its own; nil for as many as do outside of tests.
  init(_ pool: ConnectionPool, customers: Int, besideFrom: Int? = 1) async throws {
    self.pool = pool
    clock = ManualClock()
    store = EvaluationStore(pool: pool, clock: clock)
    if let besideFrom {
      publisher = Publisher(pool: pool, clock: clock, besideFrom: besideFrom)
    } else {
      publisher = Publisher(pool: pool, clock: clock)
    }
    reader = SegmentReader(pool: pool)
    try await pool.execute(
      """
      INSERT INTO facts.customers (customer_id, customer_key)
      SELECT i, 'C' || i FROM generate_series(1, \(Int64(customers))) AS i
      """)
  }

  /// Midnight after a number of days.
  static func day(_ number: Int) -> Instant { Instant(seconds: Int64(number) * 86_400) }

  static func definition(
    _ name: String, version: String = "v1", priority: Int? = nil, usesScore: Bool = false,
    title: String? = nil
  ) -> SegmentDefinition {
    SegmentDefinition(
      name: name, title: title ?? name.capitalized, description: "For tests.", priority: priority,
      rule: "rule \(version)", ruleVersion: version, usesScore: usesScore)
  }

  /// Evaluates sets of customer ids; the customers are 1 to `customers` but for some.
  static func evaluation(
    _ asOf: Instant, customers: [Int64], _ sets: [(SegmentDefinition, Set<Int64>)]
  ) -> SegmentEvaluation {
    let index = IDIndex(customers)
    return SegmentEvaluation(
      asOf: asOf, customers: index, segments: sets.map(\.0),
      members: sets.map { _, members in
        Bitset(count: index.count) { members.contains(index.ids[$0]) }
      })
  }

  /// Stores and publishes, a minute after the last time.
  @discardableResult
  func publish(
    _ evaluation: SegmentEvaluation, runID: Int64? = nil,
    activity: Publisher.Activity = .customers(IDIndex(sorted: [])),
    fence: @escaping Publisher.Fence = { _ in }
  ) async throws -> PublicationResult {
    clock.advance(by: .seconds(60))
    let id = try await store.save(evaluation, runID: runID)
    return try await publisher.publish(
      evaluationID: id, runID: runID, activity: activity, fence: fence)
  }

  /// `members_at` as a set.
  func members(of segment: String, at asOf: Instant, knownAt: Instant? = nil) async throws
    -> Set<Int64>
  {
    Set(
      try await reader.members(of: segment, asOf: asOf, knownAt: knownAt).map(\.customerID))
  }

  /// One integer.
  func count(_ sql: SQL) async throws -> Int64 {
    try await pool.first(sql)?.get(0, as: Int64.self) ?? -1
  }

  /// A hash of everything that publications write and readers see, evaluations apart.
  func contents() async throws -> String {
    try await pool.first(
      """
      SELECT md5(string_agg(row, ',' ORDER BY row)) FROM (
        SELECT 'o' || o::text AS row FROM segments.shown_spell o
        UNION ALL SELECT 'e' || e::text FROM segments.ended_spell e
        UNION ALL SELECT 's' || s::text FROM segments.segment s
        UNION ALL SELECT 'v' || v::text FROM segments.rule_version v
        UNION ALL SELECT 'z' || z::text FROM segments.segment_size z
        UNION ALL SELECT 'p' || p::text FROM segments.publication_record p
        UNION ALL SELECT 'd' || d::text FROM segments.delta d
        UNION ALL SELECT 'a' || viewname || definition FROM pg_views WHERE schemaname = 'audience'
      ) everything
      """)?.get(0, as: String?.self) ?? ""
  }

  /// Stays of one customer and segment that overlap or touch the one before: there must be none.
  func overlaps() async throws -> Int64 {
    try await count(
      """
      SELECT count(*) FROM (
        SELECT valid_from, lag(coalesce(valid_to, 'infinity')) OVER (
          PARTITION BY customer_id, segment ORDER BY valid_from, valid_to) AS before
        FROM segments.history
      ) h WHERE valid_from <= before
      """)
  }
}

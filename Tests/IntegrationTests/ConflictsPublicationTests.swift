import Columns
import Rules
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// What conflicts took away, published day by day, in a series, and once more for the same day.
@Suite("Publications of conflicts")
struct ConflictsPublicationTests {
  private static func catalogue(_ policy: String = "") throws -> SegmentCatalogue {
    try SegmentCatalogue.parse(
      """
      version: 1
      fatigue: {email: 1}
      default: {segment: none}
      \(policy)
      segments:
        - {name: gold, rule: "n > 3", group: tier, priority: 1}
        - {name: silver, rule: "n > 2", group: tier, priority: 2, channels: [email]}
        - {name: news, rule: "n > 1", channels: [email]}
        - {name: none}
      """, attributes: AttributeList([Attribute(name: "n", type: .number)]))
  }

  private static let naive = NaiveConflicts(
    segments: [
      .init(name: "gold", priority: 1, group: "tier"),
      .init(name: "silver", priority: 2, group: "tier", channels: ["email"]),
      .init(name: "news", channels: ["email"]), .init(name: "none"),
    ], fatigue: ["email": 1], fallback: "none")

  /// Random raw members of some days, customers coming; and the overrides of the whole time.
  private struct Days {
    var raw: [SegmentEvaluation] = []
    var overrides: [Override] = []

    init(_ seed: UInt64, count: Int, catalogue: SegmentCatalogue) {
      var random = SplitMix64(seed: seed)
      let joining = (1...40).map { Int64($0) }.shuffled(using: &random)
      var sets = ["gold", "silver", "news"].map { ($0, Set<Int64>()) }
      for day in 1...count {
        let customers = joining.prefix(20 + day).sorted()
        for number in sets.indices {
          for customer in customers where Int.random(in: 0..<4, using: &random) == 0 {
            if sets[number].1.remove(customer) == nil { sets[number].1.insert(customer) }
          }
        }
        raw.append(
          SegmentsProject.evaluation(
            SegmentsProject.day(day), customers: customers,
            sets.map { (SegmentsProject.definition($0.0), $0.1) }))
      }
      for number in 0..<25 as Range<Int64> {
        let from = SegmentsProject.day(Int.random(in: 0...count, using: &random))
        overrides.append(
          Override(
            id: number, customerID: Int64.random(in: 1...40, using: &random), customerKey: "",
            segment: ["gold", "silver", "news", "none"].randomElement(using: &random) ?? "",
            direction: Bool.random(using: &random) ? .in : .out, validFrom: from,
            validTo: from + .seconds(86_400 * Int64.random(in: 1...5, using: &random)),
            author: "", reason: "", recordedAt: from))
      }
    }

    /// By hand: what each customer lost, as the view shows it.
    func lost(_ day: Int) -> Set<String> {
      let raw = raw[day - 1]
      var lost: Set<String> = []
      for (row, customer) in raw.customers.ids.enumerated() {
        let pins = overrides.filter { $0.customerID == customer && $0.isInForce(at: raw.asOf) }
        let result = ConflictsPublicationTests.naive(
          Set(zip(raw.segments, raw.members).filter { $1[row] }.map(\.0.name)),
          pinnedIn: Set(pins.filter { $0.direction == .in }.map(\.segment)),
          pinnedOut: Set(pins.filter { $0.direction == .out }.map(\.segment)))
        for (segment, loss) in result.lost {
          lost.insert(
            "\(customer) \(segment) \(loss.reason) \(loss.winner ?? "") \(loss.channel ?? "")")
        }
      }
      return lost
    }
  }

  private func lost(_ pool: ConnectionPool, _ day: Int) async throws -> Set<String> {
    let rows = try await pool.query(
      """
      SELECT customer_id, segment, reason, coalesce(winner, '') AS winner,
        coalesce(channel, '') AS channel, customer_key
      FROM segments.suppressed WHERE as_of = \(SegmentsProject.day(day))
      """)
    return Set(
      try rows.map { row in
        let customer = try row.get("customer_id", as: Int64.self)
        #expect(try row.get("customer_key", as: String.self) == "C\(customer)")
        return try "\(customer) \(row.get("segment", as: String.self)) "
          + "\(row.get("reason", as: String.self)) \(row.get("winner", as: String.self)) "
          + "\(row.get("channel", as: String.self))"
      })
  }

  /// Everything that publications write of conflicts, and why who moved.
  private func contents(_ pool: ConnectionPool) async throws -> [String] {
    try await pool.query(
      """
      SELECT 'x' || concat_ws(' ', as_of, customer_id, segment, reason, winner, channel) AS row
      FROM segments.suppressed
      UNION ALL SELECT 'm' || concat_ws(' ', as_of, segment, members, entered, "left")
      FROM segments.daily_size
      UNION ALL SELECT 't' || concat_ws(' ', as_of, customer_id, segment, transition, cause)
        FROM segments.transitions
      ORDER BY row
      """
    ).map { try $0.get("row", as: String.self) }
  }

  @Test("A series leaves what single publications do, and each day shows what was lost on it")
  func seriesEqualsSingles() async throws {
    let catalogue = try Self.catalogue()
    let days = Days(11, count: 14, catalogue: catalogue)
    let resolution = ConflictResolution(catalogue, overrides: Overrides(days.overrides))
    let resolved = days.raw.map { resolution($0) }
    let singles = try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 40)
      for evaluation in resolved { try await project.publish(evaluation) }
      for day in 1...14 { #expect(try await lost(pool, day) == days.lost(day), "day \(day)") }
      #expect(try await project.overlaps() == 0)
      let written = try await contents(pool)
      // A correction of the live day replaces what was lost on it, and nothing before.
      let other = resolution(Days(12, count: 14, catalogue: catalogue).raw[13])
      #expect(try await project.publish(other).outcome == .corrected)
      #expect(try await lost(pool, 14) != days.lost(14))
      #expect(try await lost(pool, 13) == days.lost(13))
      try await project.publish(resolved[13])
      #expect(try await lost(pool, 14) == days.lost(14))
      return written
    }
    let series = try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 40)
      var orders: [Publisher.Order] = []
      for evaluation in resolved {
        orders.append(
          Publisher.Order(
            evaluationID: try await project.store.save(evaluation, runID: nil), runID: nil))
      }
      try await project.publisher.publish(series: orders) { _, _ in }
      for day in 1...14 { #expect(try await lost(pool, day) == days.lost(day), "day \(day)") }
      return try await contents(pool)
    }
    #expect(series == singles)
    let causes = ["override", "conflict", "default", "time"]
    for cause in causes { #expect(singles.contains { $0.hasSuffix(cause) }, "\(cause)") }
  }

  @Test("Days in any order, some of them again, leave what the days in their order do")
  func anyOrder() async throws {
    let catalogue = try Self.catalogue()
    let days = Days(21, count: 8, catalogue: catalogue)
    let resolution = ConflictResolution(catalogue, overrides: Overrides(days.overrides))
    let resolved = days.raw.map { resolution($0) }
    let inOrder = try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 40)
      for evaluation in resolved { try await project.publish(evaluation) }
      return try await contents(pool)
    }
    var random = SplitMix64(seed: 3)
    // The last day first: the others are past ones then. Two of them are wrong at first.
    let others = resolution(Days(22, count: 8, catalogue: catalogue).raw[3])
    var order = resolved.dropLast().shuffled(using: &random)
    order.insert(others, at: 1)
    let places = order.indices.filter { order[$0].asOf == others.asOf }
    if let first = places.first, first != 1 { order.swapAt(first, 1) }
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 40)
      try await project.publish(resolved[7])
      for evaluation in order { try await project.publish(evaluation) }
      #expect(try await contents(pool) == inOrder)
      for day in 1...8 { #expect(try await lost(pool, day) == days.lost(day), "day \(day)") }
      #expect(try await project.overlaps() == 0)
      // The same again changes nothing.
      #expect(try await project.publish(resolved[2]).outcome == .unchanged)
    }
  }

  @Test("A stored evaluation gives back what the rules found")
  func stored() async throws {
    let catalogue = try Self.catalogue()
    let days = Days(5, count: 3, catalogue: catalogue)
    let resolved = ConflictResolution(catalogue, overrides: Overrides(days.overrides))(days.raw[2])
    try await withFreshDatabase { pool in
      let store = EvaluationStore(pool: pool)
      let loaded = try await store.load(try await store.save(resolved, runID: nil))
      #expect(loaded == resolved)
      #expect(Array(loaded.rawMembers.prefix(3)) == days.raw[2].members)
    }
  }

  @Test("A conflict alone makes a publication of the same day, and the reasons of transitions")
  func causes() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 3)
      let catalogue = try Self.catalogue()
      func day(_ number: Int, gold: Set<Int64>, silver: Set<Int64>, _ pins: [Override] = [])
        async throws
      {
        let raw = SegmentsProject.evaluation(
          SegmentsProject.day(number), customers: [1, 2, 3],
          [
            (SegmentsProject.definition("gold"), gold),
            (SegmentsProject.definition("silver"), silver),
            (SegmentsProject.definition("news"), []),
          ])
        try await project.publish(ConflictResolution(catalogue, overrides: Overrides(pins))(raw))
      }
      func pin(_ customer: Int64, _ segment: String, _ direction: Override.Direction) -> Override {
        Override(
          id: 1, customerID: customer, customerKey: "", segment: segment, direction: direction,
          validFrom: SegmentsProject.day(3), validTo: SegmentsProject.day(4), author: "a",
          reason: "r", recordedAt: SegmentsProject.day(3))
      }
      func transitions(_ number: Int) async throws -> [String] {
        try await pool.query(
          """
          SELECT concat_ws(' ', customer_id, transition, segment, cause) AS row
          FROM segments.transitions WHERE as_of = \(SegmentsProject.day(number)) ORDER BY row
          """
        ).map { try $0.get("row", as: String.self) }
      }
      try await day(1, gold: [], silver: [1])
      // Into gold by the rule: silver, whose rule still holds, goes by the conflict.
      try await day(2, gold: [1], silver: [1])
      #expect(try await transitions(2) == ["1 entered gold time", "1 left silver conflict"])
      let pins = [pin(2, "gold", .in), pin(1, "gold", .out)]
      try await day(3, gold: [1], silver: [1], pins)
      #expect(
        try await transitions(3) == [
          "1 entered silver conflict", "1 left gold override", "2 entered gold override",
          "2 left none default",
        ])
      // Both expire: the conflict is back, and nobody's customer is in none again.
      try await day(4, gold: [1], silver: [1], pins)
      #expect(
        try await transitions(4) == [
          "1 entered gold override", "1 left silver conflict", "2 entered none default",
          "2 left gold override",
        ])
      try await day(5, gold: [], silver: [1])
      #expect(try await transitions(5) == ["1 entered silver conflict", "1 left gold time"])
      try await day(6, gold: [], silver: [])
      #expect(try await transitions(6) == ["1 entered none default", "1 left silver time"])
    }
  }

  @Test("The primary segment is the project's choice: priority, or the weight")
  func primary() async throws {
    for (policy, best) in [("", "b"), ("primary: score", "a")] {
      let catalogue = try SegmentCatalogue.parse(
        """
        \(policy)
        segments:
          - {name: a, rule: "n > 1", priority: 2, weight: 5}
          - {name: b, rule: "n > 2", priority: 1, weight: 4}
          - {name: c, rule: "n > 3", priority: 1, weight: 3}
        """, attributes: AttributeList([Attribute(name: "n", type: .number)]))
      try await withFreshDatabase { pool in
        let project = try await SegmentsProject(pool, customers: 1)
        try await project.publish(
          ConflictResolution(catalogue)(
            SegmentsProject.evaluation(
              SegmentsProject.day(1), customers: [1],
              ["a", "b", "c"].map {
                (SegmentsProject.definition($0, priority: $0 == "a" ? 2 : 1), [1])
              })))
        let row = try await pool.first("SELECT segment FROM segments.primary_segment")
        #expect(try row?.get("segment", as: String.self) == best)
      }
    }
  }
}

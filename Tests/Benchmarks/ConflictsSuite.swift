import Columns
import Foundation
import Rules
import Schedules
import Segments
import TestSupport

/// What becomes of what the rules found: 50 segments of a million customers in ten exclusive groups,
/// with a fatigue cap, a default and overrides; the groups alone beside a window function in SQL.
struct ConflictsSuite: Suite {
  static let name = "conflicts"
  static let purpose =
    "groups, cap, default and 1,000 overrides over 50 segments, 1,000,000 customers"
  private static let segments = 50
  private static let groups = 10
  private static let rounds = 3

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  func run() async throws -> [Measurement] {
    let customers = RulesSuite.customers
    let file = bench.home.appendingPathComponent("conflicts.csv")
    let sets = Self.sets(customers)
    try write(sets, to: file)
    let groups = try catalogue("")
    let whole = try catalogue("fatigue: {email: 2, push: 3}\ndefault: {segment: rest}")
    let raw = evaluation(groups, sets, customers)
    let (grouped, alone) = measure { ConflictResolution(groups)(raw) }
    let overrides = Overrides(Self.overrides(customers))
    let (_, everything) = measure { ConflictResolution(whole, overrides: overrides)(raw) }
    let (_, pairs) = measure { raw.nearDuplicates() }
    let server = try inSQL(file)
    let members = grouped.members.map(\.population)
    guard members == server.members, members.contains(where: { $0 > 0 }) else {
      throw BenchError("ours and SQL differ: \(members) and \(server.members)")
    }
    say(
      "  groups: ours \(ResultTable.value(alone, "s")), SQL "
        + "\(ResultTable.value(server.seconds, "s")); all: \(ResultTable.value(everything, "s")); "
        + "near-duplicates: \(ResultTable.value(pairs, "s"))")
    try bench.discard(databases: ["conflicts"], files: [file.path])
    func line(_ what: String, _ ours: Double, _ peer: Double?) -> Measurement {
      Measurement(suite: Self.name, what: what, unit: "s", ours: ours, peer: peer, goal: .none)
    }
    return [
      line("exclusive groups against SQL", alone, server.seconds),
      line("overrides, groups, cap and default", everything, nil),
      line("near-duplicates among all pairs", pairs, nil),
    ]
  }

  private func measure<Value>(_ body: () -> Value) -> (Value, Double) {
    var best = Double.infinity
    var value = body()
    for _ in 0..<Self.rounds {
      let start = ContinuousClock().now
      value = body()
      best = min(best, start.duration(to: ContinuousClock().now).inSeconds)
    }
    return (value, best)
  }

  // MARK: What is measured

  /// One customer in twelve is in each segment.
  private static func sets(_ customers: Int) -> [Bitset] {
    var random = SplitMix64(seed: 50)
    return (0..<segments).map { _ in
      Bitset(count: customers) { _ in random.next() % 12 == 0 }
    }
  }

  private static func overrides(_ customers: Int) -> [Override] {
    var random = SplitMix64(seed: 51)
    return (0..<1000).map { number in
      Override(
        id: number, customerID: Int64.random(in: 1...Int64(customers), using: &random),
        customerKey: "", segment: "s\(Int.random(in: 0..<segments, using: &random))",
        direction: Bool.random(using: &random) ? .in : .out, validFrom: Instant(seconds: 0),
        validTo: nil, author: "", reason: "", recordedAt: Instant(seconds: 0))
    }
  }

  private func catalogue(_ policy: String) throws -> SegmentCatalogue {
    let segments = (0..<Self.segments).map { number in
      "  - {name: s\(number), rule: 'n > \(number)', group: g\(number % Self.groups), "
        + "priority: \(number), channels: [\(number % 2 == 0 ? "email" : "push")]}"
    }
    let rest = policy.isEmpty ? "" : "\n  - {name: rest}"
    return try SegmentCatalogue.parse(
      "\(policy)\nsegments:\n" + segments.joined(separator: "\n") + rest,
      attributes: AttributeList([Attribute(name: "n", type: .number)]))
  }

  private func evaluation(
    _ catalogue: SegmentCatalogue, _ sets: [Bitset], _ customers: Int
  ) -> SegmentEvaluation {
    SegmentEvaluation(
      asOf: Instant(seconds: 1), customers: IDIndex(sorted: (1...Int64(customers)).map { $0 }),
      segments: catalogue.segments.map {
        SegmentDefinition(
          name: $0.name, title: $0.title, priority: $0.priority, rule: "", ruleVersion: "v")
      }, members: sets)
  }

  // MARK: SQL

  private func write(_ sets: [Bitset], to file: URL) throws {
    var text = ""
    for (segment, set) in sets.enumerated() {
      set.forEach { text += "\($0 + 1),\(segment)\n" }
    }
    try text.write(to: file, atomically: true, encoding: .utf8)
  }

  private func inSQL(_ file: URL) throws -> (seconds: Double, members: [Int]) {
    try bench.clone("conflicts")
    _ = try bench.psql(
      "conflicts",
      [
        "-c", "CREATE UNLOGGED TABLE public.raw (customer bigint, segment integer)",
        "-c", "\\copy public.raw FROM '\(file.path)' (FORMAT csv)",
      ])
    try bench.settle("conflicts")
    var best = Double.infinity
    for _ in 0..<Self.rounds {
      best = min(
        best,
        try bench.psql(
          "conflicts",
          [
            "-c", "DROP TABLE IF EXISTS public.won",
            "-c",
            """
            CREATE UNLOGGED TABLE public.won AS
            SELECT customer, segment FROM (
              SELECT customer, segment, row_number() OVER (
                PARTITION BY customer, segment % \(Self.groups) ORDER BY segment) AS place
              FROM public.raw) r
            WHERE place = 1
            """,
          ]
        ).seconds)
    }
    var members = [Int](repeating: 0, count: Self.segments)
    let query = "SELECT segment, count(*) FROM public.won GROUP BY segment"
    for row in try bench.query("conflicts", query) {
      guard let segment = Int(row[0]), let count = Int(row[1]) else {
        throw BenchError("expected a segment and its members, found \(row)")
      }
      members[segment] = count
    }
    return (best, members)
  }
}

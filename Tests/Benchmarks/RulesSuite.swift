import Foundation
import Rules

/// 10, 100 and 500 rules over a million customers: the engine alone, columns in and ids out, beside
/// the same rules over the same columns in polars, DuckDB and SQL.
struct RulesSuite: Suite {
  static let name = "rules"
  static let purpose = "10, 100 and 500 rules over 1,000,000 customers, in memory"
  private static let sizes = [10, 100, 500]
  private static let rounds = 3

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  /// A million, or fewer by `STRATA_BENCH_CUSTOMERS` to try the suite.
  static var customers: Int {
    ProcessInfo.processInfo.environment["STRATA_BENCH_CUSTOMERS"].flatMap { Int($0) } ?? 1_000_000
  }

  private struct Peer: Decodable {
    let seconds: Double
    let how: String
    let members: [Int]
  }

  private struct Peers: Decodable {
    let polars: Peer
    let duckdb: Peer
  }

  func run() async throws -> [Measurement] {
    let population = RulePopulation(count: Self.customers)
    let file = bench.home.appendingPathComponent("rules.csv").path
    try population.write(to: file)
    let python = try PythonPeers(bench, environment: "frames").python(
      requirements: "peers/requirements_frames.txt", module: "duckdb, polars")
    try bench.clone("rules")
    try load(population, file)
    var rows: [Measurement] = []
    for size in Self.sizes {
      let (yaml, sql) = population.rules(size)
      let ours = try measure(population, yaml)
      let peers = try peers(python, file, sql, population)
      let server = try inSQL(sql)
      say(
        "  \(size) rules: ours \(ResultTable.value(ours.seconds, "s")), polars "
          + "\(ResultTable.value(peers.polars.seconds, "s")) (\(peers.polars.how)), DuckDB "
          + "\(ResultTable.value(peers.duckdb.seconds, "s")) (\(peers.duckdb.how)), SQL "
          + "\(ResultTable.value(server.seconds, "s")); \(ours.members.reduce(0, +)) memberships")
      for (name, members) in [
        ("polars", peers.polars.members), ("DuckDB", peers.duckdb.members),
        ("SQL", server.members),
      ] {
        try expectSame(ours.members, members, name)
      }
      func line(_ name: String, _ peer: Double, _ goal: Measurement.Goal) -> Measurement {
        Measurement(
          suite: Self.name, what: "\(size) rules against \(name)", unit: "s",
          ours: ours.seconds, peer: peer, goal: goal)
      }
      rows += [
        line("polars", peers.polars.seconds, size == 500 ? .ratioAtLeast(1) : .none),
        line("DuckDB", peers.duckdb.seconds, .none), line("SQL", server.seconds, .none),
      ]
    }
    try bench.discard(databases: ["rules"], files: [file])
    return rows
  }

  // MARK: Ours

  private func measure(
    _ population: RulePopulation, _ yaml: String
  ) throws -> (seconds: Double, members: [Int]) {
    let catalogue = try SegmentCatalogue.parse(yaml, attributes: population.attributes)
    let rules = RuleSet(catalogue)
    let source = population.source
    var best = Double.infinity
    var members: [Int] = []
    for _ in 0..<Self.rounds {
      let start = ContinuousClock().now
      let found = try rules.evaluate(source)
      var ids: [[Int64]] = []
      ids.reserveCapacity(catalogue.segments.count)
      for segment in catalogue.segments {
        var list: [Int64] = []
        if let verdict = found.verdicts[segment.name] {
          list.reserveCapacity(verdict.isTrue.population)
          // A customer's id is its row and one.
          verdict.isTrue.forEach { list.append(Int64($0 + 1)) }
        }
        ids.append(list)
      }
      best = min(best, start.duration(to: ContinuousClock().now).inSeconds)
      members = ids.map(\.count)
    }
    return (best, members)
  }

  // MARK: Peers

  private func peers(
    _ python: String, _ file: String, _ rules: [String], _ population: RulePopulation
  ) throws -> Peers {
    let conditions = bench.home.appendingPathComponent("rules.json")
    let layout = bench.home.appendingPathComponent("rules_layout.json")
    let encoder = JSONEncoder()
    try encoder.encode(rules).write(to: conditions)
    try encoder.encode(population.layout.map { [$0.name, $0.type] }).write(to: layout)
    let script = bench.root.appendingPathComponent("Tests/Benchmarks/peers/rules_frames.py").path
    let done = try ChildProcess(
      program: python, arguments: ["-B", script, file, conditions.path, layout.path]
    ).run()
    try bench.discard(databases: [], files: [conditions.path, layout.path])
    return try JSONDecoder().decode(Peers.self, from: Data(done.output.utf8))
  }

  private func load(_ population: RulePopulation, _ file: String) throws {
    let columns = population.layout.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
    _ = try bench.psql(
      "rules",
      [
        "-c", "CREATE UNLOGGED TABLE public.people (\(columns))",
        "-c", "\\copy public.people FROM '\(file)' (FORMAT csv)",
      ])
    try bench.settle("rules")
  }

  /// All rules in one pass over the table, a row for each membership; the best of some rounds.
  private func inSQL(_ rules: [String]) throws -> (seconds: Double, members: [Int]) {
    let cases = rules.enumerated().map { "CASE WHEN \($1) THEN \($0) END" }
    let script = bench.home.appendingPathComponent("rules.sql")
    let statement = """
      DROP TABLE IF EXISTS public.found;
      CREATE UNLOGGED TABLE public.found AS
      SELECT id, unnest(array_remove(ARRAY[
      \(cases.joined(separator: ",\n"))
      ]::smallint[], NULL)) AS rule FROM public.people;
      """
    try statement.write(to: script, atomically: true, encoding: .utf8)
    var best = Double.infinity
    for _ in 0..<Self.rounds {
      best = min(best, try bench.psql("rules", ["-f", script.path]).seconds)
    }
    var members = [Int](repeating: 0, count: rules.count)
    for row in try bench.query("rules", "SELECT rule, count(*) FROM public.found GROUP BY rule") {
      guard let rule = Int(row[0]), let count = Int(row[1]) else {
        throw BenchError("expected a rule and its members, found \(row)")
      }
      members[rule] = count
    }
    try bench.discard(databases: [], files: [script.path])
    return (best, members)
  }

  private func expectSame(_ ours: [Int], _ theirs: [Int], _ peer: String) throws {
    guard ours == theirs, ours.contains(where: { $0 > 0 }) else {
      let place = zip(ours, theirs).enumerated().first { $1.0 != $1.1 }
      throw BenchError(
        "ours and \(peer) differ: "
          + (place.map { "rule \($0 + 1) has \($1.0) and \($1.1) members" } ?? "none has members"))
    }
  }
}

import FeatureStore
import Features
import Foundation
import Rules
import Schedules
import Segments
import Warehouse

/// Ninety days over 200,000 customers and 20,000,000 events, in one go: 38 features, 100 rules, 90
/// publications. The events are loaded and their tiles are built; no state is stored.
///
/// Ours is the release binary, from its start to its end. Beside it stands one full build: in SQL,
/// in the best form known, from the same events; in DuckDB and in polars, from tables in memory.
/// After the last day all must find the same members. `STRATA_BENCH_SCALE=10` makes the shop ten
/// times smaller, to see that the suite runs.
struct BackfillSuite: Suite {
  static let name = "backfill"
  static let purpose = "200,000 customers, 20,000,000 events, 38 features, 100 rules, 90 days"
  private static let length = 90
  private static let days = 400
  /// 2024-01-01.
  private static let firstDay = 19_723
  private static let nights = 3
  private static let scale =
    ProcessInfo.processInfo.environment["STRATA_BENCH_SCALE"].flatMap { Int($0) } ?? 1
  private static let shop = EventFile(
    customers: 200_000 / scale, eventsPerDay: 50_000 / scale)

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  func run() async throws -> [Measurement] {
    let end = Self.firstDay + Self.days
    let start = end - Self.length
    let history = file("history")
    _ = try Self.shop.write(days: Self.firstDay..<end, to: history)
    try bench.clone("fill_ours")
    let loaded = try bench.strata(
      ["sources", "load", "events", "--quiet"] + options, environment: events(history))
    // The night before the first day builds the tiles, and is the publication that the days follow.
    let first = try night(start - 1, from: history)
    _ = try bench.psql("fill_ours", ["-c", "DELETE FROM features.state"])
    try bench.settle("fill_ours")
    say(
      "  history: loaded in \(ResultTable.value(loaded.seconds, "s")); first night "
        + "\(ResultTable.value(first.seconds, "s"))")
    try bench.clone("fill_best", from: "fill_ours")
    try bench.settle("fill_best")

    let full = try peerInSQL(end)
    let sweep = try await sweepAlone(start, end)
    // As the peers' database was: no checkpoint is due because of what they wrote.
    try bench.settle("fill_ours")
    let fill = try bench.strata(
      [
        "backfill", "nightly_segments", "--from", date(start), "--to", date(end - 1), "--quiet",
      ] + options, environment: events(history))
    say(
      "  backfill: \(ResultTable.value(fill.seconds, "s")), "
        + "\(ResultTable.value(fill.processorSeconds, "s")) on processors, at most "
        + "\(ResultTable.value(Double(fill.peakBytes) / 1e6, "MB"))")
    try report()
    let members = try compareWithSQL(end)
    let frames = try peersInMemory(end, members)
    var nights: [Double] = []
    for day in end..<end + Self.nights {
      let path = file("day")
      _ = try Self.shop.write(days: day..<day + 1, to: path)
      nights.append(try night(day, from: path).seconds)
    }
    try bench.discard(databases: ["fill_ours", "fill_best"], files: [history, file("day")])

    let count = Double(Self.length)
    func line(
      _ what: String, _ ours: Double, _ peer: Double?, _ goal: Measurement.Goal
    ) -> Measurement {
      Measurement(suite: Self.name, what: what, unit: "s", ours: ours, peer: peer, goal: goal)
    }
    return [
      line(
        "90 days against one full build in the best SQL", fill.seconds, full,
        .ratioAtLeast(1 / 2.5)),
      line("the sweep and the rules, without writing", sweep, full, .ratioAtLeast(1 / 1.5)),
      line("90 days against 90 such builds", fill.seconds, full * count, .ratioAtLeast(40)),
      line(
        "90 days against 90 builds in DuckDB", fill.seconds, frames.duckdb.all * count,
        .ratioAtLeast(1)),
      line("90 days against 90 builds in polars", fill.seconds, frames.polars.all * count, .none),
      line("90 days against 90 nights of ours", fill.seconds, median(nights) * count, .none),
      Measurement(
        suite: Self.name, what: "peak memory", unit: "MB", ours: Double(fill.peakBytes) / 1e6,
        peer: nil, goal: .none),
    ]
  }

  // MARK: Ours

  private var options: [String] {
    ["--project", bench.project, "--database", bench.url(of: "fill_ours")]
  }

  private func events(_ path: String) -> [String: String] { ["STRATA_BENCH_EVENTS": path] }

  private func file(_ name: String) -> String {
    bench.home.appendingPathComponent("fill_\(name).csv").path
  }

  private func date(_ day: Int) -> String { "\(Day(number: Int32(day)))" }

  private func night(_ day: Int, from path: String) throws -> Finished {
    try bench.strata(
      ["run", "nightly_segments", "--quiet", "--date", date(day)] + options,
      environment: events(path))
  }

  /// Seconds of the features and rules of all days from nothing, in this process.
  private func sweepAlone(_ start: Int, _ end: Int) async throws -> Double {
    let folder = URL(fileURLWithPath: bench.project)
    let features = try FeatureCatalogue(contentsOf: folder.appendingPathComponent("features.yaml"))
    let zone = try Zone(Workbench.zone)
    let segments = try SegmentCatalogue.load(
      path: folder.appendingPathComponent("segments.yaml").path,
      attributes: FeatureAttributes(features), zone: zone)
    let days = LocalDays(zone: zone)
    let midnights = (start..<end).map { days.end(of: Day(number: Int32($0))) }
    let pool = ConnectionPool(ConnectionOptions(bench.url(of: "fill_ours")), limit: 4)
    let watch = ContinuousClock()
    let begin = watch.now
    var members = 0
    let swept = try await FeatureBuilder(pool: pool, zone: zone).sweep(
      features, over: midnights
    ) { table in
      let outcome = try EvaluateSegments(segments)(over: table)
      members += outcome.evaluation.members.reduce(0) { $0 + $1.population }
    }
    let seconds = begin.duration(to: watch.now).inSeconds
    await pool.close()
    say(
      "  sweep without writing: \(ResultTable.value(seconds, "s")), \(swept.rowsRead) rows read, "
        + "\(members / Self.length) memberships a day")
    return seconds
  }

  /// Prints how long each task of the backfill took.
  private func report() throws {
    let tasks = try bench.query(
      "fill_ours",
      """
      SELECT t.task_id,
        round(extract(epoch FROM max(t.finished_at) - min(t.started_at)) * 1000)
      FROM runs.task t JOIN runs.backfill_interval i USING (run_id)
      GROUP BY t.task_id ORDER BY min(t.position)
      """)
    say("    tasks in ms: " + tasks.map { "\($0[0]) \($0[1])" }.joined(separator: ", "))
    let rows = try bench.query(
      "fill_ours",
      """
      SELECT count(*), (SELECT count(*) FROM segments.ended_spell),
        (SELECT count(*) FROM segments.open_spell)
      FROM segments.publication_record
      """)
    if let row = rows.first {
      say("    \(row[0]) publications, \(row[1]) spells ended, \(row[2]) open")
    }
  }

  // MARK: Peers

  /// Seconds of one full build in the best SQL form; the memberships stay for the comparison.
  private func peerInSQL(_ end: Int) throws -> Double {
    let variables = ["as_of": date(end)]
    let times = try (0..<3).map { _ in
      try bench.peer(
        "bounds_best.sql", "full_best.sql", on: "fill_best", variables: variables
      ).seconds
    }
    _ = try bench.peer("publish_best.sql", on: "fill_best", variables: variables)
    say("  full build in the best SQL: \(times.map { ResultTable.value($0, "s") })")
    return median(times)
  }

  private struct Frames: Decodable {
    struct Build: Decodable {
      let features: Double
      let rules: Double
      let members: [Int]
      var all: Double { features + rules }
    }
    let duckdb: Build
    let polars: Build
  }

  /// One full build from tables in memory, with versions that are pinned.
  private func peersInMemory(_ end: Int, _ members: [[String]]) throws -> Frames {
    let python = try PythonPeers(bench, environment: "frames").python(
      requirements: "peers/requirements_frames.txt", module: "duckdb, polars")
    let (facts, people) = (file("facts"), file("people"))
    _ = try bench.psql(
      "fill_best",
      [
        "-c",
        """
        \\copy (SELECT customer_id, kind_id, occurred_at::date - DATE '1970-01-01', \
        (amount * 10000)::bigint FROM facts.events) TO '\(facts)' (FORMAT csv)
        """, "-c", "\\copy (SELECT customer_id FROM facts.customers) TO '\(people)' (FORMAT csv)",
      ])
    let script = bench.root.appendingPathComponent("Tests/Benchmarks/peers/full_frames.py").path
    let done = try ChildProcess(
      program: python, arguments: ["-B", script, facts, people, "\(end - 1)"]
    ).run()
    try bench.discard(databases: [], files: [facts, people])
    let frames = try JSONDecoder().decode(Frames.self, from: Data(done.output.utf8))
    for (name, build) in [("DuckDB", frames.duckdb), ("polars", frames.polars)] {
      say(
        "  one build in \(name): features \(ResultTable.value(build.features, "s")), rules "
          + "\(ResultTable.value(build.rules, "s"))")
      let theirs = build.members.enumerated().filter { $1 > 0 }.map { ["\($0 + 1)", "\($1)"] }
      try expectSame(members, theirs, name)
    }
    return frames
  }

  /// The members of each segment after the last day, which SQL must find too.
  private func compareWithSQL(_ end: Int) throws -> [[String]] {
    let ours = try bench.query(
      "fill_ours",
      """
      SELECT substr(segment, 2, 3)::int, count(*) FROM segments.membership GROUP BY 1 ORDER BY 1
      """)
    let theirs = try bench.query(
      "fill_best", "SELECT segment, count(*) FROM best.membership GROUP BY 1 ORDER BY 1")
    try expectSame(ours, theirs, "the best SQL")
    return ours
  }

  private func expectSame(_ ours: [[String]], _ theirs: [[String]], _ peer: String) throws {
    guard ours == theirs, !ours.isEmpty else {
      let differing = zip(ours, theirs).first { $0 != $1 }
      throw BenchError(
        "ours has \(ours.count) segments with members, \(peer) \(theirs.count); the first that "
          + "differ: \(differing.map { "\($0) and \($1)" } ?? "none")")
    }
  }
}

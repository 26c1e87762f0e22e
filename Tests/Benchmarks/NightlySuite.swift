import Foundation
import Schedules

/// A night on 200,000 customers and 20,000,000 events: load, features, 100 rules, publication.
///
/// Ours is the release binary, from its start to its end. The peers are two ways in SQL, from the
/// same file: as an analyst writes it, and the best form known. Each has a copy of the same
/// database; the nights are measured in turn, and every night all three must find the same members.
struct NightlySuite: Suite {
  static let name = "nightly"
  static let purpose = "200,000 customers, 20,000,000 events, 38 features, 100 rules, 3 nights"
  private static let nights = 3
  private static let shop = EventFile(customers: 200_000, eventsPerDay: 50_000)
  private static let days = 400
  /// 2024-01-01.
  private static let firstDay = 19_723

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  func run() async throws -> [Measurement] {
    let history = file("history")
    let day0 = Self.firstDay + Self.days
    _ = try Self.shop.write(days: Self.firstDay..<day0, to: history)

    // Up to the last night before the measured ones.
    try bench.clone("night_ours")
    let loaded = try bench.strata(
      ["sources", "load", "events", "--quiet"] + options,
      environment: ["STRATA_BENCH_EVENTS": history])
    try bench.settle("night_ours")
    try bench.clone("night_best", from: "night_ours")
    let first = try night(day0 - 1, from: history)
    say(
      "  history: loaded in \(ResultTable.value(loaded.seconds, "s")); first night "
        + "\(ResultTable.value(first.seconds, "s"))")
    try report()
    let asOf = ["as_of": date(day0)]
    let full = try bench.peer(
      "bounds_best.sql", "full_best.sql", on: "night_best", variables: asOf)
    try bench.clone("night_naive", from: "night_best")
    _ = try bench.peer("publish_best.sql", on: "night_best", variables: asOf)
    _ = try bench.peer("night_naive.sql", on: "night_naive", variables: asOf)
    try compare(day0)
    let build = try rebuild(day0 - 1, from: history)
    for database in ["night_ours", "night_best", "night_naive"] { try bench.settle(database) }

    var ours: [Double] = []
    var best: [Double] = []
    var naive: [Double] = []
    var steps: [Double] = []
    var bestSteps: [Double] = []
    var peak = 0
    for step in 0..<Self.nights {
      let day = day0 + step
      let path = file("day\(step)")
      _ = try Self.shop.write(days: day..<day + 1, to: path)
      // Each begins on a server at rest: what the one before it put off is not its work.
      try bench.checkpoint()
      let run = try night(day, from: path)
      ours.append(run.seconds)
      peak = max(peak, run.peakBytes)
      let variables = ["as_of": date(day + 1)]
      try bench.checkpoint()
      let theirs = try peer("night_best", path) {
        try bench.peer(
          "bounds_best.sql", "night_best.sql", "publish_best.sql", on: $0, variables: variables)
      }
      best.append(theirs.all)
      bestSteps.append(theirs.step)
      try bench.checkpoint()
      naive.append(
        try peer("night_naive", path) {
          try bench.peer("night_naive.sql", on: $0, variables: variables)
        }.all)
      say(
        "  night \(date(day)): ours \(ResultTable.value(run.seconds, "s")) "
          + "(\(ResultTable.value(run.processorSeconds, "s")) on processors), best SQL "
          + "\(ResultTable.value(best[step], "s")), naive \(ResultTable.value(naive[step], "s"))")
      try report()
      steps.append(run.seconds - (try secondsOfLoad()))
      try compare(day + 1)
    }
    let copy = try copyTiles()
    let last = Self.nights - 1
    let again = try night(day0 + last, from: file("day\(last)"))
    try bench.discard(
      databases: ["night_ours", "night_best", "night_naive"],
      files: [history] + (0...last).map { file("day\($0)") })

    let night = median(ours)
    func line(
      _ what: String, _ unit: String, _ ours: Double, _ peer: Double?, _ goal: Measurement.Goal
    ) -> Measurement {
      Measurement(suite: Self.name, what: what, unit: unit, ours: ours, peer: peer, goal: goal)
    }
    return [
      line(
        "against a query per feature, INSERT per rule", "s", night, median(naive), .ratioAtLeast(10)
      ),
      line("against the best SQL", "s", night, median(best), .ratioAtLeast(4)),
      line("the same without the load on both sides", "s", median(steps), median(bestSteps), .none),
      line("against \\copy out of 12 tile columns", "s", night, copy, .ratioAtLeast(0.5)),
      line("full build from tiles, best SQL from events", "s", build, full.seconds, .none),
      line("a night that is done already", "s", again.seconds, nil, .none),
      line("peak memory of a night", "MB", Double(peak) / 1e6, nil, .none),
    ]
  }

  // MARK: Ours

  private var options: [String] {
    ["--project", bench.project, "--database", bench.url(of: "night_ours")]
  }

  private func file(_ name: String) -> String {
    bench.home.appendingPathComponent("night_\(name).csv").path
  }

  private func date(_ day: Int) -> String { "\(Day(number: Int32(day)))" }

  private func night(
    _ day: Int, from path: String, interval: [String]? = nil
  ) throws -> Finished {
    try bench.strata(
      ["run", "nightly_segments", "--quiet"] + (interval ?? ["--date", date(day)]) + options,
      environment: ["STRATA_BENCH_EVENTS": path])
  }

  /// Prints how long each task of a night took.
  private func report() throws {
    let tasks = try bench.query(
      "night_ours",
      """
      SELECT t.task_id, round(extract(epoch FROM t.finished_at - t.started_at) * 1000),
        round(extract(epoch FROM r.finished_at - r.started_at) * 1000)
      FROM runs.task t JOIN runs.run r USING (run_id)
      WHERE r.run_id = (SELECT max(run_id) FROM runs.run) ORDER BY t.position
      """)
    let all = tasks.first?.last ?? "?"
    say(
      "    tasks in ms: " + tasks.map { "\($0[0]) \($0[1])" }.joined(separator: ", ")
        + "; run \(all)")
  }

  /// Seconds that the last night took to load its file.
  private func secondsOfLoad() throws -> Double {
    let task = try bench.query(
      "night_ours",
      """
      SELECT extract(epoch FROM finished_at - started_at) FROM runs.task
      WHERE run_id = (SELECT max(run_id) FROM runs.run) AND task_id = 'extract'
      """)
    return task.first.flatMap { Double($0[0]) } ?? 0
  }

  /// Seconds of the features task where the tiles are there and no state is stored.
  private func rebuild(_ day: Int, from path: String) throws -> Double {
    _ = try bench.psql("night_ours", ["-c", "DELETE FROM features.state"])
    // An interval of two days with the same end: another run with the same as-of.
    _ = try night(day, from: path, interval: ["--interval", "\(date(day - 1))..\(date(day + 1))"])
    let task = try bench.query(
      "night_ours",
      """
      SELECT extract(epoch FROM finished_at - started_at) FROM runs.task
      WHERE run_id = (SELECT max(run_id) FROM runs.run) AND task_id = 'features'
      """)
    return task.first.flatMap { Double($0[0]) } ?? 0
  }

  /// Seconds of `\copy` of 12 columns of the tiles to nowhere.
  private func copyTiles() throws -> Double {
    let columns = try bench.query(
      "night_ours", "SELECT quote_ident(column_name) FROM features.measure ORDER BY 1 LIMIT 12"
    ).map { $0[0] }.joined(separator: ", ")
    let times = try (0..<3).map { _ in
      try bench.psql(
        "night_ours",
        [
          "-c",
          "\\copy (SELECT customer_id, day, \(columns) FROM facts.customer_day) TO '/dev/null'",
        ]
      ).seconds
    }
    return median(times)
  }

  // MARK: Peers

  private func peer(
    _ database: String, _ path: String, _ build: (String) throws -> Finished
  ) throws -> (all: Double, step: Double) {
    let loaded = try bench.peer("load_checked.sql", on: database, file: path)
    let built = try build(database)
    return (loaded.seconds + built.seconds, built.seconds)
  }

  /// All three must find the same number of members in every segment.
  private func compare(_ day: Int) throws {
    let ours = try bench.query(
      "night_ours",
      """
      SELECT substr(segment, 2, 3)::int, count(*) FROM segments.membership GROUP BY 1 ORDER BY 1
      """)
    for peer in ["best", "naive"] {
      let theirs = try bench.query(
        "night_\(peer)",
        "SELECT segment, count(*) FROM \(peer).membership GROUP BY 1 ORDER BY 1")
      guard ours == theirs else {
        let differing = zip(ours, theirs).first { $0 != $1 }
        throw BenchError(
          "as of \(date(day)) ours has \(ours.count) segments with members, \(peer) "
            + "\(theirs.count); the first that differ: \(differing.map { "\($0) and \($1)" } ?? "none")"
        )
      }
    }
    let members = ours.compactMap { Int($0[1]) }
    guard members.count >= 90, members.reduce(0, +) > 50_000 else {
      throw BenchError("too few members for a measurement: \(members)")
    }
  }
}

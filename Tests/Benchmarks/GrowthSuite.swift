import FeatureStore
import Features
import Foundation
import Schedules
import Warehouse

/// Half a million to five million customers with 20 events each: whether time and memory grow with
/// them and not faster.
///
/// The history is made on the server as day tiles, since loads and folds are measured elsewhere; the
/// nights are whole: a file of a day's events, features, 100 rules, publication. It takes about a
/// quarter of an hour and 15 GB, so it runs only where it is asked for.
/// `STRATA_BENCH_CUSTOMERS=500000,1000000` chooses other sizes.
struct GrowthSuite: Suite {
  static let name = "growth"
  static let purpose = "0.5M to 5M customers, 20 events each: full build, nightly step, memory"
  static let isUsual = false
  private static let days = 400
  private static let eventsPerCustomer = 20
  /// 2024-01-01.
  private static let firstDay = 19_723
  private static let database = "growth"
  /// What the nightly step gets where it must keep to a limit.
  private static let limit = "2GiB"

  private struct Size {
    let customers: Int
    let build: Double
    let night: Double
    let peak: Int
    let limitedNight: Double
    let limitedPeak: Int
  }

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  func run() async throws -> [Measurement] {
    let wanted = ProcessInfo.processInfo.environment["STRATA_BENCH_CUSTOMERS"] ?? ""
    let chosen = wanted.split(separator: ",").compactMap { Int($0) }
    var sizes: [Size] = []
    for customers in chosen.isEmpty ? [500_000, 1_000_000, 2_000_000, 5_000_000] : chosen {
      sizes.append(try await measure(customers))
    }
    guard let first = sizes.first, let last = sizes.last else { return [] }
    func line(
      _ what: String, _ unit: String, _ ours: Double, _ peer: Double?, _ goal: Measurement.Goal
    ) -> Measurement {
      Measurement(suite: Self.name, what: what, unit: unit, ours: ours, peer: peer, goal: goal)
    }
    var lines = sizes.flatMap { size in
      let name = "\(Double(size.customers) / 1e6)M customers: "
      return [
        line(name + "full build from tiles", "s", size.build, nil, .none),
        line(name + "nightly step", "s", size.night, nil, .none),
        line(name + "peak memory of both", "MB", Double(size.peak) / 1e6, nil, .none),
        line(name + "nightly step within \(Self.limit)", "s", size.limitedNight, nil, .none),
        line(
          name + "peak memory within \(Self.limit)", "MB", Double(size.limitedPeak) / 1e6, nil,
          .atMost(2147.5)),
      ]
    }
    func perMillion(_ size: Size, _ seconds: (Size) -> Double) -> Double {
      seconds(size) * 1e6 / Double(size.customers)
    }
    let most = Double(sizes.map(\.peak).max() ?? 0) / 1e6
    lines += [
      line(
        "full build, a million customers, most against fewest", "s", perMillion(last, \.build),
        perMillion(first, \.build), .ratioAtLeast(1 / 1.3)),
      line(
        "nightly step, a million customers, most against fewest", "s", perMillion(last, \.night),
        perMillion(first, \.night), .ratioAtLeast(1 / 1.3)),
      line("peak memory", "MB", most, nil, .atMost(8 * 1073.8)),
    ]
    return lines
  }

  private func measure(_ customers: Int) async throws -> Size {
    let start = ContinuousClock.now
    try bench.clone(Self.database)
    try await makeHistory(customers)
    say(
      "  \(customers) customers, \(customers * Self.eventsPerCustomer) events: made in "
        + ResultTable.value(start.duration(to: .now).inSeconds, "s"))
    let last = Self.firstDay + Self.days
    let full = try night(last - 1, customers, [])
    let build = try seconds(of: "features")
    let step = try night(last, customers, [])
    try report("step", step)
    let limited = try night(last + 1, customers, ["--memory-limit", Self.limit])
    try report("within \(Self.limit)", limited)
    try bench.discard(
      databases: [Self.database],
      files: [last - 1, last, last + 1].map { file($0) })
    return Size(
      customers: customers, build: build, night: step.seconds,
      peak: max(full.peakBytes, step.peakBytes), limitedNight: limited.seconds,
      limitedPeak: limited.peakBytes)
  }

  private func file(_ day: Int) -> String {
    bench.home.appendingPathComponent("growth_\(day).csv").path
  }

  /// A night, from the start of the program to its end; its file holds a day's share of events.
  private func night(_ day: Int, _ customers: Int, _ options: [String]) throws -> Finished {
    let shop = EventFile(
      customers: customers, eventsPerDay: customers * Self.eventsPerCustomer / Self.days,
      isFlawed: false)
    _ = try shop.write(days: day..<day + 1, to: file(day))
    try bench.settle(Self.database)
    let finished = try bench.strata(
      ["run", "nightly_segments", "--quiet", "--date", "\(Day(number: Int32(day)))"] + options
        + ["--project", bench.project, "--database", bench.url(of: Self.database)],
      environment: ["STRATA_BENCH_EVENTS": file(day)])
    if day == Self.firstDay + Self.days - 1 { try report("full build", finished) }
    return finished
  }

  private func report(_ what: String, _ finished: Finished) throws {
    let tasks = try bench.query(
      Self.database,
      """
      SELECT task_id, round(extract(epoch FROM finished_at - started_at) * 1000) FROM runs.task
      WHERE run_id = (SELECT max(run_id) FROM runs.run) ORDER BY position
      """)
    let ranges = try bench.query(
      Self.database,
      "SELECT max(range_count) FROM features.state WHERE day = (SELECT max(day) FROM features.state)"
    )
    say(
      "    \(what): \(ResultTable.value(finished.seconds, "s")), peak "
        + "\(ResultTable.value(Double(finished.peakBytes) / 1e6, "MB")), "
        + "\(ranges.first?.first ?? "?") ranges; tasks in ms: "
        + tasks.map { "\($0[0]) \($0[1])" }.joined(separator: ", "))
  }

  private func seconds(of task: String) throws -> Double {
    let found = try bench.query(
      Self.database,
      """
      SELECT extract(epoch FROM finished_at - started_at) FROM runs.task
      WHERE run_id = (SELECT max(run_id) FROM runs.run) AND task_id = '\(task)'
      """)
    return found.first.flatMap { Double($0[0]) } ?? 0
  }

  // MARK: The history

  /// Customers with their keys, and a tile for each of their events: every customer has one on each
  /// twentieth day, of a kind drawn by hash.
  private func makeHistory(_ customers: Int) async throws {
    let pool = ConnectionPool(ConnectionOptions(bench.url(of: Self.database)), limit: 1)
    let catalogue = try FeatureCatalogue(
      contentsOf: URL(fileURLWithPath: bench.project).appendingPathComponent("features.yaml"))
    // Without loads this adds the columns of the measures, and nothing else.
    _ = try await TileStore(pool: pool, zone: Zone(Workbench.zone)).fold(catalogue)
    await pool.close()
    let measures = try bench.query(
      Self.database, "SELECT column_name, value, kinds[1] FROM features.measure ORDER BY 1")
    let names = measures.map { "\"\($0[0])\"" }.joined(separator: ", ")
    let values = measures.map { row in
      let value = row[1] == "count" ? "1" : "(200 + c * 37 % 9800) * 100::bigint"
      return "CASE WHEN k = '\(row[2])' THEN \(value) END"
    }.joined(separator: ", ")
    let kinds = EventFile.kinds.flatMap { Array(repeating: $0.name, count: $0.share) }
    let first = "DATE '\(Day(number: Int32(Self.firstDay)))'"
    let events = customers * Self.eventsPerCustomer
    let script = """
      INSERT INTO landing.identity (customer_id, customer_key)
      SELECT nextval('landing.customer_id'), 'C' || lpad((c - 1)::text, 7, '0')
      FROM generate_series(1, \(customers)) AS c;
      INSERT INTO facts.customers (customer_id, customer_key, first_seen_at)
      SELECT customer_id, customer_key, \(first) FROM landing.identity;
      ALTER TABLE facts.customer_day DROP CONSTRAINT customer_day_pkey;
      INSERT INTO facts.customer_day (customer_id, day, \(names))
      SELECT c, \(first) + d, \(values)
      FROM generate_series(0, \(Self.days - 2)) AS d
      CROSS JOIN LATERAL (
        SELECT c, ('{\(kinds.joined(separator: ","))}'::text[])
          [1 + (hashint8(c * 1000 + d) & 2147483647) % 100] AS k
        FROM generate_series(1 + (d * 7) % 20, \(customers)::bigint, 20) AS c) AS t;
      ALTER TABLE facts.customer_day
        ADD CONSTRAINT customer_day_pkey PRIMARY KEY (day, customer_id);
      INSERT INTO landing.source (name, created_at) VALUES ('history', now());
      WITH made AS (
        INSERT INTO landing.load (rows_accepted, started_at, finished_at, first_occurred_at,
          last_occurred_at, source_id, state, definition, is_folded)
        SELECT \(events), now(), now(), \(first), \(first) + \(Self.days - 2), source_id, 'loaded', '',
          true
        FROM landing.source RETURNING load_id)
      INSERT INTO features.folded_load SELECT load_id, 1 FROM made;
      """
    _ = try bench.psql(Self.database, ["-c", script])
  }
}

import Columns
import Foundation
import Inputs
import Orchestrator
import Pipeline
import Schedules
import Tasks
import Warehouse

/// Micro-batches between the nights, on 200,000 customers and 20,000,000 events: from the COPY of a
/// batch to the committed transitions, each one transaction with its run row.
///
/// The batches come as events whose customers are known: their load, their keys and themselves by
/// COPY, then the step. Beside that the same through the loader, from a CSV file with its contract, a
/// transaction of its own, and a step after it. What a watch does between steps is not in the times.
struct MicroSuite: Suite {
  static let name = "micro"
  static let purpose = "200,000 customers, 20,000,000 events, 38 features, 100 rules, micro-batches"
  private static let customers = 200_000
  private static let days = 400
  /// 2024-01-01.
  private static let firstDay = 19_723
  private static let steps = 60
  private static let database = "micro_ours"

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  private var options: [String] {
    ["--project", bench.project, "--database", bench.url(of: Self.database)]
  }

  func run() async throws -> [Measurement] {
    let history = bench.home.appendingPathComponent("micro_history.csv").path
    let today = Self.firstDay + Self.days
    let shop = EventFile(customers: Self.customers, eventsPerDay: 50_000)
    _ = try shop.write(days: Self.firstDay..<today, to: history)
    try bench.clone(Self.database)
    let loaded = try bench.strata(
      ["sources", "load", "events", "--quiet"] + options,
      environment: ["STRATA_BENCH_EVENTS": history])
    let night = try bench.strata(
      ["run", "nightly_segments", "--quiet", "--date", "\(Day(number: Int32(today - 1)))"]
        + options,
      environment: ["STRATA_BENCH_EVENTS": history])
    try bench.settle(Self.database)
    say(
      "  history: loaded in \(ResultTable.value(loaded.seconds, "s")); first night "
        + "\(ResultTable.value(night.seconds, "s"))")
    let floor = try CommitFloor(bench)
    let commit = try floor.measure(clients: 1, seconds: 2).latencySeconds * 1000
    try floor.discard()

    let road = try await MicroRoad(
      url: bench.url(of: Self.database), project: bench.project,
      day: Day(number: Int32(today)))
    var rows: [Measurement] = []
    let start = try await road.begin()
    rows.append(line("begins with everyone", "s", start, nil, .none))
    for (size, most) in [(1000, 100.0), (10, 15.0)] {
      // What a server plans and caches on first use is not what a resident process waits for.
      for _ in 0..<10 { _ = try await road.step(events: size) }
      var times: [Double] = []
      var moved = 0
      for _ in 0..<Self.steps {
        let (milliseconds, step) = try await road.step(events: size)
        times.append(milliseconds)
        moved += step.entered + step.left
      }
      guard moved > 0 else { throw BenchError("no membership changed in \(Self.steps) steps") }
      say(
        "  \(size) events: p50 \(ResultTable.value(quantile(times, 0.5), "ms")), p95 "
          + "\(ResultTable.value(quantile(times, 0.95), "ms")), worst "
          + "\(ResultTable.value(times.max() ?? 0, "ms")); \(moved / Self.steps) changes a step")
      rows.append(
        line("\(size) events, p50, beside a bare commit", "ms", quantile(times, 0.5), commit, .none)
      )
      rows.append(
        line("\(size) events, p95", "ms", quantile(times, 0.95), nil, .atMost(most)))
    }
    for size in [1000, 10] {
      let times = try await road.throughLoader(events: size, steps: 20, folder: bench.home)
      rows.append(
        line(
          "\(size) events of a CSV file through the loader, p50", "ms", quantile(times, 0.5), nil,
          .none))
    }
    try await road.compare()
    await road.close()
    try bench.discard(databases: [Self.database], files: [history])
    return rows
  }

  private func quantile(_ values: [Double], _ share: Double) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return 0 }
    return sorted[max(1, Int((share * Double(sorted.count)).rounded(.up))) - 1]
  }

  private func line(
    _ what: String, _ unit: String, _ ours: Double, _ peer: Double?, _ goal: Measurement.Goal
  ) -> Measurement {
    Measurement(suite: Self.name, what: what, unit: unit, ours: ours, peer: peer, goal: goal)
  }
}

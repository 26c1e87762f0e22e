import Foundation
import Orchestrator
import Pipeline
import Warehouse

/// What a run costs the server, and what size and age cost a run.
extension OrchestratorSuite {
  /// Commits that the server counts for one run on a database of its own, per task; what the run
  /// itself needs at its start and end is included.
  func commitsPerTask(_ dag: DAG) async throws -> Double {
    let database = "bench_commits"
    try bench.clone(database)
    let before = try await commits(in: database)
    let runs = try MeasuredRuns(url: bench.url(of: database), projectDirectory: bench.project)
    do {
      _ = try await runs.run(dag)
      await runs.close()
    } catch {
      await runs.close()
      throw error
    }
    let after = try await commits(in: database)
    try bench.discard(databases: [database], files: [])
    return (after - before) / Double(dag.tasks.count)
  }

  /// Commits in a database so far. A backend reports what it did at the latest when it ends, so this
  /// waits until all have.
  private func commits(in database: String) async throws -> Double {
    let limit = ContinuousClock.now + .seconds(30)
    while try bench.query(
      "postgres", "SELECT 1 FROM pg_stat_activity WHERE datname = '\(database)' LIMIT 1"
    ).isEmpty == false {
      guard ContinuousClock.now < limit else {
        throw BenchError("expected that the connections to \(database) end within 30 s")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    let found = try bench.query(
      "postgres", "SELECT xact_commit FROM pg_stat_database WHERE datname = '\(database)'")
    guard let count = found.first.flatMap({ Double($0[0]) }) else {
      throw BenchError("expected statistics of \(database), found none")
    }
    return count
  }

  /// A DAG of 10,000 tasks: whether it is checked soon, and runs in the memory of one of 1,000.
  func large() throws -> [Measurement] {
    let small = try LargeRunProbe.run(1000, on: "bench_large", bench)
    let large = try LargeRunProbe.run(10_000, on: "bench_large", bench)
    var rows = [
      line(
        "10,000 tasks: declared and validated", "s", large.result.validationSeconds, nil,
        .atMost(1)),
      line("10,000 tasks: run", "s", large.result.runSeconds, nil, .none),
      // Ten times the tasks in at most twice the memory, program and connections included.
      line(
        "10,000 tasks: peak memory, against 1,000", "MB", Double(large.peakBytes) / 1e6,
        Double(small.peakBytes) / 1e6, .ratioAtLeast(0.5)),
    ]
    if let early = large.result.earlyBytes, let end = large.result.endBytes {
      rows.append(
        line(
          "10,000 tasks: memory at the end, against that after 1,000", "MB", Double(end) / 1e6,
          Double(early) / 1e6, .none))
    }
    return rows
  }

  /// How long a query of a cancelled run lives on in the server; the slowest of ten.
  func cancellation() async throws -> Measurement {
    let times = try await onFreshDatabase("bench_cancel") { runs in
      var times: [Double] = []
      for _ in 0..<10 { times.append(try await runs.cancel()) }
      return times
    }
    say("  cancellation: median \(ResultTable.value(median(times) * 1000, "ms"))")
    return line(
      "cancellation, from the request to the backend's end, slowest of 10", "s", times.max() ?? 0,
      nil, .atMost(1))
  }

  /// A database with 100,000 finished runs of five tasks beside a nearly empty one, in turn.
  func history() async throws -> [Measurement] {
    let counts = ["bench_empty": Self.fewRuns, "bench_full": Self.finishedRuns]
    // The disk's time would hide what the tables cost, so here, on both sides, commits do not wait.
    let settings = ["synchronous_commit": "off"]
    return try await onFreshDatabase("bench_empty", settings: settings) { empty in
      try await onFreshDatabase("bench_full", settings: settings) { full in
        for runs in [empty, full] { _ = try await runs.run(NothingDAGs.chain(5)) }
        for (database, count) in counts { try multiplyRuns(in: database, to: count) }
        for database in ["bench_empty", "bench_full"] { try bench.settle(database) }
        // The first change of a page after a checkpoint logs the whole page.
        for runs in [empty, full] { _ = try await runs.run(NothingDAGs.chain(50)) }
        let stores = [RunStore(empty.pool), RunStore(full.pool)]
        // Each side goes first in every other round: what a side leaves behind meets both.
        let turns = (0..<2 * Self.rounds).map { $0.isMultiple(of: 2) ? [0, 1] : [1, 0] }
        var gaps: [[Double]] = [[], []]
        for side in turns.joined() {
          gaps[side] += try await [empty, full][side].run(NothingDAGs.chain(50)).gaps
        }
        var lists: [[Double]] = [[], []]
        for side in turns.joined() {
          for _ in 0..<100 {
            let start = ContinuousClock.now
            _ = try await stores[side].runs(limit: 50)
            lists[side].append(start.duration(to: .now).inSeconds)
          }
        }
        let most = Measurement.Goal.ratioAtLeast(1 / 1.2)
        return [
          line(
            "claim and completion with 100,000 runs, against \(Self.fewRuns)", "ms",
            median(gaps[1]) * 1000, median(gaps[0]) * 1000, most),
          line(
            "list of 50 runs with 100,000 runs, against \(Self.fewRuns)", "ms",
            median(lists[1]) * 1000, median(lists[0]) * 1000, most),
        ]
      }
    }
  }

  /// Copies the only run of a database until there are `count`.
  private func multiplyRuns(in database: String, to count: Int) throws {
    let file = bench.root.appendingPathComponent("Tests/Benchmarks/sql/multiply_runs.sql").path
    let filled = try bench.psql(database, ["-v", "copies=\(count - 1)", "-f", file])
    say("  \(count) runs made in \(ResultTable.value(filled.seconds, "s"))")
    let made = try bench.query(
      database, "SELECT count(*), (SELECT count(*) FROM runs.task) FROM runs.run")
    guard made == [["\(count)", "\(5 * count)"]] else {
      throw BenchError("expected \(count) runs of five tasks, found \(made)")
    }
  }
}

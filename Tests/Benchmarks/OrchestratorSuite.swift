import Foundation
import Orchestrator
import Pipeline

/// Durable runs of no-op tasks against Airflow, Prefect, and what the disk allows.
///
/// Every commit of ours and of the floor waits for the disk. The floor is measured between the runs
/// that it is compared with, so that both meet the same machine.
struct OrchestratorSuite: Suite {
  static let name = "orchestrator"
  static let purpose = "no-op tasks with durable state, against Airflow and the commit floor"
  static let rounds = 5
  private static let floorSeconds = 2
  static let finishedRuns = 100_000
  /// Beside them: so few that nothing is slow, and enough to fill a page of the list.
  static let fewRuns = 100

  let bench: Workbench
  init(_ bench: Workbench) { self.bench = bench }

  func run() async throws -> [Measurement] {
    // First, so that a peer that cannot be had is known at once; what it leaves behind is flushed.
    let peers = bench.measuresAirflow ? try OrchestratorPeers.measure(bench) : .recorded
    try bench.settle("postgres")
    let floor = try CommitFloor(bench)
    let shapes = try await measureShapes(floor)
    var rows = shapes.againstFloor
    for (name, dag) in [
      ("50 in a chain", NothingDAGs.chain(50)), ("200 wide", NothingDAGs.wide(200)),
    ] {
      rows.append(
        line("commits per task, \(name)", "", try await commitsPerTask(dag), nil, .atMost(3)))
    }
    rows += try large()
    rows += try idle()
    rows.append(try await cancellation())
    rows += try await history()
    try floor.discard()
    return try against(peers, shapes) + rows
  }

  func line(
    _ what: String, _ unit: String, _ ours: Double, _ peer: Double?, _ goal: Measurement.Goal
  ) -> Measurement {
    Measurement(suite: Self.name, what: what, unit: unit, ours: ours, peer: peer, goal: goal)
  }

  /// Measures on a migrated database without runs, which is removed afterwards.
  func onFreshDatabase<T: Sendable>(
    _ database: String, settings: [String: String] = [:],
    _ body: (MeasuredRuns) async throws -> T
  ) async throws -> T {
    try bench.clone(database)
    let runs = try MeasuredRuns(
      url: bench.url(of: database), projectDirectory: bench.project, settings: settings)
    do {
      let value = try await body(runs)
      await runs.close()
      try bench.discard(databases: [database], files: [])
      return value
    } catch {
      await runs.close()
      throw error
    }
  }

  // MARK: Shapes

  /// Median seconds of each shape, and the rows that need no peer.
  private struct Shapes: Sendable {
    let chain: Double
    let wide: Double
    let backfill: Double
    let againstFloor: [Measurement]
  }

  private func measureShapes(_ floor: CommitFloor) async throws -> Shapes {
    try await onFreshDatabase("bench_shapes") { runs in
      try CommitFloor.checkDurability(of: "bench_shapes", bench)
      // Connections, prepared statements and partitions are made by the first run.
      _ = try await runs.run(NothingDAGs.chain(5))
      var chains: [Double] = []
      var waits: [Double] = []
      var floors: [Double] = []
      for _ in 0..<Self.rounds {
        floors.append(try floor.measure(clients: 1, seconds: Self.floorSeconds).latencySeconds)
        let timing = try await runs.run(NothingDAGs.chain(50))
        chains.append(timing.seconds)
        waits += timing.gaps
      }
      var wides: [Double] = []
      for _ in 0..<Self.rounds {
        wides.append(try await runs.run(NothingDAGs.wide(200)).seconds)
      }
      let (backfills, queued) = try await daemons()
      say(
        "  one commit \(ResultTable.value(median(floors) * 1000, "ms")); chain of 50 \(list(chains));"
          + " 200 wide \(list(wides)); 30 x 5 \(list(backfills))")
      let rows = [
        line(
          "chain of 50 against 50 one-row commits", "s", median(chains), 50 * median(floors),
          .ratioAtLeast(0.25)),
        line(
          "the same, against the rows of 50 tasks written by pgbench", "s", median(chains),
          50 * (try floor.measureTask(seconds: Self.floorSeconds).latencySeconds), .none),
        line(
          "from a task's end to the next one's start, p99", "ms",
          quantile(waits, 0.99) * 1000, nil, .none),
        line(
          "queue wait of daemons, slots free, p99", "ms", quantile(queued, 0.99) * 1000, nil,
          .atMost(20)),
      ]
      return Shapes(
        chain: median(chains), wide: median(wides), backfill: median(backfills),
        againstFloor: rows + (try await transitions(runs, floor)))
    }
  }

  /// Changes of state per second on 1,000 tasks, against commits per second.
  private func transitions(
    _ runs: MeasuredRuns, _ floor: CommitFloor
  ) async throws -> [Measurement] {
    var rates: [Double] = []
    var alone: [Double] = []
    var together: [Double] = []
    for _ in 0..<Self.rounds {
      alone.append(try floor.measure(clients: 1, seconds: Self.floorSeconds).commitsPerSecond)
      together.append(
        try floor.measure(clients: MeasuredRuns.parallelism, seconds: Self.floorSeconds)
          .commitsPerSecond)
      let timing = try await runs.run(NothingDAGs.wide(1000))
      rates.append(Double(timing.transitions) / timing.seconds)
    }
    let clients = MeasuredRuns.parallelism
    return [
      line(
        "1,000 wide: transitions, against commits of one client", "1/s", median(rates),
        median(alone), .ratioAtLeast(0.4)),
      line(
        "the same, against commits of \(clients) clients", "1/s", median(rates), median(together),
        .none),
    ]
  }

  private func list(_ times: [Double]) -> String {
    times.map { ResultTable.value($0, "s") }.joined(separator: ", ")
  }

  // MARK: Peers

  private func against(
    _ peers: OrchestratorPeers, _ shapes: Shapes
  ) throws -> [Measurement] {
    let airflow = peers.airflow
    let start = try (0..<Self.rounds).map { _ in try bench.strata(["--version"]).seconds }
    let local = try (0..<Self.rounds).map { _ in try LocalRunProbe.run(50) }
    return [
      line("chain of 50, against \(airflow.name)", "s", shapes.chain, airflow.chain, .none),
      line(
        "200 wide, against \(airflow.name)", "s", shapes.wide, airflow.wide, .ratioAtLeast(200)),
      line(
        "30 runs of 5, one daemon, against \(airflow.name)", "s", shapes.backfill, airflow.backfill,
        .ratioAtLeast(200)),
      line(
        "chain of 50, durable, against \(peers.prefect.name)", "s", shapes.chain,
        peers.prefect.chain, .none),
      // Like with like: one process, nothing durable, the process's start included in ours.
      line(
        "chain of 50 in one process, against \(peers.prefect.name)", "s", median(local),
        peers.prefect.chain, .ratioAtLeast(20)),
      line(
        "start of the command, against \(airflow.name)", "s", median(start),
        airflow.cliSeconds, .none),
    ]
  }
}

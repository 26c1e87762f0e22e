import Foundation
import Orchestrator
import Pipeline
import Schedules

/// What daemons do with a queue, and what they cost when there is nothing to do.
extension OrchestratorSuite {
  /// Seconds of 30 runs of five tasks each on one daemon, from the first request to the last end;
  /// and how long a task that is ready waits for one of its free slots.
  func daemons() async throws -> (backfill: [Double], waits: [Double]) {
    try await onFreshDatabase("bench_daemons") { runs in
      try await runs.withDaemon { daemon in
        _ = try await daemon.batch(NothingDAGs.chain(5), runs: 3)
        var batches: [Double] = []
        for _ in 0..<Self.rounds {
          batches.append(try await daemon.batch(NothingDAGs.chain(5), runs: 30))
        }
        var waits: [Double] = []
        for _ in 0..<300 { waits.append(try await daemon.wait(NothingDAGs.wide(1))) }
        Stopwatch.shared.forget()
        return (batches, waits)
      }
    }
  }

  /// What an idle worker and an idle scheduler need: the processor from their start on, and the
  /// memory that is resident at the end.
  func idle() throws -> [Measurement] {
    let seconds = 30
    try bench.clone("bench_idle")
    defer { try? bench.discard(databases: ["bench_idle"], files: []) }
    return try ["worker", "scheduler"].flatMap { role in
      let finished = try ChildProcess(
        program: "sh",
        arguments: [
          "-c",
          """
          "$0" "$@" & daemon=$!
          sleep \(seconds)
          ps -o rss= -p $daemon
          kill -TERM $daemon
          wait $daemon
          """, bench.strata, role, "--project", bench.project, "--database",
          bench.url(of: "bench_idle"), "--quiet",
        ], environment: ["STRATA_HOME": bench.home.path]
      ).run()
      let printed = finished.output.trimmingCharacters(in: .whitespacesAndNewlines)
      guard let kibibytes = Double(printed) else {
        throw BenchError("expected the resident memory of an idle \(role) in KiB, found \(printed)")
      }
      return [
        line(
          "idle \(role): resident memory", "MB", kibibytes * 1024 / 1e6, nil, .atMost(31.5)),
        line(
          "idle \(role): share of a core, its start included", "%",
          finished.processorSeconds / Double(seconds) * 100, nil, .atMost(0.5)),
      ]
    }
  }
}

extension MeasuredRuns {
  /// A daemon in this process, and the queue that feeds it.
  struct MeasuredDaemon: Sendable {
    let runs: MeasuredRuns
    let queue: RunQueue

    /// Seconds from the first request to the end of the last of some runs.
    func batch(_ dag: DAG, runs count: Int) async throws -> Double {
      let ends = runs.pool.notifications(on: ["strata_runs"])
      var iterator = ends.makeAsyncIterator()
      // The first event says that it listens.
      _ = try await iterator.next()
      let start = ContinuousClock.now
      for _ in 0..<count {
        guard try await queue.enqueue(dag, interval: runs.newInterval()) != nil else {
          throw BenchError("expected a new run of \(dag.name), found one")
        }
      }
      var ended = 0
      while ended < count, let event = try await iterator.next() {
        if case .notification(let message) = event, message.payload.hasPrefix("run ") { ended += 1 }
      }
      return start.duration(to: .now).inSeconds
    }

    /// Seconds from when a task is ready, and its slot free, until it runs.
    func wait(_ dag: DAG) async throws -> Double {
      let made = try await queue.enqueue(dag, interval: runs.newInterval())
      let ready = ContinuousClock.now
      guard let made else { throw BenchError("expected a new run of \(dag.name), found one") }
      while true {
        if let reached = Stopwatch.shared.take(run: made).first {
          return max(0, ready.duration(to: reached).inSeconds)
        }
        guard ready.duration(to: .now) < .seconds(30) else {
          throw BenchError("waited 30 s for a queued task to run")
        }
        try await Task.sleep(for: .microseconds(500))
      }
    }
  }

  /// Lends a daemon, and drains it.
  func withDaemon<T: Sendable>(_ body: (MeasuredDaemon) async throws -> T) async throws -> T {
    let registry = try TaskRegistry(NothingDAGs.kinds)
    let daemon = Daemon(
      pool: pool, registry: registry, projectDirectory: "", zone: .utc, dags: [],
      options: DaemonOptions(slots: Self.parallelism))
    let work = Task { try await daemon.run() }
    do {
      let value = try await body(
        MeasuredDaemon(runs: self, queue: RunQueue(pool: pool, registry: registry, zone: .utc)))
      daemon.drain()
      try await work.value
      return value
    } catch {
      daemon.drain()
      throw error
    }
  }
}

import CoreMetrics
import Foundation
import Pipeline
import Schedules
import Synchronization
import Telemetry
import TestSupport
import Testing
import Warehouse

@testable import Orchestrator

/// Logs while they grow, intervals for calendars, metrics, and lineage.
@Suite struct OrchestratorSeeingTests {
  // MARK: Logs

  @Test func aLogIsFollowedOverAttemptsUntilItsTaskHasEnded() async throws {
    try await withFreshDatabase { pool in
      let (began, gate) = (Gate(), Gate())
      let dag = DAG("followed") { dag in
        dag.task("a", Probe(name: "followed.a"), retries: .fixed(1, every: .milliseconds(1)))
        dag.task("b", Probe(name: "followed.b"))
      }
      Probes.shared.set("followed.a") { context in
        began.open()
        context.log.info("attempt begins", metadata: ["attempt": "\(context.attempt.attempt)"])
        guard context.attempt.attempt == 2 else { throw ProbeFailure() }
        try await gate.wait()
        context.log.error("and ends")
        return 1
      }
      Probes.shared.set("followed.b") { context in
        context.log.info("not of this task")
        return 1
      }
      let running = Task { try await coordinator(pool).run(dag, interval: probeInterval) }
      let store = RunStore(pool)
      try await began.wait()
      let runID = try #require(try await store.runs(of: "followed").first).runID
      var lines: [LogLine] = []
      // The gate opens only once the reader has seen a line of the attempt that waits at it.
      try await store.follow(logOf: runID, task: "a", poll: .milliseconds(20)) { line in
        lines.append(line)
        if line.attempt == 2 { gate.open() }
      }
      #expect(lines.map(\.message) == ["attempt begins", "attempt begins", "and ends"])
      #expect(lines.map(\.attempt) == [1, 2, 2])
      #expect(lines.map(\.level) == ["info", "info", "error"])
      #expect(lines[0].metadata == ["attempt": "1"])
      #expect(try await running.value.succeeded)
      let all = try await store.log(of: runID, task: "a")
      #expect(all == lines)

      // Of one attempt, and of a task that has ended: what is there, and no waiting.
      var first: [LogLine] = []
      try await store.follow(logOf: runID, task: "a", attempt: 1) { first.append($0) }
      #expect(first == Array(lines.prefix(1)))
      let error = await #expect(throws: OrchestratorError.self) {
        try await store.follow(logOf: runID, task: "c") { _ in }
      }
      #expect(error?.code == "orchestrator.unknown_task")
    }
  }

  @Test func intervalsAreThoseThatBeginInTheSpan() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("daily") { $0.task("a", Probe(name: "daily.a")) }
      let coordinator = try coordinator(pool)
      let first = Day(number: 20_000)
      #expect(try await RunStore(pool).firstInterval(of: "daily") == nil)
      var runs: [Int64] = []
      for day in [3, 0, 1, 5] {
        let outcome = try await coordinator.run(
          dag, interval: DataInterval(day: first + day, in: .utc))
        runs.append(outcome.run.runID)
      }
      let store = RunStore(pool)
      #expect(try await store.firstInterval(of: "daily") == Zone.utc.midnight(first))
      let found = try await store.intervals(
        of: "daily", from: Zone.utc.midnight(first + 1), to: Zone.utc.midnight(first + 5))
      #expect(found.map(\.runID) == [runs[2], runs[0]])
      #expect(found.allSatisfy { $0.state == .success })
      #expect(found.first?.interval == DataInterval(day: first + 1, in: .utc))
    }
  }

  // MARK: Metrics

  @Test func whatHappensIsCounted() async throws {
    try await withFreshDatabase { pool in
      let registry = MetricRegistry(orchestratorMetrics)
      let dag = DAG("counted") { dag in
        let a = dag.task("a", Probe(name: "counted.a"), retries: .fixed(1, every: .milliseconds(1)))
        dag.task("b", Successor(input: a))
      }
      Probes.shared.set("counted.a") { context in
        if context.attempt.attempt == 1 { throw ProbeFailure() }
        return 1
      }
      let outcome = try await coordinator(pool, meters: Meters(factory: registry))
        .run(dag, interval: probeInterval)
      #expect(outcome.succeeded)
      let text = registry.text()
      func value(_ line: String) -> Double? {
        text.split(separator: "\n").first { $0.hasPrefix(line + " ") }
          .flatMap { Double($0.dropFirst(line.count + 1)) }
      }
      #expect(value("strata_attempts_started_total") == 3)
      #expect(value("strata_attempts_ended_total{state=\"success\"}") == 2)
      #expect(value("strata_attempts_ended_total{state=\"failed\"}") == 1)
      #expect(value("strata_attempts_ended_total{state=\"cancelled\"}") == 0)
      #expect(value("strata_runs_started_total") == 1)
      #expect(value("strata_runs_ended_total{state=\"success\"}") == 1)
      #expect(value("strata_queue_wait_seconds_count") == 3)
      #expect(value("strata_attempt_duration_seconds_count") == 3)
      #expect(value("strata_worker_slots{state=\"used\"}") == 0)
      #expect(value("strata_worker_slots{state=\"free\"}") == 4)
      #expect(value("strata_decision_duration_seconds_count") ?? 0 >= 3)
      for description in orchestratorMetrics where !text.contains("# TYPE \(description.name) ") {
        // Those are made when there is something to say.
        #expect(
          [
            "strata_database_errors_total", "strata_runs", "strata_tasks", "strata_workers",
            "strata_collect_success",
          ].contains(description.name))
      }
    }
  }

  @Test func theDatabasesGaugesFollowIt() async throws {
    try await withFreshDatabase { pool in
      let registry = MetricRegistry(orchestratorMetrics)
      let collector = MetricsCollector(pool: pool, factory: registry)
      await collector.collect()
      #expect(registry.text().contains("strata_runs{state=\"running\"} 0\n"))
      #expect(registry.text().contains("strata_collect_success 1\n"))
      let dag = DAG("standing") { dag in
        let a = dag.task("a", Probe(name: "standing.a"))
        dag.task("b", Successor(input: a))
        dag.task("c", Probe(name: "standing.c"))
      }
      let queue = RunQueue(
        pool: pool, registry: try TaskRegistry([Probe.self, Successor.self]), zone: .utc)
      _ = try await queue.enqueue(dag, interval: probeInterval)
      await collector.collect()
      #expect(registry.text().contains("strata_runs{state=\"running\"} 1\n"))
      #expect(registry.text().contains("strata_tasks{state=\"due\"} 2\n"))
      try await pool.execute("TRUNCATE runs.run CASCADE")
      await collector.collect()
      #expect(registry.text().contains("strata_runs{state=\"running\"} 0\n"))
      #expect(registry.text().contains("strata_tasks{state=\"due\"} 0\n"))
      await pool.close()
      await collector.collect()
      #expect(registry.text().contains("strata_collect_success 0\n"))
    }
  }
}

/// A coordinator whose metrics go to a registry of the test's.
private func coordinator(_ pool: ConnectionPool, meters: Meters) throws -> RunCoordinator {
  var runtime = Runtime(
    pool: pool, registry: try TaskRegistry([Probe.self, Successor.self, Reporter.self]),
    projectDirectory: "/nowhere", zone: .utc, clock: SystemClock())
  runtime.meters = meters
  return RunCoordinator(runtime: runtime)
}

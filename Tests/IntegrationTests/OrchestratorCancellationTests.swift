import Orchestrator
import Pipeline
import Schedules
import TestSupport
import Testing
import Warehouse

/// A task in a long query is stopped in the server before any state says that it was.
@Suite("Stopping SQL", .timeLimit(.minutes(15)))
struct OrchestratorCancellationTests {
  /// What every probe here does at its first attempt; further ones return at once.
  private static func sleep(_ context: TaskContext) async throws -> Int {
    guard context.attempt.attempt == 1 else { return context.attempt.attempt }
    try await context.pool.withConnection {
      _ = try await $0.query("SELECT 1 AS one FROM pg_sleep(600) /* long */")
    }
    return 1
  }

  /// Waits until an attempt's state is final for everybody, and returns it with the number of
  /// backends that sleep at that moment.
  private func firstEnd(
    of task: String, on pool: ConnectionPool
  ) async throws -> (state: TaskState?, sleepers: Int64?) {
    try await pool.withConnection { connection in
      while true {
        let row = try await connection.first(
          """
          SELECT state FROM runs.attempt
          WHERE task_id = \(task) AND try = 1 AND finished_at IS NOT NULL
          """)
        // The very next statement, after the state was seen.
        let sleepers = try await connection.first(
          """
          SELECT count(*) AS sleepers FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'
            AND query LIKE '%pg_sleep(600) /* long */'
          """)?.get("sleepers", as: Int64.self)
        if let row { return (TaskState(rawValue: try row.get("state")), sleepers) }
        try await connection.execute("SELECT pg_sleep(0.005)")
      }
    }
  }

  private func dag(_ name: String, timeLimit: Duration? = nil) -> DAG {
    Probes.shared.set(name) { try await Self.sleep($0) }
    return DAG(name) { dag in
      let long = dag.task("long", Probe(name: name), timeLimit: timeLimit)
      dag.task("after", Successor(input: long))
    }
  }

  @Test func aTimeLimitStopsIt() async throws {
    try await withFreshDatabase { pool in
      let coordinator = try coordinator(pool)
      let dag = dag("stopping.limit", timeLimit: .milliseconds(500))
      async let run = coordinator.run(dag, interval: probeInterval)
      let end = try await firstEnd(of: "long", on: pool)
      #expect(end.state == .failed && end.sleepers == 0)
      let outcome = try await run
      #expect(outcome.task("long")?.errorCode == "orchestrator.timed_out")
      #expect(outcome.states == "long failed, after upstream_failed")
    }
  }

  @Test func cancellingTheRunFromElsewhereStopsIt() async throws {
    try await withFreshDatabase { pool in
      let coordinator = try coordinator(pool)
      let dag = dag("stopping.cancel")
      async let run = coordinator.run(dag, interval: probeInterval)
      try await waitForBackend(in: "PgSleep", on: pool)
      let runs = try await RunStore(pool).runs(of: dag.name).map(\.runID)
      _ = try await RunOperations(pool).apply(.cancel, to: runs)
      let end = try await firstEnd(of: "long", on: pool)
      #expect(end.state == .cancelled && end.sleepers == 0)
      let outcome = try await run
      #expect(outcome.states == "long cancelled, after cancelled")
      #expect(outcome.run.state == .cancelled)
    }
  }

  @Test func clearingTheTaskStopsItAndRunsItAgain() async throws {
    try await withFreshDatabase { pool in
      let coordinator = try coordinator(pool)
      let dag = dag("stopping.clear")
      async let run = coordinator.run(dag, interval: probeInterval)
      try await waitForBackend(in: "PgSleep", on: pool)
      let runs = try await RunStore(pool).runs(of: dag.name).map(\.runID)
      _ = try await RunOperations(pool).apply(.clear(try TaskSelection("long")), to: runs)
      let end = try await firstEnd(of: "long", on: pool)
      #expect(end.state == .cancelled && end.sleepers == 0)
      let outcome = try await run
      #expect(outcome.states == "long success, after success")
      #expect(outcome.task("long")?.output == .integer(2))
    }
  }

  @Test func aSignalToTheForegroundRunStopsIt() async throws {
    try await withFreshDatabase { pool in
      let coordinator = try coordinator(pool)
      let dag = dag("stopping.signal")
      let run = Task { try await coordinator.run(dag, interval: probeInterval) }
      try await waitForBackend(in: "PgSleep", on: pool)
      // What SIGINT and SIGTERM do to `strata run`.
      run.cancel()
      let end = try await firstEnd(of: "long", on: pool)
      #expect(end.state == .cancelled && end.sleepers == 0)
      #expect(try await run.value.states == "long cancelled, after cancelled")
    }
  }

  @Test func aDaemonThatHasDrainedLeavesNothingBehind() async throws {
    try await withFreshDatabase { pool in
      let dag = dag("stopping.drain")
      let queue = RunQueue(
        pool: pool, registry: try TaskRegistry([Probe.self, Successor.self]), zone: .utc)
      let runID = try await queue.enqueue(dag, interval: probeInterval)
      try await withDaemons(
        1, pool, options: DaemonOptions(drainTimeout: .zero)
      ) { _ in
        try await waitForBackend(in: "PgSleep", on: pool)
      }
      let end = try await firstEnd(of: "long", on: pool)
      #expect(end.sleepers == 0)
      let run = try #require(runID)
      #expect(try await RunStore(pool).run(run)?.state != .success)
    }
  }
}

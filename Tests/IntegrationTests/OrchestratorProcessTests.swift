import Foundation
import Orchestrator
import Pipeline
import ProcessProbes
import Schedules
import TestSupport
import Testing
import Warehouse

@Suite("Attempts in processes of their own", .timeLimit(.minutes(15)))
struct OrchestratorProcessTests {
  private func coordinator(
    _ pool: ConnectionPool, grace: Duration = .seconds(10)
  ) throws -> RunCoordinator {
    RunCoordinator(
      pool: pool,
      registry: try TaskRegistry(
        [ProcessProbe.self], attemptCommand: [Built.path("attempt-probe")], grace: grace),
      projectDirectory: "/", zone: .utc)
  }

  private func isolated(_ megabytes: Int? = nil) -> TaskPolicy {
    TaskPolicy(isolation: .process(memoryLimitMegabytes: megabytes))
  }

  @Test func productsLogsAndProgressComeBack() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("isolated") { dag in
        let own = dag.task("own", ProcessProbe(.answer), policy: isolated())
        dag.task("next", ProcessProbe(.answer, number: 5, input: own), policy: isolated(512))
        dag.task("talk", ProcessProbe(.talk), policy: isolated())
      }
      let outcome = try await coordinator(pool).run(dag, interval: probeInterval)
      #expect(outcome.states == "own success, next success, talk success")
      guard case .integer(let process)? = outcome.task("own")?.output else {
        Issue.record("the attempt has no product")
        return
      }
      #expect(process != Int64(ProcessInfo.processInfo.processIdentifier))
      #expect(outcome.task("next")?.output == .integer(process + 5))
      let store = RunStore(pool)
      let lines = try await store.log(of: outcome.run.runID, task: "talk")
      #expect(
        Set(lines.map(\.message)) == [
          "printed to standard output", "printed to standard error", "without an end", "logged",
        ])
      #expect(lines.first { $0.message == "logged" }?.metadata == ["unit": "rows"])
      #expect(lines.first { $0.message == "without an end" }?.metadata == ["stream": "output"])
      let attempts = try await store.attempts(of: outcome.run.runID, task: "talk")
      #expect(attempts.first?.progress == TaskProgress(done: 3, total: 4, unit: "rows"))
    }
  }

  @Test func aCrashIsAFailedAttemptThatSaysHow() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("crashes") { dag in
        dag.task("crash", ProcessProbe(.crash), policy: isolated())
        dag.task("leave", ProcessProbe(.leave), policy: isolated())
        dag.task("fail", ProcessProbe(.fail), retries: .fixed(3), policy: isolated())
        dag.task("child", ProcessProbe(.leaveChild), policy: isolated())
      }
      let outcome = try await coordinator(pool).run(dag, interval: probeInterval)
      #expect(outcome.states == "crash failed, leave failed, fail failed, child failed")
      let crash = outcome.task("crash")
      #expect(crash?.errorCode == "orchestrator.process_crashed")
      #expect(crash?.message?.contains("ended by SIG") == true, "\(crash?.message ?? "")")
      #expect(crash?.message?.contains("the probe crashes") == true, "\(crash?.message ?? "")")
      let leave = outcome.task("leave")
      #expect(leave?.errorCode == "orchestrator.process_crashed")
      #expect(
        leave?.message?.contains("ended with exit code 7; it said last: the probe leaves") == true)
      // An error of the task's own is handed on as it is, permanence included.
      #expect(outcome.task("fail")?.errorCode == "probe.failed")
      #expect(outcome.task("fail")?.attempts == 1)
      let lines = try await RunStore(pool).log(of: outcome.run.runID, task: "child")
      let child = lines.first { $0.message.hasPrefix("child ") }.flatMap {
        Int32($0.message.dropFirst(6))
      }
      #expect(child.map(Built.isRunning) == false, "what the process started still runs")
    }
  }

  @Test func memoryBeyondTheLimitIsRefusedAndSaidSo() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("memory") { dag in
        dag.task("much", ProcessProbe(.allocate, number: 600), policy: isolated(200))
        dag.task("little", ProcessProbe(.allocate, number: 20), policy: isolated(200))
        dag.task("free", ProcessProbe(.allocate, number: 300), policy: isolated())
      }
      let outcome = try await coordinator(pool).run(dag, interval: probeInterval)
      #expect(outcome.states == "much failed, little success, free success")
      #expect(outcome.task("much")?.errorCode == "orchestrator.out_of_memory")
      #expect(outcome.task("much")?.message?.contains("its limit of 200 MiB") == true)
    }
  }

  @Test func aTimeLimitStopsTheQueryOfTheProcess() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("limited") { dag in
        dag.task(
          "sleep", ProcessProbe(.sleepInServer, number: 600), timeLimit: .milliseconds(1500),
          policy: isolated())
      }
      let outcome = try await coordinator(pool).run(dag, interval: probeInterval)
      #expect(try await sleepers(pool) == 0)
      #expect(outcome.task("sleep")?.errorCode == "orchestrator.timed_out")
    }
  }

  @Test(arguments: [ProcessProbe.Deed.sleepInServer, .ignoreStop])
  func aStopEndsTheProcessAndItsSessions(_ deed: ProcessProbe.Deed) async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("stopped") { dag in
        dag.task("sleep", ProcessProbe(deed, number: 600), policy: isolated())
      }
      // One that listens gets the time that it takes, however busy the machine is.
      let grace = deed == .ignoreStop ? Duration.milliseconds(300) : .seconds(600)
      let coordinator = try coordinator(pool, grace: grace)
      let work = Task { try await coordinator.run(dag, interval: probeInterval) }
      try await waitForBackend(in: "PgSleep", on: pool)
      work.cancel()
      let outcome = try await work.value
      #expect(try await sleepers(pool) == 0)
      #expect(outcome.states == "sleep cancelled" && outcome.run.state == .cancelled)
      let attempts = try await RunStore(pool).attempts(of: outcome.run.runID)
      let message = attempts.first?.message
      let killed = "stopped on request; its process had to be killed"
      #expect(message == (deed == .ignoreStop ? killed : "stopped on request"))
    }
  }

  @Test func theFenceHoldsFromTheProcess() async throws {
    try await withFreshDatabase { pool in
      try await pool.execute("CREATE TABLE probe (token bigint)")
      let dag = DAG("fenced") { dag in
        dag.task("publish", ProcessProbe(.publish), policy: isolated())
        dag.task("late", ProcessProbe(.publishLate), after: ["publish"], policy: isolated())
      }
      let coordinator = try coordinator(pool)
      try await pool.withConnection { gate in
        try await gate.execute("SELECT pg_advisory_lock(4711)")
        let work = Task { try await coordinator.run(dag, interval: probeInterval) }
        try await waitForBackend(in: "advisory", on: pool)
        // Another attempt takes the task over while the process is about to publish. The run's row
        // is held, so that the refused attempt's end is decided on with its own token again.
        try await pool.withConnection { holder in
          try await holder.transaction { holder in
            try await holder.execute("SELECT FROM runs.run FOR UPDATE")
            try await gate.execute(
              "UPDATE runs.task SET fencing_token = fencing_token + 1000 WHERE task_id = 'late'")
            try await gate.execute("SELECT pg_advisory_unlock(4711)")
            try await waitForBackend(in: "transactionid", on: pool)
            try await gate.execute(
              "UPDATE runs.task SET fencing_token = fencing_token - 1000 WHERE task_id = 'late'")
          }
        }
        let outcome = try await work.value
        #expect(outcome.states == "publish success, late failed")
        #expect(outcome.task("late")?.errorCode == "orchestrator.lease_lost")
        let tokens = try await gate.query("SELECT token FROM probe").map {
          try $0.get("token", as: Int64.self)
        }
        #expect(tokens == [outcome.task("publish")?.fencingToken])
      }
    }
  }

  @Test func withoutACommandTheAttemptSaysSo() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("uncommanded") { dag in
        dag.task("own", ProcessProbe(.answer), retries: .fixed(3), policy: isolated())
      }
      let coordinator = RunCoordinator(
        pool: pool, registry: try TaskRegistry([ProcessProbe.self]), projectDirectory: "/",
        zone: .utc)
      let outcome = try await coordinator.run(dag, interval: probeInterval)
      #expect(outcome.task("own")?.errorCode == "orchestrator.no_attempt_command")
      #expect(outcome.task("own")?.attempts == 1)
    }
  }

  /// Backends that sleep in the server, at this moment.
  private func sleepers(_ pool: ConnectionPool) async throws -> Int64? {
    try await pool.first(
      """
      SELECT count(*) AS sleepers FROM pg_stat_activity
      WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep%'
        AND pid <> pg_backend_pid()
      """)?.get("sleepers", as: Int64.self)
  }
}

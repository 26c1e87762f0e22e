import Logging
import Pipeline
import Schedules
import Synchronization
import TestSupport
import Testing
import Warehouse

@testable import Orchestrator

/// How many are inside at once, at most.
final class Level: Sendable {
  private let state = Mutex<(now: Int, highest: Int)>((0, 0))

  var highest: Int { state.withLock { $0.highest } }

  func enter() {
    state.withLock {
      $0.now += 1
      $0.highest = max($0.highest, $0.now)
    }
  }

  func leave() { state.withLock { $0.now -= 1 } }
}

/// Holds one value until a test asks for it.
private final class Held<Value: Sendable>: Sendable {
  private let state = Mutex<Value?>(nil)
  var value: Value? { state.withLock { $0 } }
  func set(_ value: Value) { state.withLock { $0 = value } }
}

@Suite struct OrchestratorRecoveryTests {
  /// A lease so short that its loss is noticed at once.
  private let brief = RunOptions(lease: .milliseconds(300))

  /// Gives up the only worker, as others do once its lease is over.
  private func giveUpWorkers(_ pool: ConnectionPool) async throws {
    let given = try await pool.execute(
      "UPDATE runs.worker SET state = 'lost', stopped_at = now() WHERE state = 'live'")
    #expect(given == 1)
  }

  @Test func aCrashedRunIsTakenUp() async throws {
    try await withFreshDatabase { pool in
      let started = Gate()
      let go = Gate()
      let old = Held<TaskContext>()
      let dag = DAG("crash") { dag in
        let a = dag.task("a", Probe(name: "crash.a"))
        let b = dag.task("b", Probe(name: "crash.b", input: a), retries: .fixed(1, every: .zero))
        dag.task("c", Successor(input: b))
      }
      Probes.shared.set("crash.b") { context in
        if context.attempt.attempt == 1 {
          old.set(context)
          try await pool.transaction { try await context.fence($0) }
          started.open()
          try await go.wait()
        } else {
          try await pool.transaction { try await context.fence($0) }
        }
        return context.attempt.attempt
      }
      let coordinator = try coordinator(pool)
      let crashed = Task {
        try await coordinator.run(dag, interval: probeInterval, options: brief)
      }
      try await started.wait()
      try await giveUpWorkers(pool)
      let lost = await #expect(throws: OrchestratorError.self) { try await crashed.value }
      #expect(lost?.code == OrchestratorError.leaseLost)
      let store = RunStore(pool)
      let between = try #require(try await store.runs().first)
      #expect(between.state == .running)
      #expect(!(try await store.isUnderWay(between)))

      // The run keeps the definition that it began with.
      let changed = DAG("crash") { dag in dag.task("other", Probe(name: "crash.other")) }
      let resumed = try await coordinator.run(changed, interval: probeInterval)
      #expect(resumed.states == "a success, b success, c success")
      #expect(resumed.disposition == .resumed)
      #expect(resumed.tasks.map(\.attempts) == [1, 2, 1])
      #expect(resumed.task("c")?.output == .integer(3))
      let attempts = try await store.attempts(of: resumed.run.runID, task: "b")
      #expect(attempts.map(\.state) == [.failed, .success])
      #expect(attempts.map(\.errorCode) == ["orchestrator.interrupted", nil])

      // The old attempt is refused: its fence, and its terminal write.
      let context = try #require(old.value)
      let fenced = await #expect(throws: OrchestratorError.self) {
        try await pool.transaction { try await context.fence($0) }
      }
      #expect(fenced?.code == "orchestrator.lease_lost" && fenced?.isPermanent == true)
      let before = try await store.tasks(of: resumed.run.runID)
      let late = EndedAttempt(
        key: TaskKey(1), taskID: "b", token: context.attempt.fencingToken, attempt: 1,
        startedAt: attempts[0].startedAt, result: .success(.integer(9), skips: []), progress: nil)
      let result = try await pool.withConnection { connection in
        try await coordinator.runtime.step(connection).decide(resumed.run.runID, [.ended(late)])
      }
      #expect(result?.refused == [late.token])
      #expect(result?.changes.isEmpty == true)
      #expect(try await store.tasks(of: resumed.run.runID) == before)
    }
  }

  @Test func tokensRiseAndAnOldOneIsRefusedWhileTheNewOneRuns() async throws {
    try await withFreshDatabase { pool in
      let old = Held<TaskContext>()
      let dag = DAG("tokens") { dag in
        dag.task("a", Probe(name: "tokens.a"), retries: .fixed(1, every: .zero))
      }
      Probes.shared.set("tokens.a") { context in
        guard let before = old.value else {
          old.set(context)
          throw ProbeFailure()
        }
        #expect(context.attempt.fencingToken > before.attempt.fencingToken)
        let late = await #expect(throws: OrchestratorError.self) {
          try await pool.transaction { try await before.fence($0) }
        }
        #expect(late?.code == "orchestrator.lease_lost")
        try await pool.transaction { try await context.fence($0) }
        let open = await #expect(throws: OrchestratorError.self) {
          try await pool.withConnection { try await context.fence($0) }
        }
        #expect(open?.code == "orchestrator.no_transaction")
        context.progress(TaskProgress(done: 1, unit: "a\u{0}b", note: "\u{0}"))
        return 1
      }
      let outcome = try await coordinator(pool).run(dag, interval: probeInterval)
      #expect(outcome.succeeded)
    }
  }

  @Test func theLastTryLostToACrashFailsTheRun() async throws {
    try await withFreshDatabase { pool in
      let started = Gate()
      let go = Gate()
      let dag = DAG("lost") { dag in dag.task("a", Probe(name: "lost.a")) }
      Probes.shared.set("lost.a") { _ in
        started.open()
        try await go.wait()
        return 1
      }
      let coordinator = try coordinator(pool)
      let crashed = Task {
        try await coordinator.run(dag, interval: probeInterval, options: brief)
      }
      try await started.wait()
      try await giveUpWorkers(pool)
      let lost = await #expect(throws: OrchestratorError.self) { try await crashed.value }
      #expect(lost?.code == OrchestratorError.leaseLost)
      let resumed = try await coordinator.run(dag, interval: probeInterval)
      #expect(resumed.states == "a failed")
      #expect(resumed.run.message?.contains("the process that ran it is gone") == true)
      let retried = try await coordinator.run(dag, interval: probeInterval)
      #expect(retried.states == "a success")
    }
  }

  @Test func twoCoordinatorsOnOneInterval() async throws {
    try await withFreshDatabase { pool in
      let started = Gate()
      let go = Gate()
      let dag = DAG("both") { dag in dag.task("a", Probe(name: "both.a")) }
      Probes.shared.set("both.a") { _ in
        started.open()
        try await go.wait()
        return 1
      }
      let coordinator = try coordinator(pool)
      let first = Task { try await coordinator.run(dag, interval: probeInterval) }
      try await started.wait()
      let refused = await #expect(throws: OrchestratorError.self) {
        try await coordinator.run(dag, interval: probeInterval)
      }
      #expect(refused?.code == OrchestratorError.runInFlight)
      #expect(refused?.message.contains("run ") == true)
      let held = try #require(try await RunStore(pool).runs(of: "both").first)
      #expect(try await RunStore(pool).isUnderWay(held))
      // Another interval, and another DAG, are free.
      let next = DataInterval(day: Day(number: 20_001), in: .utc)
      let other = DAG("both_other") { dag in dag.task("a", Probe(name: "both.none")) }
      for interval in [probeInterval, next] {
        let outcome = try await coordinator.run(other, interval: interval)
        #expect(outcome.succeeded)
      }
      go.open()
      let outcome = try await first.value
      #expect(outcome.succeeded)
      let store = RunStore(pool)
      let kinds = try await store.events(of: outcome.run.runID).map(\.kind)
      #expect(kinds == ["created", "in_flight", "finished"])
      #expect(!(try await store.isUnderWay(outcome.run)))
      let again = try await coordinator.run(dag, interval: probeInterval)
      #expect(again.disposition == .alreadySucceeded)
    }
  }

  /// A run that daemons shall work on is taken in hand where none is there, and by nobody else.
  @Test func aRunOfDaemonsIsTakenUpWhereNoneLives() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("left_behind") { dag in
        let a = dag.task("a", Probe(name: "left_behind.a"), retries: .fixed(1, every: .zero))
        dag.task("b", Successor(input: a))
      }
      let puppet = try await Puppet(pool, registry: [Probe.self, Successor.self])
      let run = try await puppet.start(dag)
      #expect(try await puppet.claim(1).map(\.taskID) == ["a"])
      let coordinator = try coordinator(pool)
      let refused = await #expect(throws: OrchestratorError.self) {
        try await coordinator.run(dag, interval: probeInterval)
      }
      #expect(refused?.code == OrchestratorError.runInFlight, "the daemon lives")

      // It stands still for good, with an attempt in hand.
      try await pool.execute("UPDATE runs.worker SET lease_until = now() - interval '1 second'")
      let other = await #expect(throws: OrchestratorError.self) {
        try await coordinator.run(dag, interval: probeInterval, params: .object(["x": .integer(1)]))
      }
      #expect(other?.code == OrchestratorError.runInFlight, "nobody asked for its end")
      let outcome = try await coordinator.run(dag, interval: probeInterval)
      #expect(outcome.run.runID == run && outcome.disposition == .resumed)
      #expect(outcome.states == "a success, b success")
      #expect(outcome.tasks.map(\.attempts) == [2, 1])
    }
  }

  private func isActive(_ text: String, _ pool: ConnectionPool) async throws -> Bool {
    try await pool.first(
      """
      SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
        AND query LIKE \(text + "%")
      """) != nil
  }

  @Test(.timeLimit(.minutes(15))) func aTimeLimitStopsTheQueryInTheServer() async throws {
    try await withFreshDatabase { pool in
      let clock = ManualClock()
      let dag = DAG("slow") { dag in
        dag.task("a", Probe(name: "slow.a"), timeLimit: .minutes(5))
      }
      Probes.shared.set("slow.a") { context in
        try await context.pool.execute("SELECT pg_sleep(600)")
        return 1
      }
      let coordinator = try coordinator(pool, clock: clock)
      async let run = coordinator.run(dag, interval: probeInterval)
      try await waitForBackend(in: "PgSleep", on: pool)
      await clock.waitForSleepers()
      clock.advance(by: .minutes(5))
      let outcome = try await run
      #expect(outcome.states == "a failed")
      #expect(outcome.task("a")?.errorCode == "orchestrator.timed_out")
      #expect(!(try await isActive("SELECT pg_sleep", pool)))
    }
  }

  @Test(.timeLimit(.minutes(15))) func cancellingStopsTheRunAndItsQueries() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("stopped") { dag in
        let a = dag.task("a", Probe(name: "stopped.a"), retries: .fixed(3, every: .zero))
        dag.task("b", Successor(input: a))
      }
      Probes.shared.set("stopped.a") { context in
        try await context.pool.execute("SELECT pg_sleep(600)")
        return 1
      }
      let coordinator = try coordinator(pool)
      let task = Task { try await coordinator.run(dag, interval: probeInterval) }
      try await waitForBackend(in: "PgSleep", on: pool)
      task.cancel()
      let outcome = try await task.value
      #expect(outcome.states == "a cancelled, b cancelled")
      #expect(outcome.run.state == .cancelled)
      #expect(!(try await isActive("SELECT pg_sleep", pool)))
      Probes.shared.set("stopped.a") { _ in 1 }
      let again = try await coordinator.run(dag, interval: probeInterval)
      #expect(again.states == "a success, b success")
      #expect(again.disposition == .retried)
    }
  }

  @Test(.timeLimit(.minutes(15))) func linesAreWrittenWhileTheAttemptRuns() async throws {
    try await withFreshDatabase { pool in
      let clock = ManualClock()
      let go = Gate()
      let dag = DAG("streamed") { dag in dag.task("a", Probe(name: "streamed.a")) }
      Probes.shared.set("streamed.a") { context in
        for line in 0..<1_000 { context.log.info("line \(line)") }
        try await go.wait()
        return 1
      }
      let coordinator = try coordinator(pool, clock: clock)
      async let run = coordinator.run(dag, interval: probeInterval)
      await clock.waitForSleepers()
      clock.advance(by: .milliseconds(250))
      let store = RunStore(pool)
      var lines: [LogLine] = []
      while lines.isEmpty {
        if let run = try await store.runs().first {
          lines = try await store.log(of: run.runID, task: "a")
        }
      }
      go.open()
      let outcome = try await run
      let all = try await store.log(of: outcome.run.runID, task: "a")
      #expect(all.map(\.message) == (0..<1_000).map { "line \($0)" })
      #expect(all.starts(with: lines))
    }
  }

  @Test func aDatabaseThatIsDownSaysSo() async throws {
    let pool = ConnectionPool(ConnectionOptions("host=/nonexistent dbname=none"))
    let dag = DAG("down") { dag in dag.task("a", Probe(name: "down.a")) }
    await #expect(throws: WarehouseError.self) {
      try await coordinator(pool).run(dag, interval: probeInterval)
    }
    await pool.close()
  }
}

import Orchestrator
import Pipeline
import Schedules
import TestSupport
import Testing
import Warehouse

/// Waits until a condition on the runs holds; looks at each notification of theirs.
func waitForRuns(
  _ pool: ConnectionPool, until holds: @Sendable ([RunRecord]) -> Bool
) async throws -> [RunRecord] {
  for try await _ in pool.notifications(on: ["strata_runs"]) {
    let runs = try await RunStore(pool).runs(limit: 1_000)
    if holds(runs) { return runs }
  }
  return []
}

/// A daemon on a database, and what ends it.
func withDaemons(
  _ count: Int = 1, _ pool: ConnectionPool, dags: [DAG] = [], clock: any WallClock = SystemClock(),
  options: DaemonOptions = DaemonOptions(), _ body: ([Daemon]) async throws -> Void
) async throws {
  let daemons = try (0..<count).map { _ in
    Daemon(
      pool: pool, registry: try TaskRegistry([Probe.self, Successor.self, Reporter.self]),
      projectDirectory: "/nowhere", zone: .utc, clock: clock, dags: dags, options: options)
  }
  let work = daemons.map { daemon in Task { try await daemon.run() } }
  do {
    try await body(daemons)
  } catch {
    for daemon in daemons { daemon.drain() }
    throw error
  }
  for daemon in daemons { daemon.drain() }
  for task in work { try await task.value }
}

@Suite(.timeLimit(.minutes(15))) struct OrchestratorDaemonTests {
  private func queue(_ pool: ConnectionPool) throws -> RunQueue {
    RunQueue(
      pool: pool, registry: try TaskRegistry([Probe.self, Successor.self, Reporter.self]),
      zone: .utc)
  }

  private func interval(_ number: Int) -> DataInterval {
    DataInterval(day: Day(number: 20_000 + Int32(number)), in: .utc)
  }

  /// Makes schedulers look, after the clock was moved: a look that is under way meanwhile has read
  /// the time before, and would sleep beyond what the test waits for.
  private func askSchedulers(_ pool: ConnectionPool) async throws {
    try await pool.execute("SELECT pg_notify('strata_runs', 'schedule')")
  }

  @Test func daemonsShareTheWorkOfManyRuns() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("shared") { dag in
        let a = dag.task("a", Probe(name: "shared.a"))
        let b = dag.task("b", Successor(input: a))
        let c = dag.task("c", Successor(input: a))
        dag.task("d", Reporter(input: c), after: [b])
      }
      for number in 0..<20 {
        let made = try await queue(pool).enqueue(dag, interval: interval(number))
        #expect(made != nil)
      }
      let again = try await queue(pool).enqueue(dag, interval: interval(3))
      #expect(again == nil, "an interval was run twice")
      try await withDaemons(3, pool) { _ in
        let runs = try await waitForRuns(pool) { $0.allSatisfy { $0.state != .running } }
        #expect(runs.count == 20)
        #expect(runs.allSatisfy { $0.state == .success })
      }
      let store = RunStore(pool)
      for run in try await store.runs() {
        #expect(try await store.tasks(of: run.runID).map(\.attempts) == [1, 1, 1, 1])
      }
      #expect(try await store.workers().isEmpty, "a worker did not sign off")
    }
  }

  @Test func schedulesMakeRunsOnceWhoeverLooks() async throws {
    try await withFreshDatabase { pool in
      let start = Instant(rfc3339: "2024-03-01T00:00:00Z") ?? Instant(seconds: 0)
      let clock = ManualClock(start + .minutes(30))
      let dag = DAG(
        "hourly", schedule: .cron("0 * * * *", zone: "UTC"), catchUp: .all,
        starts: Day(iso8601: "2024-03-01")
      ) { dag in
        dag.task("a", Probe(name: "hourly.a"))
      }
      try await withDaemons(2, pool, dags: [dag], clock: clock) { _ in
        for hour in 1...3 {
          await clock.waitForSleepers(2)
          clock.advance(by: hour == 1 ? .minutes(30) : .hours(1))
          try await askSchedulers(pool)
          let runs = try await waitForRuns(pool) {
            $0.count == hour && $0.allSatisfy { $0.state == .success }
          }
          #expect(runs.first?.interval.end == start + .hours(hour))
          #expect(runs.first?.interval.start == start + .hours(hour - 1))
        }
      }
      let kinds = try await pool.query("SELECT DISTINCT kind FROM runs.run")
      #expect(try kinds.map { try $0.get("kind", as: String.self) } == ["scheduled"])
    }
  }

  /// Where it is midnight fifteen hours before the project's.
  @Test func theFirstDayBeginsInTheSchedulesZone() async throws {
    try await withFreshDatabase { pool in
      let clock = ManualClock(Instant(rfc3339: "2024-03-01T18:00:00Z") ?? Instant(seconds: 0))
      let dag = DAG(
        "tokyo", schedule: .cron("0 2 * * *", zone: "Asia/Tokyo"), catchUp: .all,
        starts: Day(iso8601: "2024-03-01")
      ) { dag in dag.task("a", Probe(name: "tokyo.a")) }
      try await withDaemons(1, pool, dags: [dag], clock: clock) { _ in
        await clock.waitForSleepers()
      }
      let runs = try await RunStore(pool).runs()
      #expect(runs.map { "\($0.interval.start)" } == ["2024-02-29T15:00:00Z"])
      let status = try await SchedulePausing(pool, zone: .utc, clock: clock).unpausePreview(dag)
      #expect(status.runs.isEmpty && !status.isLimited)
    }
  }

  @Test func whatAScheduleLeavesOutIsKnown() async throws {
    try await withFreshDatabase { pool in
      let start = Instant(rfc3339: "2024-03-01T00:00:00Z") ?? Instant(seconds: 0)
      let clock = ManualClock(start + .hours(3))
      let dag = DAG("left", schedule: .cron("0 * * * *", zone: "UTC")) { dag in
        dag.task("a", Probe(name: "left.a"))
      }
      let hours = try (0..<4).map {
        try DataInterval(start: start + .hours($0), end: start + .hours($0 + 1))
      }
      let schedules = SchedulePausing(pool, zone: .utc, clock: clock)
      #expect(try await schedules.leftOut(of: hours, dag).isEmpty, "no scheduler has seen it")
      clock.advance(by: .minutes(30))
      try await withDaemons(1, pool, dags: [dag], clock: clock) { _ in
        await clock.waitForSleepers()
      }
      clock.advance(by: .minutes(30))
      // Enabled at half past three: the hour that ends at four is owed.
      #expect(try await schedules.leftOut(of: hours, dag) == Set(hours[..<3]))
    }
  }

  @Test func aDeadWorkersAttemptsAreTakenOver() async throws {
    try await withFreshDatabase { pool in
      let started = Gate()
      let dag = DAG("orphan") { dag in
        let a = dag.task("a", Probe(name: "orphan.a"), retries: .fixed(1, every: .zero))
        dag.task("b", Successor(input: a))
      }
      Probes.shared.set("orphan.a") { context in
        if context.attempt.attempt == 1 {
          started.open()
          try await Gate().wait()
        }
        return context.attempt.attempt
      }
      _ = try await queue(pool).enqueue(dag, interval: interval(0))
      // The first has no scheduler beside it, and stands still for good: no heartbeat of its long
      // lease may renew what the test ends.
      let silent = DaemonOptions(
        schedules: false, slots: 1, lease: .seconds(3_600), drainTimeout: .zero)
      try await withDaemons(1, pool, options: silent) { _ in
        try await started.wait()
        try await pool.execute("UPDATE runs.worker SET lease_until = now() - interval '1 second'")
        try await withDaemons(1, pool) { _ in
          let runs = try await waitForRuns(pool) { $0.allSatisfy { $0.state != .running } }
          #expect(runs.map(\.state) == [.success])
        }
      }
      let store = RunStore(pool)
      let run = try #require(try await store.runs().first)
      let attempts = try await store.attempts(of: run.runID, task: "a")
      #expect(attempts.map(\.state) == [.failed, .success])
      #expect(attempts.first?.errorCode == "orchestrator.interrupted")
      #expect(try await store.tasks(of: run.runID).last?.output == .integer(3))
    }
  }

  @Test func aDrainedDaemonLetsItsAttemptsEnd() async throws {
    try await withFreshDatabase { pool in
      let started = Gate()
      let go = Gate()
      let dag = DAG("drained") { dag in
        let a = dag.task("a", Probe(name: "drained.a"))
        dag.task("b", Successor(input: a))
      }
      Probes.shared.set("drained.a") { _ in
        started.open()
        try await go.wait()
        return 1
      }
      _ = try await queue(pool).enqueue(dag, interval: interval(0))
      try await withDaemons(1, pool) { daemons in
        try await started.wait()
        for daemon in daemons { daemon.drain() }
        go.open()
      }
      let store = RunStore(pool)
      let run = try #require(try await store.runs().first)
      let states = try await store.tasks(of: run.runID).map(\.state)
      #expect(states == [.success, .queued], "a drained worker took more, or lost what it had")
    }
  }

  @Test func whatADrainStopsIsQueuedAgainAndCostsNoTry() async throws {
    try await withFreshDatabase { pool in
      let started = Gate()
      let dag = DAG("released") { dag in dag.task("a", Probe(name: "released.a")) }
      Probes.shared.set("released.a") { context in
        started.open()
        try await Gate().wait()
        return 1
      }
      _ = try await queue(pool).enqueue(dag, interval: interval(0))
      let hasty = DaemonOptions(schedules: false, drainTimeout: .zero)
      try await withDaemons(1, pool, options: hasty) { _ in try await started.wait() }
      let store = RunStore(pool)
      let run = try #require(try await store.runs().first)
      #expect(run.state == .running)
      #expect(try await store.tasks(of: run.runID).map(\.state) == [.queued])
      Probes.shared.set("released.a") { context in context.attempt.attempt }
      try await withDaemons(1, pool) { _ in
        _ = try await waitForRuns(pool) { $0.allSatisfy { $0.state != .running } }
      }
      let tasks = try await store.tasks(of: run.runID)
      #expect(tasks.map(\.state) == [.success], "\(tasks)")
    }
  }

  @Test func workersServeTheirQueues() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("queues") { dag in
        let a = dag.task("a", Probe(name: "queues.a"))
        dag.task("b", Successor(input: a), policy: TaskPolicy(queue: "large"))
      }
      _ = try await queue(pool).enqueue(dag, interval: interval(0))
      let store = RunStore(pool)
      try await withDaemons(1, pool) { _ in
        // The worker that serves the other queue is the only one that may take b.
        try await withDaemons(
          1, pool, options: DaemonOptions(schedules: false, queues: ["large"])
        ) { _ in
          _ = try await waitForRuns(pool) { $0.allSatisfy { $0.state != .running } }
        }
      }
      let run = try #require(try await store.runs().first)
      #expect(run.state == .success)
      let workers = try await pool.query(
        "SELECT count(DISTINCT worker_id) AS n FROM runs.attempt")
      #expect(try workers.first?.get("n", as: Int64.self) == 2)
    }
  }

  @Test func deadlinesFireOnce() async throws {
    try await withFreshDatabase { pool in
      let clock = ManualClock()
      let go = Gate()
      let dag = DAG(
        "late", deadline: .afterStart(.minutes(10)),
        callbacks: [Callback(on: [.deadline], .command(["true"]))]
      ) { dag in dag.task("a", Probe(name: "late.a")) }
      Probes.shared.set("late.a") { _ in
        try await go.wait()
        return 1
      }
      let queue = RunQueue(
        pool: pool, registry: try TaskRegistry([Probe.self]), zone: .utc, clock: clock)
      _ = try await queue.enqueue(dag, interval: interval(0))
      try await withDaemons(1, pool, dags: [dag], clock: clock) { _ in
        await clock.waitForSleepers()
        clock.advance(by: .minutes(18))
        try await askSchedulers(pool)
        _ = try await waitForRow("SELECT FROM runs.event WHERE kind = 'deadline'", on: pool)
        clock.advance(by: .minutes(9))
        try await askSchedulers(pool)
        await clock.waitForSleepers()
        go.open()
        _ = try await waitForRuns(pool) { $0.allSatisfy { $0.state != .running } }
      }
      let run = try #require(try await RunStore(pool).runs().first)
      let kinds = try await RunStore(pool).events(of: run.runID).map(\.kind)
      #expect(kinds == ["created", "deadline", "finished"])
    }
  }
}

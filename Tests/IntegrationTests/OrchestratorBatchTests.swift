import Pipeline
import Schedules
import Synchronization
import TestSupport
import Testing
import Warehouse

@testable import Orchestrator

/// Does what the batch probe of its name does with all intervals at once; one by one it does as
/// ``Probe``.
struct BatchProbe: BatchesIntervals {
  static let kind = "batch_probe"
  var name: String
  var input: Output<Int>?

  func run(in context: TaskContext) async throws -> Int {
    try await Probes.shared.body(name)?(context) ?? 1
  }

  func runBatch(in batch: BatchContext<Int>) async throws {
    BatchJournal.shared.add(name, batch.intervals.map(\.run.interval))
    if let body = BatchJournal.shared.body(name) { return try await body(batch, self) }
    for context in batch.intervals {
      let read = try context.value(of: input) ?? 0
      try batch.finish(context, with: read + 1)
    }
  }
}

/// What batches were given, and what they do, by name.
final class BatchJournal: Sendable {
  typealias Body = @Sendable (BatchContext<Int>, BatchProbe) async throws -> Void
  static let shared = BatchJournal()
  private let state = Mutex<(given: [String: [[DataInterval]]], bodies: [String: Body])>(
    ([:], [:]))

  func add(_ name: String, _ intervals: [DataInterval]) {
    state.withLock { $0.given[name, default: []].append(intervals) }
  }
  func given(_ name: String) -> [[DataInterval]] { state.withLock { $0.given[name] ?? [] } }
  func set(_ name: String, _ body: @escaping Body) { state.withLock { $0.bodies[name] = body } }
  func body(_ name: String) -> Body? { state.withLock { $0.bodies[name] } }
}

@Suite(.timeLimit(.minutes(15))) struct OrchestratorBatchTests {
  private let first = Day(number: 20_000)
  private let kinds: [any RunnableTask.Type] = [Probe.self, BatchProbe.self]

  private func days(_ count: Int) -> [DataInterval] {
    (0..<count).map { DataInterval(day: first + $0, in: .utc) }
  }

  /// a -> b -> c, each of which serves many intervals.
  private func sweep(_ name: String, retries: Retries = .none) -> DAG {
    DAG(name, schedule: .cron("0 2 * * *", zone: "UTC")) { dag in
      let a = dag.task("a", BatchProbe(name: "\(name).a"), retries: retries)
      let b = dag.task("b", BatchProbe(name: "\(name).b", input: a), retries: retries)
      dag.task("c", BatchProbe(name: "\(name).c", input: b), retries: retries)
    }
  }

  private func backfills(_ pool: ConnectionPool) throws -> Backfills {
    Backfills(pool, registry: try TaskRegistry(kinds), zone: .utc)
  }

  private func request(
    _ dag: DAG, days count: Int, isReverse: Bool = false, reprocess: Reprocess = .none,
    allowsBatch: Bool = true
  ) -> BackfillRequest {
    BackfillRequest(
      dag, from: Zone.utc.midnight(first), to: Zone.utc.midnight(first + count),
      reprocess: reprocess, isReverse: isReverse, maxActive: 2, allowsBatch: allowsBatch)
  }

  private func coordinator(_ pool: ConnectionPool) throws -> RunCoordinator {
    RunCoordinator(
      pool: pool, registry: try TaskRegistry(kinds), projectDirectory: "/nowhere", zone: .utc)
  }

  @Test func eachTaskGetsTheWholeRangeInOneGo() async throws {
    try await withFreshDatabase { pool in
      let (id, _) = try await backfills(pool).create(request(sweep("sweep"), days: 30))
      #expect(try await backfills(pool).record(id).isBatch)
      let record = try await coordinator(pool).backfill(id)
      #expect(record.state == .finished && record.tally.succeeded == 30)
      for task in ["a", "b", "c"] {
        #expect(BatchJournal.shared.given("sweep.\(task)") == [days(30)], "\(task)")
      }
      // Every interval has a run of its own, as if it had been run alone.
      let store = RunStore(pool)
      let runs = try await store.runs(of: "sweep", limit: 100)
      #expect(runs.map(\.interval) == days(30).reversed())
      for run in runs {
        #expect(run.state == .success)
        let tasks = try await store.tasks(of: run.runID)
        #expect(tasks.map(\.output) == [.integer(1), .integer(2), .integer(3)])
        #expect(tasks.map(\.attempts) == [1, 1, 1])
        #expect(
          try await store.attempts(of: run.runID).map(\.state) == [.success, .success, .success])
      }
      let tokens = try await pool.first(
        "SELECT count(*) AS tokens FROM (SELECT DISTINCT fencing_token FROM runs.task) AS task")
      #expect(try tokens?.get("tokens", as: Int64.self) == 90)
    }
  }

  @Test func daemonsServeBatchesToo() async throws {
    try await withFreshDatabase { pool in
      let registry = try TaskRegistry(kinds)
      let daemons = (0..<2).map { _ in
        Daemon(
          pool: pool, registry: registry, projectDirectory: "/nowhere", zone: .utc, dags: [],
          options: DaemonOptions(slots: 2))
      }
      let work = daemons.map { daemon in Task { try await daemon.run() } }
      let (id, _) = try await backfills(pool).create(
        request(sweep("served"), days: 12, isReverse: true))
      let record = try await backfills(pool).watch(id) { _ in }
      for daemon in daemons { daemon.drain() }
      for task in work { try await task.value }
      #expect(record.state == .finished && record.tally.succeeded == 12)
      for task in ["a", "b", "c"] {
        #expect(BatchJournal.shared.given("served.\(task)") == [days(12).reversed()], "\(task)")
      }
    }
  }

  @Test func afterAFailureItGoesOnAtTheIntervalWhereItStopped() async throws {
    try await withFreshDatabase { pool in
      BatchJournal.shared.set("fails.b") { batch, probe in
        for context in batch.intervals {
          if context.run.interval.start == Zone.utc.midnight(Day(number: 20_004)),
            context.attempt.attempt == 1
          {
            throw ProbeFailure(message: "no space")
          }
          try batch.finish(context, with: try context.value(of: probe.input) ?? 0)
        }
      }
      let dag = sweep("fails", retries: .fixed(1, every: .zero))
      let (id, _) = try await backfills(pool).create(request(dag, days: 10))
      let record = try await coordinator(pool).backfill(id)
      #expect(record.tally.succeeded == 10)
      #expect(BatchJournal.shared.given("fails.b") == [days(10), Array(days(10)[4...])])
      #expect(BatchJournal.shared.given("fails.c") == [days(10)], "c did not wait for the rest")
      let store = RunStore(pool)
      let runs = try await store.runs(of: "fails", limit: 100).reversed().map(\.runID)
      for (place, run) in runs.enumerated() {
        let attempts = try await store.attempts(of: run, task: "b")
        let expected: [TaskState] =
          place < 4 ? [.success] : place == 4 ? [.failed, .success] : [.cancelled, .success]
        #expect(attempts.map(\.state) == expected, "interval \(place)")
      }
      // What was only given back has not lost a try.
      let last = try await store.tasks(of: try #require(runs.last)).first { $0.task == "b" }
      #expect(last?.attempts == 2 && last?.allowedAttempts == 3)
    }
  }

  @Test func anIntervalThatFailsForGoodLeavesTheOthers() async throws {
    try await withFreshDatabase { pool in
      BatchJournal.shared.set("bad.a") { batch, _ in
        for context in batch.intervals {
          if context.run.interval.start == Zone.utc.midnight(Day(number: 20_002)) {
            throw Permanent(ProbeFailure(message: "no file"))
          }
          try batch.finish(context, with: 1)
        }
      }
      let (id, _) = try await backfills(pool).create(request(sweep("bad"), days: 6))
      let record = try await coordinator(pool).backfill(id)
      #expect(record.state == .finished)
      #expect(record.tally.succeeded == 5 && record.tally.failed == 1)
      var rest = days(6)
      rest.remove(at: 2)
      #expect(BatchJournal.shared.given("bad.b") == [rest])
      let failed = try await backfills(pool).intervals(id).filter { $0.outcome == .failed }
      #expect(failed.map(\.place) == [2])
      #expect(failed.first?.reason?.contains("no file") == true)
    }
  }

  @Test func publicationsAreFencedIntervalByInterval() async throws {
    try await withFreshDatabase { pool in
      try await pool.execute(
        "CREATE TABLE public.published (at timestamptz, place bigint GENERATED ALWAYS AS IDENTITY)")
      BatchJournal.shared.set("fenced.c") { batch, _ in
        for context in batch.intervals {
          try await pool.transaction { connection in
            try await connection.execute(
              "INSERT INTO public.published (at) VALUES (\(context.asOf))")
            try await context.fence(connection)
          }
          try batch.finish(context, with: 1)
          let twice = #expect(throws: OrchestratorError.self) {
            try batch.finish(context, with: 1)
          }
          #expect(twice?.code == "orchestrator.finished_twice")
        }
      }
      let (id, _) = try await backfills(pool).create(request(sweep("fenced"), days: 8))
      #expect(try await coordinator(pool).backfill(id).tally.succeeded == 8)
      let rows = try await pool.query("SELECT at FROM public.published ORDER BY place")
      #expect(try rows.map { try $0.get("at", as: Instant.self) } == days(8).map(\.end))
    }
  }

  @Test func aCancelledRunGivesTheOthersBack() async throws {
    try await withFreshDatabase { pool in
      let started = Gate()
      BatchJournal.shared.set("one.a") { batch, _ in
        for context in batch.intervals {
          if batch.intervals.count == 5, context.run.interval == batch.intervals[2].run.interval {
            started.open()
            try await Gate().wait()
          }
          try batch.finish(context, with: 1)
        }
      }
      let (id, _) = try await backfills(pool).create(request(sweep("one"), days: 5))
      let coordinator = try coordinator(pool)
      let work = Task { try await coordinator.backfill(id) }
      try await started.wait()
      let run = try #require(try await backfills(pool).intervals(id)[3].runID)
      _ = try await RunOperations(pool).apply(.cancel, to: [run])
      let record = try await work.value
      #expect(record.tally.succeeded == 4 && record.tally.cancelled == 1)
      let all = days(5)
      #expect(BatchJournal.shared.given("one.a") == [all, [all[2], all[4]]])
      #expect(BatchJournal.shared.given("one.b") == [[all[0], all[1], all[2], all[4]]])
    }
  }

  @Test func abandonedIntervalsAreTakenUpByTheNextProcess() async throws {
    try await withFreshDatabase { pool in
      let started = Gate()
      BatchJournal.shared.set("next.a") { batch, _ in
        for context in batch.intervals {
          if context.attempt.attempt == 1, context.run.interval == batch.intervals[3].run.interval {
            started.open()
            try await Gate().wait()
          }
          try batch.finish(context, with: 1)
        }
      }
      let dag = sweep("next", retries: .fixed(1, every: .zero))
      let (id, _) = try await backfills(pool).create(request(dag, days: 6))
      let coordinator = try coordinator(pool)
      let dead = Task {
        try await coordinator.backfill(id, options: RunOptions(lease: .milliseconds(300)))
      }
      try await started.wait()
      // The three that are done are recorded before the process is given up.
      _ = try await waitForRow(
        """
        SELECT FROM runs.task WHERE task_id = 'a' AND state = 'success' HAVING count(*) = 3
        """, on: pool)
      try await pool.execute(
        "UPDATE runs.worker SET state = 'lost', stopped_at = now() WHERE state = 'live'")
      _ = await #expect(throws: OrchestratorError.self) { try await dead.value }
      let record = try await coordinator.backfill(id)
      #expect(record.tally.succeeded == 6)
      #expect(BatchJournal.shared.given("next.a") == [days(6), Array(days(6)[3...])])
    }
  }

  @Test func oneByOneItComesToTheSame() async throws {
    try await withFreshDatabase { pool in
      Probes.shared.set("apart.b") { _ in 2 }
      Probes.shared.set("apart.c") { _ in 3 }
      let (id, _) = try await backfills(pool).create(
        request(sweep("apart"), days: 4, allowsBatch: false))
      #expect(!(try await backfills(pool).record(id).isBatch))
      #expect(try await coordinator(pool).backfill(id).tally.succeeded == 4)
      #expect(BatchJournal.shared.given("apart.a").isEmpty)
      let outputs = try await RunStore(pool).tasks(
        of: try #require(try await RunStore(pool).runs(of: "apart").first?.runID)
      ).map(\.output)
      #expect(outputs == [.integer(1), .integer(2), .integer(3)])
      // The same intervals once more, in one go.
      let (again, _) = try await backfills(pool).create(
        request(sweep("apart"), days: 4, reprocess: .completed))
      #expect(try await coordinator(pool).backfill(again).tally.succeeded == 4)
      #expect(BatchJournal.shared.given("apart.a") == [days(4)])
    }
  }

  @Test func onlyDAGsWhoseTasksAllCanAreBatched() throws {
    let registry = try TaskRegistry(kinds)
    let mixed = DAG("mixed") { dag in
      let a = dag.task("a", BatchProbe(name: "x"))
      dag.task("b", Probe(name: "x", input: a))
    }
    let past = DAG("past") { dag in
      dag.task("a", BatchProbe(name: "x"), policy: TaskPolicy(dependsOnPast: true))
    }
    let mapped = DAG("mapped") { dag in
      dag.mapped("a", over: [1, 2]) { item in BatchProbe(name: "x", input: item) }
    }
    #expect(registry.batches(try sweep("yes").snapshot()))
    for dag in [mixed, past, mapped] { #expect(!registry.batches(try dag.snapshot())) }
    #expect(!(try TaskRegistry([Probe.self]).batches(try sweep("no").snapshot())))
  }
}

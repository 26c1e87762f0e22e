import Pipeline
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Orchestrator

@Suite(.timeLimit(.minutes(15))) struct OrchestratorOperationTests {
  private let maria = Author(name: "maria@etl1", message: "bad file")

  /// A random graph with rules, retries, setups and mapped tasks.
  private func randomDAG(_ name: String, _ random: inout SplitMix64) -> DAG {
    DAG(name) { dag in
      var ids: [String] = []
      for number in 0..<Int.random(in: 2...12, using: &random) {
        let id = "t\(number)"
        let after: [any TaskReference] = ids.filter { _ in
          Int.random(in: 0..<3, using: &random) == 0
        }
        let rule: TriggerRule =
          Int.random(in: 0..<3, using: &random) == 0
          ? TriggerRule.allCases.randomElement(using: &random) ?? .allSuccess : .allSuccess
        let retries: Retries =
          Bool.random(using: &random)
          ? .fixed(Int.random(in: 1...2, using: &random), every: .zero) : .none
        switch Int.random(in: 0..<8, using: &random) {
        case 0:
          dag.mapped(id, over: [1, 2, 3], after: after, when: rule, retries: retries) { item in
            Probe(name: "random", input: item)
          }
        case 1:
          let setup = dag.setup(id, Probe(name: "random"), after: after)
          dag.task("\(id)_use", Probe(name: "random"), after: [setup])
          dag.teardown("\(id)_drop", Probe(name: "random"), of: [setup], after: ["\(id)_use"])
          ids.append("\(id)_use")
        default:
          dag.task(
            id, Probe(name: "random"), after: after, when: rule, retries: retries,
            failure: Int.random(in: 0..<5, using: &random) == 0 ? .tolerated : .failsRun)
        }
        ids.append(id)
      }
    }
  }

  private func randomOperation(
    _ run: Int64, _ puppet: Puppet, _ random: inout SplitMix64
  ) async throws -> RunOperation {
    let ids = try await puppet.tasks(run).keys.filter { !$0.contains("[") }.sorted()
    let names = ids.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }.map { id in
      (Int.random(in: 0..<5, using: &random) == 0 ? "+" : "") + id
        + (Bool.random(using: &random) ? "+" : "")
    }
    let selection = try TaskSelection(names.isEmpty ? "*" : names.joined(separator: ","))
    switch Int.random(in: 0..<6, using: &random) {
    case 0: return .cancel
    case 1, 2: return .clear(selection)
    case 3: return .rerunFailed
    default:
      return .mark(
        selection, [.success, .failed, .skipped].randomElement(using: &random) ?? .failed)
    }
  }

  /// Random runs, driven by hand, in the midst of which somebody does something: what the dry run
  /// says is what happens, and nothing else.
  @Test func aDryRunSaysExactlyWhatThenHappens() async throws {
    var kinds: [String: Int] = [:]
    try await withFreshDatabase { pool in
      let puppet = try await Puppet(pool)
      for seed in 0..<60 {
        var random = SplitMix64(seed: UInt64(seed))
        let run = try await puppet.start(randomDAG("random\(seed)", &random))
        var live: [ClaimedTask] = []
        for _ in 0..<Int.random(in: 2...14, using: &random) {
          try await step(puppet, &live, &random)
          guard Int.random(in: 0..<3, using: &random) == 0 else { continue }
          let operation = try await randomOperation(run, puppet, &random)
          let change = try await compare(operation, run, puppet, seed: seed)
          kinds[change.refusal?.code ?? operation.eventKind, default: 0] += 1
        }
        // Whatever was done, the run comes to its end.
        while !live.isEmpty { try await step(puppet, &live, &random, ends: true) }
        try await puppet.workOff()
        let record = try #require(try await RunStore(pool).run(run))
        #expect(record.finishedAt != nil, "seed \(seed): the run did not end: \(record)")
      }
    }
    for kind in ["cancel_requested", "cleared", "marked"] {
      #expect(kinds[kind, default: 0] > 10, "hardly any \(kind): \(kinds)")
    }
  }

  /// Ends or claims some attempts.
  private func step(
    _ puppet: Puppet, _ live: inout [ClaimedTask], _ random: inout SplitMix64, ends: Bool = false
  ) async throws {
    if !ends, Bool.random(using: &random) {
      live += try await puppet.claim(Int.random(in: 1...4, using: &random))
    } else if !live.isEmpty {
      let task = live.remove(at: Int.random(in: 0..<live.count, using: &random))
      let results: [AttemptResult] = [
        .success(.integer(1), skips: []), .success(.integer(1), skips: []),
        .failed(AttemptFault(ProbeFailure())), .skipped(reason: "no need"),
      ]
      let isStopped =
        try await puppet.pool.first(
          "SELECT 1 FROM runs.task WHERE fencing_token = \(task.token) AND stop_requested") != nil
      try await puppet.end(
        task,
        isStopped
          ? .cancelled(reason: "stopped") : results.randomElement(using: &random) ?? results[0])
    }
  }

  private func compare(
    _ operation: RunOperation, _ run: Int64, _ puppet: Puppet, seed: Int
  ) async throws -> RunChange {
    let operations = RunOperations(puppet.pool, author: maria)
    let before = try await puppet.tasks(run)
    let events = try await RunStore(puppet.pool).events(of: run)
    let said = try await operations.preview(operation, on: [run])
    #expect(try await puppet.tasks(run) == before, "seed \(seed): the dry run wrote")
    #expect(try await RunStore(puppet.pool).events(of: run) == events)
    let done = try await operations.apply(operation, to: [run])
    #expect(said == done, "seed \(seed): \(operation)")
    let change = try #require(done.first)
    let after = try await puppet.tasks(run)
    let record = try #require(try await RunStore(puppet.pool).run(run))
    #expect(record.state == change.after, "seed \(seed)")
    if change.refusal != nil { #expect(after == before, "seed \(seed)") }
    let effects = Dictionary(change.tasks.map { ($0.task, $0) }, uniquingKeysWith: { $1 })
    for (id, old) in before {
      guard let new = after[id] else {
        // Only items are forgotten, with a task that is cleared.
        #expect(id.contains("["), "seed \(seed): \(id) is gone")
        continue
      }
      // Items of a task that begins afresh at once are made anew, under the same names.
      if let bracket = id.firstIndex(of: "["), effects[id] == nil,
        effects[String(id[..<bracket])] != nil
      {
        continue
      }
      #expect(effects[id]?.before ?? old.state == old.state, "seed \(seed): \(id)")
      #expect(effects[id]?.after ?? old.state == new.state, "seed \(seed): \(id)")
      #expect(
        effects[id]?.allowedAttempts ?? old.allowedAttempts == new.allowedAttempts,
        "seed \(seed): \(id)")
    }
    return change
  }

  // MARK: Each operation

  private func chain(_ name: String) -> DAG {
    DAG(name) { dag in
      let a = dag.task("a", Probe(name: "\(name).a"))
      let b = dag.task("b", Probe(name: "\(name).b", input: a), retries: .fixed(1, every: .zero))
      let c = dag.task("c", Probe(name: "\(name).c", input: b))
      dag.task("report", Reporter(input: c), when: .allDone)
    }
  }

  private let kinds: [any RunnableTask.Type] = [Probe.self, Reporter.self]

  @Test func marksAskTheTasksDownstreamAgain() async throws {
    try await withFreshDatabase { pool in
      let puppet = try await Puppet(pool, registry: kinds)
      let run = try await puppet.start(chain("marks"))
      try await puppet.workOff { task in
        task.taskID == "b"
          ? .failed(AttemptFault(ProbeFailure(isPermanent: true)))
          : .success(.integer(1), skips: [])
      }
      let store = RunStore(pool)
      #expect(try await store.run(run)?.state == .failed)
      let operations = RunOperations(pool, author: maria)
      let change = try #require(
        try await operations.apply(.mark(TaskSelection("b"), .success), to: [run]).first)
      #expect(change.before == .failed && change.after == .running)
      #expect(
        change.tasks.map { "\($0.task) \($0.before) \($0.after)" } == [
          "b failed success", "c upstreamFailed queued",
        ])
      #expect(try await puppet.tasks(run)["b"]?.message == "marked success by maria@etl1: bad file")
      try await puppet.workOff()
      #expect(try await store.run(run)?.state == .success)
      #expect(try await store.run(run)?.passes == 2)
      let marked = try #require(
        try await store.events(of: run).first { $0.kind == "marked" })
      #expect(marked.detail["by"] == .string("maria@etl1"))
      #expect(marked.detail["message"] == .string("bad file"))
      #expect(marked.detail["state"] == .string("success"))

      let again = try await operations.preview(.mark(TaskSelection("b"), .success), on: [run])
      #expect(again.first?.refusal?.code == "orchestrator.nothing_to_mark")
      let unknown = await #expect(throws: PipelineError.self) {
        try await operations.apply(.clear(TaskSelection("d")), to: [run])
      }
      #expect(unknown?.code == "pipeline.unknown_tasks")
      let none = await #expect(throws: OrchestratorError.self) {
        try await operations.apply(.cancel, to: [12_345])
      }
      #expect(none?.code == "orchestrator.unknown_run")
    }
  }

  @Test func aRerunBeginsAtTheFailure() async throws {
    try await withFreshDatabase { pool in
      let puppet = try await Puppet(pool, registry: kinds)
      let run = try await puppet.start(chain("rerun"))
      try await puppet.workOff { task in
        task.taskID == "b"
          ? .failed(AttemptFault(ProbeFailure())) : .success(.integer(1), skips: [])
      }
      let operations = RunOperations(pool, author: maria)
      let said = try await operations.preview(.rerunFailed, on: [run])
      #expect(said.first?.tasks.map(\.task) == ["b", "c", "report"])
      #expect(said.first?.tasks.map(\.allowedAttempts) == [4, 1, 2])
      #expect(try await operations.apply(.rerunFailed, to: [run]) == said)
      try await puppet.workOff()
      let tasks = try await puppet.tasks(run)
      #expect(tasks.values.allSatisfy { $0.state == .success })
      #expect(["a", "b", "c", "report"].map { tasks[$0]?.attempts } == [1, 3, 1, 2])
      let nothing = try await operations.apply(.rerunFailed, to: [run])
      #expect(nothing.first?.refusal?.code == "orchestrator.nothing_failed")
      let ended = try await operations.apply(.cancel, to: [run])
      #expect(ended.first?.refusal?.code == "orchestrator.run_ended")
    }
  }

  @Test func anOperationSpansIntervals() async throws {
    try await withFreshDatabase { pool in
      let puppet = try await Puppet(pool, registry: kinds)
      let days = (0..<4).map { DataInterval(day: Day(number: 20_000 + $0), in: .utc) }
      var runs: [Int64] = []
      for day in days.reversed() {
        runs.insert(try await puppet.start(chain("span"), interval: day), at: 0)
      }
      try await puppet.workOff()
      let operations = RunOperations(pool)
      let found = try await operations.runs(of: "span", from: days[1].start, to: days[2].end)
      #expect(found == [runs[1], runs[2]])
      _ = try await operations.apply(.clear(.all), to: found)
      let states = try await RunStore(pool).runs(of: "span").map(\.state)
      #expect(states == [.success, .running, .running, .success])
    }
  }

  @Test func anIntervalThatIsTakenIsNotBegunAgain() async throws {
    try await withFreshDatabase { pool in
      let puppet = try await Puppet(pool, registry: kinds)
      let old = try await puppet.start(chain("taken"))
      try await puppet.workOff()
      let other = try await puppet.start(chain("taken"), params: .object(["x": .integer(1)]))
      let operations = RunOperations(pool)
      for changes in [
        try await operations.preview(.clear(.all), on: [old]),
        try await operations.apply(.clear(.all), to: [old]),
      ] {
        #expect(changes.first?.refusal?.code == OrchestratorError.runInFlight)
        #expect(changes.first?.refusal?.message.contains("run \(other)") == true)
      }
      #expect(try await RunStore(pool).run(old)?.state == .success)
    }
  }

  @Test func aRunThatWaitsForItsTurnIsWithdrawn() async throws {
    try await withFreshDatabase { pool in
      let puppet = try await Puppet(pool, registry: kinds)
      let runtime = puppet.runtime
      let dag = chain("queued")
      let run = try await pool.transaction { connection -> Int64? in
        let ledger = RunLedger(connection: connection)
        let now = try await ledger.now(runtime.time)
        try await ledger.ensurePartitions(at: now)
        let definition = try await RunMaking(connection: connection, runtime: runtime)
          .store(dag.snapshot(), at: now)
        return try await ledger.create(
          NewRun(
            dag: "queued", interval: probeInterval, params: .object([:]),
            snapshotHash: definition.hash, state: .queued, kind: .scheduled,
            unfinished: definition.plan.ids.count), at: now)
      }
      let id = try #require(run)
      let operations = RunOperations(pool)
      let refused = try await operations.apply(.clear(.all), to: [id])
      #expect(refused.first?.refusal?.code == "orchestrator.run_queued")
      let said = try await operations.preview(.cancel, on: [id])
      #expect(try await operations.apply(.cancel, to: [id]) == said)
      #expect(try await RunStore(pool).run(id)?.state == .cancelled)
      // It has no tasks yet: a rerun gives it some.
      let rerun = try await operations.preview(.clear(.all), on: [id])
      #expect(try await operations.apply(.clear(.all), to: [id]) == rerun)
      try await puppet.workOff()
      #expect(try await RunStore(pool).run(id)?.state == .success)
    }
  }

  // MARK: With real workers

  /// Waits until so many queries of tasks are active in this database.
  private func waitForQuery(_ pool: ConnectionPool, _ count: Int = 1) async throws {
    _ = try await waitForRow(
      """
      SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(1000)%'
        AND pid <> pg_backend_pid()
      HAVING count(*) = \(Int64(count))
      """, on: pool)
  }

  private func queue(_ pool: ConnectionPool) throws -> RunQueue {
    RunQueue(
      pool: pool, registry: try TaskRegistry([Probe.self, Successor.self, Reporter.self]),
      zone: .utc)
  }

  @Test func aCancelledRunsQueriesAreGoneWhenItsStateSaysSo() async throws {
    try await withFreshDatabase { pool in
      Probes.shared.set("gone.a") { context in
        _ = try await context.pool.query("SELECT pg_sleep(1000)")
        return 1
      }
      let dag = DAG("gone") { dag in
        let a = dag.task("a", Probe(name: "gone.a"), retries: .fixed(3, every: .zero))
        dag.task("b", Successor(input: a))
      }
      let run = try #require(try await queue(pool).enqueue(dag, interval: probeInterval))
      try await withDaemons(1, pool) { _ in
        try await waitForQuery(pool)
        let operations = RunOperations(pool, author: maria)
        let change = try await operations.apply(.cancel, to: [run])
        #expect(change.first?.isStopping == true)
        let records = try await operations.waitForEnd(of: [run])
        #expect(records.map(\.state) == [.cancelled])
        try await waitForQuery(pool, 0)
      }
      let states = try await RunStore(pool).tasks(of: run).map(\.state)
      #expect(states == [.cancelled, .cancelled])
    }
  }

  @Test func aTaskIsClearedInMidRun() async throws {
    try await withFreshDatabase { pool in
      Probes.shared.set("mid.b") { context in
        if context.attempt.attempt == 1 {
          _ = try await context.pool.query("SELECT pg_sleep(1000)")
        }
        return context.attempt.attempt
      }
      let dag = DAG("mid") { dag in
        let a = dag.task("a", Probe(name: "mid.a"))
        let b = dag.task("b", Probe(name: "mid.b", input: a), retries: .fixed(2, every: .zero))
        dag.task("c", Successor(input: b))
      }
      let run = try #require(try await queue(pool).enqueue(dag, interval: probeInterval))
      try await withDaemons(1, pool) { _ in
        try await waitForQuery(pool)
        let operations = RunOperations(pool, author: maria)
        let selection = try TaskSelection("a+")
        let said = try await operations.preview(.clear(selection), on: [run])
        let done = try await operations.apply(.clear(selection), to: [run])
        #expect(said == done)
        #expect(done.first?.tasks.first { $0.task == "b" }?.isStopped == true)
        #expect(done.first?.tasks.first { $0.task == "b" }?.allowedAttempts == 4)
        let records = try await operations.waitForEnd(of: [run])
        #expect(records.map(\.state) == [.success])
      }
      let tasks = try await RunStore(pool).tasks(of: run)
      #expect(tasks.map(\.attempts) == [2, 2, 1])
      #expect(tasks.last?.output == .integer(3))
      let attempts = try await RunStore(pool).attempts(of: run, task: "b")
      #expect(attempts.map(\.state) == [.cancelled, .success])
    }
  }

  @Test func aMarkStopsTheAttemptAndTheRunGoesOn() async throws {
    try await withFreshDatabase { pool in
      Probes.shared.set("marked.a") { context in
        _ = try await context.pool.query("SELECT pg_sleep(1000)")
        return 1
      }
      let dag = DAG("marked") { dag in
        let a = dag.task("a", Probe(name: "marked.a"))
        dag.task("b", Probe(name: "marked.b"), after: [a])
      }
      let run = try #require(try await queue(pool).enqueue(dag, interval: probeInterval))
      try await withDaemons(1, pool) { _ in
        try await waitForQuery(pool)
        let operations = RunOperations(pool, author: maria)
        _ = try await operations.apply(.mark(TaskSelection("a"), .success), to: [run])
        let records = try await operations.waitForEnd(of: [run])
        #expect(records.map(\.state) == [.success])
        try await waitForQuery(pool, 0)
      }
      let attempts = try await RunStore(pool).attempts(of: run, task: "a")
      #expect(attempts.map(\.state) == [.cancelled])
      #expect(attempts.first?.message == "its task was marked meanwhile")
    }
  }

  @Test func aForegroundRunHearsOfWhatIsDoneToIt() async throws {
    try await withFreshDatabase { pool in
      Probes.shared.set("heard.a") { context in
        _ = try await context.pool.query("SELECT pg_sleep(1000)")
        return 1
      }
      let dag = DAG("heard") { dag in
        let a = dag.task("a", Probe(name: "heard.a"))
        dag.task("b", Probe(name: "heard.b"), after: [a])
      }
      let coordinator = try coordinator(pool)
      let work = Task { try await coordinator.run(dag, interval: probeInterval) }
      try await waitForQuery(pool)
      let run = try #require(try await RunStore(pool).runs(of: "heard").first)
      let operations = RunOperations(pool, author: maria)
      _ = try await operations.apply(.mark(TaskSelection("a"), .skipped), to: [run.runID])
      let outcome = try await work.value
      #expect(outcome.states == "a skipped, b skipped")
      try await waitForQuery(pool, 0)
    }
  }

  @Test func aRerunWithoutDaemonsIsWorkedOnHere() async throws {
    try await withFreshDatabase { pool in
      let dag = chain("here")
      Probes.shared.set("here.b") { context in
        if context.attempt.attempt <= 2 { throw ProbeFailure() }
        return 5
      }
      let coordinator = try coordinator(pool)
      let first = try await coordinator.run(dag, interval: probeInterval)
      #expect(!first.succeeded)
      let run = first.run.runID
      let second = try await coordinator.rerun(run, .rerunFailed, author: maria)
      #expect(second.states == "a success, b success, c success, report success")
      #expect(second.run.runID == run && second.disposition == .retried)
      #expect(second.tasks.map(\.attempts) == [1, 3, 1, 2])
      let some = try await coordinator.rerun(run, .clear(TaskSelection("c")), author: maria)
      #expect(some.tasks.map(\.attempts) == [1, 3, 2, 2])
      let nothing = await #expect(throws: OrchestratorError.self) {
        try await coordinator.rerun(run, .rerunFailed)
      }
      #expect(nothing?.code == "orchestrator.nothing_failed")
      #expect(try await RunStore(pool).workers().isEmpty, "a worker did not sign off")
    }
  }

  @Test func aRunOfADeadProcessIsCancelledAllTheSame() async throws {
    try await withFreshDatabase { pool in
      let puppet = try await Puppet(pool, registry: kinds)
      let run = try await puppet.start(chain("dead"))
      _ = try await puppet.claim(1)
      try await pool.execute(
        "UPDATE runs.worker SET lease_until = now() - interval '1 second'")
      let operations = RunOperations(pool, author: maria)
      let said = try await operations.preview(.cancel, on: [run])
      let done = try await operations.apply(.cancel, to: [run])
      #expect(done.first?.after == .cancelled)
      #expect(said == done)
      #expect(try await RunStore(pool).run(run)?.state == .cancelled)
    }
  }
}

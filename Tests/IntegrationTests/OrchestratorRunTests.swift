import Orchestrator
import Pipeline
import Schedules
import TestSupport
import Testing
import Warehouse

@Suite struct OrchestratorRunTests {
  @Test func aDAGRunsInOrderAndHandsProductsOn() async throws {
    try await withFreshDatabase { pool in
      let events = Events()
      let dag = DAG("chain") { dag in
        let a = dag.task("a", Probe(name: "chain.a"))
        let b = dag.task("b", Successor(input: a))
        dag.task("c", Successor(input: b))
      }
      Probes.shared.set("chain.a") { context in
        context.log.info("counting", metadata: ["unit": "rows"])
        context.progress(TaskProgress(done: 5, total: 10, unit: "rows"))
        return 40
      }
      let outcome = try await coordinator(pool).run(
        dag, interval: probeInterval, params: .object(["k": .string("v")]),
        observer: events.observer)
      #expect(outcome.states == "a success, b success, c success")
      #expect(outcome.disposition == .created && outcome.succeeded)
      #expect(outcome.task("c")?.output == .integer(42))

      let store = RunStore(pool)
      let runs = try await store.runs(of: "chain")
      #expect(runs == [outcome.run])
      #expect(runs.first?.params["k"] == .string("v"))
      #expect(try await store.run(outcome.run.runID) == outcome.run)
      #expect(try await store.tasks(of: outcome.run.runID) == outcome.tasks)
      let attempts = try await store.attempts(of: outcome.run.runID)
      #expect(attempts.map(\.task) == ["a", "b", "c"])
      #expect(attempts.first?.progress == TaskProgress(done: 5, total: 10, unit: "rows"))
      let lines = try await store.log(of: outcome.run.runID, task: "a", attempt: 1)
      #expect(lines.map(\.message) == ["counting"])
      #expect(lines.first?.metadata == ["unit": "rows"])
      #expect(try await store.snapshot(outcome.run.snapshotHash) == dag.snapshot())

      var told: [String] = []
      for event in events.recorded {
        switch event {
        case .started(_, let disposition, _): told.append("started \(disposition.rawValue)")
        case .task(let record): told.append("\(record.task) \(record.state.rawValue)")
        case .progress(let task, _, _): told.append("\(task) progress")
        case .log(let line): told.append("\(line.task) log")
        case .retry: told.append("retry")
        case .finished: told.append("finished")
        }
      }
      #expect(
        told == [
          "started created", "a running", "a log", "a progress", "a success", "b running",
          "b success", "c running", "c success", "finished",
        ])
    }
  }

  @Test func aFailingPublishStillReportsAndFailsTheRun() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("failing") { dag in
        let a = dag.task("extract", Probe(name: "failing.extract"))
        let b = dag.task("publish", Probe(name: "failing.publish", input: a), retries: .fixed(5))
        dag.task("after", Successor(input: b))
        dag.task("report", Reporter(input: b), when: .allDone)
      }
      Probes.shared.set("failing.publish") { _ in
        throw Permanent(ProbeFailure(message: "no\u{0} segments"))
      }
      let outcome = try await coordinator(pool).run(dag, interval: probeInterval)
      #expect(
        outcome.states
          == "extract success, publish failed, after upstream_failed, report success")
      #expect(outcome.run.state == .failed)
      #expect(outcome.run.message?.contains("task 'publish' failed: no\u{FFFD} segments") == true)
      #expect(outcome.task("publish")?.attempts == 1, "a permanent error was retried")
      #expect(outcome.task("publish")?.errorCode == "probe.failed")
      #expect(outcome.task("after")?.message == "rule all_success: publish failed")
      let report = outcome.task("report")?.output.map { "\($0)" } ?? ""
      #expect(report.contains("read nothing; extract success, publish failed"), "\(report)")
      let attempts = try await RunStore(pool).attempts(of: outcome.run.runID, task: "publish")
      #expect(attempts.map(\.hint) == ["change the probe"])
    }
  }

  @Test func retriesFollowTheirPausesThenSucceed() async throws {
    try await withFreshDatabase { pool in
      let clock = ManualClock()
      let dag = DAG("flaky") { dag in
        dag.task(
          "a", Probe(name: "flaky.a"),
          retries: .exponential(3, first: .seconds(30), factor: 2, jitter: 0))
      }
      Probes.shared.set("flaky.a") { context in
        if context.attempt.attempt < 3 { throw ProbeFailure() }
        return context.attempt.attempt
      }
      let coordinator = try coordinator(pool, clock: clock)
      async let run = coordinator.run(dag, interval: probeInterval)
      let start = clock.now()
      for pause in [30, 60] {
        await clock.waitForSleepers()
        clock.advance(by: .seconds(pause))
      }
      let outcome = try await run
      #expect(outcome.succeeded)
      #expect(outcome.task("a")?.output == .integer(3))
      let attempts = try await RunStore(pool).attempts(of: outcome.run.runID)
      #expect(attempts.map(\.state) == [.failed, .failed, .success])
      #expect(attempts.map { ($0.startedAt - start).milliseconds } == [0, 30_000, 90_000])
      #expect(attempts.map(\.errorCode) == ["probe.failed", "probe.failed", nil])
    }
  }

  @Test func aSucceededRunIsLeftAlone() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("once") { dag in dag.task("a", Probe(name: "once.a")) }
      let coordinator = try coordinator(pool)
      let first = try await coordinator.run(dag, interval: probeInterval)
      Probes.shared.set("once.a") { _ in throw ProbeFailure(message: "ran twice") }
      let second = try await coordinator.run(dag, interval: probeInterval)
      #expect(second.disposition == .alreadySucceeded)
      #expect(second.run == first.run)
      #expect(second.tasks == first.tasks)
      // Other parameters are another run.
      let third = try await coordinator.run(
        dag, interval: probeInterval, params: .object(["again": .bool(true)]))
      #expect(third.disposition == .created && !third.succeeded)
    }
  }

  @Test func aFailedRunIsRetriedFromItsFailure() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("again") { dag in
        let a = dag.task("a", Probe(name: "again.a"))
        let b = dag.task("b", Probe(name: "again.b", input: a), retries: .fixed(1, every: .zero))
        dag.task("report", Reporter(input: b), when: .allDone)
      }
      Probes.shared.set("again.a") { Int($0.attempt.attempt) }
      Probes.shared.set("again.b") { context in
        if context.attempt.attempt <= 3 { throw ProbeFailure() }
        return 7
      }
      let coordinator = try coordinator(pool)
      let first = try await coordinator.run(dag, interval: probeInterval)
      #expect(first.states == "a success, b failed, report success")
      let second = try await coordinator.run(dag, interval: probeInterval)
      #expect(second.states == "a success, b success, report success")
      #expect(second.disposition == .retried && second.run.passes == 2)
      #expect(second.run.runID == first.run.runID)
      #expect(second.tasks.map(\.attempts) == [1, 4, 2], "what succeeded was run again")
      let report = second.task("report")?.output.map { "\($0)" } ?? ""
      #expect(report.contains("read 7"), "the report was not written anew: \(report)")
    }
  }

  @Test func aRetryMayTakeThePresentDefinition() async throws {
    try await withFreshDatabase { pool in
      func dag(_ note: String) -> DAG {
        DAG("changed") { dag in
          dag.task("a", Probe(name: "changed.a"))
          dag.task("b", Probe(name: "changed.b", note: note))
          dag.task(note, Probe(name: "changed.c"), after: ["a"])
        }
      }
      Probes.shared.set("changed.b") { _ in throw ProbeFailure() }
      let coordinator = try coordinator(pool)
      _ = try await coordinator.run(dag("old"), interval: probeInterval)
      Probes.shared.set("changed.b") { _ in 2 }
      Probes.shared.set("changed.c") { _ in throw ProbeFailure() }
      let kept = try await coordinator.run(dag("new"), interval: probeInterval)
      #expect(kept.states == "a success, b success, old success")
    }
    try await withFreshDatabase { pool in
      func dag(_ note: String) -> DAG {
        DAG("changed2") { dag in
          dag.task("a", Probe(name: "changed2.a"))
          dag.task("b", Probe(name: "changed2.b", note: note))
          dag.task(note, Probe(name: "changed2.c"), after: ["a"])
        }
      }
      Probes.shared.set("changed2.c") { context in
        if context.attempt.task == "old" { throw ProbeFailure() }
        return 3
      }
      let coordinator = try coordinator(pool)
      _ = try await coordinator.run(dag("old"), interval: probeInterval)
      let current = try await coordinator.run(
        dag("new"), interval: probeInterval, options: RunOptions(definition: .current))
      #expect(current.states == "a success, b success, new success")
      #expect(current.tasks.map(\.attempts) == [1, 2, 1])
      #expect(try current.run.snapshotHash == dag("new").snapshot().json().hash)
    }
  }

  @Test func skippedToleratedAndRules() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("rules") { dag in
        let a = dag.task("a", Probe(name: "rules.a"))
        let b = dag.task("b", Probe(name: "rules.b"), failure: .tolerated)
        dag.task("c", Successor(input: a))
        dag.task("alarm", Probe(name: "rules.alarm"), after: [b], when: .oneFailed)
      }
      Probes.shared.set("rules.a") { _ in throw TaskSkipped("nothing new") }
      Probes.shared.set("rules.b") { _ in throw ProbeFailure() }
      let outcome = try await coordinator(pool).run(dag, interval: probeInterval)
      #expect(outcome.states == "a skipped, b failed, c skipped, alarm success")
      #expect(outcome.task("a")?.message == "nothing new")
      #expect(outcome.run.state == .success)
    }
  }

  @Test func attemptsAtOnceAreLimited() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("wide") { dag in
        for number in 0..<20 { dag.task("t\(number)", Probe(name: "wide")) }
      }
      let level = Level()
      Probes.shared.set("wide") { _ in
        level.enter()
        await Task.yield()
        level.leave()
        return 1
      }
      let outcome = try await coordinator(pool).run(
        dag, interval: probeInterval, options: RunOptions(parallelism: 3))
      #expect(outcome.succeeded)
      #expect(level.highest <= 3)
    }
  }

  @Test func aRunMayOutliveItsMonth() async throws {
    try await withFreshDatabase { pool in
      let clock = ManualClock()
      let dag = DAG("long") { dag in
        let a = dag.task("a", Probe(name: "long.a"))
        dag.task("b", Successor(input: a))
      }
      Probes.shared.set("long.a") { context in
        clock.advance(by: .days(100))
        context.log.info("months later")
        return 1
      }
      let outcome = try await coordinator(pool, clock: clock).run(dag, interval: probeInterval)
      #expect(outcome.succeeded)
      let log = try await RunStore(pool).log(of: outcome.run.runID, task: "a")
      #expect(log.map(\.message) == ["months later"])
    }
  }

  @Test func whatCannotBeStoredFailsTheTaskOnly() async throws {
    try await withFreshDatabase { pool in
      let dag = DAG("huge") { dag in
        let a = dag.task("a", Probe(name: "huge"))
        dag.task("report", Reporter(input: a), when: .allDone)
      }
      Probes.shared.set("huge") { context in
        context.log.error("a \u{0} in the log")
        throw ProbeFailure(message: String(repeating: "x", count: 1_000_000))
      }
      let outcome = try await coordinator(pool).run(dag, interval: probeInterval)
      #expect(outcome.states == "a failed, report success")
      #expect((outcome.task("a")?.message?.count ?? 0) < 70_000)
    }
  }

  @Test func unknownKindsAndParametersAreRefusedBeforeAnythingIsRecorded() async throws {
    try await withFreshDatabase { pool in
      let coordinator = RunCoordinator(
        pool: pool, registry: try TaskRegistry([Probe.self]), projectDirectory: "", zone: .utc)
      let dag = DAG("unknown") { dag in
        let a = dag.task("a", Probe(name: "x"))
        dag.task("b", Successor(input: a))
        dag.task("c", Reporter(input: a), when: .allDone)
      }
      let error = await #expect(throws: OrchestratorError.self) {
        try await coordinator.run(dag, interval: probeInterval)
      }
      #expect(error?.code == "orchestrator.unknown_kind")
      #expect(error?.message.contains("2 tasks") == true)
      let params = await #expect(throws: OrchestratorError.self) {
        try await coordinator.run(dag, interval: probeInterval, params: .string("x"))
      }
      #expect(params?.code == "orchestrator.bad_params")
      #expect(try await RunStore(pool).runs() == [])
    }
    let duplicate = #expect(throws: OrchestratorError.self) {
      try TaskRegistry([Probe.self, Probe.self])
    }
    #expect(duplicate?.code == "orchestrator.duplicate_kind")
  }
}

import Orchestrator
import Pipeline
import Schedules
import Synchronization
import TestSupport
import Testing

@Suite("Runs without a database")
struct LocalRunTests {
  @Test(
    "random graphs: every product is what a naive recursion computes", arguments: 0..<UInt64(30))
  func products(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let count = Int.random(in: 1...60, using: &random)
    let edges = (0..<count).map { task in
      (0..<task).filter { _ in Int.random(in: 0..<task, using: &random) < 2 }
    }
    let dag = DAG("random") { dag in
      var outputs: [Output<Int>] = []
      for (task, upstreams) in edges.enumerated() {
        outputs.append(
          dag.task("t\(task)", Sum(inputs: upstreams.map { outputs[$0] }, plus: task)))
      }
    }
    func naive(_ task: Int) -> Int { edges[task].reduce(task) { $0 &+ naive($1) } }
    let outcome = try await Local.run(dag).run()
    #expect(outcome.succeeded && outcome.seconds == 0)
    // The recursion takes exponential time where edges are dense: the last few tell.
    for task in max(0, min(count, 25) - 5)..<min(count, 25) {
      #expect(outcome.task("t\(task)")?.output == .integer(Int64(naive(task))))
    }
  }

  @Test("pauses, sensors and sleeps pass at once, and at the same instants every time")
  func virtualTime() async throws {
    let dag = DAG("times") { dag in
      let nap = dag.task("nap", Nap(seconds: 3600))
      dag.task("second", Nap(seconds: 1800), after: [nap])
      dag.task("beside", Nap(seconds: 600))
      dag.task("stumble", Stumble(times: 2), retries: .fixed(3, every: .seconds(900)))
      let poke = dag.sensor(
        "poke", Arrival(at: Local.start.seconds + 100), every: .seconds(30), mode: .poke)
      dag.sensor(
        "reschedule", Arrival(at: Local.start.seconds + 10_000), every: .seconds(70),
        mode: .reschedule, after: [poke])
    }
    for _ in 0..<5 {
      let outcome = try await Local.run(dag).run()
      let start = Local.start.seconds
      #expect(outcome.succeeded)
      #expect(outcome.task("nap")?.output == .integer(start + 3600))
      #expect(outcome.task("second")?.output == .integer(start + 5400))
      #expect(outcome.task("beside")?.output == .integer(start + 600))
      #expect(outcome.task("stumble")?.output == .integer(3))
      #expect(outcome.task("stumble")?.finishedAt == Instant(seconds: start + 1800))
      #expect(outcome.task("poke")?.output == .integer(start + 120))
      #expect(outcome.task("poke")?.attempts == 1)
      // From 120 on, every 70 seconds: 120 + 142 * 70 is the first at 10,000 or later.
      #expect(outcome.task("reschedule")?.output == .integer(start + 10_060))
      #expect(outcome.task("reschedule")?.attempts == 1)
      #expect(outcome.seconds == 10_060)
    }
  }

  @Test("a time limit and a sensor's budget count virtual time")
  func limits() async throws {
    let dag = DAG("limits") { dag in
      dag.task("slow", Nap(seconds: 3600), timeLimit: .seconds(60))
      dag.task("quick", Nap(seconds: 59), timeLimit: .seconds(60))
      dag.sensor(
        "late", Arrival(at: .max), every: .seconds(10), mode: .poke, budget: .seconds(100))
      dag.sensor(
        "soft", Arrival(at: .max), every: .seconds(10), mode: .reschedule, budget: .seconds(100),
        softFail: true)
    }
    let outcome = try await Local.run(dag).run()
    #expect(outcome.states == "slow failed, quick success, late failed, soft skipped")
    #expect(outcome.task("slow")?.errorCode == "orchestrator.timed_out")
    #expect(outcome.task("slow")?.finishedAt == Local.start + .seconds(60))
    #expect(outcome.task("late")?.errorCode == "orchestrator.sensor_timed_out")
    #expect(outcome.run.state == .failed)
    #expect(outcome.run.message?.hasPrefix("task 'slow' failed: expected an end within") == true)
  }

  @Test("mapped tasks, branches and groups as in a run")
  func shapes() async throws {
    let dag = DAG("shapes") { dag in
      let numbers = dag.task("numbers", Numbers(count: 4))
      let tens = dag.mapped("tens", over: numbers) { Tenfold(item: $0) }
      dag.task("total", Total(list: tens))
      let none = dag.task("none", Numbers(count: 0))
      dag.mapped("nothing", over: none) { Tenfold(item: $0) }
      let pick = dag.task("pick", Pick(chosen: ["ways.left"]))
      dag.group("ways") { dag in
        dag.task("left", Number(value: 1), after: [pick])
        dag.task("right", Number(value: 2), after: [pick])
      }
      dag.task("census", Census(), after: ["ways.left", "ways.right"], when: .allDone)
    }
    let outcome = try await Local.run(dag).run()
    #expect(outcome.task("total")?.output == .integer(60))
    #expect(outcome.task("tens[3]")?.output == .integer(30))
    #expect(outcome.task("nothing")?.state == .skipped)
    #expect(outcome.task("ways.right")?.state == .skipped)
    guard case .string(let census)? = outcome.task("census")?.output else {
      Issue.record("the census has no product")
      return
    }
    #expect(census.contains("ways.left success, ways.right skipped, census running"))
    #expect(outcome.succeeded)
  }

  @Test("products, skips and failures stand in for tasks")
  func standIns() async throws {
    let dag = DAG("stand_ins") { dag in
      let a = dag.task("a", Ask())
      let b = dag.task("b", Sum(inputs: [a], plus: 1), retries: .fixed(2, every: .seconds(60)))
      dag.task("c", Sum(inputs: [b], plus: 1))
      let numbers = dag.task("numbers", Numbers(count: 2))
      let tens = dag.mapped("tens", over: numbers) { Tenfold(item: $0) }
      dag.task("total", Total(list: tens))
    }
    let outcome = try await Local.run(
      dag,
      StandIns(
        products: ["a": 41, "tens": [7, 8], "numbers": [1, 2]], skipped: ["c"],
        failures: ["b": 2])
    ).run()
    #expect(outcome.task("b")?.output == .integer(42) && outcome.task("b")?.attempts == 3)
    #expect(outcome.task("c")?.state == .skipped)
    #expect(outcome.task("total")?.output == .integer(15))
    #expect(outcome.succeeded && outcome.seconds == 120)

    let failing = try await Local.run(
      dag, StandIns(products: ["a": 41, "tens[1]": 0], failures: ["b": .max])
    ).run()
    #expect(failing.task("b")?.state == .failed && failing.task("b")?.attempts == 3)
    #expect(failing.task("c")?.state == .upstreamFailed)
    #expect(failing.task("total")?.output == .integer(0))
    #expect(!failing.succeeded)
  }

  @Test("stand-ins that fit nothing are reported together")
  func badStandIns() async throws {
    let dag = DAG("bad") { dag in
      let numbers = dag.task("numbers", Numbers(count: 2))
      dag.mapped("tens", over: numbers) { Tenfold(item: $0) }
    }
    let run = try Local.run(
      dag,
      StandIns(
        products: ["numbers": "text", "tens": 5], skipped: ["number"], failures: ["numbers[1]": 1]))
    let error = await #expect(throws: OrchestratorError.self) { try await run.run() }
    #expect(error?.code == "orchestrator.bad_stand_ins")
    let message = error?.message ?? ""
    #expect(message.contains("found 'number'; did you mean 'numbers'?"))
    #expect(message.contains("found 'numbers[1]'"))
    #expect(message.contains("the product given for 'numbers' does not decode"))
    #expect(message.contains("expected a list of products for mapped task 'tens', found 5"))
  }

  @Test("a task that wants a database says what to do")
  func noDatabase() async throws {
    let dag = DAG("asks") { $0.task("ask", Ask()) }
    let outcome = try await Local.run(dag).run()
    #expect(outcome.task("ask")?.errorCode == "warehouse.no_database")
    #expect(
      outcome.task("ask")?.message == "this task needs a database: run it with --with-database")
  }

  @Test("cancelling stops what runs, and runs the teardowns")
  func cancel() async throws {
    let dag = DAG("cancelled") { dag in
      let setup = dag.setup("setup", Number(value: 1))
      let wait = dag.task("wait", Wait(), after: [setup])
      dag.task("after", Number(value: 2), after: [wait])
      dag.teardown("teardown", Number(value: 3), of: [setup], after: [wait])
    }
    let run = try Local.run(dag)
    let work = Task { try await run.run() }
    for await _ in Wait.begun.stream { break }
    work.cancel()
    let outcome = try await work.value
    #expect(
      outcome.states == "setup success, wait cancelled, after cancelled, teardown success")
    #expect(outcome.run.state == .cancelled)
  }

  @Test("greater priorities go first, whatever the order of declaration")
  func priorities() async throws {
    let dag = DAG("priorities", parallelism: 1) { dag in
      for (task, priority) in [3, 1, 4, 1, 5, 9, 2, 6].enumerated() {
        dag.task("t\(task)", Number(value: priority), policy: TaskPolicy(priority: priority))
      }
    }
    let begun = Mutex<[String]>([])
    let outcome = try await Local.run(dag).run { event in
      if case .task(let record) = event, record.state == .running {
        begun.withLock { $0.append(record.task) }
      }
    }
    #expect(outcome.succeeded)
    #expect(
      begun.withLock { $0 } == ["t5", "t7", "t4", "t2", "t0", "t6", "t1", "t3"])
  }

  @Test("ten thousand tasks side by side")
  func wide() async throws {
    let dag = DAG("wide") { dag in
      for task in 0..<10_000 { dag.task("t\(task)", Number(value: task)) }
    }
    let outcome = try await Local.run(dag).run()
    #expect(outcome.succeeded && outcome.tasks.count == 10_000)
    #expect(outcome.task("t9999")?.output == .integer(9999))
  }

  @Test("a DAG without tasks that run ends at once")
  func nothingRuns() async throws {
    let dag = DAG("still") { $0.task("a", Number(value: 1)) }
    let outcome = try await Local.run(dag, StandIns(skipped: ["a"])).run()
    #expect(outcome.succeeded && outcome.task("a")?.message == "skipped by the test")
  }

  @Test("one attempt: inputs given, an item of a mapped task, a sensor that finds nothing")
  func oneAttempt() async throws {
    let dag = DAG("one") { dag in
      let a = dag.task("a", Number(value: 1))
      dag.task("b", Sum(inputs: [a], plus: 1))
      let numbers = dag.task("numbers", Numbers(count: 4))
      dag.mapped("tens", over: numbers) { Tenfold(item: $0) }
      dag.sensor("late", Arrival(at: .max), every: .seconds(10))
    }
    func attempt(_ task: String, _ inputs: [String: JSONValue] = [:]) throws -> LocalAttempt {
      try LocalAttempt(
        dag, task: task, interval: Local.interval, inputs: inputs,
        registry: TaskRegistry(Local.kinds), projectDirectory: "/nowhere", zone: .utc,
        startsAt: Local.start)
    }
    #expect(try await attempt("b", ["a": 4]).run().output == .integer(5))
    #expect(try await attempt("tens[2]", ["numbers": [5, 6, 7]]).run().output == .integer(70))
    #expect(try await attempt("tens", ["numbers": [5]]).run().output == .integer(50))
    let late = try await attempt("late").run()
    #expect(late.state == .deferred && late.message?.hasPrefix("it is 18") == true)
    let missing = #expect(throws: OrchestratorError.self) { try attempt("b") }
    #expect(missing?.code == "orchestrator.missing_input")
    let unknown = #expect(throws: OrchestratorError.self) { try attempt("bb") }
    #expect(unknown?.hint?.contains("did you mean") == true)
    await #expect(throws: OrchestratorError.self) {
      try await attempt("tens[3]", ["numbers": [5, 6, 7]]).run()
    }
  }
}

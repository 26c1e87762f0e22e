import Schedules
import TestSupport
import Testing

@testable import Pipeline

private let interval = DataInterval(day: Day(number: 20_000), in: .utc)

/// How each attempt at each task goes, fixed beforehand: what a run ends in must not depend on
/// anything else.
private struct Script {
  var endings: [[LegacyAttemptEnding]]

  func ending(_ task: Int, attempt: Int) -> LegacyAttemptEnding {
    endings[task][(attempt - 1) % endings[task].count]
  }
}

/// A random DAG of up to 40 tasks, with edges from earlier tasks to later ones.
private func randomPlan(_ random: inout SplitMix64) throws -> (RunPlan, Script) {
  let count = Int.random(in: 1...40, using: &random)
  var script: [[LegacyAttemptEnding]] = []
  let dag = DAG("random") { dag in
    for number in 0..<count {
      let density = Double.random(in: 0...0.3, using: &random)
      let upstreams = (0..<number).filter { _ in Double.random(in: 0..<1, using: &random) < density
      }
      let retries = Int.random(in: 0...3, using: &random)
      dag.task(
        "t\(number)", Nothing(), after: upstreams.map { "t\($0)" },
        when: TriggerRule.allCases.randomElement(using: &random) ?? .allSuccess,
        retries: .exponential(retries, first: .seconds(1)),
        failure: Bool.random(using: &random) ? .tolerated : .failsRun)
      script.append(
        (0...retries).map { _ in
          switch Int.random(in: 0..<10, using: &random) {
          case 0..<5: .success
          case 5..<8: .failed(permanent: false)
          case 8: .failed(permanent: true)
          default: .skipped
          }
        })
    }
  }
  // Declared in another order than that of the edges, so that order must be derived.
  let tasks = dag.tasks.enumerated().map { ($0, $1) }.shuffled(using: &random)
  let shuffled = DAGSnapshot(
    name: dag.name, summary: nil, schedule: .manual, catchUp: .none, tasks: tasks.map(\.1))
  return (try RunPlan(shuffled), Script(endings: tasks.map { script[$0.0] }))
}

/// The naive simulator: no clock, no parallelism, no counters. A task is asked when all upstream
/// tasks have ended, and its attempts follow one another.
private func naiveEnd(_ plan: RunPlan, _ script: Script) -> ([TaskState], [Int], RunState) {
  var states: [TaskState?] = Array(repeating: nil, count: plan.ids.count)
  var attempts = Array(repeating: 0, count: plan.ids.count)
  func end(_ task: Int) -> TaskState {
    if let state = states[task] { return state }
    let upstreams = plan.upstreams[task].map(end)
    let tally = UpstreamTally(
      succeeded: upstreams.count { $0 == .success }, failed: upstreams.count { $0 == .failed },
      upstreamFailed: upstreams.count { $0 == .upstreamFailed },
      skipped: upstreams.count { $0 == .skipped })
    var state = TaskState.failed
    switch plan.rules[task].verdict(tally) {
    case .skip: state = .skipped
    case .upstreamFailed: state = .upstreamFailed
    case .wait: Issue.record("nothing is left to wait for")
    case .run:
      attempting: for attempt in 1...(1 + plan.retries[task].count) {
        attempts[task] = attempt
        switch script.ending(task, attempt: attempt) {
        case .success:
          state = .success
          break attempting
        case .skipped:
          state = .skipped
          break attempting
        case .failed(permanent: true): break attempting
        case .failed, .cancelled: continue
        }
      }
    }
    states[task] = state
    return state
  }
  let ends = plan.ids.indices.map(end)
  let failed = ends.indices.contains {
    (ends[$0] == .failed || ends[$0] == .upstreamFailed) && !plan.tolerated[$0]
  }
  return (ends, attempts, failed ? .failed : .success)
}

/// Plays the outside world: attempts end and pauses elapse in random order.
private struct World {
  let plan: RunPlan
  let script: Script
  var machine: LegacyRunMachine
  var random: SplitMix64
  var now = Instant(seconds: 1_700_000_000)
  var running: [(task: Int, attempt: Int)] = []
  var pauses: [(task: Int, attempt: Int, at: Instant)] = []
  var finish: RunState?
  var recorded: [Int: TaskState] = [:]

  mutating func send(_ event: LegacyMachineEvent) {
    for action in machine.apply(event, at: now) {
      #expect(finish == nil, "an action after the end: \(action)")
      switch action {
      case .start(let task, let attempt):
        #expect(!running.contains { $0.task == task })
        #expect(!machine.isCancelling)
        running.append((task, attempt))
        #expect(running.count <= machine.parallelism)
      case .record(let task, let state):
        #expect(recorded[task]?.isFinal != true, "a final state changed: \(plan.ids[task])")
        recorded[task] = state
      case .retry(let task, let attempt, let at):
        #expect(at >= now)
        pauses.append((task, attempt, at))
      case .stop(let task, let attempt):
        #expect(running.contains { $0.task == task && $0.attempt == attempt })
      case .finish(let state, let stuck):
        #expect(stuck == [])
        #expect(running.isEmpty)
        finish = state
      }
    }
  }

  /// One random thing happens; false when nothing can.
  mutating func step() -> Bool {
    let choices = running.count + pauses.count
    guard finish == nil, choices > 0 else { return false }
    let choice = Int.random(in: 0..<choices, using: &random)
    if choice < running.count {
      let (task, attempt) = running.remove(at: choice)
      let ending = script.ending(task, attempt: attempt)
      send(.ended(task: task, attempt: attempt, ending))
      // A late word from an attempt that has ended changes nothing.
      let before = machine.tasks
      #expect(machine.apply(.ended(task: task, attempt: attempt, .success), at: now) == [])
      #expect(machine.tasks == before)
    } else {
      let pause = pauses.remove(at: choice - running.count)
      now = max(now, pause.at)
      send(.retryDue(task: pause.task, attempt: pause.attempt))
      // Nor does one whose successor is already on its way, nor a second wake-up.
      let before = machine.tasks
      #expect(
        machine.apply(.ended(task: pause.task, attempt: pause.attempt, .success), at: now) == [])
      #expect(machine.apply(.retryDue(task: pause.task, attempt: pause.attempt), at: now) == [])
      #expect(machine.tasks == before)
    }
    return true
  }
}

@Suite struct LegacyRunMachineTests {
  @Test func randomRunsEndAsTheNaiveSimulatorSays() throws {
    var ends: [TaskState: Int] = [:]
    for seed in 0..<300 {
      var random = SplitMix64(seed: UInt64(seed))
      let (plan, script) = try randomPlan(&random)
      let (states, attempts, end) = naiveEnd(plan, script)
      for parallelism in [1, 3, 100] {
        var world = World(
          plan: plan, script: script,
          machine: LegacyRunMachine(plan: plan, interval: interval, parallelism: parallelism),
          random: random)
        world.send(.begin)
        while world.step() {}
        #expect(world.finish == end, "seed \(seed)")
        #expect(world.machine.tasks.map(\.state) == states, "seed \(seed)")
        #expect(world.machine.tasks.map(\.attempts) == attempts, "seed \(seed)")
        #expect(plan.ids.indices.map { world.recorded[$0] } == states, "seed \(seed)")
      }
      for state in states { ends[state, default: 0] += 1 }
    }
    // The random runs are worth something: every ending is common.
    for state in [TaskState.success, .failed, .upstreamFailed, .skipped] {
      #expect(ends[state, default: 0] > 300, "\(state.rawValue) \(ends)")
    }
  }

  /// A run interrupted at a random point, its running attempts lost, ends with every task in the
  /// state that its attempts lead to, and no finished task starts again.
  @Test func interruptedRunsAreTakenUp() throws {
    for seed in 0..<300 {
      var random = SplitMix64(seed: UInt64(seed) &+ 1_000_000)
      let (plan, script) = try randomPlan(&random)
      var world = World(
        plan: plan, script: script,
        machine: LegacyRunMachine(plan: plan, interval: interval, parallelism: 3), random: random)
      world.send(.begin)
      var steps = Int.random(in: 0..<30, using: &random)
      while steps > 0, world.step() { steps -= 1 }
      guard world.finish == nil else { continue }
      let crashed = world.machine.tasks
      var second = World(
        plan: plan, script: script,
        machine: LegacyRunMachine(plan: plan, interval: interval, tasks: crashed, parallelism: 2),
        random: random)
      second.send(.begin)
      while second.step() {}
      #expect(second.finish != nil, "seed \(seed)")
      for (before, after) in zip(crashed, second.machine.tasks) {
        #expect(after.state.isFinal)
        #expect(after.attempts <= after.allowedAttempts)
        if before.state.isFinal { #expect(before == after, "seed \(seed)") }
      }
    }
  }

  @Test func cancellingStopsEverythingOnce() throws {
    for seed in 0..<300 {
      var random = SplitMix64(seed: UInt64(seed) &+ 2_000_000)
      let (plan, script) = try randomPlan(&random)
      var world = World(
        plan: plan, script: script,
        machine: LegacyRunMachine(plan: plan, interval: interval, parallelism: 3), random: random)
      world.send(.begin)
      var steps = Int.random(in: 0..<20, using: &random)
      while steps > 0, world.step() { steps -= 1 }
      guard world.finish == nil else { continue }
      let open = world.machine.tasks.indices.filter { !world.machine.tasks[$0].state.isFinal }
      world.send(.cancel)
      #expect(world.machine.apply(.cancel, at: world.now) == [])
      world.pauses = []
      while world.step() {}
      let tasks = world.machine.tasks
      #expect(tasks.allSatisfy { $0.state.isFinal })
      #expect(open.allSatisfy { [.cancelled, .success, .skipped].contains(tasks[$0].state) })
      let cancelled = tasks.contains { $0.state == .cancelled }
      #expect(world.finish != nil)
      #expect((world.finish == .cancelled) == cancelled, "seed \(seed)")
    }
  }

  @Test func theLastAttemptLostToACrashFailsTheTask() throws {
    let dag = DAG("d") { dag in
      dag.task("a", Nothing())
      dag.task("b", Nothing(), after: ["a"])
    }
    let plan = try RunPlan(dag.snapshot())
    var machine = LegacyRunMachine(
      plan: plan, interval: interval,
      tasks: [
        .init(state: .running, attempts: 1, allowedAttempts: 1), .init(allowedAttempts: 1),
      ], parallelism: 1)
    #expect(
      machine.apply(.begin, at: Instant(seconds: 0)) == [
        .record(task: 0, .failed), .record(task: 1, .upstreamFailed), .finish(.failed, stuck: []),
      ])
  }

  @Test func retriesWaitTheirPause() throws {
    let dag = DAG("d") { dag in
      dag.task("a", Nothing(), retries: .fixed(1, every: .seconds(30)))
    }
    var machine = LegacyRunMachine(
      plan: try RunPlan(dag.snapshot()), interval: interval, parallelism: 1)
    let now = Instant(seconds: 100)
    #expect(machine.apply(.begin, at: now) == [.start(task: 0, attempt: 1)])
    #expect(
      machine.apply(.ended(task: 0, attempt: 1, .failed(permanent: false)), at: now) == [
        .record(task: 0, .retrying), .retry(task: 0, attempt: 1, at: Instant(seconds: 130)),
      ])
    #expect(
      machine.apply(.retryDue(task: 0, attempt: 1), at: now) == [.start(task: 0, attempt: 2)])
    #expect(
      machine.apply(.ended(task: 0, attempt: 2, .success), at: now) == [
        .record(task: 0, .success), .finish(.success, stuck: []),
      ])
    #expect(machine.apply(.cancel, at: now) == [])
  }

  /// 10,000 tasks: the work per ending does not grow with the DAG.
  @Test func aWideAndALongDAGRunInLinearTime() throws {
    let dag = DAG("large") { dag in
      for number in 0..<5_000 {
        dag.task("w\(number)", Nothing())
        dag.task("c\(number)", Nothing(), after: number == 0 ? [] : ["c\(number - 1)"])
      }
    }
    let plan = try RunPlan(dag.snapshot())
    var world = World(
      plan: plan, script: Script(endings: plan.ids.map { _ in [.success] }),
      machine: LegacyRunMachine(plan: plan, interval: interval, parallelism: 16),
      random: SplitMix64(seed: 1))
    world.send(.begin)
    while world.finish == nil, !world.running.isEmpty {
      let (task, attempt) = world.running.removeLast()
      world.send(.ended(task: task, attempt: attempt, .success))
    }
    #expect(world.finish == .success)
  }
}

import Foundation
import Schedules
import TestSupport
import Testing

@testable import Pipeline

/// Random runs against the naive one: 500 seeds, or 10,000 with `STRATA_LONG_TESTS=1`.
private let seeds = ProcessInfo.processInfo.environment["STRATA_LONG_TESTS"] == "1" ? 10_000 : 500
/// The seeds are shared out, so that every core has its part.
private let parts = 10

@Suite struct RunRandomTests {
  /// After every event, every state, count and tally of a run that was only loaded in part is that
  /// of a run that looks at everything; and when nothing can happen any more, the run has ended.
  @Test(arguments: 0..<parts) func theMachineIsTheNaiveRun(_ part: Int) throws {
    var statistics = RunStatistics()
    for seed in stride(from: part, to: seeds, by: parts) {
      var random = SplitMix64(seed: UInt64(seed))
      let made = try RandomPlan(&random, maximum: 200)
      // Two thirds of the runs are cleared, marked and cancelled.
      let interventions = max(0, Int.random(in: -2...4, using: &random))
      var world = RunWorld(made, seed: seed, random: random, interventions: interventions)
      world.send(.begin)
      while world.step() {}
      world.compare("the end")
      #expect(world.finished != nil, "seed \(seed): no end")
      for standing in world.store.tasks.values { world.statistics.add(standing.state.rawValue) }
      world.statistics.add("tasks", made.plan.ids.count)
      statistics.add(world.statistics)
    }
    // The random runs are worth something: all that can happen does.
    for name in [
      "success", "failed", "upstream_failed", "skipped", "cancelled", "run success", "run failed",
      "run cancelled", "in part", "rounds", "reopened", "intervened", "intervened after", "lost",
      "expanded", "no items", "expansion failed", "past met true", "past met false",
      "ended success", "ended failed", "ended skipped", "ended cancelled", "ended deferred",
      "ended released",
    ] {
      #expect(statistics.counts[name, default: 0] >= 5, "\(name): \(statistics.counts)")
    }
    #expect(statistics.counts["in part", default: 0] > statistics.counts["whole", default: 0])
  }

  /// What each attempt comes to is fixed beforehand; then the order in which things happen means
  /// nothing, and every task ends as it does when tasks are run one after another.
  @Test(arguments: 0..<parts) func everyOrderEndsAlike(_ part: Int) throws {
    for seed in stride(from: part, to: seeds, by: parts) {
      var random = SplitMix64(seed: UInt64(seed) &+ 1_000_000)
      let made = try RandomPlan(&random, maximum: 60, isFree: true)
      let script = Script(seed: UInt64(seed), failures: Int.random(in: 0...6, using: &random))
      let expected = Sequential(made.plan, script)
      for order in 0..<2 {
        var play = Play(made.plan, script, SplitMix64(seed: UInt64(seed * 2 + order)))
        let end = play.run()
        #expect(end == expected.end, "seed \(seed)")
        for number in made.plan.ids.indices {
          let standing = play.slice.tasks[TaskKey(number)]
          #expect(standing?.state == expected.states[number], "seed \(seed): \(number)")
          #expect(standing?.attempts == expected.attempts[number], "seed \(seed): \(number)")
        }
      }
    }
  }
}

/// What each attempt at each task comes to.
private struct Script {
  let seed: UInt64
  /// Of ten attempts.
  let failures: Int

  private func dice(_ key: TaskKey, _ salt: Int, sides: Int) -> Int {
    var random = SplitMix64(
      seed: seed &+ UInt64(key.number) << 32 &+ UInt64((key.item ?? 99) << 8 + salt))
    _ = random.next()
    return Int(random.next() % UInt64(sides))
  }

  /// Nil is a crash.
  func ending(_ key: TaskKey, _ attempt: Int) -> AttemptEnding? {
    switch dice(key, attempt, sides: 10) {
    case ..<failures:
      switch dice(key, 100 + attempt, sides: 4) {
      case 0: nil
      case 1: .failed(permanent: true)
      default: .failed(permanent: false)
      }
    case 9: .skipped
    default: .success
    }
  }

  func items(_ number: Int) -> Int { dice(TaskKey(number), 0, sides: 5) }
}

/// One task after another, each asked when all that is upstream of it has ended: no events, no
/// queue, no retry as a state.
private struct Sequential {
  var states: [TaskState] = []
  var attempts: [Int]
  var end = RunState.success

  init(_ plan: RunPlan, _ script: Script) {
    attempts = plan.ids.map { _ in 0 }
    var states: [Int: TaskState] = [:]
    for number in plan.order {
      let upstreams = plan.upstreams[number].compactMap { states[$0] }
      let tally = UpstreamTally(
        succeeded: upstreams.count { $0 == .success }, failed: upstreams.count { $0 == .failed },
        upstreamFailed: upstreams.count { $0 == .upstreamFailed },
        skipped: upstreams.count { $0 == .skipped })
      var verdict = plan.rules[number].verdict(tally)
      if plan.teardowns[number] {
        verdict = plan.setups[number].contains { states[$0] == .success } ? .run : .skip
      }
      switch verdict {
      case .wait, .skip: states[number] = .skipped
      case .upstreamFailed: states[number] = .upstreamFailed
      case .run:
        let retries = plan.retries[number].count
        if plan.mapped[number] {
          let ends = (0..<script.items(number)).map {
            Self.attempt(TaskKey(number, item: $0), script, retries).0
          }
          states[number] =
            ends.contains(.failed) ? .failed : ends.contains(.success) ? .success : .skipped
        } else {
          let (state, count) = Self.attempt(TaskKey(number), script, retries)
          states[number] = state
          attempts[number] = count
        }
      }
      if [.failed, .upstreamFailed].contains(states[number]), !plan.tolerated[number] {
        end = .failed
      }
    }
    self.states = plan.ids.indices.map { states[$0] ?? .waiting }
  }

  private static func attempt(
    _ key: TaskKey, _ script: Script, _ retries: Int
  ) -> (TaskState, Int) {
    for attempt in 1...(1 + retries) {
      switch script.ending(key, attempt) {
      case .success: return (.success, attempt)
      case .skipped: return (.skipped, attempt)
      case .failed(permanent: true): return (.failed, attempt)
      default: continue
      }
    }
    return (.failed, 1 + retries)
  }
}

/// Plays a script in a random order on a run held whole, as `dags test` does.
private struct Play {
  let plan: RunPlan
  let script: Script
  let machine: RunMachine
  var random: SplitMix64
  var slice: RunSlice
  var ready: [TaskKey] = []
  var running: [(key: TaskKey, attempt: Int)] = []
  var end: RunState?

  init(_ plan: RunPlan, _ script: Script, _ random: SplitMix64) {
    self.plan = plan
    self.script = script
    self.random = random
    machine = RunMachine(plan: plan, interval: randomInterval)
    slice = RunMachine.initial(plan)
  }

  mutating func run() -> RunState? {
    send(.begin)
    while !ready.isEmpty || !running.isEmpty {
      let choice = Int.random(in: 0..<ready.count + running.count, using: &random)
      if choice < ready.count {
        let key = ready.remove(at: choice)
        slice.tasks[key]?.state = .running
        slice.tasks[key]?.attempts += 1
        running.append((key, slice.tasks[key]?.attempts ?? 0))
      } else {
        let (key, attempt) = running.remove(at: choice - ready.count)
        let ending = script.ending(key, attempt)
        send(
          ending.map { .ended(key, attempt: attempt, $0) } ?? .lost(key, attempt: attempt))
      }
    }
    return end
  }

  private mutating func send(_ event: MachineEvent) {
    guard
      case .decided(let changes, let actions) = machine.apply(
        event, to: slice, at: Instant(seconds: 0))
    else {
      Issue.record("expected a decision on a whole run")
      return
    }
    slice.merge(changes)
    for action in actions {
      switch action {
      case .enqueue(let key, _, _): ready.append(key)
      case .expand(let number): send(.expanded(number: number, count: script.items(number)))
      case .finish(let state, _): end = state
      case .record: break
      case .askPast, .stop, .dropItems, .reopen: Issue.record("unexpected: \(action)")
      }
    }
  }
}

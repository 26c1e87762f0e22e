import Schedules
import TestSupport
import Testing

@testable import Pipeline

/// What the random runs have met, to show that they are worth something.
struct RunStatistics {
  var counts: [String: Int] = [:]

  mutating func add(_ name: String, _ amount: Int = 1) { counts[name, default: 0] += amount }

  mutating func add(_ other: RunStatistics) {
    counts.merge(other.counts, uniquingKeysWith: +)
  }
}

/// Plays the outside world: a store that is only loaded in part, workers that claim, attempts that
/// end, workers that die, people who cancel, clear and mark; all at random, all from one seed.
struct RunWorld {
  let plan: RunPlan
  let machine: RunMachine
  let sensors: Set<Int>
  let branches: Set<Int>
  let seed: Int
  var random: SplitMix64
  var now = Instant(seconds: 1_700_000_000)
  /// What the database holds.
  var store: RunSlice
  var naive: NaiveRun
  /// What the actions alone tell, apart from the standings.
  var recorded: [TaskKey: TaskState]
  var dueAt: [TaskKey: Instant] = [:]
  /// Attempts on their way, also those that nobody waits for any more.
  var live: [(key: TaskKey, attempt: Int)] = []
  var stopped: Set<TaskKey> = []
  var asked: Set<Int> = []
  var finished: RunState?
  var statistics = RunStatistics()
  /// Share of attempts that fail.
  var failures: Double
  /// Cancels, clears and marks that are still to come.
  var interventions: Int
  /// Whether everything is compared after every event, or after some.
  let isThorough: Bool

  init(_ made: RandomPlan, seed: Int, random: SplitMix64, interventions: Int = 0) {
    plan = made.plan
    machine = RunMachine(plan: made.plan, interval: randomInterval)
    sensors = made.sensors
    branches = made.branches
    self.seed = seed
    self.random = random
    store = RunMachine.initial(made.plan)
    naive = NaiveRun(made.plan)
    recorded = store.tasks.mapValues(\.state)
    failures = Double.random(in: 0...0.5, using: &self.random)
    self.interventions = interventions
    isThorough = made.plan.ids.count <= 40
  }

  // MARK: Deciding as the runtime does

  mutating func send(_ event: MachineEvent) {
    let (changes, actions) = decide(event)
    store.merge(changes)
    naive.take(event)
    var open: [Int] = []
    for action in actions { act(action, &open) }
    if isThorough || Int.random(in: 0..<8, using: &random) == 0 { compare("\(event)") }
    for number in open { send(expansion(number)) }
  }

  private func load(_ number: Int, item: Int? = nil, into slice: inout RunSlice) {
    let key = TaskKey(number, item: item)
    slice.tasks[key] = store.tasks[key]
  }

  /// Asks the machine with as little of the run as it takes.
  private mutating func decide(_ event: MachineEvent) -> (RunSlice, [MachineAction]) {
    var slice = RunSlice(run: store.run)
    switch event {
    case .ended(let key, _, _), .lost(let key, _):
      if let item = key.item { load(key.number, item: item, into: &slice) }
    default: break
    }
    // As the runtime does, or with as little as it takes.
    if Bool.random(using: &random) {
      let numbers = machine.loads(for: event)
      if numbers == nil { slice = store }
      for number in numbers ?? [] { load(number, into: &slice) }
    }
    for round in 0..<20 {
      switch machine.apply(event, to: slice, at: now) {
      case .decided(let changes, let actions):
        statistics.add(slice.tasks.count < store.tasks.count ? "in part" : "whole")
        statistics.add("rounds", round)
        #expect(slice.tasks.count == store.tasks.count || !actions.contains(.reopen))
        // The whole run would have been decided on alike.
        if isThorough {
          #expect(
            machine.apply(event, to: store, at: now) == .decided(changes: changes, actions),
            "seed \(seed): \(event)")
        }
        return (changes, actions)
      case .needs(let numbers):
        #expect(!numbers.isEmpty)
        for number in numbers {
          #expect(slice.tasks[TaskKey(number)] == nil, "seed \(seed): loaded twice")
          load(number, into: &slice)
        }
      case .needsWhole:
        #expect(slice != store)
        slice = store
      }
    }
    Issue.record("seed \(seed): no decision on \(event) in 20 rounds")
    return (slice, [])
  }

  private mutating func act(_ action: MachineAction, _ open: inout [Int]) {
    switch action {
    case .enqueue(let key, let at, let state):
      #expect(at >= now && state.isClaimable)
      dueAt[key] = at
      recorded[key] = state
    case .record(let key, let state):
      #expect(!state.isClaimable && recorded[key] != state, "seed \(seed): \(action)")
      recorded[key] = state
    case .expand(let number): open.append(number)
    case .askPast(let number): asked.insert(number)
    case .stop(let key, let attempt):
      #expect(live.contains { $0.key == key && $0.attempt == attempt }, "seed \(seed): \(action)")
      stopped.insert(key)
    case .dropItems(let number):
      for (key, state) in recorded where key.number == number && key.item != nil {
        #expect(state.isFinal, "seed \(seed): a dropped item is \(state)")
        recorded[key] = nil
      }
    case .finish(let state, let stuck):
      #expect(finished != state && stuck == [], "seed \(seed)")
      finished = state
      statistics.add("run \(state.rawValue)")
    case .reopen:
      #expect(finished != nil)
      finished = nil
      statistics.add("reopened")
    }
  }

  private mutating func expansion(_ number: Int) -> MachineEvent {
    let count = Int.random(in: -1...6, using: &random)
    statistics.add(count < 0 ? "expansion failed" : count == 0 ? "no items" : "expanded")
    return count < 0 ? .expansionFailed(number: number) : .expanded(number: number, count: count)
  }

  // MARK: What happens

  /// One random thing; false when nothing can happen any more.
  mutating func step() -> Bool {
    if interventions > 0, Int.random(in: 0..<20, using: &random) == 0 || finished != nil {
      interventions -= 1
      intervene()
      return true
    }
    let ready = store.tasks.keys.filter { store.tasks[$0]?.state.isClaimable == true }.sorted()
    let past = asked.sorted()
    let choices = ready.count + live.count + past.count
    guard choices > 0 else { return false }
    let choice = Int.random(in: 0..<choices, using: &random)
    if choice < ready.count {
      claim(ready[choice])
    } else if choice < ready.count + live.count {
      endAttempt(choice - ready.count)
    } else {
      let number = past[choice - ready.count - live.count]
      asked.remove(number)
      let isMet = Int.random(in: 0..<4, using: &random) > 0
      if store.tasks[TaskKey(number)]?.isHeld == true { statistics.add("past met \(isMet)") }
      send(isMet ? .pastMet(number: number) : .pastFailed(number: number))
    }
    return true
  }

  private mutating func claim(_ key: TaskKey) {
    guard var standing = store.tasks[key] else { return }
    now = max(now, dueAt[key] ?? now)
    if standing.state != .deferred { standing.attempts += 1 }
    #expect(standing.attempts <= standing.allowedAttempts, "seed \(seed): \(key)")
    standing.state = .running
    store.tasks[key] = standing
    recorded[key] = .running
    naive.claim(key)
    live.append((key, standing.attempts))
    stopped.remove(key)
  }

  private mutating func endAttempt(_ index: Int) {
    let (key, attempt) = live.remove(at: index)
    if Int.random(in: 0..<10, using: &random) == 0 {
      statistics.add("lost")
      send(.lost(key, attempt: attempt))
    } else {
      let ending = ending(key)
      statistics.add("ended \(String(describing: ending).prefix { $0 != "(" })")
      send(.ended(key, attempt: attempt, ending))
    }
    stopped.remove(key)
    // A late word from an attempt that has ended changes nothing.
    let isOver = store.tasks[key].map { $0.state != .running || $0.attempts != attempt } ?? true
    #expect(isOver, "seed \(seed)")
    let (changes, actions) = decide(.ended(key, attempt: attempt, .success))
    #expect(changes == RunSlice(run: store.run) && actions == [], "seed \(seed): late")
  }

  private mutating func ending(_ key: TaskKey) -> AttemptEnding {
    if stopped.contains(key), Int.random(in: 0..<5, using: &random) > 0 { return .cancelled }
    if sensors.contains(key.number), Bool.random(using: &random) {
      return .deferred(until: now + .seconds(30))
    }
    if Double.random(in: 0..<1, using: &random) < failures {
      return .failed(permanent: Int.random(in: 0..<5, using: &random) == 0)
    }
    if Int.random(in: 0..<12, using: &random) == 0 { return .skipped }
    if Int.random(in: 0..<12, using: &random) == 0 { return .released }
    guard branches.contains(key.number) else { return .success }
    let isShortCircuit = Int.random(in: 0..<4, using: &random) == 0
    let reach =
      isShortCircuit
      ? plan.descendants(of: [key.number]).subtracting([key.number]).sorted()
      : plan.downstreams[key.number].filter { _ in Bool.random(using: &random) }
    return .success(skips: reach)
  }

  private mutating func intervene() {
    let count = plan.ids.count
    let some = Set(
      (0..<Int.random(in: 1...3, using: &random)).map { _ in
        Int.random(in: 0..<count, using: &random)
      })
    let wasOver = finished != nil
    switch Int.random(in: 0..<8, using: &random) {
    case 0, 1: send(.cancel)
    case 2: send(.clear(some))
    case 7: send(.clear(plan.descendants(of: some)))
    case 3:
      // `--from-failure`
      send(
        .clear(
          Set(plan.ids.indices.filter { store.tasks[TaskKey($0)]?.state != .success })))
    case 4: send(.mark(some.sorted(), .success))
    case 5: send(.mark(some.sorted(), .failed))
    default: send(.mark(some.sorted(), .skipped))
    }
    statistics.add(wasOver ? "intervened after" : "intervened")
  }

  // MARK: Comparing

  /// The store against the naive run, and against a recount of itself.
  func compare(_ event: String) {
    let comment: Comment = "seed \(seed) after \(event)"
    var run = RunStanding(isCancelling: naive.isCancelling, ended: naive.ended)
    var expected: [TaskKey: TaskStanding] = [:]
    for (number, node) in naive.tasks.enumerated() {
      var standing = TaskStanding(
        state: node.state, attempts: node.attempts, allowedAttempts: node.allowed,
        isHeld: node.isHeld, isClearing: node.isClearing, skips: node.skips.sorted())
      for upstream in plan.upstreams[number] {
        let state = naive.tasks[upstream].state
        standing.tally.count(state)
        if state == .success, plan.setups[number].contains(upstream) {
          standing.setupsSucceeded += 1
        }
      }
      for (index, item) in (node.items ?? []).enumerated() {
        expected[TaskKey(number, item: index)] = TaskStanding(
          state: item.state, attempts: item.attempts, allowedAttempts: item.allowed)
        if item.state.isFinal == false { run.active += 1 }
      }
      standing.items = node.items.map { items in
        ItemTally(
          total: items.count, unfinished: items.count { !$0.state.isFinal },
          succeeded: items.count { $0.state == .success },
          failed: items.count { $0.state == .failed },
          skipped: items.count { $0.state == .skipped },
          cancelled: items.count { $0.state == .cancelled })
      }
      expected[TaskKey(number)] = standing
      if !node.state.isFinal { run.unfinished += 1 }
      if node.isHeld || (!node.state.isFinal && node.state != .waiting) { run.active += 1 }
      if [.failed, .upstreamFailed].contains(node.state), !plan.tolerated[number] {
        run.failed += 1
      }
      if node.state == .cancelled { run.cancelled += 1 }
    }
    #expect(store.run == run, comment)
    #expect(finished == naive.ended, comment)
    for (key, standing) in expected where store.tasks[key] != standing {
      Issue.record("\(comment): \(key) is \(store.tasks[key] as Any), expected \(standing)")
    }
    #expect(store.tasks.count == expected.count, comment)
    for (key, standing) in store.tasks where recorded[key] != standing.state {
      Issue.record("\(comment): \(key) is \(standing.state), told \(recorded[key] as Any)")
    }
    #expect(recorded.count == store.tasks.count, comment)
  }
}

import Schedules

@testable import Pipeline

/// The naive run, an oracle: it keeps states and nothing else, looks at every task after every
/// event, and asks all rules until nothing changes.
struct NaiveRun {
  struct Item: Equatable {
    var state = TaskState.queued
    var attempts = 0
    var allowed: Int
  }

  struct Node: Equatable {
    var state = TaskState.waiting
    var attempts = 0
    var allowed: Int
    var isHeld = false
    var isClearing = false
    var items: [Item]?
    var skips: Set<Int> = []
  }

  let plan: RunPlan
  var tasks: [Node]
  var isCancelling = false
  var ended: RunState?

  init(_ plan: RunPlan) {
    self.plan = plan
    tasks = plan.retries.map { Node(allowed: 1 + $0.count) }
  }

  mutating func claim(_ key: TaskKey) {
    if let item = key.item {
      if tasks[key.number].items?[item].state != .deferred {
        tasks[key.number].items?[item].attempts += 1
      }
      tasks[key.number].items?[item].state = .running
    } else {
      if tasks[key.number].state != .deferred { tasks[key.number].attempts += 1 }
      tasks[key.number].state = .running
    }
  }

  mutating func take(_ event: MachineEvent) {
    switch event {
    case .begin: break
    case .ended(let key, let attempt, let ending): end(key, attempt, ending)
    case .lost(let key, let attempt): end(key, attempt, .failed(permanent: false))
    case .expanded(let number, let count):
      let item = Item(allowed: 1 + plan.retries[number].count)
      tasks[number].items = Array(repeating: item, count: count)
      if count == 0 { tasks[number].state = .skipped }
    case .expansionFailed(let number): tasks[number].state = .failed
    case .pastMet(let number):
      guard tasks[number].isHeld else { return }
      tasks[number].isHeld = false
      tasks[number].state = plan.mapped[number] ? .running : .queued
    case .pastFailed(let number):
      guard tasks[number].isHeld else { return }
      tasks[number].isHeld = false
      tasks[number].state = .upstreamFailed
    case .cancel: cancel()
    case .clear(let numbers): clear(numbers)
    case .mark(let numbers, let state): mark(numbers, state)
    }
    askEverybody()
  }

  // MARK: Rules

  private func verdict(_ number: Int) -> Verdict {
    var tally = UpstreamTally()
    for upstream in plan.upstreams[number] {
      switch tasks[upstream].state {
      case .success: tally.succeeded += 1
      case .failed, .cancelled: tally.failed += 1
      case .upstreamFailed: tally.upstreamFailed += 1
      case .skipped: tally.skipped += 1
      default: tally.unfinished += 1
      }
    }
    guard plan.teardowns[number] else { return plan.rules[number].verdict(tally) }
    if tally.unfinished > 0 { return .wait }
    let setups = plan.setups[number]
    return setups.isEmpty || setups.contains { tasks[$0].state == .success } ? .run : .skip
  }

  private mutating func askEverybody() {
    var changes = true
    while changes {
      changes = false
      for number in plan.order {
        let before = tasks[number]
        closeItems(number)
        ask(number)
        if tasks[number] != before { changes = true }
      }
    }
    let active = tasks.contains {
      $0.isHeld || [.queued, .running, .retrying, .deferred].contains($0.state)
    }
    let fails = plan.ids.indices.contains {
      [.failed, .upstreamFailed].contains(tasks[$0].state) && !plan.tolerated[$0]
    }
    if active {
      ended = nil
    } else if tasks.contains(where: { $0.state == .cancelled }) {
      ended = .cancelled
    } else {
      ended = fails ? .failed : .success
    }
  }

  private mutating func ask(_ number: Int) {
    guard tasks[number].state == .waiting, !tasks[number].isHeld else { return }
    switch verdict(number) {
    case .wait: break
    case .skip: tasks[number].state = .skipped
    case .upstreamFailed: tasks[number].state = .upstreamFailed
    case .run:
      if plan.dependsOnPast[number] {
        tasks[number].isHeld = true
      } else {
        tasks[number].state = plan.mapped[number] ? .running : .queued
      }
    }
  }

  private mutating func closeItems(_ number: Int) {
    guard tasks[number].state == .running, let items = tasks[number].items,
      items.allSatisfy({ $0.state.isFinal })
    else { return }
    if tasks[number].isClearing {
      restart(number)
    } else if items.contains(where: { $0.state == .cancelled }) {
      tasks[number].state = .cancelled
    } else if items.contains(where: { $0.state == .failed }) {
      tasks[number].state = .failed
    } else {
      tasks[number].state = items.allSatisfy { $0.state == .skipped } ? .skipped : .success
    }
  }

  private mutating func restart(_ number: Int) {
    tasks[number].state = .waiting
    tasks[number].isHeld = false
    tasks[number].isClearing = false
    tasks[number].items = nil
    tasks[number].skips = []
  }

  // MARK: Attempts

  private mutating func end(_ key: TaskKey, _ attempt: Int, _ ending: AttemptEnding) {
    let number = key.number
    if let index = key.item {
      guard let items = tasks[number].items, index < items.count, items[index].state == .running,
        items[index].attempts == attempt
      else { return }
      let item = items[index]
      let state =
        tasks[number].isClearing
        ? .cancelled : after(number, item.attempts, item.allowed, ending)
      tasks[number].items?[index].state = state
      if ending == .released, state == .queued { tasks[number].items?[index].allowed += 1 }
      return
    }
    let task = tasks[number]
    guard task.state == .running, task.attempts == attempt, !plan.mapped[number] else { return }
    guard !task.isClearing else { return restart(number) }
    tasks[number].state = after(number, task.attempts, task.allowed, ending)
    if ending == .released, tasks[number].state == .queued { tasks[number].allowed += 1 }
    guard case .success(let skips) = ending else { return }
    tasks[number].skips = Set(skips.filter { !plan.teardowns[$0] })
    for skipped in tasks[number].skips
    where tasks[skipped].state != .running && !tasks[skipped].state.isFinal {
      tasks[skipped].state = .skipped
      tasks[skipped].isHeld = false
    }
  }

  private func after(
    _ number: Int, _ attempts: Int, _ allowed: Int, _ ending: AttemptEnding
  ) -> TaskState {
    let stops = isCancelling && !plan.teardowns[number]
    switch ending {
    case .success: return .success
    case .skipped: return .skipped
    case .cancelled: return .cancelled
    case .deferred: return stops ? .cancelled : .deferred
    case .released: return stops ? .cancelled : .queued
    case .failed(let permanent):
      if stops { return .cancelled }
      return permanent || attempts >= allowed ? .failed : .retrying
    }
  }

  // MARK: Operators

  private mutating func cancel() {
    guard ended == nil, !isCancelling else { return }
    isCancelling = true
    for number in plan.ids.indices where !plan.teardowns[number] && !tasks[number].state.isFinal {
      tasks[number].isHeld = false
      tasks[number].isClearing = false
      if tasks[number].state != .running || (plan.mapped[number] && tasks[number].items == nil) {
        tasks[number].state = .cancelled
      }
      cancelItems(number)
    }
  }

  /// Those that do not run.
  private mutating func cancelItems(_ number: Int) {
    for index in (tasks[number].items ?? []).indices {
      let state = tasks[number].items?[index].state
      if state != .running, state?.isFinal == false {
        tasks[number].items?[index].state = .cancelled
      }
    }
  }

  private func isRuledOut(_ number: Int, unless cleared: Set<Int>) -> Bool {
    tasks[number].state == .skipped
      && plan.ids.indices.contains {
        !cleared.contains($0) && tasks[$0].state == .success && tasks[$0].skips.contains(number)
      }
  }

  private mutating func clear(_ numbers: Set<Int>) {
    guard !isCancelling || ended != nil else { return }
    isCancelling = false
    for number in numbers.filter({ !isRuledOut($0, unless: numbers) }) {
      if !plan.mapped[number] {
        tasks[number].allowed = tasks[number].attempts + 1 + plan.retries[number].count
      }
      cancelItems(number)
      let isUnderWay =
        tasks[number].state == .running
        && (tasks[number].items?.contains { $0.state == .running } ?? !plan.mapped[number])
      if isUnderWay { tasks[number].isClearing = true } else { restart(number) }
    }
  }

  private mutating func mark(_ numbers: [Int], _ state: TaskState) {
    guard !isCancelling || ended != nil else { return }
    isCancelling = false
    let changed = Set(numbers.filter { tasks[$0].state != state })
    let verdicts = plan.ids.indices.map { verdict($0) }
    for number in changed {
      if tasks[number].state == .running {
        for index in (tasks[number].items ?? []).indices {
          if tasks[number].items?[index].state.isFinal == false {
            tasks[number].items?[index].state = .cancelled
          }
        }
      }
      tasks[number].state = state
      tasks[number].isHeld = false
      tasks[number].isClearing = false
      tasks[number].skips = []
    }
    // Who ended by the rule waits again; the rules then say what has changed.
    let behind = plan.descendants(of: changed).subtracting(numbers)
    for number in behind.filter({ !isRuledOut($0, unless: []) }) {
      let task = tasks[number].state
      if task == .upstreamFailed || (task == .skipped && verdicts[number] == .skip) {
        tasks[number].state = .waiting
      }
    }
  }
}

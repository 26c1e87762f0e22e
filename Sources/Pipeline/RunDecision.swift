import Schedules

/// One decision while it is made: the slice as it was, and over it what changes.
struct RunDecision {
  let plan: RunPlan
  let interval: DataInterval
  let slice: RunSlice
  let now: Instant

  private(set) var run: RunStanding
  private(set) var changed: [TaskKey: TaskStanding] = [:]
  var actions: [MachineAction] = []
  /// Tasks that have to be loaded first.
  var missing: Set<Int> = []
  /// Whether all of the run has to be loaded first.
  var wantsWhole = false
  /// Tasks that have ended, and whose downstream tasks do not know yet.
  private var open: [Int] = []

  init(plan: RunPlan, interval: DataInterval, slice: RunSlice, now: Instant) {
    self.plan = plan
    self.interval = interval
    self.slice = slice
    self.now = now
    run = slice.run
  }

  // MARK: Standings

  subscript(_ key: TaskKey) -> TaskStanding? { changed[key] ?? slice.tasks[key] }

  /// A task's standing; one that is not loaded is noted as missing.
  mutating func standing(_ number: Int) -> TaskStanding? {
    if let standing = self[TaskKey(number)] { return standing }
    missing.insert(number)
    return nil
  }

  /// Changes a standing, and with it the run's counts.
  mutating func set(_ key: TaskKey, _ standing: TaskStanding) {
    if let old = self[key] { count(key, old, by: -1) }
    count(key, standing, by: 1)
    changed[key] = standing
  }

  private mutating func count(_ key: TaskKey, _ standing: TaskStanding, by amount: Int) {
    if standing.isActive { run.active += amount }
    guard key.item == nil else { return }
    switch standing.state {
    case .waiting, .queued, .running, .retrying, .deferred: run.unfinished += amount
    case .failed, .upstreamFailed: if !plan.tolerated[key.number] { run.failed += amount }
    case .cancelled: run.cancelled += amount
    case .success, .skipped: break
    }
  }

  mutating func forgetItems(_ number: Int, count items: Int) {
    for item in 0..<items {
      let key = TaskKey(number, item: item)
      if let old = self[key] { count(key, old, by: -1) }
      changed[key] = nil
    }
    actions.append(.dropItems(number))
  }

  mutating func setCancelling(_ isCancelling: Bool) { run.isCancelling = isCancelling }

  /// Whether a task has to stop when the run is cancelled.
  func isStopped(_ number: Int) -> Bool { run.isCancelling && !plan.teardowns[number] }

  // MARK: Endings

  /// Gives a task its final state; ``spread()`` lets the others know.
  mutating func settle(_ number: Int, _ state: TaskState, skips: [Int] = []) {
    guard var standing = standing(number) else { return }
    standing.state = state
    standing.isHeld = false
    standing.isClearing = false
    standing.skips = skips
    set(TaskKey(number), standing)
    actions.append(.record(TaskKey(number), state))
    open.append(number)
  }

  /// Lets the tasks downstream of those that ended know, and asks their rules; so on where they
  /// end without running.
  mutating func spread() {
    var next = 0
    while next < open.count {
      let number = open[next]
      next += 1
      guard let state = self[TaskKey(number)]?.state else { continue }
      for downstream in plan.downstreams[number] {
        guard var standing = standing(downstream) else { continue }
        standing.tally.count(.waiting, by: -1)
        standing.tally.count(state)
        if state == .success, plan.setups[downstream].contains(number) {
          standing.setupsSucceeded += 1
        }
        set(TaskKey(downstream), standing)
        ask(downstream)
      }
    }
    open = []
  }

  /// Takes it that everybody knows of what has ended.
  mutating func forgetOpen() { open = [] }

  // MARK: Beginnings

  /// Asks the rule of a task that waits.
  mutating func ask(_ number: Int) {
    guard let standing = standing(number), standing.state == .waiting, !standing.isHeld else {
      return
    }
    switch plan.verdict(number, standing) {
    case .wait: return
    case .skip: settle(number, .skipped)
    case .upstreamFailed: settle(number, .upstreamFailed)
    case .run where isStopped(number): settle(number, .cancelled)
    case .run where plan.dependsOnPast[number]: hold(number)
    case .run: release(number)
    }
  }

  /// Keeps a task that could run until its past is known.
  mutating func hold(_ number: Int) {
    guard var standing = standing(number) else { return }
    standing.isHeld = true
    set(TaskKey(number), standing)
    actions.append(.askPast(number))
  }

  /// Lets a task run: workers may take it, or its items are made.
  mutating func release(_ number: Int) {
    guard var standing = standing(number) else { return }
    standing.isHeld = false
    standing.state = plan.mapped[number] ? .running : .queued
    set(TaskKey(number), standing)
    if plan.mapped[number] {
      actions.append(.record(TaskKey(number), .running))
      actions.append(.expand(number))
    } else {
      actions.append(.enqueue(TaskKey(number), at: now, state: .queued))
    }
  }

  /// Puts a task or an item back into the queue after an attempt.
  mutating func enqueue(_ key: TaskKey, _ state: TaskState, at instant: Instant) {
    guard var standing = self[key] else { return }
    standing.state = state
    set(key, standing)
    actions.append(.enqueue(key, at: instant, state: state))
  }

  // MARK: The end

  /// What the decision comes to.
  func outcome() -> Outcome {
    if wantsWhole { return .needsWhole }
    guard missing.isEmpty else { return .needs(batch()) }
    var run = run
    var actions = actions
    if run.active == 0 {
      let ending = run.ending
      if run.ended != ending {
        var stuck: [Int] = []
        if run.unfinished > 0 {
          guard slice.isWhole(plan) else { return .needsWhole }
          stuck = plan.ids.indices.filter { self[TaskKey($0)]?.state.isFinal != true }
        }
        run.ended = ending
        actions.append(.finish(ending, stuck: stuck))
      }
    } else if run.ended != nil {
      run.ended = nil
      actions.insert(.reopen, at: 0)
    }
    return .decided(changes: RunSlice(run: run, tasks: changed), actions)
  }

  /// The tasks to load: those that are missing, and, as a cascade that has begun may well go on,
  /// those downstream of them up to as many as are loaded. So a cascade of n tasks takes log n
  /// rounds, and loads at most twice what it needs.
  private func batch() -> Set<Int> {
    let enough = max(16, slice.tasks.count)
    var batch = missing
    var open = missing.sorted()
    var next = 0
    while next < open.count, batch.count < enough {
      for downstream in plan.downstreams[open[next]]
      where slice.tasks[TaskKey(downstream)] == nil && batch.insert(downstream).inserted {
        open.append(downstream)
      }
      next += 1
    }
    return batch
  }
}

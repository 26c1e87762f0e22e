// What people ask of a run: cancel, clear, mark. All of it looks at the whole run.
extension RunDecision {
  // MARK: Cancel

  mutating func cancel() {
    guard hasWhole(), run.ended == nil, !run.isCancelling else { return }
    setCancelling(true)
    for number in plan.order where !plan.teardowns[number] {
      guard let standing = standing(number), !standing.state.isFinal else { continue }
      if standing.state == .running { stop(number) } else { settle(number, .cancelled) }
    }
  }

  /// Stops a running task or the items of one; a clear that was on its way is forgotten.
  private mutating func stop(_ number: Int) {
    guard var standing = standing(number) else { return }
    standing.isClearing = false
    set(TaskKey(number), standing)
    guard plan.mapped[number] else {
      actions.append(.stop(TaskKey(number), attempt: standing.attempts))
      return
    }
    guard let items = standing.items else { return settle(number, .cancelled) }
    for key in (0..<items.total).map({ TaskKey(number, item: $0) }) {
      guard let item = self[key], !item.state.isFinal else { continue }
      if item.state == .running {
        actions.append(.stop(key, attempt: item.attempts))
      } else {
        settle(item: key, .cancelled)
      }
    }
    closeItems(number)
  }

  // MARK: Clear

  mutating func clear(_ numbers: Set<Int>) {
    guard hasWhole(), !run.isCancelling || run.ended != nil else { return }
    setCancelling(false)
    let ruledOut = ruledOut(unless: numbers)
    let cleared = plan.order.filter { numbers.contains($0) && !ruledOut.contains($0) }
    for number in cleared { clear(number) }
    for number in Set(cleared.flatMap { plan.downstreams[$0] }) { recount(number) }
    for number in cleared { ask(number) }
  }

  /// The skipped tasks that a branch ruled out which stands: its choice holds until it runs again.
  private func ruledOut(unless cleared: Set<Int>) -> Set<Int> {
    var found: Set<Int> = []
    for number in plan.ids.indices where !cleared.contains(number) {
      for skipped in self[TaskKey(number)]?.skips ?? []
      where self[TaskKey(skipped)]?.state == .skipped {
        found.insert(skipped)
      }
    }
    return found
  }

  /// Lets a task wait again: at once, or when its attempts have been stopped.
  private mutating func clear(_ number: Int) {
    guard var standing = standing(number) else { return }
    if !plan.mapped[number] {
      standing.allowedAttempts = standing.attempts + 1 + plan.retries[number].count
      standing.isClearing = standing.state == .running
      set(TaskKey(number), standing)
      if standing.isClearing {
        actions.append(.stop(TaskKey(number), attempt: standing.attempts))
        return
      }
    } else if standing.state == .running, let items = standing.items {
      standing.isClearing = true
      set(TaskKey(number), standing)
      stopItems(number, count: items.total)
      // The last one of those that run will see to it.
      if let left = self[TaskKey(number)]?.items?.unfinished, left > 0 { return }
    }
    wait(number)
  }

  private mutating func stopItems(_ number: Int, count: Int) {
    for key in (0..<count).map({ TaskKey(number, item: $0) }) {
      guard let item = self[key], !item.state.isFinal else { continue }
      if item.state == .running {
        actions.append(.stop(key, attempt: item.attempts))
      } else {
        settle(item: key, .cancelled)
      }
    }
  }

  /// Puts a task back to where it waits for its upstream tasks, its items forgotten.
  private mutating func wait(_ number: Int) {
    guard var standing = standing(number) else { return }
    if let items = standing.items, items.total > 0 { forgetItems(number, count: items.total) }
    let changes = standing.state != .waiting
    standing.state = .waiting
    standing.isHeld = false
    standing.isClearing = false
    standing.items = nil
    standing.skips = []
    set(TaskKey(number), standing)
    if changes { actions.append(.record(TaskKey(number), .waiting)) }
  }

  /// Begins a cleared task afresh, its attempts having ended.
  mutating func restart(_ number: Int) {
    wait(number)
    ask(number)
  }

  /// Counts anew how the upstream tasks of a task stand.
  private mutating func recount(_ number: Int) {
    guard var standing = standing(number) else { return }
    standing.tally = plan.upstreams[number].reduce(into: UpstreamTally()) {
      $0.count(self[TaskKey($1)]?.state ?? .waiting)
    }
    standing.setupsSucceeded = plan.setups[number].count { self[TaskKey($0)]?.state == .success }
    set(TaskKey(number), standing)
  }

  // MARK: Mark

  mutating func mark(_ numbers: Set<Int>, _ state: TaskState) {
    precondition(
      [.success, .failed, .skipped].contains(state),
      "expected a mark of success, failed or skipped, found \(state.rawValue)")
    guard hasWhole(), !run.isCancelling || run.ended != nil else { return }
    setCancelling(false)
    var changed: Set<Int> = []
    for number in plan.order
    where numbers.contains(number) && self[TaskKey(number)]?.state != state {
      mark(number, state)
      changed.insert(number)
    }
    let ruledOut = ruledOut(unless: [])
    let behind = plan.descendants(of: changed)
    for number in plan.order where behind.contains(number) {
      guard let old = standing(number) else { continue }
      recount(number)
      if !numbers.contains(number), !ruledOut.contains(number) { askAgain(number, old) }
    }
    // Each task has been counted anew after all of its upstream ones: nobody is left to be told.
    forgetOpen()
  }

  private mutating func mark(_ number: Int, _ state: TaskState) {
    guard var standing = standing(number) else { return }
    if standing.state == .running {
      if plan.mapped[number] {
        for key in (0..<(standing.items?.total ?? 0)).map({ TaskKey(number, item: $0) }) {
          guard let item = self[key], !item.state.isFinal else { continue }
          if item.state == .running { actions.append(.stop(key, attempt: item.attempts)) }
          settle(item: key, .cancelled)
        }
        standing.items = self[TaskKey(number)]?.items
      } else {
        actions.append(.stop(TaskKey(number), attempt: standing.attempts))
      }
    }
    standing.state = state
    standing.isHeld = false
    standing.isClearing = false
    standing.skips = []
    set(TaskKey(number), standing)
    actions.append(.record(TaskKey(number), state))
  }

  /// Asks the rule of a task again that has not run: one that waits, or that ended by its rule.
  private mutating func askAgain(_ number: Int, _ old: TaskStanding) {
    switch old.state {
    case .waiting: ask(number)
    case .upstreamFailed, .skipped:
      // Skipped where the rule said otherwise: by its own decision, or for want of items.
      if old.state == .skipped, plan.verdict(number, old) != .skip { return }
      guard var standing = standing(number) else { return }
      let verdict = plan.verdict(number, standing)
      if verdict == (old.state == .skipped ? .skip : .upstreamFailed) { return }
      standing.state = .waiting
      set(TaskKey(number), standing)
      if verdict == .wait || verdict == .run {
        actions.append(.record(TaskKey(number), .waiting))
      }
      ask(number)
    case .queued, .running, .retrying, .deferred, .success, .failed, .cancelled: return
    }
  }
}

import Schedules

extension RunDecision {
  /// Takes an event in.
  mutating func take(_ event: MachineEvent) {
    switch event {
    case .begin: begin()
    case .ended(let key, let attempt, let ending): end(key, attempt, ending)
    case .lost(let key, let attempt): end(key, attempt, .failed(permanent: false))
    case .expanded(let number, let count): expand(number, count: count)
    case .expansionFailed(let number): expand(number, count: nil)
    case .pastMet(let number): if isHeld(number) { release(number) }
    case .pastFailed(let number): if isHeld(number) { settle(number, .upstreamFailed) }
    case .cancel: cancel()
    case .clear(let numbers): clear(numbers)
    case .mark(let numbers, let state): mark(Set(numbers), state)
    }
    spread()
  }

  /// Notes that the whole run is wanted where it is not there.
  mutating func hasWhole() -> Bool {
    wantsWhole = !slice.isWhole(plan)
    return !wantsWhole
  }

  private mutating func begin() {
    guard hasWhole(), run.ended == nil else { return }
    for number in plan.order {
      guard let standing = standing(number) else { continue }
      if standing.isHeld { actions.append(.askPast(number)) }
      if isExpanding(number, standing) { actions.append(.expand(number)) }
      ask(number)
    }
  }

  private mutating func isHeld(_ number: Int) -> Bool { standing(number)?.isHeld == true }

  // MARK: Attempts

  /// What becomes of a task or an item after an attempt.
  private enum Sequel {
    case settled(TaskState, skips: [Int])
    case again(TaskState, at: Instant)
    case givenBack
  }

  private mutating func end(_ key: TaskKey, _ attempt: Int, _ ending: AttemptEnding) {
    // An item that is not there any more was dropped, and its attempt is of no interest; a task
    // that is not there was not loaded.
    guard let task = standing(key.number), let standing = self[key],
      standing.state == .running, standing.attempts == attempt,
      plan.mapped[key.number] == (key.item != nil)
    else { return }
    if key.item == nil, task.isClearing { return restart(key.number) }
    let sequel: Sequel =
      task.isClearing ? .settled(.cancelled, skips: []) : sequel(of: key, standing, ending)
    switch sequel {
    case .again(let state, let instant): enqueue(key, state, at: instant)
    case .givenBack: giveBack(key)
    case .settled(let state, let skips):
      if key.item == nil {
        settle(key.number, state, skips: skips.filter { !plan.teardowns[$0] }.sorted())
        if state == .success { ruleOut(skips) }
      } else {
        settle(item: key, state)
        closeItems(key.number)
      }
    }
  }

  private func sequel(
    of key: TaskKey, _ standing: TaskStanding, _ ending: AttemptEnding
  ) -> Sequel {
    switch ending {
    case .success(let skips): return .settled(.success, skips: skips)
    case .skipped: return .settled(.skipped, skips: [])
    case .cancelled: return .settled(.cancelled, skips: [])
    case .failed where isStopped(key.number), .deferred where isStopped(key.number),
      .released where isStopped(key.number):
      return .settled(.cancelled, skips: [])
    case .released: return .givenBack
    case .deferred(let until): return .again(.deferred, at: until)
    case .failed(let permanent):
      guard !permanent, standing.attempts < standing.allowedAttempts else {
        return .settled(.failed, skips: [])
      }
      let id = plan.ids[key.number]
      let pause = plan.retries[key.number].pause(
        after: standing.attempts, dag: plan.dag, task: key.item.map { "\(id)[\($0)]" } ?? id,
        interval: interval)
      return .again(.retrying, at: now + pause)
    }
  }

  /// Queues a task or an item whose attempt came to nothing; attempts keep their numbers, so it may
  /// use one more.
  private mutating func giveBack(_ key: TaskKey) {
    guard var standing = self[key] else { return }
    standing.allowedAttempts += 1
    set(key, standing)
    enqueue(key, .queued, at: now)
  }

  /// Skips the tasks that a branch or short-circuit ruled out, except those that run already and
  /// teardowns, which have a law of their own.
  ///
  /// Before anybody is told of the branch's success: a task that only waited for it must not be
  /// let go first.
  private mutating func ruleOut(_ skips: [Int]) {
    for number in skips where !plan.teardowns[number] {
      guard let standing = standing(number), !standing.state.isFinal, standing.state != .running
      else { continue }
      settle(number, .skipped)
    }
  }

  // MARK: Items

  private func isExpanding(_ number: Int, _ standing: TaskStanding) -> Bool {
    plan.mapped[number] && standing.state == .running && standing.items == nil
  }

  /// Gives a mapped task its items; nil if they cannot be had.
  private mutating func expand(_ number: Int, count: Int?) {
    guard var standing = standing(number), isExpanding(number, standing) else { return }
    if isStopped(number) { return settle(number, .cancelled) }
    guard let count else { return settle(number, .failed) }
    standing.items = ItemTally(total: count, unfinished: count)
    set(TaskKey(number), standing)
    guard count > 0 else { return settle(number, .skipped) }
    for item in 0..<count {
      let key = TaskKey(number, item: item)
      set(key, TaskStanding(allowedAttempts: 1 + plan.retries[number].count))
      enqueue(key, .queued, at: now)
    }
  }

  /// Gives an item its final state, and counts it with its task.
  mutating func settle(item key: TaskKey, _ state: TaskState) {
    guard var item = self[key], var task = standing(key.number) else { return }
    task.items?.move(from: item.state, to: state)
    set(TaskKey(key.number), task)
    item.state = state
    set(key, item)
    actions.append(.record(key, state))
  }

  /// Ends a mapped task whose items have all ended, or begins it afresh where it is being cleared.
  mutating func closeItems(_ number: Int) {
    guard let standing = standing(number), let items = standing.items, items.unfinished == 0 else {
      return
    }
    if standing.isClearing { restart(number) } else { settle(number, items.ending) }
  }
}

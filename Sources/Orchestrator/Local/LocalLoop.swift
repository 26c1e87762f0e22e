import Logging
import Pipeline
import Schedules
import Synchronization

/// The loop of a ``LocalRun``: takes what has ended, asks the machine, starts what may run.
struct LocalLoop: Sendable {
  enum Message: Sendable {
    case ended(TaskKey, attempt: Int, seat: Int64, AttemptResult)
    /// A retry or a sensor is due.
    case due
    case cancel
  }

  private struct Live: Sendable {
    let task: Task<Void, Never>
    let stopping: StopFlag
  }

  private let definition: Definition
  private let identity: RunIdentity
  private let setting: LocalSetting
  private let standIns: StandIns
  private let machine: RunMachine
  private let mailbox: Mailbox<Message>
  private let clock: VirtualClock
  private let book: LocalBook
  private let startedAt: Instant
  private var slice: RunSlice
  /// What has become ready at this instant, and what waits for a place.
  private var fresh: [TaskKey] = []
  private var ready = ReadyQueue()
  /// What may run from a later instant on.
  private var later: [TaskKey: Instant] = [:]
  private var live: [TaskKey: Live] = [:]
  private var products: [TaskKey: JSONValue] = [:]
  private var inputs: [TaskKey: JSONValue] = [:]
  private var sensors: [TaskKey: Instant] = [:]
  private var lastSeat: Int64 = 0
  private var stuck: String?

  init(
    _ run: LocalRun, _ mailbox: Mailbox<Message>, _ observer: @escaping @Sendable (RunEvent) -> Void
  ) {
    definition = run.definition
    identity = run.run
    setting = run.setting
    standIns = run.options.standIns
    machine = RunMachine(plan: definition.plan, interval: identity.interval)
    slice = RunMachine.initial(definition.plan)
    self.mailbox = mailbox
    startedAt = run.options.startsAt ?? SystemClock().now()
    clock = VirtualClock(startedAt) { mailbox.put(.due) }
    book = LocalBook(definition, observer)
  }

  func run() async throws -> RunOutcome {
    var loop = self
    return try await loop.work()
  }

  private mutating func work() async throws -> RunOutcome {
    book.begin(record(.running))
    apply(.begin)
    start()
    var signals = mailbox.signals.makeAsyncIterator()
    while slice.run.ended == nil, await signals.next() != nil {
      for message in mailbox.take() { take(message) }
    }
    for attempt in live.values { await attempt.task.value }
    return book.finish(record(slice.run.ended ?? .failed))
  }

  private mutating func take(_ message: Message) {
    var seat: Int64?
    switch message {
    case .cancel: apply(.cancel)
    case .due: break
    case .ended(let key, let attempt, let its, let result):
      seat = its
      live[key] = nil
      end(key, attempt, result)
    }
    start()
    // Only now may time go on: what follows from an end starts at its instant.
    if let seat { clock.leave(seat) }
  }

  // MARK: Decisions

  private mutating func apply(_ event: MachineEvent) {
    // The whole run is here, so nothing is ever asked back.
    guard case .decided(let changes, let actions) = machine.apply(event, to: slice, at: clock.now)
    else { return }
    slice.merge(changes)
    for action in actions { take(action) }
  }

  private mutating func take(_ action: MachineAction) {
    switch action {
    case .enqueue(let key, let instant, let state):
      if instant > clock.now { later[key] = instant } else { fresh.append(key) }
      book.note(key, slice.tasks[key], state, at: clock.now, due: instant)
    case .record(let key, let state):
      if state.isFinal { later[key] = nil }
      book.note(key, slice.tasks[key], state, at: clock.now)
    case .expand(let number): expand(number)
    case .askPast(let number): apply(.pastMet(number: number))
    case .stop(let key, _): stop(key)
    case .finish(_, let numbers) where !numbers.isEmpty:
      stuck = StuckReport(slice, plan: definition.plan).description
    case .finish, .reopen, .dropItems: break
    }
  }

  private func stop(_ key: TaskKey) {
    live[key]?.stopping.raise()
    live[key]?.task.cancel()
  }

  private mutating func expand(_ number: Int) {
    guard let mapping = definition.snapshot.tasks[number].mapping else { return }
    do {
      let sources = mapping.sources.compactMap { source -> String? in
        if case .output(let task) = source { task } else { nil }
      }
      let items = try mapping.instances(products: products(of: sources))
      for (index, values) in items.enumerated() {
        inputs[TaskKey(number, item: index)] = .object(
          Dictionary(zip(mapping.itemIDs, values), uniquingKeysWith: { first, _ in first }))
      }
      apply(.expanded(number: number, count: items.count))
    } catch {
      book.fail(TaskKey(number), AttemptFault(error))
      apply(.expansionFailed(number: number))
    }
  }

  private mutating func end(_ key: TaskKey, _ attempt: Int, _ result: AttemptResult) {
    let ending: AttemptEnding
    switch result {
    case .success(let product, let skips):
      products[key] = product
      ending = .success(skips: skips.compactMap { definition.number(of: $0) }.sorted())
    case .skipped: ending = .skipped
    case .failed(let fault): ending = .failed(permanent: fault.isPermanent)
    case .deferred(let pause, _): ending = .deferred(until: clock.now + pause)
    case .cancelled: ending = .cancelled
    case .released: ending = .released
    }
    book.end(key, result)
    apply(.ended(key, attempt: attempt, ending))
  }

  // MARK: Attempts

  /// Starts what is due, best first, as far as the run's parallelism allows.
  private mutating func start() {
    guard slice.run.ended == nil else { return }
    let now = clock.now
    for (key, instant) in later where instant <= now {
      later[key] = nil
      fresh.append(key)
    }
    let priorities = definition.plan.priorities
    ready.add(fresh) { priorities[$0.number] }
    fresh = []
    while live.count < definition.snapshot.parallelism, let key = ready.popFirst() {
      // What was cancelled or skipped meanwhile is not queued any more.
      if slice.tasks[key]?.state.isClaimable == true { start(key) }
    }
    clock.setAlarm(later.values.min())
  }

  private mutating func start(_ key: TaskKey) {
    guard var standing = slice.tasks[key] else { return }
    // A claim, as workers do it: a sensor's next look is no further try.
    if standing.state != .deferred { standing.attempts += 1 }
    standing.state = .running
    slice.tasks[key] = standing
    let now = clock.now
    let since = sensors[key] ?? now
    sensors[key] = since
    lastSeat += 1
    let order = order(key, standing.attempts, since: since)
    clock.seat(lastSeat, limit: order.timeLimit)
    book.start(key, standing, token: lastSeat, at: now)
    let (seat, mailbox, place) = (lastSeat, mailbox, place(order, seat: lastSeat))
    let (registry, standIns, stopping) = (setting.registry, standIns, StopFlag())
    let task = Task(executorPreference: AttemptExecutor.shared) {
      var result: AttemptResult
      do {
        let task = try standIns.task(
          for: registry.task(for: order.definition), order.attempt.task,
          base: order.definition.id, item: key.item, attempt: order.attempt.attempt)
        result = await order.runner(of: task, in: place, isStopped: { stopping.isRaised }).run()
      } catch {
        result = .failed(AttemptFault(error))
      }
      mailbox.put(.ended(key, attempt: order.attempt.attempt, seat: seat, result))
    }
    live[key] = Live(task: task, stopping: stopping)
  }

  private func order(_ key: TaskKey, _ attempt: Int, since: Instant) -> AttemptOrder {
    let task = definition.snapshot.tasks[key.number]
    let claimed = ClaimedTask(
      run: identity, definition: definition, key: key, taskID: definition.id(key),
      attempt: attempt, token: lastSeat, startedAt: clock.now, sensorSince: since,
      input: inputs[key])
    return AttemptOrder(claimed, products: products(of: task.reads))
  }

  private func place(_ order: AttemptOrder, seat: Int64) -> AttemptPlace {
    let (book, task, number) = (book, order.attempt.task, order.attempt.attempt)
    let clock = SeatClock(clock: clock, seat: seat)
    let handler = AttemptLogHandler(attempt: order.attempt, clock: clock, buffer: nil) { event in
      if case .log(let line) = event { book.observer(.log(line)) }
    }
    return AttemptPlace(
      pool: setting.pool.scoped(
        "strata test \(identity.dag) \(task)",
        deadline: order.timeLimit.map { ContinuousClock.now + $0 }),
      projectDirectory: setting.projectDirectory, zone: setting.zone, clock: clock,
      log: Logger(label: "\(identity.dag).\(order.definition.id)") { _ in handler },
      report: { book.observer(.progress(task: task, attempt: number, $0)) },
      limitClock: SeatLimitClock(clock: self.clock, seat: seat), rehearsal: { book.tasks })
  }

  /// The products of tasks; of a mapped task the list of its items', those that were skipped left
  /// out.
  private func products(of tasks: [String]) -> [String: JSONValue] {
    var found: [String: JSONValue] = [:]
    for id in tasks {
      guard let number = definition.number(of: id) else { continue }
      if let items = slice.tasks[TaskKey(number)]?.items {
        found[id] = .array((0..<items.total).compactMap { products[TaskKey(number, item: $0)] })
      } else {
        found[id] = products[TaskKey(number)]
      }
    }
    return found
  }

  private func record(_ state: RunState) -> RunRecord {
    let ended = state == .running ? nil : clock.now
    return RunRecord(
      runID: 0, dag: identity.dag, interval: identity.interval, state: state,
      createdAt: startedAt, startedAt: startedAt, finishedAt: ended, passes: 1,
      params: identity.params, snapshotHash: definition.hash,
      message: stuck ?? (state == .failed ? book.failure : nil))
  }
}

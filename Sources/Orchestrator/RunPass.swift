import Logging
import Pipeline
import Schedules
import Synchronization
import Warehouse

/// One pass over a run: feeds the state machine, records what it decides, then acts on it.
struct RunPass {
  /// An attempt on its way.
  private struct Live {
    let lease: RunLedger.Lease
    let startedAt: Instant
    let progress: LatestProgress
    let handle: Task<Void, Never>
  }

  private let coordinator: RunCoordinator
  private let ledger: RunLedger
  private let prepared: PreparedRun
  private let tasks: [any RunnableTask]
  private let inbox: AsyncStream<RunMessage>.Continuation
  private let observer: @Sendable (RunEvent) -> Void
  private let log: LogBuffer
  private let identity: RunIdentity

  private var machine: LegacyRunMachine
  private var records: [TaskRecord]
  private var live: [Int: Live] = [:]
  private var pauses: [Int: Task<Void, Never>] = [:]
  private var month: Day

  private var runID: Int64 { prepared.run.runID }
  private var clock: any WallClock { coordinator.clock }

  init(
    coordinator: RunCoordinator, ledger: RunLedger, prepared: PreparedRun, plan: RunPlan,
    tasks: [any RunnableTask], parallelism: Int, inbox: AsyncStream<RunMessage>.Continuation,
    observer: @escaping @Sendable (RunEvent) -> Void
  ) {
    self.coordinator = coordinator
    self.ledger = ledger
    self.prepared = prepared
    self.tasks = tasks
    self.inbox = inbox
    self.observer = observer
    let run = prepared.run
    identity = RunIdentity(
      runID: run.runID, dag: run.dag, interval: run.interval, params: run.params)
    let clock = coordinator.clock
    log = LogBuffer(firstSequence: Int64(run.passes) << 32) {
      Task {
        // Lines that come close together are written together; a pass that has ended does not care.
        guard (try? await clock.sleep(for: .milliseconds(250))) != nil else { return }
        inbox.yield(.flushLog)
      }
    }
    records = prepared.tasks
    machine = LegacyRunMachine(
      plan: plan, interval: run.interval,
      tasks: prepared.tasks.map {
        LegacyRunMachine.Task(
          state: $0.state, attempts: $0.attempts, allowedAttempts: $0.allowedAttempts)
      }, parallelism: parallelism)
    month = Self.month(of: run.startedAt)
  }

  /// Runs to the end of the run.
  ///
  /// - Throws: where the ledger cannot be written; all attempts have ended by then.
  mutating func run(_ messages: AsyncStream<RunMessage>) async throws -> RunOutcome {
    observer(.started(prepared.run, prepared.disposition, tasks: records))
    do {
      try await apply(.begin, result: nil)
      var iterator = messages.makeAsyncIterator()
      while !machine.isFinished, let message = await iterator.next() {
        try await handle(message)
      }
    } catch {
      await stopEverything()
      throw error
    }
    await stopEverything()
    guard
      let run = try await ledger.find(
        identity.dag, identity.interval, paramsHash: identity.params.hash)
    else {
      throw OrchestratorError(
        code: "orchestrator.missing_run", message: "expected run \(runID), found none")
    }
    return RunOutcome(run: run, disposition: prepared.disposition, tasks: records)
  }

  private mutating func handle(_ message: RunMessage) async throws {
    switch message {
    case .ended(let task, let attempt, let result):
      let ending: LegacyAttemptEnding
      switch result {
      case .success: ending = .success
      case .skipped: ending = .skipped
      case .failed(let fault): ending = .failed(permanent: fault.isPermanent)
      }
      try await apply(.ended(task: task, attempt: attempt, ending), result: result)
    case .retryDue(let task, let attempt):
      pauses[task] = nil
      try await apply(.retryDue(task: task, attempt: attempt), result: nil)
    case .cancel:
      try await ledger.note("cancel_requested", of: runID, at: clock.now())
      try await apply(.cancel, result: nil)
    case .flushLog:
      try await ledger.write(log.take(), of: runID)
    }
  }

  // MARK: Decide, record, act

  private mutating func apply(_ event: LegacyMachineEvent, result: AttemptResult?) async throws {
    let now = clock.now()
    if Self.month(of: now) != month {
      try await ledger.ensurePartitions(at: now)
      month = Self.month(of: now)
    }
    let actions = machine.apply(event, at: now)
    guard !actions.isEmpty else { return }
    var ended: Int?
    if case .ended(let number, _, _) = event { ended = number }
    var writes = RunWrites(runID: runID, at: now)
    for action in actions {
      switch action {
      case .record(let number, let state) where number == ended:
        writes.ending = ending(number, state, result)
        update(number, state, result, at: now)
      case .record(let number, let state):
        let message = reason(number, state)
        writes.settled.append((records[number].task, state, message))
        update(number, state, nil, at: now)
        records[number].message = message
      case .start(let number, let attempt):
        writes.starts.append((records[number].task, attempt))
      case .finish(let state, let stuck):
        writes.finish = (state, summary(state, stuck: stuck))
      case .retry, .stop: break
      }
    }
    writes.log = writes.ending == nil && writes.finish == nil ? [] : log.take()
    let leases = try await ledger.apply(writes)
    if let ended { live[ended] = nil }
    try act(on: actions, leases, at: now)
  }

  private mutating func act(
    on actions: [LegacyMachineAction], _ leases: [RunLedger.Lease], at now: Instant
  ) throws {
    let leases = Dictionary(leases.map { ($0.task, $0) }, uniquingKeysWith: { $1 })
    for action in actions {
      switch action {
      case .record(let number, _): observer(.task(records[number]))
      case .start(let number, _):
        guard let lease = leases[records[number].task] else {
          throw OrchestratorError(
            code: "orchestrator.missing_lease",
            message: "expected a token for task '\(records[number].task)', found none")
        }
        start(number, lease, at: now)
      case .retry(let number, let attempt, let due):
        observer(.retry(task: records[number].task, attempt: attempt + 1, at: due))
        pauses[number] = Task { [clock, inbox] in
          // Cancelled only when nobody waits for the retry any more.
          guard (try? await clock.sleep(for: due - now)) != nil else { return }
          inbox.yield(.retryDue(task: number, attempt: attempt))
        }
      case .stop(let number, _): live[number]?.handle.cancel()
      case .finish: break
      }
    }
  }

  private mutating func start(_ number: Int, _ lease: RunLedger.Lease, at now: Instant) {
    records[number].state = .running
    records[number].attempts = lease.attempt
    records[number].fencingToken = lease.token
    records[number].startedAt = now
    records[number].finishedAt = nil
    records[number].errorCode = nil
    records[number].message = nil
    records[number].output = nil
    observer(.task(records[number]))
    let definition = prepared.snapshot.tasks[number]
    let attempt = AttemptIdentity(
      task: definition.id, attempt: lease.attempt, fencingToken: lease.token)
    let progress = LatestProgress()
    let handler = AttemptLogHandler(
      attempt: attempt, clock: clock, buffer: log, observer: observer)
    let context = TaskContext(
      pool: coordinator.pool, projectDirectory: coordinator.projectDirectory,
      zone: coordinator.zone, run: identity, attempt: attempt, clock: clock,
      log: Logger(label: "\(identity.dag).\(definition.id)") { _ in handler },
      products: products(for: definition),
      report: { [observer] report in
        progress.set(report)
        observer(.progress(task: attempt.task, attempt: attempt.attempt, report))
      })
    let runner = AttemptRunner(
      task: tasks[number], context: context,
      timeLimit: definition.timeLimitMilliseconds.map { .milliseconds($0) })
    live[number] = Live(
      lease: lease, startedAt: now, progress: progress,
      handle: Task { [inbox] in
        inbox.yield(.ended(task: number, attempt: lease.attempt, await runner.run()))
      })
  }

  /// The products that a task reads, of those upstream tasks that have succeeded.
  private func products(for definition: TaskDefinition) -> [String: JSONValue] {
    var products: [String: JSONValue] = [:]
    for record in records where definition.reads.contains(record.task) {
      products[record.task] = record.output
    }
    return products
  }

  /// Cancels what is still on its way, and waits for it: nothing outlives the pass.
  private mutating func stopEverything() async {
    for pause in pauses.values { pause.cancel() }
    for attempt in live.values { attempt.handle.cancel() }
    for attempt in live.values { await attempt.handle.value }
    pauses = [:]
    live = [:]
  }

  // MARK: What is recorded

  private func ending(
    _ number: Int, _ state: TaskState, _ result: AttemptResult?
  ) -> RunLedger.Ending? {
    guard let attempt = live[number], let result else { return nil }
    return RunLedger.Ending(
      task: records[number].task, token: attempt.lease.token, attempt: attempt.lease.attempt,
      startedAt: attempt.startedAt, taskState: state,
      attemptState: state == .retrying ? .failed : state, result: result,
      progress: attempt.progress.value)
  }

  private mutating func update(
    _ number: Int, _ state: TaskState, _ result: AttemptResult?, at now: Instant
  ) {
    records[number].state = state
    records[number].finishedAt = state.isFinal ? now : nil
    switch result {
    case .success(let product): records[number].output = product
    case .skipped(let reason): records[number].message = reason
    case .failed(let fault):
      records[number].errorCode = fault.code
      records[number].message = fault.message
    case nil: break
    }
  }

  /// Why a task ended without an attempt.
  private func reason(_ number: Int, _ state: TaskState) -> String? {
    switch state {
    case .upstreamFailed, .skipped:
      let upstreams = machine.plan.upstreams[number].map {
        "\(records[$0].task) \(machine.tasks[$0].state.rawValue)"
      }
      return "rule \(machine.plan.rules[number].rawValue): " + upstreams.joined(separator: ", ")
    case .failed: return records[number].message ?? "no attempts left"
    case .cancelled: return "the run was cancelled"
    case .waiting, .queued, .running, .retrying, .deferred, .success: return nil
    }
  }

  /// Why the run ended as it did, in a sentence; nil for success.
  private func summary(_ state: RunState, stuck: [Int]) -> String? {
    if !stuck.isEmpty {
      // The buckets: what is in which state, when nothing can go on.
      let buckets = Dictionary(grouping: records.indices) { machine.tasks[$0].state.rawValue }
        .sorted { $0.key < $1.key }
        .map { "\($0.key): " + $0.value.map { records[$0].task }.joined(separator: ", ") }
      return "stuck: nothing can run and not all has ended (\(buckets.joined(separator: "; ")))"
    }
    switch state {
    case .running, .success: return nil
    case .cancelled: return "cancelled on request"
    case .failed:
      let failed = records.indices.filter {
        machine.tasks[$0].state == .failed && !machine.plan.tolerated[$0]
      }
      guard let first = failed.first else { return "a tolerated failure left tasks unrun" }
      let others = failed.count > 1 ? " (and \(failed.count - 1) more failed)" : ""
      return "task '\(records[first].task)' failed: \(records[first].message ?? "")\(others)"
    }
  }

  private static func month(of instant: Instant) -> Day {
    let day = Zone.utc.day(of: instant)
    return day - (day.components.day - 1)
  }
}

/// The last progress that an attempt reported.
final class LatestProgress: Sendable {
  private let latest = Mutex<TaskProgress?>(nil)

  var value: TaskProgress? { latest.withLock { $0 } }

  func set(_ progress: TaskProgress) {
    var progress = progress
    progress.unit = storable(progress.unit)
    progress.note = progress.note.map(storable)
    latest.withLock { $0 = progress }
  }
}

/// What one decision writes, in one transaction.
struct RunWrites: Sendable {
  let runID: Int64
  let at: Instant
  var ending: RunLedger.Ending?
  var settled: [(task: String, state: TaskState, message: String?)] = []
  var starts: [(task: String, attempt: Int)] = []
  var finish: (state: RunState, message: String?)?
  var log: [LogBuffer.Numbered] = []

  init(runID: Int64, at: Instant) {
    self.runID = runID
    self.at = at
  }
}

extension RunLedger {
  /// Writes a decision in one transaction, and returns the leases of the attempts it starts.
  func apply(_ writes: RunWrites) async throws -> [Lease] {
    let ledger = self
    return try await connection.transaction { _ in
      let (runID, now) = (writes.runID, writes.at)
      try await ledger.write(writes.log, of: runID)
      if let ending = writes.ending { try await ledger.finish(ending, of: runID, at: now) }
      if !writes.settled.isEmpty {
        try await ledger.settle(writes.settled, of: runID, at: now)
      }
      var leases: [Lease] = []
      if !writes.starts.isEmpty {
        leases = try await ledger.start(writes.starts, of: runID, at: now)
      }
      if let finish = writes.finish {
        try await ledger.finish(runID, finish.state, message: finish.message, at: now)
        try await ledger.note(
          "finished", of: runID, ["state": .string(finish.state.rawValue)], at: now)
      }
      return leases
    }
  }
}

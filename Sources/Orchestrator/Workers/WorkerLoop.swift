import Logging
import Pipeline
import Schedules
import Warehouse

/// The state of a worker's loop; only the loop's task touches it.
struct WorkerLoop {
  let worker: Worker
  var id: Int64
  var connection: Connection
  var pulse: Pulse?
  /// Attempts on their way, by token.
  var live: [Int64: LiveAttempt] = [:]
  /// Ends that are not recorded yet: a transaction that failed is tried again with them.
  var pending: [Int64: EndedAttempt] = [:]
  /// Attempts whose tokens are void: they were stopped, and what they come to is of no interest.
  private var forsaken: [Int64: LiveAttempt] = [:]
  var isDraining = false
  var wantsWork = true
  /// Of a foreground run: whether the last look left nothing claimable, so that all there is to
  /// claim is what decisions of this worker queue.
  var isDry = false
  var wantsStops = false
  /// When the next retry or sensor is due, as far as this worker knows.
  var dueAt: Instant?
  var timer: Task<Void, Never>?
  var month: Day?
  var isDone = false

  var runtime: Runtime { worker.runtime }
  var options: WorkerOptions { worker.options }
  var mailbox: Mailbox<Worker.Message> { worker.mailbox }
  var observer: @Sendable (WorkerEvent) -> Void { worker.options.observer }

  init(_ worker: Worker, id: Int64, connection: Connection) {
    self.worker = worker
    self.id = id
    self.connection = connection
  }

  mutating func run() async throws {
    runtime.meters.slots(used: 0, of: options.slots)
    try await retrying { try await $0.nameSession() }
    startPulse()
    mailbox.put(.look)
    for await _ in mailbox.signals {
      try await handle(mailbox.take())
      if isDone || (isDraining && live.isEmpty && pending.isEmpty) { break }
    }
    await leave()
  }

  /// Leaves in order: nothing of it is running.
  private mutating func leave() async {
    timer?.cancel()
    // A run that somebody else ended may leave attempts behind that nobody waits for.
    for attempt in live.values { attempt.stop() }
    for attempt in live.values { await attempt.handle.value }
    live = [:]
    await settleForsaken()
    await pulse?.stop()
    pulse = nil
    do {
      try await connection.execute(
        SQL(file: "queries/orchestrator/end_worker.sql", id, "gone"))
    } catch {
      // Its lease runs out by itself.
      worker.log.warning("could not sign off", metadata: ["error": "\(error)"])
    }
  }

  /// Stops everything after a fault; what ran is taken over once the lease is over.
  mutating func abandon() async {
    timer?.cancel()
    forsakeAttempts()
    await settleForsaken()
    await pulse?.stop()
    await connection.close()
  }

  /// Stops what runs, and goes on without it: work that blocks may take for ever to notice.
  private mutating func forsakeAttempts() {
    for (token, attempt) in live {
      attempt.stop()
      forsaken[token] = attempt
    }
    live = [:]
    pending = [:]
  }

  /// Lets attempts that were stopped end in order before the process does, for as long as it would
  /// let a process of theirs.
  private mutating func settleForsaken() async {
    let handles = forsaken.values.map(\.handle)
    forsaken = [:]
    guard !handles.isEmpty else { return }
    let (ended, signal) = AsyncStream<Void>.makeStream()
    Task {
      for handle in handles { await handle.value }
      signal.finish()
    }
    let grace = runtime.registry.grace
    let limit = Task {
      // Cancelled when all have ended.
      try? await Task.sleep(for: grace)
      signal.finish()
    }
    for await _ in ended {}
    limit.cancel()
  }

  private mutating func startPulse() {
    pulse = Pulse(runtime: runtime, worker: id, options: options, mailbox: mailbox)
  }

  // MARK: Messages

  private mutating func handle(_ messages: [Worker.Message]) async throws {
    var flushes = false
    for message in messages {
      switch message {
      case .ended(let ended):
        if live[ended.token] != nil { pending[ended.token] = ended }
        forsaken[ended.token] = nil
      case .look: wantsWork = true
      case .flushLog: flushes = true
      case .stop: wantsStops = true
      case .leaseLost: try await loseLease()
      case .drain: try await drain()
      case .drainOver: for attempt in live.values { attempt.stop(releases: true) }
      case .cancelRun: try await retrying { try await $0.cancelRun() }
      case .runChanged: try await retrying { try await $0.checkRun() }
      }
    }
    if wantsStops {
      wantsStops = false
      try await retrying { try await $0.stopAttempts() }
    }
    if flushes { try await retrying { try await $0.flushLogs() } }
    if !pending.isEmpty { try await retrying { try await $0.recordEndings() } }
    if wantsWork, !isDraining, !isDone, busy < options.slots {
      wantsWork = false
      try await retrying { try await $0.claim() }
    }
  }

  /// Runs a piece of work that may meet a broken connection or a conflict: it is done again, since
  /// every transaction of it is refused or harmless the second time.
  private mutating func retrying(
    _ body: (inout WorkerLoop) async throws -> Void
  ) async throws {
    var attempt = 1
    while true {
      do {
        return try await body(&self)
      } catch let error as WarehouseError where error.isRetryable && attempt < 10 {
        runtime.meters.failed(error)
        attempt += 1
      } catch let error as WarehouseError where error.isTransientConnectionFailure {
        runtime.meters.failed(error)
        attempt += 1
        worker.log.warning("reconnecting", metadata: ["error": "\(error.message)"])
        try await reconnect()
      }
    }
  }

  private mutating func reconnect() async throws {
    while true {
      await connection.close()
      connection = try await worker.connector.connect(sessionName)
      do {
        try await dropUnknownAttempts()
        break
      } catch let error as WarehouseError where error.isTransientConnectionFailure {
        worker.log.warning("reconnecting again", metadata: ["error": "\(error.message)"])
      }
    }
    wantsWork = true
    wantsStops = true
  }

  /// The name by which whoever gives this worker up finds its sessions, and ends them.
  private var sessionName: String { "strata w\(id) loop" }

  private func nameSession() async throws {
    try await connection.rename(sessionName)
  }

  /// Lets go of attempts that are recorded as this worker's and that it knows nothing of.
  private mutating func dropUnknownAttempts() async throws {
    // A commit whose answer was lost may have claimed attempts that nobody runs.
    let rows = try await connection.query(SQL(file: "queries/orchestrator/list_running_at.sql", id))
    var unknown: [Int64: [Occurrence]] = [:]
    for row in rows {
      let token = try row.get("fencing_token", as: Int64.self)
      guard live[token] == nil, pending[token] == nil else { continue }
      unknown[try row.get("run_id", as: Int64.self), default: []].append(
        .lost(
          OrphanedAttempt(
            taskID: try row.get("task_id", as: String.self), token: token,
            attempt: Int(try row.get("tries", as: Int32.self)),
            message: "the connection broke while it was started", isReleased: true)))
    }
    for (run, occurrences) in unknown.sorted(by: { $0.key < $1.key }) {
      let result = try await runtime.step(connection).decideOrFail(run, occurrences)
      if let result { note(result, of: run) }
    }
  }

  /// After the lease was lost: stops what ran, lets go of what it came to, and begins anew.
  private mutating func loseLease() async throws {
    worker.log.error("lease lost", metadata: ["worker": "\(id)"])
    forsakeAttempts()
    await pulse?.stop()
    guard !options.isBound else {
      throw OrchestratorError(
        code: OrchestratorError.leaseLost,
        message: "this process stood still for longer than its lease of \(options.lease), and its "
          + "run may have been taken over", hint: "run it again: it goes on where it stands",
        isPermanent: true)
    }
    try await retrying { loop in
      loop.id = try await WorkerRegistry(connection: loop.connection).register(
        loop.options, loop.runtime)
      try await loop.nameSession()
    }
    startPulse()
    wantsWork = true
  }

  private mutating func drain() async throws {
    guard !isDraining else { return }
    isDraining = true
    try await retrying { loop in
      try await loop.connection.execute(
        SQL(file: "queries/orchestrator/end_worker.sql", loop.id, "draining"))
    }
    let (mailbox, timeout) = (mailbox, options.drainTimeout)
    timer?.cancel()
    timer = Task {
      guard (try? await Task.sleep(for: timeout)) != nil else { return }
      mailbox.put(.drainOver)
    }
    mailbox.put(.look)
  }
}

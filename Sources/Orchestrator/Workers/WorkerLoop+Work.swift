import Pipeline
import Schedules
import Warehouse

extension WorkerLoop {
  // MARK: Ends

  /// Records the ends of attempts, and claims further work in the same transactions.
  mutating func recordEndings() async throws {
    let byRun = Dictionary(grouping: pending.values) { live[$0.token]?.claimed.run.runID ?? 0 }
    for (runID, endings) in byRun.sorted(by: { $0.key < $1.key }) {
      try await record(endings.sorted { $0.token < $1.token }, of: runID)
    }
  }

  private mutating func record(_ endings: [EndedAttempt], of runID: Int64) async throws {
    try await ensureMonth()
    let lines = endings.flatMap { live[$0.token]?.log.take() ?? [] }
    let room = isDraining ? 0 : options.slots - busy
    let result: StepResult?
    do {
      result = try await runtime.step(connection).decideOrFail(
        runID, endings.map(Occurrence.ended),
        hint: endings.first.flatMap { live[$0.token]?.claimed.definition },
        before: { _ in RunLedger.write(lines, of: runID).map { [$0] } ?? [] },
        claimer: claimer, room: room)
    } catch {
      for ended in endings { live[ended.token]?.log.putBack(lines) }
      throw error
    }
    let dependsOnPast = endings.contains {
      live[$0.token]?.claimed.definition.plan.dependsOnPast.contains(true) ?? false
    }
    for ended in endings {
      pending[ended.token] = nil
      live[ended.token] = nil
    }
    guard var result else { return }
    if result.fault != nil {
      // Their transaction was rolled back, with the lines.
      try await RunLedger(connection: connection).write(lines, of: runID)
      result.refused = endings.map(\.token)
      wantsStops = true
    }
    for token in result.refused {
      worker.log.warning("an attempt's end was refused", metadata: ["token": "\(token)"])
    }
    // A run that was failed was no look at the queue.
    isDry =
      result.fault == nil
      && (result.leftBehind.map { $0 == 0 } ?? (room > 0 && result.claims.count < room))
    note(result, of: runID)
    runtime.meters.refused(result.refused.count)
    for ended in endings where !result.refused.contains(ended.token) {
      runtime.meters.ended(ended.result.state, after: result.at - ended.startedAt)
    }
    runtime.meters.slots(used: busy, of: options.slots)
    start(result.claims)
    // What the decision made claimable was looked for in its own transaction, except for batches.
    if room > 0 {
      wantsWork =
        result.fault != nil
        || result.boundWorker < 0 && (result.queued > 0 || result.endedTasks)
    }
    lookAgainIfBusy()
    if result.endedTasks, dependsOnPast { try await askHeld(after: runID) }
  }

  /// Takes in what a decision did: tells the observer, wakes others, and sets the timer.
  mutating func note(_ result: StepResult, of runID: Int64) {
    if options.run == runID {
      for change in result.changes { observer(.changed(change, at: result.at)) }
      if result.state != .running { isDone = true }
    }
    if result.hasCalls { worker.courier?.wake() }
    if result.stops.contains(id) { wantsStops = true }
    if result.queued > 0 { wantsWork = true }
    if let due = result.dueAt { wake(at: due, now: result.at) }
  }

  /// Looks for work again at an instant.
  mutating func wake(at due: Instant, now: Instant) {
    if let dueAt, dueAt <= due, dueAt > now { return }
    dueAt = due
    guard !isDraining else { return }
    timer?.cancel()
    let (mailbox, clock) = (mailbox, runtime.clock)
    timer = Task {
      // Cancelled only when an earlier instant is waited for, or nobody waits any more.
      guard (try? await clock.sleep(for: due - now)) != nil else { return }
      mailbox.put(.look)
    }
  }

  /// Asks tasks of later runs that wait for tasks of this one.
  private mutating func askHeld(after runID: Int64) async throws {
    let rows = try await connection.query(
      SQL(file: "queries/orchestrator/list_held_runs.sql", runID))
    for row in rows {
      let held = try row.get("run_id", as: Int64.self)
      if let result = try await runtime.step(connection).decideOrFail(held, [.askPast]) {
        note(result, of: held)
      }
    }
  }

  // MARK: Work

  var claimer: Claimer {
    Claimer(
      worker: id, binding: options.isBound ? id : 0, queues: options.queues,
      identity: runtime.identity, definitions: runtime.definitions, time: runtime.time,
      isBackfill: options.isBackfill, isShared: options.run == nil, isDry: isDry,
      batches: options.batches,
      params: runtime.params, turns: worker.turns, meters: runtime.meters,
      tellsLineage: runtime.lineage != nil)
  }

  /// Claims what there is room for.
  mutating func claim() async throws {
    try await ensureMonth()
    let room = options.slots - busy
    guard room > 0 else { return }
    let claimer = claimer
    let claimed = try await withoutUnusable { try await claimer.claim(room, on: $0) }
    start(claimed)
    isDry = claimed.count < room
    guard isDry else { return }
    lookAgainIfBusy()
    // Nothing more for now: the next retry or sensor wakes, or a notification, or the slow poll.
    let row = try await connection.first(
      SQL(
        file: "queries/orchestrator/next_claimable.sql", claimer.binding, runtime.time.fixed))
    guard let row else { return }
    // The timer that waits for that very instant goes on.
    if let due = try row.get("available_at", as: Instant?.self), due != dueAt {
      dueAt = nil
      wake(at: due, now: try row.get("at", as: Instant.self))
    }
    if try row.get("has_batches", as: Bool.self) {
      let left = room - claimed.count
      start(try await withoutUnusable { try await claimer.claimBatches(left, on: $0) })
      lookAgainIfBusy()
    }
  }

  /// Claims; runs that cannot be claimed from are failed, and left out from then on.
  private mutating func withoutUnusable(
    _ claim: nonisolated(nonsending) (Connection) async throws -> [ClaimedTask]
  ) async throws -> [ClaimedTask] {
    while true {
      do {
        return try await claim(connection)
      } catch let unusable as UnusableRun {
        let result = try await runtime.step(connection).fail(
          unusable.runID, because: unusable.cause)
        if let result { note(result, of: unusable.runID) }
      }
    }
  }

  /// Attempts on their way whose end has not come; those of a batch count as one.
  var busy: Int {
    var batches: Set<Int64> = []
    for (token, attempt) in live where pending[token] == nil {
      batches.insert(attempt.batch ?? token)
    }
    return batches.count
  }

  private mutating func start(_ claims: [ClaimedTask]) {
    for claimed in claims where claimed.batch == nil { start(claimed) }
    let batches = Dictionary(grouping: claims.filter { $0.batch != nil }) { $0.batch }
    let mailbox = mailbox
    for batch in batches.values {
      for attempt in LiveAttempt.start(
        batch: batch, worker: id, runtime: runtime, flush: { mailbox.put(.flushLog) },
        ended: { mailbox.put(.ended($0)) })
      {
        live[attempt.claimed.token] = attempt
      }
    }
  }

  private mutating func start(_ claimed: ClaimedTask) {
    let mailbox = mailbox
    // Only the run that somebody watches is told of.
    let isWatched = options.run == claimed.run.runID
    let observer = observer
    let tell: @Sendable (WorkerEvent) -> Void = { event in if isWatched { observer(event) } }
    tell(.claimed(claimed))
    live[claimed.token] = LiveAttempt.start(
      claimed, worker: id, runtime: runtime, observer: tell,
      flush: { mailbox.put(.flushLog) }, ended: { mailbox.put(.ended($0)) })
    runtime.meters.slots(used: live.count, of: options.slots)
  }

  /// Looks again in a moment where another process was claiming under the same limit.
  private func lookAgainIfBusy() {
    guard worker.turns.takeBusy(), !isDraining else { return }
    let mailbox = mailbox
    Task {
      // Real time, whatever clock tests set: it is only to let the other's transaction end.
      let pause = Duration.milliseconds(Int.random(in: 2...8))
      guard (try? await Task.sleep(for: pause)) != nil else { return }
      mailbox.put(.look)
    }
  }

  /// Makes the partitions for this month, once.
  mutating func ensureMonth() async throws {
    let day = Zone.utc.day(of: runtime.clock.now())
    let current = day - (day.components.day - 1)
    guard current != month, !runtime.months.knows(current) else { return }
    // The host's clock only says when to ask: rows are written with the server's times.
    let ledger = RunLedger(connection: connection)
    try await ledger.ensurePartitions(at: try await ledger.now(runtime.time), runtime.months)
    month = current
  }

  // MARK: Orders

  /// Stops the attempts that were told to.
  mutating func stopAttempts() async throws {
    guard !live.isEmpty else { return }
    let claims = live.values.map(\.claimed)
    let rows = try await connection.query(
      SQL(
        file: "queries/orchestrator/list_stops.sql", claims.map(\.run.runID),
        claims.map(\.taskID), claims.map(\.token)))
    for row in rows { live[try row.get("fencing_token", as: Int64.self)]?.stop() }
  }

  mutating func flushLogs() async throws {
    let byRun = Dictionary(grouping: live.values) { $0.claimed.run.runID }
    for (runID, attempts) in byRun {
      try await ensureMonth()
      for attempt in attempts {
        let lines = attempt.log.take()
        do {
          try await RunLedger(connection: connection).write(lines, of: runID)
        } catch {
          attempt.log.putBack(lines)
          throw error
        }
      }
    }
  }

  /// Tells the bound run to stop.
  mutating func cancelRun() async throws {
    guard let runID = options.run else { return }
    let result = try await runtime.step(connection).decide(
      runID, [.order(.cancel)],
      before: { run in [RunLedger.note("cancel_requested", of: runID, at: run.at)] })
    if let result { note(result, of: runID) }
    if wantsStops {
      wantsStops = false
      try await stopAttempts()
    }
  }

  /// Sees whether somebody else has ended the bound run or given it work.
  mutating func checkRun() async throws {
    guard let runID = options.run else { return }
    let row = try await connection.first(SQL(file: "queries/orchestrator/find_run.sql", runID))
    let state = try row?.state("state", as: RunState.self)
    if state != .running { isDone = true } else { wantsWork = true }
  }
}

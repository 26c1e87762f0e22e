import Pipeline
import Schedules
import Synchronization
import Warehouse

/// A run that this process has in hand.
struct TakenRun: Sendable {
  let run: RunRecord
  let disposition: RunDisposition
}

/// Works on one run in this process until it has ended.
struct ForegroundRun: Sendable {
  let runtime: Runtime
  /// What it is of, for the names of its sessions.
  let name: String
  let options: RunOptions
  let stop: StopRelay
  let observer: @Sendable (RunEvent) -> Void

  /// Takes a run in hand and works on it.
  ///
  /// - Parameter take: makes or finds the run, and binds it to the worker of the given number.
  func run(
    _ take: @Sendable (Connection, Int64) async throws -> TakenRun
  ) async throws -> RunOutcome {
    // One that was used before knows its statements and the catalogue already.
    try await runtime.pool.scoped("strata run \(name)").withLastingConnection {
      try await run(on: $0, take)
    }
  }

  private func run(
    on connection: Connection, _ take: @Sendable (Connection, Int64) async throws -> TakenRun
  ) async throws -> RunOutcome {
    let options = WorkerOptions(
      role: .run, slots: options.parallelism, lease: options.lease)
    let worker = try await WorkerRegistry(connection: connection).register(options, runtime)
    let taken: TakenRun
    do {
      taken = try await take(connection, worker)
    } catch {
      try await signOff(worker, on: connection)
      throw error
    }
    let start = try await connection.pipeline([
      SQL(file: "queries/orchestrator/list_tasks.sql", taken.run.runID),
      SQL(file: "queries/orchestrator/find_binding.sql", taken.run.runID),
    ])
    let records = try start[0].map(TaskRecord.init)
    guard taken.run.state == .running else {
      try await signOff(worker, on: connection)
      let outcome = RunOutcome(run: taken.run, disposition: taken.disposition, tasks: records)
      observer(.finished(outcome))
      return outcome
    }
    observer(.started(taken.run, taken.disposition, tasks: records))
    // The tasks of a backfill's runs are queued apart from those of others.
    let isBackfill = try start[1].first?.state("kind", as: RunKind.self) == .backfill
    let last = try await work(
      taken, records, options, worker, isBackfill: isBackfill, on: connection)
    do {
      let outcome = try await finish(taken, on: last)
      if last !== connection { await last.close() }
      return outcome
    } catch {
      if last !== connection { await last.close() }
      throw error
    }
  }

  /// Reads what the run came to.
  private func finish(_ taken: TakenRun, on connection: Connection) async throws -> RunOutcome {
    let end = try await connection.pipeline([
      SQL(file: "queries/orchestrator/find_run.sql", taken.run.runID),
      SQL(file: "queries/orchestrator/list_tasks.sql", taken.run.runID),
    ])
    guard let run = try end[0].first.map(RunRecord.init) else { throw Self.missing(taken.run) }
    await Upkeep(runtime).afterRun(connection)
    let outcome = RunOutcome(
      run: run, disposition: taken.disposition, tasks: try end[1].map(TaskRecord.init))
    guard run.state != .running else { throw Self.takenOver(run) }
    observer(.finished(outcome))
    return outcome
  }

  private func signOff(_ worker: Int64, on connection: Connection) async throws {
    try await connection.execute(
      SQL(file: "queries/orchestrator/end_worker.sql", worker, "gone"))
  }

  private func work(
    _ taken: TakenRun, _ records: [TaskRecord], _ options: WorkerOptions, _ worker: Int64,
    isBackfill: Bool, on connection: Connection
  ) async throws -> Connection {
    let presenter = RunPresentation(records, observer: observer)
    var options = options
    options.run = taken.run.runID
    options.isBound = true
    options.batches = .none
    options.isBackfill = isBackfill
    options.observer = { presenter.take($0) }
    let working = Worker(runtime, options)
    stop.onStop { working.mailbox.put(.cancelRun) }
    return try await working.work(as: worker, on: connection)
  }

  private static func missing(_ run: RunRecord) -> OrchestratorError {
    OrchestratorError(
      code: "orchestrator.missing_run", message: "expected run \(run.runID), found none")
  }

  private static func takenOver(_ run: RunRecord) -> OrchestratorError {
    OrchestratorError(
      code: OrchestratorError.leaseLost,
      message: "run \(run.runID) was taken over by another process while this one ran it",
      hint: "see `strata runs show \(run.runID)`", isPermanent: true)
  }
}

/// Turns what a worker tells of its run into records for an observer.
final class RunPresentation: Sendable {
  private let records: Mutex<[String: TaskRecord]>
  private let observer: @Sendable (RunEvent) -> Void

  init(_ records: [TaskRecord], observer: @escaping @Sendable (RunEvent) -> Void) {
    self.records = Mutex(
      Dictionary(records.map { ($0.task, $0) }, uniquingKeysWith: { first, _ in first }))
    self.observer = observer
  }

  func take(_ event: WorkerEvent) {
    switch event {
    case .changed(let change, let at): changed(change, at)
    case .claimed(let claimed): self.claimed(claimed)
    case .progress(let task, let attempt, let progress):
      observer(.progress(task: task, attempt: attempt, progress))
    case .log(let line): observer(.log(line))
    }
  }

  private func changed(_ change: TaskChange, _ at: Instant) {
    let record = records.withLock { records -> TaskRecord? in
      guard change.state != .queued else { return nil }
      var record = records[change.taskID] ?? TaskRecord(task: change.taskID, kind: change.kind)
      record.state = change.state
      record.attempts = change.attempts
      record.finishedAt = change.state.isFinal ? at : nil
      record.message = change.message
      record.errorCode = change.errorCode
      record.output = change.product
      records[change.taskID] = record
      return record
    }
    guard let record else { return }
    observer(.task(record))
    if change.state == .retrying, let due = change.dueAt {
      observer(.retry(task: change.taskID, attempt: change.attempts + 1, at: due))
    }
  }

  private func claimed(_ claimed: ClaimedTask) {
    let task = claimed.definition.snapshot.tasks[claimed.key.number]
    let record = records.withLock { records -> TaskRecord in
      var record = records[claimed.taskID] ?? TaskRecord(task: claimed.taskID, kind: task.kind)
      record.state = .running
      record.attempts = claimed.attempt
      record.fencingToken = claimed.token
      record.startedAt = claimed.startedAt
      record.finishedAt = nil
      record.errorCode = nil
      record.message = nil
      record.output = nil
      records[claimed.taskID] = record
      return record
    }
    observer(.task(record))
  }
}

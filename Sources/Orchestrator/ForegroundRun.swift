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
    _ take: (Connection, Int64) async throws -> TakenRun
  ) async throws -> RunOutcome {
    var connection = try await runtime.connect("strata run \(name)")
    do {
      let options = WorkerOptions(
        role: .run, slots: options.parallelism, lease: options.lease)
      let worker = try await WorkerRegistry(connection: connection).register(options, runtime)
      let taken: TakenRun
      do {
        taken = try await take(connection, worker)
      } catch {
        try await connection.execute(
          SQL(file: "queries/orchestrator/end_worker.sql", worker, "gone"))
        throw error
      }
      let store = RunStore(runtime.pool)
      let records = try await RunLedger(connection: connection).tasks(of: taken.run.runID)
      guard taken.run.state == .running else {
        try await connection.execute(
          SQL(file: "queries/orchestrator/end_worker.sql", worker, "gone"))
        await connection.close()
        let outcome = RunOutcome(run: taken.run, disposition: taken.disposition, tasks: records)
        observer(.finished(outcome))
        return outcome
      }
      observer(.started(taken.run, taken.disposition, tasks: records))
      connection = try await work(taken, records, options, worker, connection)
      guard let run = try await store.run(taken.run.runID) else { throw Self.missing(taken.run) }
      let tasks = try await store.tasks(of: run.runID)
      await Upkeep(runtime).afterRun(connection)
      await connection.close()
      let outcome = RunOutcome(run: run, disposition: taken.disposition, tasks: tasks)
      guard run.state != .running else { throw Self.takenOver(run) }
      observer(.finished(outcome))
      return outcome
    } catch {
      await connection.close()
      throw error
    }
  }

  private func work(
    _ taken: TakenRun, _ records: [TaskRecord], _ options: WorkerOptions, _ worker: Int64,
    _ connection: Connection
  ) async throws -> Connection {
    let presenter = RunPresentation(records, observer: observer)
    var options = options
    options.run = taken.run.runID
    options.isBound = true
    options.batches = .none
    options.isBackfill = try await isOfBackfill(taken.run, connection)
    options.observer = { presenter.take($0) }
    let working = Worker(runtime, options)
    stop.onStop { working.mailbox.put(.cancelRun) }
    return try await working.work(as: worker, on: connection)
  }

  /// Whether a backfill made a run: its tasks are queued apart from those of others.
  private func isOfBackfill(_ run: RunRecord, _ connection: Connection) async throws -> Bool {
    let row = try await connection.first(
      SQL(file: "queries/orchestrator/find_binding.sql", run.runID))
    return try row?.state("kind", as: RunKind.self) == .backfill
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

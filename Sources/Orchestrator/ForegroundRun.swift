import Pipeline
import Schedules
import Synchronization
import Warehouse

/// One call of ``RunCoordinator/run(_:interval:params:options:observer:)``.
struct ForegroundRun: Sendable {
  let runtime: Runtime
  let request: RunRequest
  let stop: StopRelay
  let observer: @Sendable (RunEvent) -> Void

  /// A run that this process has in hand.
  private struct Taken {
    let run: RunRecord
    let disposition: RunDisposition
  }

  func run() async throws -> RunOutcome {
    var connection = try await runtime.connect("strata run \(request.snapshot.name)")
    do {
      let options = WorkerOptions(
        role: .run, slots: request.options.parallelism, lease: request.options.lease)
      let worker = try await WorkerRegistry(connection: connection).register(options, runtime)
      let taken: Taken
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
    _ taken: Taken, _ records: [TaskRecord], _ options: WorkerOptions, _ worker: Int64,
    _ connection: Connection
  ) async throws -> Connection {
    let presenter = RunPresentation(records, observer: observer)
    var options = options
    options.run = taken.run.runID
    options.observer = { presenter.take($0) }
    let working = Worker(runtime, options)
    stop.onStop { working.mailbox.put(.cancelRun) }
    return try await working.work(as: worker, on: connection)
  }

  // MARK: Taking the run

  /// Makes or finds the run, and takes it in hand.
  private func take(_ connection: Connection, _ worker: Int64) async throws -> Taken {
    let ledger = RunLedger(connection: connection)
    let now = try await ledger.now(runtime.time)
    try await ledger.ensurePartitions(at: now)
    // What keeps the interval may be dead: then it is given up, once, and the run taken up.
    for _ in 0..<3 {
      if let found = try await ledger.find(
        request.snapshot.name, request.interval, paramsHash: request.params.hash)
      {
        if let taken = try await takeUp(found, connection, worker) { return taken }
      } else if let made = try await make(connection, worker, at: now) {
        return made
      } else if let other = try await ledger.findRunning(request.snapshot.name, request.interval) {
        try await release(other, connection)
      }
    }
    throw try await refuse(connection)
  }

  private func make(
    _ connection: Connection, _ worker: Int64, at now: Instant
  ) async throws -> Taken? {
    let making = RunMaking(connection: connection, runtime: runtime)
    let request = request
    let runID = try await connection.transaction { _ -> Int64? in
      let definition = try await making.store(request.snapshot, at: now)
      return try await making.start(
        NewRun(
          dag: request.snapshot.name, interval: request.interval, params: request.params,
          snapshotHash: definition.hash, boundWorker: worker,
          parallelism: request.options.parallelism,
          deadlineAt: request.snapshot.deadline?.instant(
            start: now, interval: request.interval),
          unfinished: definition.plan.ids.count), definition, at: now)
    }
    guard runID != nil else { return nil }
    return try await taken(.created, connection)
  }

  private func taken(
    _ disposition: RunDisposition, _ connection: Connection
  ) async throws -> Taken {
    let found = try await RunLedger(connection: connection).find(
      request.snapshot.name, request.interval, paramsHash: request.params.hash)
    guard let found else {
      throw OrchestratorError(
        code: "orchestrator.missing_run",
        message: "expected the run of '\(request.snapshot.name)' for \(request.interval), found "
          + "none")
    }
    return Taken(run: found, disposition: disposition)
  }

  /// Takes up a run that is there; nil where its holder had to be given up first.
  private func takeUp(
    _ found: RunRecord, _ connection: Connection, _ worker: Int64
  ) async throws -> Taken? {
    let making = RunMaking(connection: connection, runtime: runtime)
    let parallelism = request.options.parallelism
    runtime.params.add(found.params, of: found.runID)
    switch found.state {
    case .success: return Taken(run: found, disposition: .alreadySucceeded)
    case .running:
      guard try await isAbandoned(found, connection) else { throw try await refuse(connection) }
      // What its worker lost may have been the last try of its last task.
      let now = try await taken(.resumed, connection)
      guard now.run.state == .running else { return now }
      _ = try await making.adopt(found.runID, by: worker, parallelism: parallelism)
      return try await taken(.resumed, connection)
    case .queued, .failed, .cancelled:
      var definition: Definition?
      if request.options.definition == .current {
        let now = try await RunLedger(connection: connection).now(runtime.time)
        definition = try await connection.transaction { _ in
          try await making.store(request.snapshot, at: now)
        }
      }
      do {
        _ = try await making.retry(
          found, with: definition, worker: worker, parallelism: parallelism)
      } catch let error as WarehouseError where error.code == "warehouse.unique_violation" {
        // Another run of the interval, with other parameters, is under way.
        if let other = try await RunLedger(connection: connection).findRunning(
          found.dag, found.interval)
        {
          try await release(other, connection)
        }
        return nil
      }
      return try await taken(.retried, connection)
    }
  }

  /// Whether the worker that a run is bound to is dead; it is given up then.
  private func isAbandoned(_ run: RunRecord, _ connection: Connection) async throws -> Bool {
    let row = try await connection.first(
      SQL(file: "queries/orchestrator/find_binding.sql", run.runID))
    guard let bound = try row?.get("bound_worker_id", as: Int64.self), bound != 0 else {
      return false
    }
    let registry = WorkerRegistry(connection: connection)
    guard !(try await registry.isAlive(bound)) else { return false }
    try await registry.giveUp(bound, runtime)
    return true
  }

  /// Ends another run of the interval whose process is dead.
  private func release(_ other: RunRecord, _ connection: Connection) async throws {
    guard try await isAbandoned(other, connection) else { throw try await refuse(connection) }
    _ = try await runtime.step(connection).decide(other.runID, [.order(.cancel)])
  }

  /// Notes that another process has the interval, and returns the error that says so.
  private func refuse(_ connection: Connection) async throws -> OrchestratorError {
    let dag = request.snapshot.name
    let ledger = RunLedger(connection: connection)
    let now = try await ledger.now(runtime.time)
    let running = try await ledger.findRunning(dag, request.interval)
    try await ledger.note(
      "in_flight", of: running?.runID,
      ["dag": .string(dag), "interval": .string("\(request.interval)")], at: now)
    let which = running.map { " (run \($0.runID), since \($0.startedAt))" } ?? ""
    return OrchestratorError(
      code: OrchestratorError.runInFlight,
      message: "another process is running '\(dag)' for \(request.interval)\(which)",
      hint: "wait for it to end, or run with --wait; `strata runs list` shows it")
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

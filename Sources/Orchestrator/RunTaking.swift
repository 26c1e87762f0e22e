import Pipeline
import Schedules
import Warehouse

/// Makes or finds the run that a call asks for, and takes it in hand.
struct RunTaking: Sendable {
  let runtime: Runtime
  let request: RunRequest

  /// Makes or finds the run, takes it in hand, and notes who asked for it and why.
  func take(_ connection: Connection, _ worker: Int64) async throws -> TakenRun {
    let taken = try await found(connection, worker)
    if let author = request.options.author, taken.disposition != .alreadySucceeded {
      try await connection.execute(
        SQL(
          file: "queries/orchestrator/note_author.sql", taken.run.runID, author.name,
          author.message))
    }
    return taken
  }

  private func found(_ connection: Connection, _ worker: Int64) async throws -> TakenRun {
    let ledger = RunLedger(connection: connection)
    let now = try await ledger.now(runtime.time)
    try await ledger.ensurePartitions(at: now, runtime.months)
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
  ) async throws -> TakenRun? {
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
  ) async throws -> TakenRun {
    let found = try await RunLedger(connection: connection).find(
      request.snapshot.name, request.interval, paramsHash: request.params.hash)
    guard let found else {
      throw OrchestratorError(
        code: "orchestrator.missing_run",
        message: "expected the run of '\(request.snapshot.name)' for \(request.interval), found "
          + "none")
    }
    return TakenRun(run: found, disposition: disposition)
  }

  /// Takes up a run that is there; nil where its holder had to be given up first.
  private func takeUp(
    _ found: RunRecord, _ connection: Connection, _ worker: Int64
  ) async throws -> TakenRun? {
    let making = RunMaking(connection: connection, runtime: runtime)
    let parallelism = request.options.parallelism
    runtime.params.add(found.params, of: found.runID)
    switch found.state {
    case .success: return TakenRun(run: found, disposition: .alreadySucceeded)
    case .running:
      guard try await letsGo(of: found, connection) else { throw try await refuse(connection) }
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

  /// Whether nobody has a run in hand any more: neither the process that it is bound to nor, where
  /// any daemon may work on it, a daemon. Dead workers of it are given up then.
  private func letsGo(of run: RunRecord, _ connection: Connection) async throws -> Bool {
    let row = try await connection.first(
      SQL(file: "queries/orchestrator/find_binding.sql", run.runID))
    let registry = WorkerRegistry(connection: connection)
    switch try row?.get("bound_worker_id", as: Int64.self) {
    case nil: return false
    // The intervals of a batch belong to its backfill, which may be a foreground command.
    case .some(..<0): return false
    case .some(0): if try await registry.hasDaemon() { return false }
    case .some(let worker): if try await registry.isAlive(worker) { return false }
    }
    for worker in try await DeadWorkers(run.runID, connection).workers {
      try await registry.giveUp(worker, runtime)
    }
    return true
  }

  /// Whether the one worker that a run is bound to is dead; it is given up then.
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

  /// Ends another run of the interval whose process is dead. One of daemons waits for them to come
  /// back: nobody has seen it fail.
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
}

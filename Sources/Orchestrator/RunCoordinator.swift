import Pipeline
import Schedules
import Warehouse

/// Runs DAGs: one run at a time per DAG and interval, resumed after crashes, recorded in `runs`.
public struct RunCoordinator: Sendable {
  let pool: ConnectionPool
  let registry: TaskRegistry
  let projectDirectory: String
  let zone: Zone
  let clock: any WallClock

  /// A coordinator for one project.
  ///
  /// - Parameters:
  ///   - pool: connections to the project's migrated database; each run opens one more for itself.
  ///   - registry: the task kinds that its DAGs use.
  ///   - projectDirectory: what catalogue paths are relative to.
  ///   - zone: the project's zone.
  public init(
    pool: ConnectionPool, registry: TaskRegistry, projectDirectory: String, zone: Zone,
    clock: any WallClock = SystemClock()
  ) {
    self.pool = pool
    self.registry = registry
    self.projectDirectory = projectDirectory
    self.zone = zone
    self.clock = clock
  }

  /// Runs a DAG over an interval, and returns when the run has ended.
  ///
  /// A run that has succeeded is left as it is; one that a crash interrupted is resumed; one that
  /// failed or was cancelled is retried, keeping the tasks that succeeded. Cancelling the calling
  /// Swift task stops the attempts (their queries too), records the run as cancelled, and returns.
  ///
  /// - Parameter observer: told of every change, from any thread; must not block.
  /// - Throws: `PipelineError` for an invalid DAG, ``OrchestratorError``
  ///   `orchestrator.run_in_flight` where another process runs the interval, and `WarehouseError`
  ///   where the database fails: the run is then resumed by the next call.
  public func run(
    _ dag: DAG, interval: DataInterval, params: JSONValue = .object([:]),
    options: RunOptions = RunOptions(),
    observer: @escaping @Sendable (RunEvent) -> Void = { _ in }
  ) async throws -> RunOutcome {
    let request = try RunRequest(
      snapshot: dag.snapshot(), interval: interval, params: params, options: options)
    _ = try tasks(of: request.snapshot)
    let (messages, inbox) = AsyncStream.makeStream(of: RunMessage.self)
    defer { inbox.finish() }
    // A task of its own: cancelling the caller must not cancel the writes that record it.
    let work = Task {
      // A connection of its own: the interval's lock lives and dies with its session.
      var options = pool.options
      options.applicationName = "strata run \(dag.name)"
      let connection = try await Connection.connect(options)
      do {
        let outcome = try await run(
          request, RunLedger(connection: connection), messages: messages, inbox: inbox,
          observer: observer)
        await connection.close()
        return outcome
      } catch {
        await connection.close()
        throw error
      }
    }
    return try await withTaskCancellationHandler {
      try await work.value
    } onCancel: {
      inbox.yield(.cancel)
    }
  }

  /// The tasks of a snapshot, decoded.
  ///
  /// - Throws: one error for all tasks that do not decode.
  func tasks(of snapshot: DAGSnapshot) throws -> [any RunnableTask] {
    var tasks: [any RunnableTask] = []
    var faults: [OrchestratorError] = []
    for definition in snapshot.tasks {
      do throws(OrchestratorError) {
        tasks.append(try registry.task(for: definition))
      } catch {
        faults.append(error)
      }
    }
    guard let first = faults.first else { return tasks }
    guard faults.count > 1 else { throw first }
    throw OrchestratorError(
      code: first.code,
      message: "\(faults.count) tasks of '\(snapshot.name)' cannot be run: "
        + faults.map(\.description).joined(separator: "; "), isPermanent: true)
  }

  private func run(
    _ request: RunRequest, _ ledger: RunLedger, messages: AsyncStream<RunMessage>,
    inbox: AsyncStream<RunMessage>.Continuation, observer: @escaping @Sendable (RunEvent) -> Void
  ) async throws -> RunOutcome {
    let dag = request.snapshot.name
    guard try await ledger.lock(dag, request.interval) else {
      throw try await refuse(request, ledger)
    }
    let outcome: RunOutcome
    do {
      outcome = try await runLocked(
        request, ledger, messages: messages, inbox: inbox, observer: observer)
    } catch {
      // Where the connection is broken this fails too, and the session's end frees the lock.
      try? await ledger.unlock(dag, request.interval)
      throw error
    }
    // The server would free it too, but only some time after the connection is closed.
    try await ledger.unlock(dag, request.interval)
    observer(.finished(outcome))
    return outcome
  }

  private func runLocked(
    _ request: RunRequest, _ ledger: RunLedger, messages: AsyncStream<RunMessage>,
    inbox: AsyncStream<RunMessage>.Continuation, observer: @escaping @Sendable (RunEvent) -> Void
  ) async throws -> RunOutcome {
    let prepared = try await RunPreparation(request: request, ledger: ledger, clock: clock)
      .prepare()
    guard prepared.disposition != .alreadySucceeded else {
      return RunOutcome(
        run: prepared.run, disposition: prepared.disposition, tasks: prepared.tasks)
    }
    var pass = RunPass(
      coordinator: self, ledger: ledger, prepared: prepared, plan: try prepared.plan(),
      tasks: try tasks(of: prepared.snapshot), parallelism: request.options.parallelism,
      inbox: inbox, observer: observer)
    return try await pass.run(messages)
  }

  /// Notes that another process has the interval, and returns the error that says so.
  private func refuse(
    _ request: RunRequest, _ ledger: RunLedger
  ) async throws -> OrchestratorError {
    let dag = request.snapshot.name
    let now = clock.now()
    let running = try await ledger.findRunning(dag, request.interval)
    try await ledger.ensurePartitions(at: now)
    try await ledger.note(
      "in_flight", of: running?.runID,
      ["dag": .string(dag), "interval": .string("\(request.interval)")], at: now)
    let which = running.map { " (run \($0.runID), since \($0.startedAt))" } ?? ""
    return OrchestratorError(
      code: OrchestratorError.runInFlight,
      message: "another process is running '\(dag)' for \(request.interval)\(which)",
      hint: "wait for it to end; `strata runs list` shows it")
  }
}

/// What a call asks for.
struct RunRequest: Sendable {
  let snapshot: DAGSnapshot
  let json: JSONValue
  let interval: DataInterval
  let params: JSONValue
  let options: RunOptions

  init(
    snapshot: DAGSnapshot, interval: DataInterval, params: JSONValue, options: RunOptions
  ) throws {
    guard case .object = params, !params.canonicalText.contains("\\u0000") else {
      throw OrchestratorError(
        code: "orchestrator.bad_params",
        message: "expected parameters as a JSON object without NUL characters, found \(params)")
    }
    guard options.parallelism >= 1 else {
      throw OrchestratorError(
        code: "orchestrator.bad_parallelism",
        message: "expected a parallelism of at least 1, found \(options.parallelism)")
    }
    self.snapshot = snapshot
    json = try snapshot.json()
    self.interval = interval
    self.params = params
    self.options = options
  }
}

/// What reaches the loop of a pass.
enum RunMessage: Sendable {
  case ended(task: Int, attempt: Int, AttemptResult)
  case retryDue(task: Int, attempt: Int)
  case flushLog
  case cancel
}

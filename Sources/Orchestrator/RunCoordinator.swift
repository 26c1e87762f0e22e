import Pipeline
import Schedules
import Synchronization
import Warehouse

/// Runs DAGs in the foreground: makes or takes up a run, works on it in this process alone, and
/// returns when it has ended.
public struct RunCoordinator: Sendable {
  let runtime: Runtime

  init(runtime: Runtime) { self.runtime = runtime }

  /// A coordinator for one project.
  ///
  /// - Parameters:
  ///   - pool: connections to the project's migrated database; each run opens a few for itself.
  ///   - registry: the task kinds that its DAGs use.
  ///   - projectDirectory: what catalogue paths are relative to.
  ///   - zone: the project's zone.
  ///   - retention: how long attempts, logs and events are kept.
  ///   - webhooks: how callbacks that are webhooks are made.
  ///   - lineage: what is told of lineage; nil for nothing.
  public init(
    pool: ConnectionPool, registry: TaskRegistry, projectDirectory: String, zone: Zone,
    clock: any WallClock = SystemClock(), retention: RetentionPolicy = RetentionPolicy(),
    webhooks: WebhookClient = .beside, lineage: LineageOptions? = .ofProcess
  ) {
    runtime = Runtime(
      pool: pool, registry: registry, projectDirectory: projectDirectory, zone: zone, clock: clock,
      retention: retention, webhooks: webhooks, lineage: lineage)
  }

  /// Runs a DAG over an interval, and returns when the run has ended.
  ///
  /// A run that has succeeded is left as it is; one that a crash interrupted is resumed; one that
  /// failed or was cancelled is retried, keeping the tasks that succeeded. Cancelling the calling
  /// Swift task stops the attempts (their queries too), records the run as cancelled, and returns.
  ///
  /// - Parameters:
  ///   - waits: whether to wait for another process that runs the interval, instead of throwing.
  ///   - observer: told of every change, from any thread; must not block.
  /// - Throws: `PipelineError` for an invalid DAG, ``OrchestratorError``
  ///   `orchestrator.run_in_flight` where another process runs the interval, and `WarehouseError`
  ///   where the database fails: the run is then resumed by the next call.
  public func run(
    _ dag: DAG, interval: DataInterval, params: JSONValue = .object([:]),
    options: RunOptions = RunOptions(), waits: Bool = false,
    observer: @escaping @Sendable (RunEvent) -> Void = { _ in }
  ) async throws -> RunOutcome {
    let request = try RunRequest(
      snapshot: dag.snapshot(), interval: interval, params: params, options: options)
    _ = try tasks(of: request.snapshot)
    let stop = StopRelay()
    while waits {
      do {
        return try await run(request, stop, observer)
      } catch let error as OrchestratorError where error.code == OrchestratorError.runInFlight {
        try await waitForInterval(request)
      }
    }
    return try await run(request, stop, observer)
  }

  private func run(
    _ request: RunRequest, _ stop: StopRelay, _ observer: @escaping @Sendable (RunEvent) -> Void
  ) async throws -> RunOutcome {
    // A task of its own: cancelling the caller must not cancel the writes that record it.
    let work = Task {
      try await LineageEmitter.during(runtime) {
        try await ForegroundRun(
          runtime: runtime, name: request.snapshot.name, options: request.options, stop: stop,
          observer: observer
        ).run { connection, worker in
          try await RunTaking(runtime: runtime, request: request).take(connection, worker)
        }
      }
    }
    return try await withTaskCancellationHandler {
      try await work.value
    } onCancel: {
      stop.stop()
    }
  }

  /// Waits until nobody runs the interval any more, or its holder's lease is over.
  private func waitForInterval(_ request: RunRequest) async throws {
    let store = RunStore(runtime.pool)
    // A holder that dies sends no notification: the poll sees it.
    try await ChangeSignals(pool: runtime.pool, poll: .seconds(2)).look {
      guard let holder = try await store.running(request.snapshot.name, request.interval) else {
        return false
      }
      if try await store.isUnderWay(holder) { return true }
      // What daemons shall do with other parameters is not for this process to end.
      guard holder.params.hash != request.params.hash else { return false }
      return try await store.isOfDaemons(holder)
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
        tasks.append(try runtime.registry.task(for: definition))
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
}

/// What a call asks for.
struct RunRequest: Sendable {
  let snapshot: DAGSnapshot
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
    self.interval = interval
    self.params = params
    self.options = options
  }
}

/// Hands a stop on to a worker that may not be there yet.
final class StopRelay: Sendable {
  private struct State {
    var isStopped = false
    var action: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  /// Calls `action` when the stop comes, at once where it has.
  func onStop(_ action: @escaping @Sendable () -> Void) {
    let isStopped = state.withLock { state in
      state.action = action
      return state.isStopped
    }
    if isStopped { action() }
  }

  func stop() {
    let action = state.withLock { state in
      state.isStopped = true
      return state.action
    }
    action?()
  }
}

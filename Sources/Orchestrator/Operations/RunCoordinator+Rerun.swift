import Pipeline
import Schedules
import Warehouse

extension RunCoordinator {
  /// Lets a run that has ended begin again, works on it in this process alone, and returns when it
  /// has ended: for `strata runs rerun` where no daemon is there.
  ///
  /// A run under way is taken over only where whoever had it is dead. Cancelling the calling Swift
  /// task cancels the run.
  ///
  /// - Parameter observer: told of every change, from any thread; must not block.
  /// - Throws: ``OrchestratorError`` `orchestrator.unknown_run`, `orchestrator.run_in_flight` where
  ///   another process has the run or its interval, and the code of a refusal, see
  ///   ``RunChange/refusal``.
  public func rerun(
    _ runID: Int64, _ operation: RunOperation, author: Author = Author(),
    options: RunOptions = RunOptions(),
    observer: @escaping @Sendable (RunEvent) -> Void = { _ in }
  ) async throws -> RunOutcome {
    let runtime = runtime
    guard let record = try await RunStore(runtime.pool).run(runID) else {
      throw RunOperations.unknown(runID)
    }
    if let snapshot = try await RunStore(runtime.pool).snapshot(record.snapshotHash) {
      _ = try tasks(of: snapshot)
    }
    let stop = StopRelay()
    // A task of its own: cancelling the caller must not cancel the writes that record it.
    let work = Task {
      try await LineageEmitter.during(runtime) {
        try await ForegroundRun(
          runtime: runtime, name: record.dag, options: options, stop: stop, observer: observer
        ).run { connection, worker in
          try await take(
            record, operation, author, RunBinding(worker: worker, parallelism: options.parallelism),
            connection)
        }
      }
    }
    return try await withTaskCancellationHandler {
      try await work.value
    } onCancel: {
      stop.stop()
    }
  }
  /// Does what is asked for to a run that nobody has in hand, and binds it to a worker.
  private func take(
    _ record: RunRecord, _ operation: RunOperation, _ author: Author, _ binding: RunBinding,
    _ connection: Connection
  ) async throws -> TakenRun {
    let runID = record.runID
    let operations = RunOperations(runtime, author: author)
    let now = try await RunStore(runtime.pool).run(runID) ?? record
    var binding = binding
    binding.rebinds = now.state == .running
    if binding.rebinds, try await operations.hasSomebody(now) {
      throw OrchestratorError(
        code: OrchestratorError.runInFlight, message: "another process has run \(runID) in hand",
        hint: "clear its tasks with `strata runs clear`: whoever has it goes on with them")
    }
    let change = try await operations.apply(operation, to: runID, binding, on: connection)
    if let refusal = change.refusal {
      throw OrchestratorError(code: refusal.code, message: refusal.message)
    }
    guard let taken = try await RunStore(runtime.pool).run(runID) else {
      throw RunOperations.unknown(runID)
    }
    runtime.params.add(taken.params, of: runID)
    return TakenRun(run: taken, disposition: .retried)
  }
}

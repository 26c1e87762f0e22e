import Logging
import Pipeline
import Schedules
import Warehouse

extension LiveAttempt {
  /// Starts a task over many intervals: attempts that share one piece of work. Stopping one of them
  /// stops the work, and gives the others back.
  static func start(
    batch claims: [ClaimedTask], worker: Int64, runtime: Runtime,
    flush: @escaping @Sendable () -> Void, ended: @escaping @Sendable (EndedAttempt) -> Void
  ) -> [LiveAttempt] {
    guard let first = claims.first else { return [] }
    let clock = runtime.clock
    let parts = claims.map { claimed in
      BatchProgress.Part(
        claimed: claimed,
        log: LogBuffer(firstSequence: claimed.token << 24) {
          Task {
            guard (try? await clock.sleep(for: .milliseconds(250))) != nil else { return }
            flush()
          }
        }, stopping: StopFlag(), progress: LatestProgress())
    }
    let progress = BatchProgress(parts, ended: ended)
    let handle = Task(executorPreference: AttemptExecutor.shared) {
      progress.close(await run(progress, first, worker: worker, runtime: runtime))
    }
    return parts.map { part in
      LiveAttempt(
        claimed: part.claimed, log: part.log, handle: handle, batch: first.token,
        stopping: part.stopping)
    }
  }

  /// Runs the work; the error that ended it, nil for none.
  private static func run(
    _ progress: BatchProgress, _ first: ClaimedTask, worker: Int64, runtime: Runtime
  ) async -> (any Error)? {
    let definition = first.definition.snapshot.tasks[first.key.number]
    do {
      let found = try runtime.registry.task(for: definition)
      guard let task = found as? any BatchesIntervals else {
        throw OrchestratorError(
          code: "orchestrator.no_batch",
          message: "expected a kind that serves many intervals, found \(definition.kind)",
          hint: "the backfill was begun with another version of this kind", isPermanent: true)
      }
      var contexts: [TaskContext] = []
      for part in progress.parts {
        contexts.append(try await context(of: part, found, worker: worker, runtime: runtime))
      }
      // The limit is one of an attempt; here as many attempts share it.
      let limit = definition.timeLimitMilliseconds.map {
        Duration.milliseconds($0) * progress.parts.count
      }
      try await serve(task, contexts, progress, limit: limit, clock: runtime.clock)
      return nil
    } catch {
      return error
    }
  }

  private static func serve<Kind: BatchesIntervals>(
    _ task: Kind, _ contexts: [TaskContext], _ progress: BatchProgress, limit: Duration?,
    clock: any WallClock
  ) async throws {
    let batch = BatchContext<Kind.Product>(
      intervals: contexts, finished: { try progress.finish($0, $1) })
    guard let limit else { return try await task.runBatch(in: batch) }
    let passed = StopFlag()
    let work = Task(executorPreference: AttemptExecutor.shared) {
      try await task.runBatch(in: batch)
    }
    let timer = Task {
      // Thrown only when the timer is cancelled: the work ended in time.
      guard (try? await clock.sleep(for: limit)) != nil else { return }
      passed.raise()
      work.cancel()
    }
    defer { timer.cancel() }
    do {
      try await withTaskCancellationHandler {
        try await work.value
      } onCancel: {
        work.cancel()
      }
    } catch {
      guard passed.isRaised else { throw error }
      throw OrchestratorError(
        code: "orchestrator.timed_out",
        message: "expected an end of \(contexts.count) intervals within \(limit), found none; "
          + "stopped with: \(AttemptFault(error).message)",
        hint: "raise the task's timeLimit, or see in its log what took long")
    }
  }

  private static func context(
    of part: BatchProgress.Part, _ task: any RunnableTask, worker: Int64, runtime: Runtime
  ) async throws -> TaskContext {
    let claimed = part.claimed
    let order = AttemptOrder(
      claimed,
      products: try await inputs(
        of: claimed.definition.snapshot.tasks[claimed.key.number], claimed, runtime))
    let handler = AttemptLogHandler(
      attempt: order.attempt, clock: runtime.clock, buffer: part.log, observer: { _ in })
    let place = AttemptPlace(
      pool: runtime.pool.scoped(
        "strata w\(worker) a\(claimed.token) \(claimed.taskID)", deadline: nil),
      projectDirectory: runtime.projectDirectory, zone: runtime.zone, clock: runtime.clock,
      log: Logger(label: "\(claimed.run.dag).\(claimed.taskID)") { _ in handler },
      report: { part.progress.set($0) })
    return order.runner(of: task, in: place, isStopped: { part.stopping.isRaised }).context
  }
}

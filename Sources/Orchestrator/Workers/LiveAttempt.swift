import Dispatch
import Logging
import Pipeline
import Schedules
import Synchronization
import Warehouse

/// An attempt on its way in this process.
struct LiveAttempt: Sendable {
  let claimed: ClaimedTask
  let log: LogBuffer
  let handle: Task<Void, Never>
  /// The token of the first attempt of its batch; nil where it is alone with its work.
  var batch: Int64?
  let stopping: StopFlag

  /// Asks it to stop; its queries are stopped in the server.
  ///
  /// - Parameter releases: whether it goes back to the queue, since its worker shuts down.
  func stop(releases: Bool = false) {
    stopping.raise(releases: releases)
    handle.cancel()
  }

  /// Starts an attempt on threads of its own: work that computes for minutes, or blocks, must not
  /// keep the runtime's few threads from heartbeats.
  static func start(
    _ claimed: ClaimedTask, worker: Int64, runtime: Runtime,
    observer: @escaping @Sendable (WorkerEvent) -> Void, flush: @escaping @Sendable () -> Void,
    ended: @escaping @Sendable (EndedAttempt) -> Void
  ) -> LiveAttempt {
    let clock = runtime.clock
    let meters = runtime.meters
    let log = LogBuffer(
      firstSequence: claimed.token << 24, dropped: { meters.dropped(lines: $0) }
    ) {
      Task {
        // Lines that come close together are written together.
        guard (try? await clock.sleep(for: .milliseconds(250))) != nil else { return }
        flush()
      }
    }
    let stopping = StopFlag()
    let progress = LatestProgress()
    let handle = Task(executorPreference: AttemptExecutor.shared) {
      let result = await run(
        claimed, worker: worker, runtime: runtime, log: log, stopping: stopping,
        progress: progress, observer: observer)
      var final = result
      if case .cancelled = result, stopping.releases {
        final = .released(reason: "its worker was shut down")
      }
      ended(
        EndedAttempt(
          key: claimed.key, taskID: claimed.taskID, token: claimed.token,
          attempt: claimed.attempt, startedAt: claimed.startedAt, result: final,
          progress: progress.value))
    }
    return LiveAttempt(claimed: claimed, log: log, handle: handle, stopping: stopping)
  }

  private static func run(
    _ claimed: ClaimedTask, worker: Int64, runtime: Runtime, log: LogBuffer, stopping: StopFlag,
    progress: LatestProgress, observer: @escaping @Sendable (WorkerEvent) -> Void
  ) async -> AttemptResult {
    let definition = claimed.definition.snapshot.tasks[claimed.key.number]
    let identity = AttemptIdentity(
      task: claimed.taskID, attempt: claimed.attempt, fencingToken: claimed.token)
    let clock = AttemptClock.of(attemptAt: claimed.startedAt, on: runtime.clock)
    let handler = AttemptLogHandler(
      attempt: identity, clock: clock, buffer: log, observer: observer)
    do {
      let order = AttemptOrder(
        claimed, products: try await inputs(of: definition, claimed, runtime))
      let session = "strata w\(worker) a\(claimed.token) \(claimed.taskID)"
      let tell: @Sendable (TaskProgress) -> Void = { report in
        progress.set(report)
        observer(.progress(task: identity.task, attempt: identity.attempt, report))
      }
      if case .process(let memory) = definition.isolation {
        return try await ProcessAttempt(
          command: runtime.registry.commandForAttempts(definition),
          order: ProcessOrder(
            attempt: order, projectDirectory: runtime.projectDirectory, zone: runtime.zone,
            session: session, settings: runtime.pool.options.settings,
            memoryLimitMegabytes: memory),
          pool: runtime.pool, task: identity.task, attempt: identity.attempt,
          clock: clock,
          log: { line in
            log.append(line)
            observer(.log(line))
          }, report: tell, isStopped: { stopping.isRaised },
          grace: runtime.registry.grace
        ).run()
      }
      let place = AttemptPlace(
        pool: runtime.pool.scoped(
          session, deadline: order.timeLimit.map { ContinuousClock.now + $0 }),
        projectDirectory: runtime.projectDirectory, zone: runtime.zone, clock: clock,
        log: Logger(label: "\(claimed.run.dag).\(definition.id)") { _ in handler }, report: tell)
      return await order.runner(
        of: try runtime.registry.task(for: definition), in: place,
        isStopped: { stopping.isRaised }
      ).run()
    } catch {
      return stopping.isRaised
        ? .cancelled(reason: "stopped on request") : .failed(AttemptFault(error))
    }
  }

  /// The products that a task reads.
  static func inputs(
    of definition: TaskDefinition, _ claimed: ClaimedTask, _ runtime: Runtime
  ) async throws -> [String: JSONValue] {
    guard !definition.reads.isEmpty else { return [:] }
    return try await runtime.pool.withConnection {
      try await ProductReader(connection: $0, runID: claimed.run.runID)
        .products(of: definition.reads)
    }
  }
}

/// Whether somebody asked for the stop of an attempt.
final class StopFlag: Sendable {
  private let state = Mutex<(isRaised: Bool, releases: Bool)>((false, false))

  var isRaised: Bool { state.withLock { $0.isRaised } }

  /// Whether the attempt goes back to the queue; a stop on request outlasts that.
  var releases: Bool { state.withLock { $0.releases } }

  func raise(releases: Bool = false) {
    state.withLock { state in
      state.releases = releases && (state.releases || !state.isRaised)
      state.isRaised = true
    }
  }
}

/// Threads for attempts, apart from those of Swift's cooperative pool.
final class AttemptExecutor: TaskExecutor {
  static let shared = AttemptExecutor()
  private let queue = DispatchQueue(label: "strata.attempts", attributes: .concurrent)

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

/// The last progress that an attempt reported.
final class LatestProgress: Sendable {
  private let latest = Mutex<TaskProgress?>(nil)

  var value: TaskProgress? { latest.withLock { $0 } }

  func set(_ progress: TaskProgress) {
    var progress = progress
    progress.unit = storable(progress.unit)
    progress.note = progress.note.map(storable)
    latest.withLock { $0 = progress }
  }
}

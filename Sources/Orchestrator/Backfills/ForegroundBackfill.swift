import Pipeline
import Schedules
import Synchronization
import Warehouse

/// What an observer of a backfill is told.
public enum BackfillEvent: Sendable {
  /// How it stands; told whenever that changes.
  case progress(BackfillRecord)
  /// How far its tasks are; told whenever that changes, of a backfill whose tasks serve all
  /// intervals in one go.
  case tasks([BackfillTaskTally])
  /// Nobody can go on: the intervals that are left are held by runs that nobody works on.
  case held(BackfillRecord)
}

extension RunCoordinator {
  /// Works on a backfill in this process until it has ended or was paused: for `strata backfill`
  /// where no daemon is there. Where daemons come, they and this process share it.
  ///
  /// Cancelling the calling Swift task cancels the backfill with the runs that are under way, and
  /// returns once those have ended.
  ///
  /// - Parameter observer: told of every change, from any thread; must not block.
  /// - Returns: how it stands at the end; `running` where all that is left is held by others.
  /// - Throws: ``OrchestratorError`` `orchestrator.unknown_backfill`, and `WarehouseError`: it can be
  ///   taken up again then.
  public func backfill(
    _ id: Int64, options: RunOptions = RunOptions(), author: Author = Author(),
    observer: @escaping @Sendable (BackfillEvent) -> Void = { _ in }
  ) async throws -> BackfillRecord {
    let work = ForegroundBackfill(
      runtime: runtime, id: id, options: options, author: author, observer: observer)
    let stop = StopRelay()
    // A task of its own: cancelling the caller must not cancel the writes that record it.
    let runtime = runtime
    let task = Task { try await LineageEmitter.during(runtime) { try await work.run(stop) } }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      stop.stop()
    }
  }
}

extension Backfills {
  /// Watches how others work on a backfill until it has ended or was paused. Cancelling the calling
  /// Swift task only ends the watching.
  ///
  /// - Parameter observer: told of every change, from any thread; must not block.
  public func watch(
    _ id: Int64, observer: @escaping @Sendable (BackfillEvent) -> Void
  ) async throws -> BackfillRecord {
    var last: BackfillRecord?
    var tasks: [BackfillTaskTally] = []
    try await ChangeSignals(pool: runtime.pool, poll: .seconds(2)).look {
      let now = try await record(id)
      if now != last { observer(.progress(now)) }
      last = now
      let tallies = try await tasksOfBatch(now)
      if tallies != tasks { observer(.tasks(tallies)) }
      tasks = tallies
      return !now.isAtRest
    }
    guard let last else { throw Self.unknown(id) }
    return last
  }

}

extension BackfillRecord {
  /// Whether it ended, or was paused and nothing of it runs any more.
  var isAtRest: Bool { state.isFinal || (state == .paused && tally.started == 0) }
}

/// Feeds one backfill and works on its runs, which are bound to this process.
struct ForegroundBackfill: Sendable {
  let runtime: Runtime
  let id: Int64
  let options: RunOptions
  let author: Author
  let observer: @Sendable (BackfillEvent) -> Void

  func run(_ stop: StopRelay) async throws -> BackfillRecord {
    let backfills = Backfills(runtime, author: author)
    _ = try await backfills.record(id)
    let working = Worker(
      runtime,
      WorkerOptions(
        role: .run, slots: options.parallelism, isBound: true, lease: options.lease,
        batches: .only(id), isBackfill: true))
    let connection = try await runtime.connect("strata backfill \(id)")
    let worker = try await WorkerRegistry(connection: connection).register(
      working.options, runtime)
    let work = Task { try await working.work(as: worker, on: connection).close() }
    do {
      let record = try await feed(backfills, working, worker, work, stop)
      working.drain()
      try await work.value
      return record
    } catch {
      working.drain()
      working.mailbox.put(.drainOver)
      _ = await work.result
      throw error
    }
  }

  /// Starts what may start whenever something has changed, until nothing is left.
  private func feed(
    _ backfills: Backfills, _ working: Worker, _ worker: Int64, _ work: Task<Void, any Error>,
    _ stop: StopRelay
  ) async throws -> BackfillRecord {
    let feeder = BackfillFeeder(runtime: runtime, binding: worker, only: id)
    let feeding = try await runtime.connect("strata backfill \(id) feeder")
    try await adopt(worker, feeding)
    working.mailbox.put(.look)
    let (id, failure) = (id, Failure())
    stop.onStop {
      Task {
        do { _ = try await backfills.cancel(id) } catch { failure.set(error) }
      }
    }
    // A worker that cannot go on ends the watch too.
    let fault = Task { if case .failure(let error) = await work.result { failure.set(error) } }
    defer { fault.cancel() }
    var last: BackfillRecord?
    var tasks: [BackfillTaskTally] = []
    do {
      try await ChangeSignals(pool: runtime.pool, poll: .seconds(1)).look {
        if let error = failure.value { throw error }
        if try await feeder.feed(feeding) > 0 { working.mailbox.put(.look) }
        let now = try await backfills.record(id)
        if now != last { observer(.progress(now)) }
        last = now
        let tallies = try await backfills.tasksOfBatch(now)
        if tallies != tasks { observer(.tasks(tallies)) }
        tasks = tallies
        guard !now.isAtRest else { return false }
        if now.tally.started == 0, now.tally.pending == 0, try await isHeldForGood(backfills) {
          observer(.held(now))
          return false
        }
        return true
      }
    } catch {
      await feeding.close()
      throw error
    }
    await Upkeep(runtime).afterRun(feeding)
    await feeding.close()
    guard let last else { throw Backfills.unknown(id) }
    return last
  }

  /// Takes over runs of the backfill that nobody works on: those of a process that died.
  private func adopt(_ worker: Int64, _ connection: Connection) async throws {
    let operations = RunOperations(runtime, author: author)
    let store = RunStore(runtime.pool)
    let making = RunMaking(connection: connection, runtime: runtime)
    for interval in try await Backfills(runtime, author: author).intervals(id)
    where interval.outcome == .started {
      guard let runID = interval.runID, let run = try await store.run(runID),
        run.state == .running
      else { continue }
      let dead = try await DeadWorkers(runID, connection)
      for lost in dead.workers {
        try await WorkerRegistry(connection: connection).giveUp(lost, runtime)
      }
      let row = try await connection.first(
        SQL(file: "queries/orchestrator/find_binding.sql", runID))
      // The runs of a batch belong to the batch.
      guard let bound = try row?.get("bound_worker_id", as: Int64.self), bound >= 0,
        !(try await operations.hasSomebody(run))
      else { continue }
      _ = try await making.adopt(
        runID, by: worker,
        parallelism: Int(try row?.get("parallelism", as: Int32.self) ?? 16))
    }
  }

  /// Whether all that is left is held by runs that nobody works on.
  private func isHeldForGood(_ backfills: Backfills) async throws -> Bool {
    let operations = RunOperations(runtime, author: author)
    for interval in try await backfills.intervals(id) where interval.outcome == .inFlight {
      guard let runID = interval.runID, let run = try await RunStore(runtime.pool).run(runID)
      else { continue }
      if run.state != .running && run.state != .queued { return false }
      if try await operations.hasSomebody(run) { return false }
    }
    return true
  }
}

/// The first error of several tasks.
private final class Failure: Sendable {
  private let error = Mutex<(any Error)?>(nil)

  var value: (any Error)? { error.withLock { $0 } }

  func set(_ new: any Error) { error.withLock { $0 = $0 ?? new } }
}

import Logging
import Pipeline
import Schedules
import Synchronization
import Warehouse

/// How far the data is that asset triggers wait for; an asset that is not there yet is absent.
public typealias AssetWatermarks =
  @Sendable (Connection, [Asset]) async throws -> [Asset: Instant]

/// Makes runs when they are due, lets queued ones start, takes over what dead workers left, and
/// keeps deadlines.
///
/// Any number of these may run: each piece of work is a transaction that takes its row's lock, so a
/// second scheduler finds it done. Notifications and the next due instant wake it; the poll is a net.
final class SchedulerLoop: Sendable {
  enum Message: Sendable {
    case look
    case stop
  }

  let runtime: Runtime
  let dags: [DAG]
  let poll: Duration
  let watermarks: AssetWatermarks
  private let mailbox = Mailbox<Message>()
  private let upkeep: DailyUpkeep
  private let courier: CallbackCourier
  private let connector: LoopConnector
  private let log = Logger(label: "strata.scheduler")

  init(
    runtime: Runtime, dags: [DAG], poll: Duration, watermarks: @escaping AssetWatermarks,
    courier: CallbackCourier
  ) {
    self.runtime = runtime
    self.dags = dags
    self.poll = poll
    self.watermarks = watermarks
    upkeep = DailyUpkeep(runtime)
    self.courier = courier
    // No lease ends the sessions of a scheduler that stands still inside of a transaction.
    connector = LoopConnector(
      runtime.pool, isPatient: true, settings: ["idle_in_transaction_session_timeout": "30s"])
  }

  /// Lets ``run()`` return; where the database is away, at once.
  func stop() {
    connector.hurry()
    mailbox.put(.stop)
  }

  /// Schedules until it is stopped.
  ///
  /// - Throws: `WarehouseError` where the database stays out of reach for minutes.
  func run() async throws {
    let hearing = Task { await hear() }
    defer { hearing.cancel() }
    var connection = try await connect()
    mailbox.put(.look)
    var timer: Task<Void, Never>?
    defer { timer?.cancel() }
    for await _ in mailbox.signals {
      let messages = mailbox.take()
      if messages.contains(where: { if case .stop = $0 { true } else { false } }) { break }
      timer?.cancel()
      var pause = poll
      do {
        if let next = try await look(connection) { pause = min(pause, max(next, .zero)) }
      } catch let error as WarehouseError where error.isTransientConnectionFailure {
        runtime.meters.failed(error)
        log.warning("reconnecting", metadata: ["error": "\(error.message)"])
        await connection.close()
        connection = try await connect()
        pause = .zero
      } catch {
        runtime.meters.failed(error)
        // One bad row must not stop the others' schedules: it is told, and looked at again.
        log.error("a look at the schedules failed", metadata: ["error": "\(error)"])
      }
      let (clock, mailbox, wait) = (runtime.clock, mailbox, pause)
      timer = Task {
        guard (try? await clock.sleep(for: wait)) != nil else { return }
        mailbox.put(.look)
      }
    }
    await connection.close()
  }

  private func connect() async throws -> Connection {
    try await connector.connect("strata scheduler")
  }

  private func hear() async {
    let mailbox = mailbox
    await RunChannel.hear(runtime.pool) { signal in
      switch signal {
      // Ends of runs make room for queued ones; claims are the workers' business.
      case .listening, .run, .schedule: mailbox.put(.look)
      case .queue, .stop, .backfill: break
      }
    }
  }

  /// Does all that is due, and returns how long until something is known to be; nil for unknown.
  func look(_ connection: Connection) async throws -> Duration? {
    let ledger = RunLedger(connection: connection)
    let now = try await ledger.now(runtime.time)
    try await ledger.ensurePartitions(at: now, runtime.months)
    try await recover(connection)
    var next: Instant?
    for dag in dags {
      let scheduling = DAGScheduling(dag: dag, runtime: runtime, watermarks: watermarks)
      do {
        if let due = try await scheduling.look(connection) {
          next = next.map { min($0, due) } ?? due
        }
      } catch let error as WarehouseError where error.isTransientConnectionFailure {
        throw error
      } catch let unusable as UnusableRun {
        _ = try await runtime.step(connection).fail(unusable.runID, because: unusable.cause)
        mailbox.put(.look)
      } catch {
        log.error("scheduling failed", metadata: ["dag": "\(dag.name)", "error": "\(error)"])
      }
    }
    _ = try await BackfillFeeder(runtime: runtime).feed(connection)
    do {
      try await DeadlineWatch(runtime: runtime).look(connection)
    } catch let unusable as UnusableRun {
      _ = try await runtime.step(connection).fail(unusable.runID, because: unusable.cause)
      mailbox.put(.look)
    }
    courier.wake()
    try await mend(connection)
    do {
      try await upkeep.look(connection, at: now)
    } catch let error as WarehouseError where !error.isTransientConnectionFailure {
      // Schedules do not wait for it.
      log.error("retention failed", metadata: ["error": "\(error)"])
    }
    return next.map { $0 - now }
  }

  // MARK: What others left

  /// Gives up workers whose lease is over, and takes over what they had.
  private func recover(_ connection: Connection) async throws {
    let registry = WorkerRegistry(connection: connection)
    let rows = try await connection.query(SQL(file: "queries/orchestrator/give_up_workers.sql"))
    runtime.meters.lost(workers: rows.count)
    for row in rows {
      let worker = try row.get("worker_id", as: Int64.self)
      log.warning("a worker was given up: its lease is over", metadata: ["worker": "\(worker)"])
    }
    _ = try await registry.recover(runtime)
    let abandoned = try await connection.query(
      SQL(file: "queries/orchestrator/list_abandoned_runs.sql"))
    for row in abandoned {
      let runID = try row.get("run_id", as: Int64.self)
      log.notice("a run is adopted: its process is gone", metadata: ["run": "\(runID)"])
      let parallelism = Int(try row.get("parallelism", as: Int32.self))
      try await runtime.step(connection).orFail(runID) {
        _ = try await RunMaking(connection: connection, runtime: runtime)
          .adopt(runID, by: 0, parallelism: parallelism)
      }
    }
  }

  /// Asks runs again that a crash may have left between two transactions: those with nothing on its
  /// way though not all has ended, and those with tasks that the past holds.
  private func mend(_ connection: Connection) async throws {
    let rows = try await connection.query(SQL(file: "queries/orchestrator/list_idle_runs.sql"))
    for row in rows {
      _ = try await runtime.step(connection).decideOrFail(
        row.get("run_id", as: Int64.self),
        row.get("is_held", as: Bool.self) ? [.askPast] : [.order(.begin)])
    }
  }
}

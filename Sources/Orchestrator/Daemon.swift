import Logging
import Pipeline
import Schedules
import Warehouse

/// How a daemon works.
public struct DaemonOptions: Sendable {
  /// Whether it makes runs when they are due, recovers what others lost, and keeps deadlines.
  public var schedules: Bool
  /// Attempts that it runs at once; 0 for none.
  public var slots: Int
  /// The queues whose tasks it runs.
  public var queues: [String]
  /// How long it may stand still before others take its attempts over.
  public var lease: Duration
  /// How long attempts may go on after it was told to drain.
  public var drainTimeout: Duration
  /// How often it looks for work that no notification told of.
  public var poll: Duration

  /// By default a scheduler with four slots, leases of 30 seconds, a minute to drain, and a look
  /// every five seconds.
  public init(
    schedules: Bool = true, slots: Int = 4, queues: [String] = ["default"],
    lease: Duration = .seconds(30), drainTimeout: Duration = .seconds(60),
    poll: Duration = .seconds(5)
  ) {
    self.schedules = schedules
    self.slots = slots
    self.queues = queues
    self.lease = lease
    self.drainTimeout = drainTimeout
    self.poll = poll
  }
}

/// A process that serves a project until it is told to stop: a scheduler, a worker, or both.
///
/// Any number of them may serve one database from any number of hosts.
public final class Daemon: Sendable {
  let runtime: Runtime
  let dags: [DAG]
  let options: DaemonOptions
  let watermarks: AssetWatermarks
  private let worker: Worker
  private let scheduler: SchedulerLoop
  /// Of both: calls are claimed one by one, so any number of processes may make them.
  private let courier: CallbackCourier
  private let log = Logger(label: "strata.daemon")

  /// A daemon for the DAGs of a project.
  ///
  /// - Parameters:
  ///   - dags: those that it schedules; runs of others are worked on all the same.
  ///   - watermarks: how far the data is that asset triggers wait for.
  ///   - retention: how long attempts, logs and events are kept.
  ///   - webhooks: how callbacks that are webhooks are made.
  ///   - lineage: what is told of lineage; nil for nothing.
  public init(
    pool: ConnectionPool, registry: TaskRegistry, projectDirectory: String, zone: Zone,
    clock: any WallClock = SystemClock(), dags: [DAG], options: DaemonOptions = DaemonOptions(),
    watermarks: @escaping AssetWatermarks = { _, _ in [:] },
    retention: RetentionPolicy = RetentionPolicy(), webhooks: WebhookClient = .beside,
    lineage: LineageOptions? = .ofProcess
  ) {
    runtime = Runtime(
      pool: pool, registry: registry, projectDirectory: projectDirectory, zone: zone, clock: clock,
      retention: retention, webhooks: webhooks, lineage: lineage)
    self.dags = dags
    self.options = options
    self.watermarks = watermarks
    courier = CallbackCourier(runtime)
    worker = Worker(
      runtime,
      WorkerOptions(
        role: options.schedules ? .scheduler : .worker, slots: options.slots,
        queues: options.queues, lease: options.lease, drainTimeout: options.drainTimeout),
      courier: courier)
    scheduler = SchedulerLoop(
      runtime: runtime, dags: dags, poll: options.poll, watermarks: watermarks, courier: courier)
  }

  /// Takes nothing new, lets attempts end for as long as the drain's time lasts, then stops them;
  /// ``run()`` returns after that. Where the database is away it is not waited for: ``run()`` throws
  /// after a few seconds, and others take over what this process had.
  public func drain() {
    scheduler.stop()
    worker.drain()
  }

  /// Serves until ``drain()``.
  ///
  /// - Throws: `PipelineError` `pipeline.invalid_dags` with every problem of the DAGs,
  ///   ``OrchestratorError`` for kinds that the registry lacks, and `WarehouseError` where the
  ///   database stays out of reach for minutes.
  public func run() async throws {
    let problems = DAG.problems(in: dags)
    guard problems.isEmpty else {
      throw PipelineError(
        code: "pipeline.invalid_dags",
        message: "expected valid DAGs, found \(problems.count) problems", problems: problems)
    }
    let memory = Task { await ResidentMemory.giveBackWhenIdle() }
    defer { memory.cancel() }
    try await LineageEmitter.during(runtime) { try await serve() }
  }

  private func serve() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      if options.schedules { group.addTask { try await self.scheduler.run() } }
      if options.slots > 0 { group.addTask { try await self.work() } }
      do {
        try await group.waitForAll()
      } catch {
        drain()
        throw error
      }
    }
    await courier.finish()
  }

  /// Makes calls that others have noted, and those that are to be made again, where no scheduler
  /// does; what this process decides itself is told at once.
  private func makeCalls() async {
    repeat { courier.wake() } while (try? await runtime.clock.sleep(for: options.poll)) != nil
  }

  private func work() async throws {
    let calling = Task { if !options.schedules { await makeCalls() } }
    defer { calling.cancel() }
    while true {
      let connection = try await worker.connector.connect("strata worker")
      let id: Int64
      do {
        id = try await WorkerRegistry(connection: connection).register(worker.options, runtime)
      } catch let error as WarehouseError where error.isTransientConnectionFailure {
        // A row whose making was not answered is given up with its lease.
        await connection.close()
        continue
      }
      log.info("working", metadata: ["worker": "\(id)", "slots": "\(self.options.slots)"])
      let last = try await worker.work(as: id, on: connection)
      await last.close()
      return
    }
  }
}

/// Asks for runs that daemons shall work on.
public struct RunQueue: Sendable {
  private let runtime: Runtime

  /// The queue of a project's database.
  public init(
    pool: ConnectionPool, registry: TaskRegistry, zone: Zone,
    clock: any WallClock = SystemClock()
  ) {
    runtime = Runtime(
      pool: pool, registry: registry, projectDirectory: "", zone: zone, clock: clock)
  }

  /// Makes a run that any daemon may work on, and returns its number; nil where there is one of its
  /// key, or another one runs over the interval.
  public func enqueue(
    _ dag: DAG, interval: DataInterval, params: JSONValue = .object([:])
  ) async throws -> Int64? {
    let snapshot = try dag.snapshot()
    let runtime = runtime
    return try await runtime.pool.transaction { connection in
      let ledger = RunLedger(connection: connection)
      let now = try await ledger.now(runtime.time)
      try await ledger.ensurePartitions(at: now, runtime.months)
      let making = RunMaking(connection: connection, runtime: runtime)
      let definition = try await making.store(snapshot, at: now)
      return try await making.start(
        NewRun(
          dag: snapshot.name, interval: interval, params: params, snapshotHash: definition.hash,
          parallelism: snapshot.parallelism,
          deadlineAt: snapshot.deadline?.instant(start: now, interval: interval),
          unfinished: definition.plan.ids.count), definition, at: now)
    }
  }
}

import Logging
import Pipeline
import Schedules
import Warehouse

/// How a worker works.
struct WorkerOptions: Sendable {
  /// What it is: a foreground run, the worker of a scheduler, or a worker alone.
  enum Role: String, Sendable { case run, scheduler, worker }

  var role = Role.worker
  /// Attempts at once.
  var slots = 4
  /// The queues it serves.
  var queues = ["default"]
  /// The one run that it works for; nil for all that no foreground process has bound.
  var run: Int64?
  /// Whether it takes only tasks that are bound to it: a foreground command.
  var isBound = false
  /// How long its attempts stay its own without a heartbeat.
  var lease = Duration.seconds(30)
  /// How long attempts may go on after it was told to drain.
  var drainTimeout = Duration.seconds(60)
  /// The batches that it serves.
  var batches = BatchService.all
  /// Whether what is bound to it belongs to a backfill; nil where it may be either.
  var isBackfill: Bool?
  /// Told of every change of the bound run.
  var observer: @Sendable (WorkerEvent) -> Void = { _ in }
}

/// Claims attempts, runs them, and records how they ended: one loop over a mailbox, so that ends
/// that come together share a transaction, and the next work is claimed in the same one.
///
/// All it decides is decided in the database; a worker that dies loses only its attempts, which
/// others take over once its lease is over.
final class Worker: Sendable {
  /// What reaches the loop.
  enum Message: Sendable {
    case ended(EndedAttempt)
    /// Something may be claimable.
    case look
    case flushLog
    /// Attempts of this worker were told to stop.
    case stop
    /// The lease was lost: others may have taken the attempts over.
    case leaseLost
    /// Takes nothing new, and ends when its attempts have ended.
    case drain
    /// The time to drain is over.
    case drainOver
    /// Tells the bound run to stop.
    case cancelRun
    /// Somebody else may have changed the bound run.
    case runChanged
  }

  let runtime: Runtime
  let options: WorkerOptions
  let mailbox = Mailbox<Message>()
  let connector: LoopConnector
  let log: Logger
  let turns = TurnsMemory()
  /// What makes the calls that its decisions note; nil where somebody else sees to them.
  let courier: CallbackCourier?

  init(_ runtime: Runtime, _ options: WorkerOptions, courier: CallbackCourier? = nil) {
    self.runtime = runtime
    self.options = options
    self.courier = courier
    connector = LoopConnector(runtime.pool, isPatient: !options.isBound)
    log = Logger(label: "strata.worker")
  }

  /// Takes nothing new, and ends when its attempts have ended; where the database is away, at once.
  func drain() {
    connector.hurry()
    mailbox.put(.drain)
  }

  /// Works until it is drained, or until its bound run has ended.
  ///
  /// - Parameter registered: the worker's number, for a lease that was taken already.
  /// - Throws: `WarehouseError` where the database stays out of reach; attempts were stopped by then,
  ///   and have ended but for those that block.
  func work(as registered: Int64, on connection: Connection) async throws -> Connection {
    // On the connection's own queue: a decision is a few round trips, and each would otherwise wait
    // for two threads to wake.
    try await connection.beside {
      var loop = WorkerLoop(self, id: registered, connection: connection)
      do {
        try await loop.run()
      } catch {
        await loop.abandon()
        throw error
      }
      return loop.connection
    }
  }
}

/// What all workers and schedulers of a process share.
struct Runtime: Sendable {
  let pool: ConnectionPool
  let registry: TaskRegistry
  let projectDirectory: String
  let zone: Zone
  let clock: any WallClock
  let definitions = Definitions()
  let params = ParamsMemory()
  let months = MonthsMemory()
  var meters = Meters()
  var identity = WorkerIdentity.current
  var version = "0"
  var retention = RetentionPolicy()
  var webhooks = WebhookClient.beside
  /// What is told of lineage; nil for nothing.
  var lineage = LineageOptions.ofProcess

  var time: TimeSource { TimeSource(clock: clock) }

  /// Opens a connection of its own, beyond the pool's limit.
  func connect(_ name: String) async throws -> Connection {
    var options = pool.options
    options.applicationName = name
    return try await Connection.connect(options)
  }

  /// Decides about a run on a connection.
  func step(_ connection: Connection) -> RunStep {
    RunStep(
      connection: connection, definitions: definitions, time: time, meters: meters,
      tellsLineage: lineage != nil)
  }
}

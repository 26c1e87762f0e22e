import ArgumentParser
import Dispatch
import Foundation
import Logging
import Orchestrator
import Schedules
import Synchronization
import Warehouse

/// One daemon of the fleet.
///
/// Signals: SIGTERM drains it, SIGUSR1 makes its clock jump. The end of standard input, which the
/// driver holds open, ends it at once: a driver that dies leaves nothing behind.
struct Node: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "One scheduler or worker with the chaos task kinds; the driver starts these.")

  /// Of a node that was told to end while the database was away: it does not wait for it.
  static let awayExitCode: Int32 = 4

  /// What a node does.
  enum Role: String, ExpressibleByArgument { case scheduler, worker }

  @Argument(help: "scheduler or worker.") var role: Role
  @Option(help: "URL of the database.") var database: String
  @Option(help: "Seed of its clock's jumps.") var seed: UInt64 = 1
  @Option(help: "Milliseconds of its lease.") var leaseMilliseconds: Int = 2000
  @Option(help: "Attempts at once; 0 for none.") var slots: Int = 4

  func run() async throws {
    LoggingSystem.bootstrap(StreamLogHandler.standardError)
    Lifeline.watch()
    let clock = JumpingClock(seed: seed)
    let pool = ConnectionPool(ConnectionOptions(database), limit: max(2, slots))
    let daemon = Daemon(
      pool: pool, registry: try TaskRegistry(chaosKinds), projectDirectory: "/", zone: .utc,
      clock: clock, dags: [],
      options: DaemonOptions(
        schedules: role == .scheduler, slots: slots, lease: .milliseconds(leaseMilliseconds),
        // Shorter than many attempts: what does not end goes back to the queue.
        drainTimeout: .milliseconds(30), poll: .milliseconds(500)))
    let jumps = Self.onSignal(SIGUSR1) { clock.jump() }
    let isTold = RaisedFlag()
    let drains = Self.onSignal(SIGTERM) {
      isTold.raise()
      daemon.drain()
    }
    defer { for source in [jumps, drains] { source.cancel() } }
    do {
      try await daemon.run()
    } catch let error as WarehouseError where error.isTransientConnectionFailure {
      guard isTold.isRaised else { throw error }
      Logger(label: "strata.chaos").info(
        "ends without the database", metadata: ["error": "\(error)"])
      throw ExitCode(Self.awayExitCode)
    }
    await pool.close()
  }

  private static func onSignal(
    _ number: Int32, _ body: @escaping @Sendable () -> Void
  ) -> any DispatchSourceSignal {
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler(handler: body)
    source.resume()
    return source
  }
}

/// Ends a process with the one that started it.
enum Lifeline {
  /// Watches standard input from a thread of its own; never returns to it.
  static func watch() {
    Thread.detachNewThread {
      waitForEnd()
      // As kill -9 would: nothing is tidied up, since the driver is gone.
      _exit(0)
    }
  }

  /// Returns at the end of standard input.
  static func waitForEnd() {
    var byte: UInt8 = 0
    while true {
      let count = read(STDIN_FILENO, &byte, 1)
      if count == 0 || (count < 0 && errno != EINTR) { return }
    }
  }
}

/// Makes the experiment's tables in a database that is migrated already, for tests of single nodes.
struct Prepare: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes the tables of the experiment in a migrated database.", shouldDisplay: false)

  @Option(help: "URL of the database.") var database: String

  func run() async throws {
    let connection = try await Connection.connect(ConnectionOptions(database))
    try await connection.script(ChaosServer.tables)
    await connection.close()
  }
}

/// Stops the cluster of a driver that died before it could.
struct Keeper: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Waits for the driver's end, then stops its cluster; the driver starts it.",
    shouldDisplay: false)

  @Option(help: "The home folder of the cluster.") var home: String

  func run() async throws {
    Lifeline.waitForEnd()
    try await EmbeddedCluster(home: home).stop()
  }
}

/// Whether something was said, for a signal handler and whoever asks later.
private final class RaisedFlag: Sendable {
  private let state = Mutex(false)

  var isRaised: Bool { state.withLock { $0 } }

  func raise() { state.withLock { $0 = true } }
}

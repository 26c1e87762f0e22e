import Foundation
import TestSupport
import Warehouse

/// What is done to the fleet and its server.
enum Fault: String, CaseIterable, Sendable {
  /// kill -9, and a new life a moment later.
  case kill
  /// SIGSTOP for longer than the lease, then SIGCONT.
  case stop
  /// SIGTERM: it ends its attempts and leaves, and comes back.
  case drain
  /// Random sessions are ended by the server.
  case cut
  /// A clock is set anew.
  case jump
  /// The server is stopped in order and started.
  case restart
  /// The server is stopped at once, as by a crash, and recovers.
  case crash
  /// A task killed its own process between its effect and its end.
  case died
  /// A task stopped its own process inside of its fenced transaction.
  case froze

  /// How often the driver does it, against the others; 0 for what tasks do themselves.
  var weight: Int {
    switch self {
    case .kill: 30
    case .stop: 14
    case .drain: 8
    case .cut: 24
    case .jump: 16
    case .restart: 4
    case .crash: 4
    case .died, .froze: 0
    }
  }

  /// One at random.
  static func random(_ random: inout SplitMix64) -> Fault {
    var place = Int.random(in: 0..<allCases.reduce(0) { $0 + $1.weight }, using: &random)
    for fault in allCases {
      place -= fault.weight
      if place < 0 { return fault }
    }
    return .kill
  }
}

/// The server under the fleet: a cluster of its own in the experiment's folder.
struct ChaosServer: Sendable {
  static let database = "chaos"
  /// The sessions of the driver, which are spared.
  static let driver = "strata-chaos driver"

  let cluster: EmbeddedCluster
  let pool: ConnectionPool

  init(home: String) throws {
    cluster = try EmbeddedCluster(home: home)
    var options = cluster.options(database: Self.database)
    options.applicationName = Self.driver
    pool = ConnectionPool(options, limit: 6)
  }

  /// Starts the server and makes the database with the tables of the experiment.
  func prepare() async throws {
    try await cluster.start()
    let maintenance = try await Connection.connect(cluster.options())
    try await maintenance.execute("ALTER SYSTEM SET max_connections = 200")
    // A server that crashes loses nothing that it gave to the system; only a power cut would.
    try await maintenance.execute("ALTER SYSTEM SET fsync = off")
    await maintenance.close()
    try await restart()
    try await cluster.createDatabase(Self.database)
    try await Migrator(pool).migrate()
    try await pool.withConnection { try await $0.script(Self.tables) }
  }

  func restart() async throws {
    try await cluster.stop()
    try await cluster.start()
  }

  /// Stops the server as a crash would, and starts it: it recovers from its log.
  func crash() async throws {
    guard let process = cluster.status().process else {
      throw ChaosError("expected a server to crash, found none")
    }
    kill(process, SIGQUIT)
    while kill(process, 0) == 0 { try await Task.sleep(for: .milliseconds(10)) }
    try await cluster.start()
  }

  /// Removes the stopped cluster with all that was kept beside it.
  func remove() throws {
    let status = cluster.status()
    for folder in [status.socketFolder, status.folder, cluster.home]
    where FileManager.default.fileExists(atPath: folder) {
      try FileManager.default.removeItem(atPath: folder)
    }
  }

  /// Ends about so many of the fleet's sessions; all of them for 1.
  func cut(_ share: Double) async throws {
    _ = try await pool.query(
      """
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name <> \(Self.driver)
        AND backend_type = 'client backend' AND random() < \(share)
      """)
  }

  /// No unique keys and no triggers: nothing here holds what the fence has to hold.
  static let tables = """
    CREATE SCHEMA chaos;
    -- Each attempt as it begins, with the transactions of earlier ones that it sees committed.
    CREATE TABLE chaos.start (
      token bigint NOT NULL, run_id bigint NOT NULL, attempt integer NOT NULL,
      earlier bigint NOT NULL, task_id text NOT NULL);
    CREATE INDEX ON chaos.start (run_id, task_id);
    -- The side effect itself.
    CREATE TABLE chaos.effect (
      run_id bigint NOT NULL, token bigint NOT NULL, value bigint NOT NULL, task_id text NOT NULL);
    CREATE INDEX ON chaos.effect (run_id, task_id);
    -- Each fenced transaction that committed, numbered behind its fence.
    CREATE TABLE chaos.passage (
      sequence bigint GENERATED ALWAYS AS IDENTITY, run_id bigint NOT NULL, token bigint NOT NULL,
      newer bigint NOT NULL, wrote boolean NOT NULL, task_id text NOT NULL);
    CREATE INDEX ON chaos.passage (run_id, task_id);
    -- For the task that holds still.
    CREATE TABLE chaos.gate (opened_at timestamptz NOT NULL DEFAULT clock_timestamp());
    CREATE TABLE chaos.outcome (token bigint NOT NULL, code text NOT NULL);
    """
}

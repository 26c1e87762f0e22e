import Foundation
import Schedules

/// A private PostgreSQL in the home folder, reached through a Unix socket only.
///
/// Commands that need it start it; it keeps running until it is stopped. Any number of processes may
/// start it at once: one does, the others wait.
public struct EmbeddedCluster: Sendable {
  /// What a cluster is doing.
  public enum State: String, Sendable {
    /// Nothing has been created yet.
    case absent
    /// Created, not running.
    case stopped
    /// The server ended without saying so; the next start recovers it.
    case crashed
    /// The server is starting, recovering perhaps.
    case starting
    /// The server is stopping.
    case stopping
    /// The server takes connections.
    case running
  }

  /// Facts about a cluster.
  public struct Status: Sendable, Equatable {
    /// What it is doing.
    public let state: State
    /// The folder that holds it.
    public let folder: String
    /// Why that is not the home folder; nil where it is.
    public let reason: String?
    /// The folder of the socket.
    public let socketFolder: String
    /// The folder of the server's logs.
    public let logFolder: String
    /// The server's process; nil where none runs.
    public let process: Int32?
    /// When the server started; nil where none runs.
    public let startedAt: Instant?
    /// The major version that made the data; nil where there is none.
    public let version: Int?
    /// The user that the server runs as.
    public let owner: String
  }

  /// The home folder; the cluster is in `cluster/` in it.
  public let home: String
  /// Whether the data survives a power cut.
  public let durability: Durability
  let environment: [String: String]
  let owner: ClusterOwner
  let layout: ClusterLayout
  let clock: any WallClock
  /// The number in the socket's name; no TCP port is opened.
  let port: Int
  /// Settings that win over strata's own; tests open a TCP port with them.
  let settings: [String: String]

  /// The cluster of a home folder; nothing is created before ``start()``.
  ///
  /// - Throws: `warehouse.no_owner` for root on a machine without the users `postgres` and `nobody`.
  public init(
    home: String, durability: Durability = .full,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    clock: some WallClock = SystemClock()
  ) throws {
    try self.init(
      home: home, durability: durability, environment: environment, clock: clock, port: 5432,
      settings: [:])
  }

  init(
    home: String, durability: Durability, environment: [String: String], clock: any WallClock,
    port: Int, settings: [String: String]
  ) throws {
    self.home = home
    self.durability = durability
    self.environment = environment
    self.clock = clock
    self.port = port
    self.settings = settings
    owner = try ClusterOwner.current()
    layout = ClusterLayout(home: home, owner: owner, port: port)
  }

  /// How to connect to a database of the cluster; complete, so that no `PG…` variable interferes.
  public func options(database: String = "postgres") -> ConnectionOptions {
    let folder = layout.run.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
    return ConnectionOptions(
      "host='\(folder)' hostaddr='' port=\(port) user=postgres dbname=postgres"
    ).with(database: database)
  }

  /// The URL of a database of the cluster, for other programs.
  public func url(database: String = "postgres") -> String {
    func encoded(_ text: String) -> String {
      text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(["-", "_", "."]))
        ?? text
    }
    return "postgresql:///\(encoded(database))?host=\(encoded(layout.run))&port=\(port)"
      + "&user=postgres"
  }

  /// Starts the server unless it runs, creating the cluster where there is none.
  ///
  /// A few milliseconds where it runs; a second or two for the first time.
  /// - Throws: ``WarehouseError`` with what to do: `warehouse.no_server_binaries`,
  ///   `warehouse.data_version`, `warehouse.wrong_owner`, `warehouse.disk_full`,
  ///   `warehouse.initdb_failed`, `warehouse.cluster_start_failed`.
  @discardableResult
  public func start() async throws -> ConnectionOptions {
    if state() == .running { return options() }
    try ClusterFiles.createOpen(layout.folder)
    try await ClusterFiles.locked(layout.lock, clock: clock) { try await startLocked() }
    return options()
  }

  /// Stops the server, ending its sessions; false where none ran.
  ///
  /// - Throws: `warehouse.cluster_stop_failed` where it does not end within a minute.
  @discardableResult
  public func stop() async throws -> Bool {
    guard state() != .absent else { return false }
    return try await ClusterFiles.locked(layout.lock, clock: clock) {
      guard let server = PostmasterFile.read(layout), server.isServer(of: layout) else {
        return false
      }
      // SIGINT is PostgreSQL's "fast" shutdown: roll back, disconnect, checkpoint, end.
      guard kill(server.process, SIGINT) == 0 else {
        throw ClusterFiles.fault("stop the server of", layout.folder)
      }
      try await waitUntil(
        seconds: 60, code: "warehouse.cluster_stop_failed",
        message: "expected the server (process \(server.process)) to stop within 60 seconds"
      ) { !server.isAlive || PostmasterFile.read(layout)?.process != server.process }
      return true
    }
  }

  /// Facts about the cluster; changes nothing.
  public func status() -> Status {
    let state = state()
    let server = PostmasterFile.read(layout)
    let lives = state == .running || state == .starting || state == .stopping
    return Status(
      state: state, folder: layout.folder, reason: layout.reason, socketFolder: layout.run,
      logFolder: layout.log, process: lives ? server?.process : nil,
      startedAt: lives ? server?.startedAt.map(Instant.init(seconds:)) : nil,
      version: dataVersion(), owner: owner.name)
  }

  /// Creates a database of the running cluster; false where it exists.
  @discardableResult
  public func createDatabase(_ name: String) async throws -> Bool {
    let connection = try await Connection.connect(options())
    do {
      try await connection.execute("CREATE DATABASE \(identifier: name)")
      await connection.close()
      return true
    } catch let error as WarehouseError {
      await connection.close()
      // Of two that create it at once, one may meet the catalogue's unique index.
      if error.sqlState == "42P04" || error.sqlState == "23505" { return false }
      throw error
    }
  }

  /// The major version in PG_VERSION; nil where there is no data.
  func dataVersion() -> Int? {
    (try? String(contentsOfFile: layout.data + "/PG_VERSION", encoding: .utf8)).flatMap {
      Int($0.trimmingLines)
    }
  }

  func state() -> State {
    guard let server = PostmasterFile.read(layout) else {
      return dataVersion() == nil ? .absent : .stopped
    }
    guard server.isServer(of: layout) else { return .crashed }
    switch server.phase {
    case .ready, .standby: return acceptsConnections() ? .running : .starting
    case .stopping: return .stopping
    case .starting, nil: return .starting
    }
  }

  /// Whether somebody listens on the socket.
  private func acceptsConnections() -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array(layout.socket.utf8)
    guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    #if os(Linux)
      let stream = Int32(SOCK_STREAM.rawValue)
    #else
      let stream = SOCK_STREAM
    #endif
    let file = socket(AF_UNIX, stream, 0)
    guard file >= 0 else { return false }
    defer { close(file) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }

  /// Waits for a condition of another process, which sends no signal that could be awaited.
  func waitUntil(
    seconds: Int, code: String, message: String, _ condition: () -> Bool
  ) async throws {
    for _ in 0..<(seconds * 50) {
      if condition() { return }
      try await clock.sleep(for: .milliseconds(20))
    }
    throw WarehouseError(code: code, message: message, hint: "see the logs in \(layout.log)")
  }
}

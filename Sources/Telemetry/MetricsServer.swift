import FlyingSocks
import Foundation
import Logging
import Synchronization

/// Whether a daemon does its work, for those that restart it.
public enum Health: Sendable, Hashable {
  /// It does.
  case ok
  /// It does not, for a reason.
  case failing(String)
}

/// Serves `/metrics` and `/health` over HTTP/1.1, one request per connection.
public enum MetricsServer {
  /// Connections at once; further ones wait.
  private static let connectionLimit = 32
  /// How long a client may take over its request, and over taking the answer.
  private static let timeLimit = Duration.seconds(10)

  /// Serves until the calling task is cancelled.
  ///
  /// - Parameters:
  ///   - host: an address to listen on; `0.0.0.0` or `::` for every one of the machine.
  ///   - port: 0 for any free one.
  ///   - registry: what is shown.
  ///   - collect: called before each answer of `/metrics`, to set gauges that are read, not counted.
  ///   - health: what `/health` says: 200, or 503 with the reason.
  ///   - listening: told the port once connections are taken.
  /// - Throws: ``TelemetryError`` `telemetry.bad_host` or `telemetry.cannot_listen`.
  public static func run(
    host: String = "127.0.0.1", port: Int, registry: MetricRegistry = .shared,
    collect: @escaping @Sendable () async -> Void = {},
    health: @escaping @Sendable () async -> Health = { .ok },
    listening: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws {
    let responder = MetricsResponder(registry: registry, collect: collect, health: health)
    let pool = makePool()
    do {
      try await pool.prepare()
      let listener = try listen(host, port)
      // Nothing is lost where it is closed already.
      defer { try? listener.close() }
      let socket = try AsyncSocket(socket: listener, pool: pool)
      listening(try boundPort(listener))
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await pool.run() }
        group.addTask { try await accept(on: socket, responder) }
        // Both go on until they are cancelled; whichever fails takes the other along.
        defer { group.cancelAll() }
        try await group.next()
      }
    } catch let error as TelemetryError {
      throw error
    } catch {
      // A closed socket is how a cancelled wait ends.
      if Task.isCancelled || error is CancellationError { return }
      throw TelemetryError(
        code: "telemetry.stopped", message: "the metrics could not be served any more: \(error)")
    }
  }

  private static func makePool() -> some AsyncSocketPool {
    #if canImport(Darwin)
      return SocketPool.kQueue()
    #else
      return SocketPool.ePoll()
    #endif
  }

  private static func listen(_ host: String, _ port: Int) throws -> Socket {
    guard let number = UInt16(exactly: port) else {
      throw TelemetryError(
        code: "telemetry.bad_port", message: "expected a port from 0 to 65535, found \(port)")
    }
    do {
      let socket: Socket
      if host.contains(":") {
        socket = try Socket(domain: AF_INET6)
        try prepare(socket)
        try socket.bind(to: .inet6(ip6: host, port: number))
      } else {
        socket = try Socket(domain: AF_INET)
        try prepare(socket)
        try socket.bind(to: .inet(ip4: host == "localhost" ? "127.0.0.1" : host, port: number))
      }
      try socket.listen()
      return socket
    } catch {
      throw TelemetryError(
        code: "telemetry.cannot_listen",
        message: "expected to listen on \(host) port \(port), found: \(error)",
        hint: "choose an address of this machine and a port that nobody else uses")
    }
  }

  private static func prepare(_ socket: Socket) throws {
    try socket.setValue(true, for: .localAddressReuse)
    #if canImport(Darwin)
      try socket.setValue(true, for: .noSIGPIPE)
    #endif
  }

  private static func boundPort(_ socket: Socket) throws -> Int {
    switch try socket.sockname() {
    case .ip4(_, let port), .ip6(_, let port): Int(port)
    case .unix: 0
    }
  }

  private static func accept(
    on socket: AsyncSocket, _ responder: MetricsResponder
  ) async throws {
    try await withThrowingDiscardingTaskGroup { group in
      let open = OpenConnections(limit: connectionLimit)
      while true {
        try Task.checkCancellation()
        await open.enter()
        do {
          let connection = try await socket.accept()
          group.addTask {
            await serve(connection, responder)
            open.leave()
          }
        } catch {
          open.leave()
          try Task.checkCancellation()
          // Too many open files, for example: that passes.
          log.warning("a client was turned away", metadata: ["error": "\(error)"])
          try await Task.sleep(for: .seconds(1))
        }
      }
    }
  }

  /// Answers one connection; a client that goes away or dawdles is its own affair.
  private static func serve(_ connection: AsyncSocket, _ responder: MetricsResponder) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        do {
          try await exchange(connection, responder)
        } catch {
          log.debug("a client left", metadata: ["error": "\(error)"])
        }
      }
      // Cancelled once the exchange is over, which is all that it can throw.
      group.addTask { try? await Task.sleep(for: timeLimit) }
      await group.next()
      group.cancelAll()
    }
    try? connection.close()
  }

  private static func exchange(
    _ connection: AsyncSocket, _ responder: MetricsResponder
  ) async throws {
    var head: [UInt8] = []
    while !MetricsResponder.isWhole(head), head.count < MetricsResponder.headLimit {
      let bytes = try await connection.read(atMost: 4096)
      guard !bytes.isEmpty else { return }
      head += bytes
    }
    try await connection.write(Data(await responder.answer(to: head).bytes))
  }

  private static let log = Logger(label: "strata.metrics")
}

/// Counts connections, and lets further ones wait.
private final class OpenConnections: Sendable {
  private struct State {
    var free: Int
    var waiting: CheckedContinuation<Void, Never>?
  }

  private let state: Mutex<State>

  init(limit: Int) { state = Mutex(State(free: limit)) }

  /// Takes a place; only one task may wait for one.
  func enter() async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        if state.free > 0 {
          state.free -= 1
          return true
        }
        state.waiting = continuation
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  func leave() {
    let waiting = state.withLock { state in
      defer { state.waiting = nil }
      if state.waiting == nil { state.free += 1 }
      return state.waiting
    }
    waiting?.resume()
  }
}

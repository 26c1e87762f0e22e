import CLibPQ
import Foundation

/// One session with the server. One task uses it at a time: take it from a pool.
///
/// The actor has an executor of its own on its own thread, so that libpq may block. When the task
/// that waits for a statement is cancelled, the server is asked to stop it, the statement fails with
/// `CancellationError`, and the connection stays usable.
public actor Connection {
  /// What the protocol is in the middle of.
  enum Activity: Equatable {
    case idle
    case copy
    case closed
  }

  nonisolated let executor: ConnectionExecutor
  let canceller: Canceller
  let backOff: BackOff
  private var handle: ConnectionHandle?
  var activity = Activity.idle
  var statements: StatementCache
  /// The code that aborted the open transaction, for the retry to see even where the body of the
  /// transaction wrapped or swallowed the fault.
  var failure: WarehouseError?
  var savepoints = 0
  var listener: Listener?
  /// The name that the session was opened with, and how it was dressed since.
  let openedAs: String
  var dress: SessionDress?

  /// The queue that the actor's jobs run on.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(_ handle: ConnectionHandle, executor: ConnectionExecutor, options: ConnectionOptions) {
    self.handle = handle
    self.executor = executor
    canceller = Canceller(handle.pointer)
    statements = StatementCache(capacity: options.statementCacheSize)
    backOff = options.backOff
    openedAs = options.applicationName
  }

  /// Connects, trying again with growing waits where the server cannot be reached for now.
  ///
  /// - Throws: ``WarehouseError`` such as `warehouse.unreachable`, `warehouse.authentication_failed`,
  ///   `warehouse.unknown_database`, `warehouse.bad_url`; `CancellationError`.
  public static func connect(_ options: ConnectionOptions) async throws -> Connection {
    try await options.backOff.retry(when: isTransient) { try await connectOnce(options) }
  }

  static func isTransient(_ error: any Error) -> Bool {
    (error as? WarehouseError)?.isTransientConnectionFailure ?? false
  }

  private static func connectOnce(_ options: ConnectionOptions) async throws -> Connection {
    let executor = ConnectionExecutor()
    let pending = OneShot<ConnectionHandle>()
    let handle = try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        pending.wait(continuation)
        // A cancelled wait lets the attempt finish on its own; its connection is closed unused.
        executor.queue.async {
          pending.resume(Result { try ConnectionHandle.open(options) })
        }
      }
    } onCancel: {
      pending.resume(.failure(CancellationError()))
    }
    return Connection(handle, executor: executor, options: options)
  }

  /// The libpq connection.
  ///
  /// - Throws: `warehouse.connection_closed` after ``close()``.
  func pointer() throws -> OpaquePointer {
    guard let handle else {
      throw WarehouseError(
        code: "warehouse.connection_closed",
        message: "expected an open connection, found a closed one")
    }
    return handle.pointer
  }

  /// Closes the session; an open transaction is rolled back by the server.
  public func close() {
    listener?.finish(nil)
    listener = nil
    activity = .closed
    handle = nil
  }

  /// Whether the socket is open and the server has not hung up. No round trip.
  public var isUsable: Bool {
    guard let handle, activity == .idle else { return false }
    // A server that ended the session has sent its farewell, and then the end of the stream, which
    // only a second look finds.
    var descriptor = pollfd(fd: PQsocket(handle.pointer), events: Int16(POLLIN), revents: 0)
    while poll(&descriptor, 1, 0) > 0 {
      guard PQconsumeInput(handle.pointer) == 1 else { return false }
    }
    return PQstatus(handle.pointer) == CONNECTION_OK
  }

  /// Whether a transaction is open, failed or not.
  public var isInTransaction: Bool {
    guard let handle else { return false }
    let status = PQtransactionStatus(handle.pointer)
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
  }

  /// The process id of the server's end, as in `pg_stat_activity`; 0 when closed.
  public var serverProcess: Int32 { handle.map { PQbackendPID($0.pointer) } ?? 0 }

  /// The server's version, for example 150020.
  public var serverVersion: Int32 { handle.map { PQserverVersion($0.pointer) } ?? 0 }

  /// The value of a setting that the server reports by itself, such as `TimeZone`; no round trip.
  public func reportedSetting(_ name: String) -> String? {
    guard let handle, let value = PQparameterStatus(handle.pointer, name) else { return nil }
    return String(cString: value)
  }

  /// Makes the connection fit for its next user; false where it has to be closed.
  func recycle() -> Bool {
    guard let handle, activity == .idle, PQstatus(handle.pointer) == CONNECTION_OK else {
      return false
    }
    savepoints = 0
    failure = nil
    switch PQtransactionStatus(handle.pointer) {
    case PQTRANS_IDLE: break
    case PQTRANS_INTRANS, PQTRANS_INERROR:
      guard (try? simple("ROLLBACK")) != nil else { return false }
    default: return false
    }
    if let listener {
      listener.finish(nil)
      self.listener = nil
      guard (try? simple("UNLISTEN *")) != nil else { return false }
    }
    return true
  }
}

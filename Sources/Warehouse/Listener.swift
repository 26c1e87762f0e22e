import CLibPQ
import Foundation

/// A message that another session sent with NOTIFY.
public struct Notification: Sendable, Equatable {
  /// The channel.
  public let channel: String
  /// The payload, empty where there is none.
  public let payload: String
  /// The server's process that sent it.
  public let process: Int32
}

/// Watches a connection's socket and hands notifications to a stream.
///
/// A thread of its own waits for the socket; what has arrived is read on the connection's queue,
/// between statements, so that the connection stays usable while it listens. (A dispatch source on
/// the socket now and then stalled all of libdispatch on Linux.)
///
/// @unchecked Sendable: the state is used on the connection's queue only.
final class Listener: @unchecked Sendable {
  private let connection: OpaquePointer
  private let watch: SocketWatch
  private let continuation: AsyncThrowingStream<Notification, any Error>.Continuation
  private var finished = false

  init(
    _ connection: OpaquePointer, queue: DispatchQueue,
    _ continuation: AsyncThrowingStream<Notification, any Error>.Continuation
  ) throws {
    self.connection = connection
    self.continuation = continuation
    watch = try SocketWatch(PQsocket(connection))
    watch.start(on: queue) { [weak self] in self?.receive() }
  }

  deinit { watch.stop() }

  /// Reads what has arrived.
  func receive() {
    guard !finished else { return }
    if PQconsumeInput(connection) == 0 || PQstatus(connection) == CONNECTION_BAD {
      deliver()
      finish(
        WarehouseError(
          code: "warehouse.connection_lost",
          message: "the connection that listened broke: "
            + String(cString: PQerrorMessage(connection)).trimmingLines,
          hint: "listen again; notifications sent meanwhile are lost"))
      return
    }
    deliver()
  }

  /// Hands over the notifications that libpq has read, also while a statement ran.
  func deliver() {
    while !finished, let message = PQnotifies(connection) {
      defer { PQfreemem(message) }
      continuation.yield(
        Notification(
          channel: String(cString: message.pointee.relname),
          payload: String(cString: message.pointee.extra), process: message.pointee.be_pid))
    }
  }

  /// Ends the stream.
  func finish(_ error: (any Error)?) {
    guard !finished else { return }
    finished = true
    watch.stop()
    continuation.finish(throwing: error)
  }
}

extension Connection {
  /// Subscribes the session to a channel; see ``notifications()``.
  public func listen(_ channel: String) async throws {
    try await execute("LISTEN \(identifier: channel)")
  }

  /// Ends the subscription to a channel.
  public func unlisten(_ channel: String) async throws {
    try await execute("UNLISTEN \(identifier: channel)")
  }

  /// The notifications of the channels that the session listens to, from now on.
  ///
  /// One stream at a time: a new one ends the one before. The stream ends with
  /// `warehouse.connection_lost` when the server goes away. Slow readers lose nothing: messages
  /// wait in memory.
  public func notifications() throws -> AsyncThrowingStream<Notification, any Error> {
    let connection = try pointer()
    listener?.finish(nil)
    let (stream, continuation) = AsyncThrowingStream<Notification, any Error>.makeStream()
    let listener = try Listener(connection, queue: executor.queue, continuation)
    self.listener = listener
    listener.deliver()
    return stream
  }

  /// Sends a notification when the transaction commits, or at once outside of one.
  public func notify(_ channel: String, payload: String = "") async throws {
    try await execute("SELECT pg_notify(\(channel), \(payload))")
  }
}

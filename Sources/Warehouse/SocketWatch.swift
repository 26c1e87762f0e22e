import Foundation
import Synchronization

/// Waits on a thread of its own until a socket has something to read, again and again.
///
/// It owns a copy of the descriptor and a pipe whose end wakes the thread; the thread closes what it
/// waits for, so that no descriptor is closed while somebody waits for it.
final class SocketWatch: Sendable {
  private let socket: Int32
  private let wakeReader: Int32
  /// The other end of the pipe; -1 once it is closed.
  private let wakeWriter: Mutex<Int32>

  /// A watch of a socket; the descriptor is copied.
  ///
  /// - Throws: `warehouse.no_descriptors` where the process has too many files open.
  init(_ descriptor: Int32) throws {
    var ends: [Int32] = [-1, -1]
    let copy = dup(descriptor)
    guard copy >= 0, pipe(&ends) == 0 else {
      let reason = String(cString: strerror(errno))
      if copy >= 0 { close(copy) }
      throw WarehouseError(
        code: "warehouse.no_descriptors", message: "cannot watch the connection: \(reason)",
        hint: "raise the limit of open files (ulimit -n)")
    }
    socket = copy
    wakeReader = ends[0]
    wakeWriter = Mutex(ends[1])
  }

  deinit { stop() }

  /// Calls `readable` on the queue whenever there is something to read, until ``stop()``.
  ///
  /// The next wait begins when the call has ended.
  func start(on queue: DispatchQueue, _ readable: @escaping @Sendable () -> Void) {
    let (socket, wakeReader) = (socket, wakeReader)
    let thread = Thread {
      var descriptors = [
        pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
        pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0),
      ]
      while true {
        let count = poll(&descriptors, 2, -1)
        if count < 0 && errno == EINTR { continue }
        if count < 0 || descriptors[1].revents != 0 { break }
        queue.sync(execute: readable)
      }
      close(socket)
      close(wakeReader)
    }
    thread.name = "strata.listen"
    thread.stackSize = 256 << 10
    thread.start()
  }

  /// Ends the thread, soon. May be called more than once, also from `readable`.
  func stop() {
    let end = wakeWriter.withLock { descriptor in
      defer { descriptor = -1 }
      return descriptor
    }
    if end >= 0 { close(end) }
  }
}

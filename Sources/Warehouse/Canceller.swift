import CLibPQ
import Dispatch
import Synchronization

/// Stops the statement that runs on a connection, from another thread.
///
/// Each statement has a number. A stop request is for one number and is dropped when that statement
/// has ended, so that it never hits the next one: the end waits for a request under way.
///
/// @unchecked Sendable: `PQcancel` may be called from any thread (libpq manual, "Canceling Queries
/// in Progress"); the pointer itself never changes.
final class Canceller: @unchecked Sendable {
  private struct State {
    var running = 0
    var last = 0
    var stopped = false
  }

  private static let queue = DispatchQueue(
    label: "strata.warehouse.cancel", attributes: .concurrent)
  private let pointer: OpaquePointer?
  private let state = Mutex(State())

  init(_ connection: OpaquePointer) { pointer = PQgetCancel(connection) }

  deinit { PQfreeCancel(pointer) }

  /// The number of the statement that runs, 0 for none.
  var current: Int { state.withLock { $0.running } }

  /// The number of a statement that begins now.
  func reserve() -> Int {
    state.withLock {
      $0.last += 1
      return $0.last
    }
  }

  /// Marks the statement as running.
  func begin(_ number: Int) {
    state.withLock {
      $0.running = number
      $0.stopped = false
    }
  }

  /// Marks the statement as ended; true where a stop request reached the server.
  func end(_ number: Int) -> Bool {
    state.withLock {
      $0.running = 0
      return $0.stopped
    }
  }

  /// Asks the server to stop the statement; returns at once.
  ///
  /// `PQcancel` opens a connection of its own and waits for the server to close it, so it runs on
  /// another queue.
  func stop(_ number: Int) {
    Self.queue.async { self.stopNow(number) }
  }

  /// Asks the server to stop the statement; blocks until the server took the request.
  @discardableResult
  func stopNow(_ number: Int) -> Bool {
    state.withLock { state in
      guard state.running == number, let pointer else { return false }
      var reason = [CChar](repeating: 0, count: 256)
      let sent = PQcancel(pointer, &reason, Int32(reason.count)) == 1
      state.stopped = state.stopped || sent
      return sent
    }
  }
}

import Foundation
import Synchronization

/// The one thread on which learners call their C libraries.
///
/// OpenMP runtimes keep a pool of workers per calling thread, and a cooperative thread must not be
/// blocked for seconds; so all calls run here, one after another, in the order they were made.
final class LearningThread: Sendable {
  static let shared = LearningThread()

  private struct State {
    var waiting: [@Sendable () -> Void] = []
    var isStarted = false
  }

  private let state = Mutex(State())
  private let signal = DispatchSemaphore(value: 0)

  /// Runs `body` on the thread; it asks `isCancelled` between rounds.
  func run<T: Sendable>(
    _ body: @escaping @Sendable (_ isCancelled: () -> Bool) throws -> T
  ) async throws -> T {
    let cancelled = Atomic(false)
    return try await withTaskCancellationHandler {
      try Task.checkCancellation()
      return try await withCheckedThrowingContinuation { continuation in
        enqueue {
          continuation.resume(
            with: Result { try body { cancelled.load(ordering: .relaxed) } })
        }
      }
    } onCancel: {
      cancelled.store(true, ordering: .relaxed)
    }
  }

  private func enqueue(_ job: @escaping @Sendable () -> Void) {
    let mustStart = state.withLock { state in
      state.waiting.append(job)
      defer { state.isStarted = true }
      return !state.isStarted
    }
    if mustStart {
      let thread = Thread { [self] in work() }
      thread.name = "strata.learning"
      // Deep trees recurse in the library; a secondary thread's standard stack is small on macOS.
      thread.stackSize = 8 << 20
      thread.start()
    }
    signal.signal()
  }

  private func work() {
    while true {
      signal.wait()
      let job = state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
      job?()
    }
  }
}

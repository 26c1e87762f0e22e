import Dispatch
import Foundation

/// SIGINT and SIGTERM as cancellation, so that queries stop and the run is recorded as cancelled.
enum Signals {
  /// Runs the body in a task that the first SIGINT or SIGTERM cancels; a second one kills.
  static func cancelling<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let work = Task { try await body() }
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        Console.writeError("stopping: cancelling what runs (once more to kill)")
        signal(number, SIG_DFL)
        work.cancel()
      }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    return try await work.value
  }

  /// Calls `action` on the first SIGINT or SIGTERM, until the result is cancelled; a second signal
  /// kills.
  static func onStop(_ action: @escaping @Sendable () -> Void) -> SignalWatch {
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        Console.writeError("draining: what runs may end (once more to kill)")
        signal(number, SIG_DFL)
        action()
      }
      source.resume()
      return source
    }
    return SignalWatch(sources: sources)
  }
}

/// Signals that are watched.
struct SignalWatch {
  let sources: [any DispatchSourceSignal]

  /// Leaves the signals alone again.
  func cancel() { for source in sources { source.cancel() } }
}

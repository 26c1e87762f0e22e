import Schedules

/// How often to try again, and how long to wait before each try.
public struct BackOff: Sendable, Equatable {
  /// Tries in all, the first one included.
  public var attempts: Int
  /// The wait before the second try.
  public var first: Duration
  /// No wait is longer.
  public var limit: Duration

  /// Waits that double from `first` to `limit`.
  public init(attempts: Int, first: Duration, limit: Duration) {
    self.attempts = max(1, attempts)
    self.first = first
    self.limit = limit
  }

  /// One try.
  public static let none = BackOff(attempts: 1, first: .zero, limit: .zero)
  /// About one second in all, for commands that someone waits for.
  public static let brief = BackOff(attempts: 5, first: .milliseconds(50), limit: .seconds(1))
  /// About four minutes in all, for daemons that outlive a restart of the server, and are back a few
  /// seconds after it.
  public static let patient = BackOff(
    attempts: 70, first: .milliseconds(100), limit: .seconds(5))

  /// The wait after the failed try `number` (from 1): doubled each time, cut at `limit`, then
  /// between half of it and all of it, so that many clients do not come back at once.
  ///
  /// - Parameter fraction: 0 ..< 1, random.
  public func wait(after number: Int, fraction: Double) -> Duration {
    var wait = first
    for _ in 1..<max(1, number) where wait < limit { wait = wait * 2 }
    return min(wait, limit) * (0.5 + fraction / 2)
  }

  /// Runs `body` until it succeeds, fails for good, or the tries are used up.
  ///
  /// - Throws: the last fault of `body`, or `CancellationError`.
  nonisolated(nonsending) func retry<T>(
    clock: some WallClock = SystemClock(), when isTransient: (any Error) -> Bool,
    _ body: nonisolated(nonsending) () async throws -> T
  ) async throws -> T {
    var number = 1
    while true {
      do {
        return try await body()
      } catch {
        guard number < attempts, isTransient(error) else { throw error }
        try await clock.sleep(for: wait(after: number, fraction: Double.random(in: 0..<1)))
        number += 1
      }
    }
  }
}

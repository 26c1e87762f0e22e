import Schedules

/// The server's time, from the instant of a claim on, by a clock that nobody sets: a host whose own
/// clock is wrong, or set while an attempt runs, spoils neither a sensor's budget nor a log.
struct AttemptClock: WallClock {
  private let start: Instant
  private let began = ContinuousClock.now

  /// The clock of an attempt that was claimed at an instant of the server's.
  private init(from start: Instant) { self.start = start }

  func now() -> Instant { start + (ContinuousClock.now - began) }

  func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }

  /// What an attempt goes by: a clock that somebody sets for all is left as it is.
  static func of(attemptAt start: Instant?, on clock: any WallClock) -> any WallClock {
    guard let start, clock is any HostClock else { return clock }
    return AttemptClock(from: start)
  }
}

import Foundation

/// Where the current time comes from; injected, so that tests and replays set it.
public protocol WallClock: Sendable {
  /// The current instant.
  func now() -> Instant
  /// Suspends for a duration; returns early, with an error, when the task is cancelled.
  func sleep(for duration: Duration) async throws
}

/// A clock of the host that shows it: right or wrong as hosts' clocks are, and never the truth about
/// runs, which are decided by the database server's clock alone.
///
/// Every other clock is set by somebody, a test or a replay, and is the truth then.
public protocol HostClock: WallClock {}

/// The machine's clock.
public struct SystemClock: HostClock {
  /// The machine's clock.
  public init() {}

  /// The current instant.
  public func now() -> Instant {
    Instant(microseconds: Int64((Date().timeIntervalSince1970 * 1_000_000).rounded()))
  }

  /// Suspends the task on the continuous clock.
  public func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

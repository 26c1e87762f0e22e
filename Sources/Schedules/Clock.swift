import Foundation

/// Where the current time comes from; injected, so that tests and replays set it.
public protocol WallClock: Sendable {
  /// The current instant.
  func now() -> Instant
  /// Suspends for a duration; returns early, with an error, when the task is cancelled.
  func sleep(for duration: Duration) async throws
}

/// The machine's clock.
public struct SystemClock: WallClock {
  /// The machine's clock.
  public init() {}

  /// The current instant.
  public func now() -> Instant {
    Instant(microseconds: Int64((Date().timeIntervalSince1970 * 1_000_000).rounded()))
  }

  /// Suspends the task on the continuous clock.
  public func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

import Crypto
import Foundation
import Schedules

/// How often a failed attempt is repeated, and after what pause.
public struct Retries: Codable, Sendable, Hashable {
  /// Attempts after the first, 0 for none.
  public let count: Int
  /// Milliseconds before the second attempt.
  public let delayMilliseconds: Int64
  /// What each further pause is multiplied by; 1 keeps it constant.
  public let factor: Double
  /// The longest pause, in milliseconds.
  public let capMilliseconds: Int64
  /// The share of a pause, 0 to 1, that jitter may take off, so that tasks which failed together
  /// do not come back together.
  public let jitter: Double

  init(count: Int, delay: Duration, factor: Double, cap: Duration, jitter: Double) {
    self.count = count
    delayMilliseconds = delay.milliseconds
    self.factor = factor
    capMilliseconds = cap.milliseconds
    self.jitter = jitter
  }

  /// One attempt only.
  public static let none = Retries(count: 0, delay: .zero, factor: 1, cap: .zero, jitter: 0)

  /// `count` further attempts, each pause `factor` times the one before, at most `cap`.
  public static func exponential(
    _ count: Int, first delay: Duration = .seconds(5), factor: Double = 2,
    cap: Duration = .minutes(10), jitter: Double = 0.2
  ) -> Retries {
    Retries(count: count, delay: delay, factor: factor, cap: cap, jitter: jitter)
  }

  /// `count` further attempts with the same pause before each.
  public static func fixed(
    _ count: Int, every delay: Duration = .seconds(5), jitter: Double = 0
  ) -> Retries {
    Retries(count: count, delay: delay, factor: 1, cap: delay, jitter: jitter)
  }

  /// The pause after failed attempt number `attempt` (from 1): delay × factor^(attempt − 1), at most
  /// the cap, less a jitter that depends on nothing but the arguments.
  public func pause(
    after attempt: Int, dag: String, task: String, interval: DataInterval
  ) -> Duration {
    let growth = pow(factor, Double(max(attempt - 1, 0)))
    let full = min(Double(delayMilliseconds) * growth, Double(capMilliseconds))
    let seed = "\(dag)\u{0}\(task)\u{0}\(interval)\u{0}\(attempt)"
    let bits = SHA256.hash(data: Data(seed.utf8)).prefix(8).reduce(UInt64(0)) {
      $0 << 8 | UInt64($1)
    }
    let share = Double(bits >> 11) / Double(1 << 53)
    return .milliseconds(Int64((full * (1 - jitter * share)).rounded()))
  }
}

/// What a task is for.
public enum TaskRole: Codable, Sendable, Hashable {
  /// The DAG's work.
  case work
  /// Makes something that the work needs and a teardown removes.
  case setup
  /// Removes what the setups `of` made; they are upstream of it.
  ///
  /// It has a law of its own instead of a trigger rule: once everything upstream has ended, however
  /// and also where the run is cancelled, it runs if one of its setups succeeded or it names none,
  /// since then there is something to remove; else it is skipped.
  case teardown(of: [String])

  /// Whether it is a teardown.
  public var isTeardown: Bool {
    if case .teardown = self { true } else { false }
  }

  /// Of a teardown: its setups, sorted; empty for other tasks.
  public var setups: [String] {
    if case .teardown(let setups) = self { setups } else { [] }
  }

  /// When a teardown runs, instead of its trigger rule: once everything upstream has ended, if one
  /// of its setups succeeded, since then there is something to remove; with no setup, always then.
  ///
  /// A setup that failed fails the run by itself, unless that is tolerated: a teardown that has
  /// nothing to remove is skipped, and adds no failure to it. The law, first match wins:
  /// .→w, no setups→R, a setup S→R, K.
  ///
  /// - Parameters:
  ///   - upstreams: all its upstream tasks, the setups included.
  ///   - setups: how many setups it has.
  ///   - succeeded: how many of them ended well.
  static func teardownVerdict(upstreams: UpstreamTally, setups: Int, succeeded: Int) -> Verdict {
    if upstreams.unfinished > 0 { return .wait }
    return setups == 0 || succeeded > 0 ? .run : .skip
  }
}

/// How a sensor waits.
public struct SensorPolicy: Codable, Sendable, Hashable {
  /// Where a sensor is between two pokes.
  public enum Mode: String, Codable, Sendable, Hashable, CaseIterable {
    /// It keeps its slot and sleeps there: for short waits.
    case poke
    /// It gives its slot back and is queued again: for long waits.
    case reschedule
  }

  /// Milliseconds between two pokes.
  public let intervalMilliseconds: Int64
  /// Where it is between two pokes.
  public let mode: Mode
  /// Milliseconds it may wait in all, from its first poke and over all retries; nil for no limit.
  public let budgetMilliseconds: Int64?
  /// Whether a spent budget skips the task instead of failing it.
  public let softFail: Bool

  /// A policy; durations are kept in whole milliseconds.
  public init(
    every interval: Duration, mode: Mode = .reschedule, budget: Duration? = nil,
    softFail: Bool = false
  ) {
    intervalMilliseconds = interval.milliseconds
    self.mode = mode
    budgetMilliseconds = budget?.milliseconds
    self.softFail = softFail
  }
}

/// A kind of task that waits for something; DAGs declare it with ``DAGBuilder/sensor(_:_:every:mode:budget:softFail:after:when:retries:timeLimit:failure:policy:file:line:)``.
///
/// One attempt is one poke: it ends with the product where the awaited thing is there, and throws
/// ``NotYet`` where it is not.
public protocol SensorKind: TaskKind {}

/// What a sensor's poke throws while the awaited thing is not there; no failure, and costs no try.
public struct NotYet: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is missing, for people; nil for nothing to say.
  public let reason: String?

  /// Nothing there yet.
  public init(_ reason: String? = nil) { self.reason = reason }

  /// `not yet: reason`.
  public var description: String { reason.map { "not yet: \($0)" } ?? "not yet" }
}

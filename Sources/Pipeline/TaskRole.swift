/// What a task is for.
public enum TaskRole: Codable, Sendable, Hashable {
  /// The DAG's work.
  case work
  /// Makes something that the work needs and a teardown removes.
  case setup
  /// Removes what the setups `of` made, also after a failure; they are upstream of it.
  case teardown(of: [String])

  /// Whether it is a teardown.
  public var isTeardown: Bool {
    if case .teardown = self { true } else { false }
  }

  /// When a teardown runs, instead of its trigger rule: once everything upstream has ended, if one
  /// of its setups succeeded, since then there is something to remove.
  ///
  /// With no setup it runs once everything upstream has ended. The law, first match wins:
  /// .→w, no setups→R, a setup S→R, a setup F|U→U, K.
  ///
  /// - Parameters:
  ///   - upstreams: all its upstream tasks, the setups included.
  ///   - setups: the setups among them.
  public static func teardownVerdict(
    upstreams: UpstreamTally, setups: UpstreamTally
  ) -> Verdict {
    if upstreams.unfinished > 0 { return .wait }
    if setups.total == 0 || setups.succeeded > 0 { return .run }
    return setups.failed + setups.upstreamFailed > 0 ? .upstreamFailed : .skip
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

import Schedules

/// What one step of the refresh between the nights did.
public struct RefreshStep: Codable, Sendable, Hashable {
  /// How it was done.
  public enum Kind: String, Codable, Sendable, Hashable {
    /// Nothing to do: nothing was written.
    case idle
    /// Nothing was done: something else has to happen first; ``RefreshStep/notice`` says what.
    case waiting
    /// The customers whom new events, corrections or time concern.
    case touched
    /// Everyone: at the start of a process, after a night, and where the catalogue changed.
    case everyone
  }

  /// How it was done.
  public var kind: Kind
  /// The instant of the memberships.
  public var asOf: Instant
  /// The midnight whose ranks, percentile cuts and scores count; nil where nothing was evaluated.
  public var fixedAt: Instant?
  /// The midnight that was published for everyone before; nil where it was there.
  public var night: Instant?
  /// Loads that were folded by this step.
  public var loads = 0
  /// Customers evaluated.
  public var customers = 0
  /// Customers who entered or left a segment.
  public var moved = 0
  /// Memberships that began.
  public var entered = 0
  /// Memberships that ended.
  public var left = 0
  /// The publication; nil where no membership changed.
  public var publicationID: Int32?
  /// The run that records the step; nil where nothing was written.
  public var runID: Int64?
  /// Wall time in milliseconds, its commit included.
  public var milliseconds: Double = 0
  /// From the end of the first of its loads to the commit, in milliseconds; nil without loads.
  public var loadToCommit: Double?
  /// From the latest event of each customer who moved by events to the commit, in milliseconds.
  public var eventToTransition: [Double] = []
  /// What a reader should know; nil for nothing.
  public var notice: String?

  init(_ kind: Kind, _ asOf: Instant, notice: String? = nil) {
    self.kind = kind
    self.asOf = asOf
    self.notice = notice
  }

  /// The step in one line.
  public var sentence: String {
    switch kind {
    case .idle: return notice ?? "nothing to do as of \(asOf)"
    case .waiting: return notice ?? "waits"
    case .touched, .everyone:
      let who = kind == .everyone ? "everyone (\(customers) customers)" : "\(customers) customers"
      return "\(who): \(entered) entered, \(left) left, \(loads) load\(loads == 1 ? "" : "s")"
    }
  }
}

/// The middle and the far end of what steps took lately.
public struct LatencyWindow: Sendable {
  private var values: [Double] = []
  private var next = 0
  private let capacity: Int

  /// The latest `capacity` values.
  public init(capacity: Int = 1000) { self.capacity = max(1, capacity) }

  /// Adds values.
  public mutating func add(_ new: [Double]) {
    for value in new {
      if values.count < capacity {
        values.append(value)
      } else {
        values[next] = value
      }
      next = (next + 1) % capacity
    }
  }

  /// The value that a share of the others do not exceed; nil without values.
  public func quantile(_ share: Double) -> Double? {
    if values.isEmpty { return nil }
    let rank = (share * Double(values.count)).rounded(.up)
    return values.sorted()[min(values.count, max(1, Int(rank))) - 1]
  }
}

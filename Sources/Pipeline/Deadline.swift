import Schedules

/// When a run should have ended; being late fires callbacks once, and stops nothing.
public enum Deadline: Sendable, Hashable {
  /// So long after the run began.
  case afterStart(Duration)
  /// So long after the end of its data interval, whenever it began.
  case afterIntervalEnd(Duration)

  /// The instant, given when the run began; nil where that counts and it has not begun.
  public func instant(start: Instant?, interval: DataInterval) -> Instant? {
    switch self {
    case .afterStart(let duration): start.map { $0 + duration }
    case .afterIntervalEnd(let duration): interval.end + duration
    }
  }
}

extension Deadline: Codable {
  private enum CodingKeys: String, CodingKey {
    case afterStart = "afterStartMilliseconds"
    case afterIntervalEnd = "afterIntervalEndMilliseconds"
  }

  /// Decodes `{"afterStartMilliseconds": 3600000}` or `{"afterIntervalEndMilliseconds": …}`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let count = try container.decodeIfPresent(Int64.self, forKey: .afterStart) {
      self = .afterStart(.milliseconds(count))
    } else {
      let count = try container.decode(Int64.self, forKey: .afterIntervalEnd)
      self = .afterIntervalEnd(.milliseconds(count))
    }
  }

  /// Encodes whole milliseconds.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .afterStart(let duration):
      try container.encode(duration.milliseconds, forKey: .afterStart)
    case .afterIntervalEnd(let duration):
      try container.encode(duration.milliseconds, forKey: .afterIntervalEnd)
    }
  }
}

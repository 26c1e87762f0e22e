/// The half-open span of data that a run covers; `end` is the run's as-of.
public struct DataInterval: Sendable, Hashable, Codable {
  /// The first instant inside.
  public let start: Instant
  /// The first instant after; what happens at `end` or later does not exist for the run.
  public let end: Instant

  /// A half-open interval.
  ///
  /// - Throws: ``ScheduleError`` `schedule.empty_interval` unless `start < end`.
  public init(start: Instant, end: Instant) throws(ScheduleError) {
    guard start < end else {
      throw ScheduleError(
        code: "schedule.empty_interval",
        message: "expected an interval that ends after it starts, found \(start) .. \(end)",
        hint: "an interval is half-open: [start, end)")
    }
    self.start = start
    self.end = end
  }

  /// The whole local day: `[midnight D, midnight D+1)`, of 23, 24 or 25 hours.
  public init(day: Day, in zone: Zone) {
    start = zone.midnight(day)
    end = zone.midnight(day + 1)
  }

  /// The instant that every evaluation of the run is of: the end.
  public var asOf: Instant { end }
}

extension DataInterval: CustomStringConvertible {
  /// `start..end` in UTC.
  public var description: String { "\(start)..\(end)" }
}

import Schedules

/// The local days of a project's zone as half-open spans between midnights.
///
/// A day is `[midnight(day), midnight(day + 1))` also where a clock that is set back just after
/// midnight shows the old date once more; so days never overlap and instants never go back a day.
public struct LocalDays: Sendable, Hashable {
  /// The project's zone.
  public let zone: Zone

  /// The days of a zone.
  public init(zone: Zone) { self.zone = zone }

  /// The day that holds an instant.
  public func day(of instant: Instant) -> Day {
    let day = zone.day(of: instant)
    if zone.midnight(day + 1) <= instant { return day + 1 }
    return zone.midnight(day) > instant ? day - 1 : day
  }

  /// The day that holds the instant just before `asOf`: the last day of every window.
  public func lastDay(before asOf: Instant) -> Day {
    day(of: Instant(microseconds: asOf.microseconds - 1))
  }

  /// The instant at which a day has just ended.
  public func end(of day: Day) -> Instant { zone.midnight(day + 1) }

  /// Whether a day ends at `asOf`, so that whole-day tiles suffice.
  public func isMidnight(_ asOf: Instant) -> Bool { end(of: lastDay(before: asOf)) == asOf }

  /// The first instants of the days `first ... last`.
  public func midnights(from first: Day, through last: Day) -> [Instant] {
    first > last ? [] : (first...last).map { zone.midnight($0) }
  }
}

/// When runs fire, and which data each one covers: a value without a clock or a database.
///
/// **The law of data intervals.** Each firing covers a half-open interval that begins where that of
/// the firing before it ends. A timetable that fires at most once per local day at a fixed time
/// covers whole local days: from the midnight of its previous firing's day to the midnight of this
/// firing's day, so that a daily 02:00 on D + 1 covers `[midnight D, midnight D + 1)`. Any finer one
/// covers `[previous firing, this firing)`. The first firing of all, which only event lists have,
/// covers what came before it since 1970.
public indirect enum Timetable: Sendable, Hashable, Codable {
  /// A cron expression on the wall clock of a zone.
  case cron(Cron, Zone)
  /// The firings of several expressions, each instant once.
  case crons([Cron], Zone)
  /// Every so many microseconds (above zero), at the anchor and on either side of it.
  case every(microseconds: Int64, anchor: Instant)
  /// A list of instants.
  case events([Instant])
  /// The firings of several timetables, each instant once.
  case union([Timetable])
  /// A timetable without its firings on the days of a calendar. What those would have covered falls
  /// to the next one.
  case excluding(Timetable, HolidayCalendar)

  /// The first firing after an instant; nil where there is none any more.
  public func next(after instant: Instant) -> Instant? {
    guard let zone = wholeDays?.zone else { return firing(after: instant) }
    var instant = instant
    while let found = firing(after: instant) {
      if !isSecondOfDay(found, zone) { return found }
      instant = found
    }
    return nil
  }

  /// The last firing before an instant; nil where there was none.
  public func previous(before instant: Instant) -> Instant? {
    guard let zone = wholeDays?.zone else { return firing(before: instant) }
    var instant = instant
    while let found = firing(before: instant) {
      if !isSecondOfDay(found, zone) { return found }
      instant = found
    }
    return nil
  }

  /// Whether it fires at an instant.
  public func fires(at instant: Instant) -> Bool { next(after: instant.before) == instant }

  /// The data that the firing at an instant covers; nil where it does not fire then.
  public func interval(firingAt instant: Instant) -> DataInterval? {
    guard fires(at: instant) else { return nil }
    let previous = previous(before: instant)
    guard let zone = wholeDays?.zone else {
      return try? DataInterval(start: previous ?? Instant(seconds: 0), end: instant)
    }
    let start = previous.map { zone.midnight(zone.day(of: $0)) } ?? Instant(seconds: 0)
    return try? DataInterval(start: start, end: zone.midnight(zone.day(of: instant)))
  }

  /// The first firing whose data begins at or after an instant; nil where there is none any more.
  public func firstFiring(coveringFrom instant: Instant) -> Instant? {
    var found = next(after: instant.before)
    while let firing = found, let interval = interval(firingAt: firing), interval.start < instant {
      found = next(after: firing)
    }
    return found
  }

  /// The zone of its first expression; nil where it has none.
  public var zone: Zone? {
    switch self {
    case .cron(_, let zone), .crons(_, let zone): zone
    case .every, .events: nil
    case .union(let parts): parts.lazy.compactMap(\.zone).first
    case .excluding(let base, let holidays): base.zone ?? holidays.zone
    }
  }

  /// The first instant of a local day of its zone, or of UTC where it has none.
  public func start(of day: Day) -> Instant { (zone ?? .utc).midnight(day) }

  // MARK: Whole days

  /// A fixed time of the day, in a zone.
  private struct DailyTime: Equatable {
    let second: Int
    let zone: Zone
  }

  /// The one time of day at which it fires; nil where it may fire twice on a day.
  private var wholeDays: DailyTime? {
    switch self {
    case .cron(let cron, let zone): cron.secondOfDay.map { DailyTime(second: $0, zone: zone) }
    case .crons(let crons, let zone):
      Self.common(crons.map { Timetable.cron($0, zone).wholeDays })
    case .every, .events: nil
    case .union(let parts): Self.common(parts.map(\.wholeDays))
    case .excluding(let base, _): base.wholeDays
    }
  }

  /// Whether the data of the firings are whole local days, from midnight to midnight.
  public var coversWholeDays: Bool { wholeDays != nil }

  private static func common(_ times: [DailyTime?]) -> DailyTime? {
    guard let first = times.first, let first, times.allSatisfy({ $0 == first }) else { return nil }
    return first
  }

  /// Whether another firing came before it on the same local day. That needs a gap across midnight:
  /// the time of the skipped evening is made up for on the next day, whose own firing then covers
  /// nothing and is left out.
  private func isSecondOfDay(_ instant: Instant, _ zone: Zone) -> Bool {
    guard let previous = firing(before: instant) else { return false }
    return zone.day(of: previous) == zone.day(of: instant)
  }

  // MARK: Firings

  private func firing(after instant: Instant) -> Instant? {
    switch self {
    case .cron(let cron, let zone): return cron.next(after: instant, in: zone)
    case .crons(let crons, let zone):
      return crons.lazy.compactMap { $0.next(after: instant, in: zone) }.min()
    case .every(let step, let anchor):
      return Self.multiple(of: step, from: anchor, after: instant)
    case .events(let events): return events.lazy.filter { $0 > instant }.min()
    case .union(let parts): return parts.lazy.compactMap { $0.firing(after: instant) }.min()
    case .excluding(let base, let holidays):
      var instant = instant
      while let found = base.firing(after: instant) {
        let day = holidays.zone.day(of: found)
        guard holidays.contains(day) else { return found }
        // The whole day is out, however often the base fires on it.
        instant = max(found, holidays.zone.midnight(day + 1).before)
      }
      return nil
    }
  }

  private func firing(before instant: Instant) -> Instant? {
    switch self {
    case .cron(let cron, let zone): return cron.previous(before: instant, in: zone)
    case .crons(let crons, let zone):
      return crons.lazy.compactMap { $0.previous(before: instant, in: zone) }.max()
    case .every(let step, let anchor):
      return Self.multiple(of: step, from: anchor, before: instant)
    case .events(let events): return events.lazy.filter { $0 < instant }.max()
    case .union(let parts): return parts.lazy.compactMap { $0.firing(before: instant) }.max()
    case .excluding(let base, let holidays):
      var instant = instant
      while let found = base.firing(before: instant) {
        let day = holidays.zone.day(of: found)
        guard holidays.contains(day) else { return found }
        instant = min(found, holidays.zone.midnight(day))
      }
      return nil
    }
  }

  /// The first anchor + k × step after an instant; nil past the end of time.
  private static func multiple(of step: Int64, from anchor: Instant, after instant: Instant)
    -> Instant?
  {
    let (distance, far) = instant.microseconds.subtractingReportingOverflow(anchor.microseconds)
    guard step > 0, !far else { return nil }
    let rest = (distance % step + step) % step
    let (found, over) = instant.microseconds.addingReportingOverflow(step - rest)
    return over ? nil : Instant(microseconds: found)
  }

  /// The last anchor + k × step before an instant; nil before the beginning of time.
  private static func multiple(of step: Int64, from anchor: Instant, before instant: Instant)
    -> Instant?
  {
    let (distance, far) = instant.microseconds.subtractingReportingOverflow(anchor.microseconds)
    guard step > 0, !far else { return nil }
    let rest = (distance % step + step) % step
    let (found, under) = instant.microseconds.subtractingReportingOverflow(rest == 0 ? step : rest)
    return under ? nil : Instant(microseconds: found)
  }
}

extension Instant {
  /// The instant one microsecond earlier, so that searches after it include this one.
  var before: Instant { Instant(microseconds: microseconds - 1) }
}

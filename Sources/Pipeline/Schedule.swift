import Foundation
import Schedules

/// When runs of a DAG are due.
///
/// A definition as it is written, unchecked: ``DAG/problems()`` tells what is wrong with it, and
/// ``timetable()`` makes of it what a scheduler computes with.
public indirect enum Schedule: Codable, Sendable, Hashable {
  /// Only when somebody asks.
  case manual
  /// A cron expression, read on the wall clock of an IANA zone.
  case cron(String, zone: String)
  /// Several cron expressions on one wall clock; what falls together fires once.
  case crons([String], zone: String)
  /// Every so many milliseconds, at `from` and on either side of it: ``every(_:from:)``.
  case every(milliseconds: Int64, from: Instant)
  /// At given instants.
  case events([Instant])
  /// As another schedule, but not on holidays.
  case excluding(Schedule, Holidays)
  /// When any of several is due.
  case any([Schedule])
  /// When the data of an asset have moved on.
  case asset(Asset)
  /// When the data of all, or of any, of several assets have moved on.
  case assets([Asset], AssetCondition)

  /// At a fixed interval, whatever the clocks do, at `from` and on either side of it; whole
  /// milliseconds.
  public static func every(_ interval: Duration, from anchor: Instant) -> Schedule {
    .every(milliseconds: interval.milliseconds, from: anchor)
  }
}

/// Local days without runs, as a definition writes them.
public struct Holidays: Codable, Sendable, Hashable {
  /// What the calendar is called in listings.
  public let name: String
  /// Days as `YYYY-MM-DD`.
  public let days: [String]
  /// The IANA zone whose days they are; nil for that of the schedule.
  public let zone: String?

  /// A calendar of days as `YYYY-MM-DD`.
  public init(_ name: String, _ days: [String], zone: String? = nil) {
    self.name = name
    self.days = days
    self.zone = zone
  }
}

/// Something whose data move on, and whose watermark tells how far.
public enum Asset: Codable, Sendable, Hashable {
  /// The watermark of a source of the project.
  case source(String)
  /// The as-of of the last successful run of another DAG.
  case publication(dag: String)
  /// The as-of of the last publication of a project's segments.
  case segments(String)
}

/// How many of several assets have to have moved.
public enum AssetCondition: String, Codable, Sendable, Hashable {
  /// Every one, since the run before.
  case all
  /// At least one.
  case any
}

/// Which missed intervals a DAG makes up for when it is scheduled again.
public enum CatchUp: String, Codable, Sendable, Hashable {
  /// None: it starts with the next one.
  case none
  /// The latest one.
  case latest
  /// All of them, oldest first.
  case all
}

/// What the failure of a task means for its run.
public enum FailurePolicy: String, Codable, Sendable, Hashable {
  /// The run fails.
  case failsRun = "fails_run"
  /// The run may still succeed.
  case tolerated
}

extension Schedule {
  /// What a scheduler computes with; nil where time alone never makes a run due.
  ///
  /// - Throws: ``ScheduleError`` for the first fault; a DAG without ``DAG/problems()`` has none.
  public func timetable() throws(ScheduleError) -> Timetable? {
    if let fault = faults().first { throw fault.error }
    return try checkedTimetable()
  }

  private func checkedTimetable() throws(ScheduleError) -> Timetable? {
    switch self {
    case .manual, .asset, .assets: return nil
    case .cron(let expression, let zone): return .cron(try Cron(expression), try Zone(zone))
    case .crons(let expressions, let zone):
      var crons: [Cron] = []
      for expression in expressions { crons.append(try Cron(expression)) }
      return .crons(crons, try Zone(zone))
    case .every(let milliseconds, let anchor):
      return .every(microseconds: milliseconds * 1000, anchor: anchor)
    case .events(let instants): return .events(Set(instants).sorted())
    case .excluding(let base, let holidays):
      guard let base = try base.checkedTimetable() else { return nil }
      let zone = try holidays.zone.map { name throws(ScheduleError) in try Zone(name) }
      let calendar = HolidayCalendar(
        holidays.name, zone: zone ?? base.zone ?? .utc, days: holidays.days.compactMap(Day.init))
      return .excluding(base, calendar)
    case .any(let schedules):
      var parts: [Timetable] = []
      for schedule in schedules {
        if let part = try schedule.checkedTimetable() { parts.append(part) }
      }
      return parts.count > 1 ? .union(parts) : parts.first
    }
  }

  /// The assets that make runs due, alone or besides a timetable; empty where none do.
  public var assetTriggers: [AssetTrigger] {
    switch self {
    case .asset(let asset): [AssetTrigger([asset], .any)]
    case .assets(let assets, let condition): [AssetTrigger(assets, condition)]
    case .any(let schedules): schedules.flatMap(\.assetTriggers)
    case .manual, .cron, .crons, .every, .events, .excluding: []
    }
  }
}

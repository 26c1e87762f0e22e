import Diagnostics
import Foundation
import Schedules

extension DAG {
  /// The first instant that its scheduled runs may cover: where the day of `starts` begins in the
  /// schedule's own zone; nil where it has no such bound.
  ///
  /// - Parameter zone: whose day it is where the schedule has no times: one of assets alone.
  /// - Throws: `ScheduleError` for a schedule that is invalid.
  public func firstInstant(orIn zone: Zone) throws -> Instant? {
    guard let starts else { return nil }
    return try schedule.timetable()?.start(of: starts) ?? zone.midnight(starts)
  }

  /// All that is wrong with the schedule.
  func scheduleProblems() -> [DAGProblem] {
    schedule.faults().map { fault in
      DAGProblem(
        code: "pipeline.\(fault.kind)", dag: name, task: nil, message: fault.error.message,
        hint: fault.error.hint, location: location)
    }
  }
}

/// One fault of a schedule's definition.
struct ScheduleFault {
  /// The last part of the problem's code.
  let kind: String
  let error: ScheduleError

  init(_ kind: String, _ error: ScheduleError) {
    self.kind = kind
    self.error = error
  }

  init(_ kind: String, _ message: String, hint: String? = nil) {
    self.init(kind, ScheduleError(code: "schedule.\(kind)", message: message, hint: hint))
  }
}

extension Schedule {
  /// All that is wrong, in the order in which it is written.
  func faults() -> [ScheduleFault] {
    switch self {
    case .manual: []
    case .cron(let expression, let zone):
      Self.zoneFaults(zone) + Self.cronFaults(expression)
    case .crons(let expressions, let zone):
      Self.zoneFaults(zone) + Self.none(expressions, "cron expression")
        + expressions.flatMap(Self.cronFaults)
    case .every(let milliseconds, _): Self.intervalFaults(milliseconds)
    case .events(let instants): Self.eventFaults(instants)
    case .excluding(let base, let holidays): Self.exclusionFaults(base, holidays)
    case .any(let schedules):
      Self.none(schedules, "schedule") + Self.partFaults(schedules)
        + schedules.flatMap { $0.faults() }
    case .asset(let asset): Self.assetFaults([asset])
    case .assets(let assets, _): Self.none(assets, "asset") + Self.assetFaults(assets)
    }
  }

  private static func zoneFaults(_ name: String) -> [ScheduleFault] {
    do {
      _ = try Zone(name)
      return []
    } catch {
      let near = Suggestion.hint(for: name, among: Zone.knownNames)
      return [ScheduleFault("unknown_zone", error.message, hint: near ?? error.hint)]
    }
  }

  private static func cronFaults(_ expression: String) -> [ScheduleFault] {
    Cron.faults(in: expression).map { ScheduleFault("bad_cron", $0) }
  }

  private static func none<Item>(_ items: [Item], _ noun: String) -> [ScheduleFault] {
    items.isEmpty
      ? [ScheduleFault("empty_schedule", "expected at least one \(noun), found none")] : []
  }

  private static func intervalFaults(_ milliseconds: Int64) -> [ScheduleFault] {
    // Beyond a century the arithmetic in microseconds would come near its end.
    let century: Int64 = 100 * 366 * 86_400_000
    if (1...century).contains(milliseconds) { return [] }
    return [
      ScheduleFault(
        "bad_interval",
        "expected an interval from 1 ms to 100 years, found \(milliseconds) ms")
    ]
  }

  private static func eventFaults(_ instants: [Instant]) -> [ScheduleFault] {
    none(instants, "event")
      + instants.filter { $0 <= Instant(seconds: 0) }.map {
        ScheduleFault("bad_event", "expected events after 1970-01-01T00:00:00Z, found \($0)")
      }
  }

  private static func exclusionFaults(_ base: Schedule, _ holidays: Holidays) -> [ScheduleFault] {
    var found = base.faults()
    if !base.assetTriggers.isEmpty || base == .manual {
      found.append(
        ScheduleFault(
          "bad_exclusion",
          "expected holidays to be left out of a schedule by time, found "
            + base.description,
          hint: "write .any([.excluding(…), .asset(…)])"))
    }
    if let zone = holidays.zone { found += zoneFaults(zone) }
    for day in holidays.days where Day(iso8601: day) == nil {
      found.append(
        ScheduleFault(
          "bad_holiday",
          "expected a date such as 2024-12-25 in the calendar '\(holidays.name)', found '\(day)'"))
    }
    return found
  }

  private static func partFaults(_ schedules: [Schedule]) -> [ScheduleFault] {
    guard schedules.contains(.manual) else { return [] }
    return [
      ScheduleFault(
        "bad_combination", "expected schedules that fire, found manual",
        hint: "every DAG may be run by hand: leave .manual out")
    ]
  }

  private static func assetFaults(_ assets: [Asset]) -> [ScheduleFault] {
    var found: [ScheduleFault] = []
    var seen: Set<Asset> = []
    for asset in assets {
      if asset.name.isEmpty {
        found.append(ScheduleFault("bad_asset", "expected the name of an asset, found ''"))
      } else if !seen.insert(asset).inserted {
        found.append(
          ScheduleFault("bad_asset", "expected each asset once, found \(asset) again"))
      }
    }
    return found
  }
}

extension Asset: CustomStringConvertible {
  /// The name of the source, DAG or project.
  public var name: String {
    switch self {
    case .source(let name), .publication(let name), .segments(let name): name
    }
  }

  /// As listings show it, for example `source orders`.
  public var description: String {
    switch self {
    case .source(let name): "source \(name)"
    case .publication(let dag): "dag \(dag)"
    case .segments(let project): "segments of \(project)"
    }
  }
}

extension Schedule: CustomStringConvertible {
  /// As listings show it: `manual`, `0 2 * * * Europe/Lisbon`, `every 6h from …`.
  public var description: String {
    switch self {
    case .manual: "manual"
    case .cron(let expression, let zone): "\(expression) \(zone)"
    case .crons(let expressions, let zone): "\(expressions.joined(separator: " | ")) \(zone)"
    case .every(let milliseconds, let anchor):
      "every \(Self.text(milliseconds: milliseconds)) from \(anchor)"
    case .events(let instants):
      "\(instants.count) event\(instants.count == 1 ? "" : "s")"
        + (instants.min().map { " from \($0)" } ?? "")
    case .excluding(let base, let holidays): "\(base) except \(holidays.name)"
    case .any(let schedules): schedules.map(\.description).joined(separator: " or ")
    case .asset(let asset): "on \(asset)"
    case .assets(let assets, let condition):
      "on \(condition.rawValue) of \(assets.map(\.description).joined(separator: ", "))"
    }
  }

  /// In the largest units that leave nothing over: `6h`, `90s`, `1d12h`.
  private static func text(milliseconds: Int64) -> String {
    var rest = milliseconds
    var text = ""
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)] {
      let count = rest / Int64(size)
      if count != 0 { text += "\(count)\(unit)" }
      rest %= Int64(size)
    }
    if rest != 0 || text.isEmpty { text += "\(rest)ms" }
    return text
  }
}

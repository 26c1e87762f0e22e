import Foundation
import Schedules
import Testing

@testable import Pipeline

@Suite struct ScheduleTests {
  static let anchor = Instant(seconds: 1_704_067_200)
  static let nightly = Schedule.cron("0 2 * * *", zone: "Europe/Lisbon")
  static let holidays = Holidays("portugal", ["2024-12-25", "2025-01-01"])

  @Test(
    "the JSON of snapshots, which keeps their hashes, and the words of listings",
    arguments: [
      (.manual, #"{"manual":{}}"#, "manual"),
      (nightly, #"{"cron":{"_0":"0 2 * * *","zone":"Europe/Lisbon"}}"#, "0 2 * * * Europe/Lisbon"),
      (
        .crons(["0 2 * * *", "0 9 * * mon"], zone: "UTC"),
        #"{"crons":{"_0":["0 2 * * *","0 9 * * mon"],"zone":"UTC"}}"#, "0 2 * * * | 0 9 * * mon UTC"
      ),
      (
        .every(.hours(36), from: anchor),
        #"{"every":{"from":"2024-01-01T00:00:00Z","milliseconds":129600000}}"#,
        "every 1d12h from 2024-01-01T00:00:00Z"
      ),
      (
        .events([anchor + .seconds(60), anchor]),
        #"{"events":{"_0":["2024-01-01T00:01:00Z","2024-01-01T00:00:00Z"]}}"#,
        "2 events from 2024-01-01T00:00:00Z"
      ),
      (
        .excluding(nightly, holidays),
        #"{"excluding":{"_0":{"cron":{"_0":"0 2 * * *","zone":"Europe/Lisbon"}},"#
          + #""_1":{"days":["2024-12-25","2025-01-01"],"name":"portugal"}}}"#,
        "0 2 * * * Europe/Lisbon except portugal"
      ),
      (
        .any([.cron("@hourly", zone: "UTC"), .asset(.source("orders"))]),
        #"{"any":{"_0":[{"cron":{"_0":"@hourly","zone":"UTC"}},"#
          + #"{"asset":{"_0":{"source":{"_0":"orders"}}}}]}}"#, "@hourly UTC or on source orders"
      ),
      (
        .assets([.publication(dag: "load"), .segments("retail")], .all),
        #"{"assets":{"_0":[{"publication":{"dag":"load"}},{"segments":{"_0":"retail"}}],"#
          + #""_1":"all"}}"#, "on all of dag load, segments of retail"
      ),
    ] as [(Schedule, String, String)])
  func forms(schedule: Schedule, json: String, words: String) throws {
    let value = try JSONValue(encoding: schedule)
    #expect(value.canonicalText == json)
    #expect(try value.decoded(as: Schedule.self) == schedule)
    #expect(schedule.description == words)
  }

  @Test("the first day begins at midnight where the schedule is, not where the project is")
  func firstInstants() throws {
    let (zone, day) = (try Zone("Asia/Tokyo"), Day(iso8601: "2024-03-01"))
    func first(_ schedule: Schedule, _ starts: Day?) throws -> String? {
      try DAG("d", schedule: schedule, starts: starts) { _ in }.firstInstant(orIn: zone)
        .map { "\($0)" }
    }
    #expect(try first(.cron("0 2 * * *", zone: "America/New_York"), day) == "2024-03-01T05:00:00Z")
    #expect(try first(.every(.hours(6), from: Self.anchor), day) == "2024-03-01T00:00:00Z")
    #expect(try first(.asset(.source("orders")), day) == "2024-02-29T15:00:00Z")
    #expect(try first(Self.nightly, nil) == nil)
  }

  @Test("every interval is written in units that leave nothing over")
  func intervalWords() {
    let words = [90, 3600, 86_400, 5400].map {
      String(Schedule.every(.seconds($0), from: Self.anchor).description.dropLast(26))
    }
    #expect(words == ["every 1min30s", "every 1h", "every 1d", "every 1h30min"])
    #expect(Schedule.every(.milliseconds(1500), from: Self.anchor).description.contains("1s500ms"))
  }

  static func problems(_ schedule: Schedule) -> [DAGProblem] {
    DAG("scheduled", schedule: schedule) { dag in dag.task("a", Nothing()) }.problems()
  }

  @Test(
    "what is wrong with a schedule",
    arguments: [
      (
        .cron("0 24 * * *", zone: "UTC"), "bad_cron",
        "expected an hour from 0 to 23 at column 3 of '0 24 * * *', found '24'"
      ),
      (.cron("0 0 30 2 *", zone: "UTC"), "bad_cron", "at column 5 of '0 0 30 2 *'"),
      (.cron("0 2 * * *", zone: "Europe/Lisbonne"), "unknown_zone", "found 'Europe/Lisbonne'"),
      (.crons([], zone: "UTC"), "empty_schedule", "expected at least one cron expression"),
      (.every(.zero, from: anchor), "bad_interval", "found 0 ms"),
      (.every(.days(50_000), from: anchor), "bad_interval", "expected an interval from 1 ms"),
      (.events([]), "empty_schedule", "expected at least one event"),
      (.events([Instant(seconds: 0)]), "bad_event", "found 1970-01-01T00:00:00Z"),
      (.any([]), "empty_schedule", "expected at least one schedule"),
      (.any([.manual, nightly]), "bad_combination", "found manual"),
      (.assets([], .all), "empty_schedule", "expected at least one asset"),
      (.asset(.source("")), "bad_asset", "expected the name of an asset"),
      (.assets([.source("a"), .source("a")], .any), "bad_asset", "found source a again"),
      (.excluding(.manual, holidays), "bad_exclusion", "found manual"),
      (.excluding(.asset(.source("a")), holidays), "bad_exclusion", "found on source a"),
      (.excluding(nightly, Holidays("x", ["2024-02-30"])), "bad_holiday", "found '2024-02-30'"),
      (.excluding(nightly, Holidays("x", [], zone: "Mars/X")), "unknown_zone", "found 'Mars/X'"),
    ] as [(Schedule, String, String)])
  func faults(schedule: Schedule, code: String, message: String) throws {
    let problems = Self.problems(schedule)
    #expect(problems.map(\.code) == ["pipeline.\(code)"])
    #expect(problems.first?.message.contains(message) == true, "\(problems)")
    #expect(throws: ScheduleError.self) { try schedule.timetable() }
  }

  @Test("all problems at once, with what was probably meant")
  func allAtOnce() {
    let schedule = Schedule.any([
      .crons(["60 24 * * *", "0 0 31 4 *"], zone: "Europe/Lisboa"),
      .excluding(.every(.zero, from: Self.anchor), Holidays("x", ["soon", "2024-13-01"])),
    ])
    let problems = Self.problems(schedule)
    #expect(
      problems.map { $0.code.dropFirst(9) } == [
        "unknown_zone", "bad_cron", "bad_cron", "bad_cron", "bad_interval", "bad_holiday",
        "bad_holiday",
      ])
    #expect(problems.first?.hint == "did you mean 'Europe/Lisbon'?")
  }

  @Test("the timetable of each schedule")
  func timetables() throws {
    let lisbon = try Zone("Europe/Lisbon")
    let cron = Timetable.cron(try Cron("0 2 * * *"), lisbon)
    #expect(try Schedule.manual.timetable() == nil)
    #expect(try Schedule.asset(.source("orders")).timetable() == nil)
    #expect(try Self.nightly.timetable() == cron)
    #expect(
      try Schedule.every(.seconds(90), from: Self.anchor).timetable()
        == .every(microseconds: 90_000_000, anchor: Self.anchor))
    // Holidays are days of the schedule's zone unless they name one.
    let excluding = try #require(try Schedule.excluding(Self.nightly, Self.holidays).timetable())
    let days = try Self.holidays.days.map { try #require(Day(iso8601: $0)) }
    #expect(excluding == .excluding(cron, HolidayCalendar("portugal", zone: lisbon, days: days)))
    let mixed = Schedule.any([Self.nightly, .asset(.source("orders"))])
    #expect(try mixed.timetable() == cron)
    #expect(mixed.assetTriggers == [AssetTrigger([.source("orders")], .any)])
    #expect(
      try Schedule.any([Self.nightly, .events([Self.anchor])]).timetable()
        == .union([cron, .events([Self.anchor])]))
  }
}

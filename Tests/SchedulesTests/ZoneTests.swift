import Foundation
import Schedules
import Testing

@Suite("Zones: local days and midnights")
struct ZoneTests {
  @Test(
    "known instants of wall-clock times",
    arguments: [
      // zone, wall clock, first, last
      ("America/New_York", "2024-03-10T02:30:00", "2024-03-10T07:00:00Z", "2024-03-10T07:00:00Z"),
      ("America/New_York", "2024-11-03T01:30:00", "2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z"),
      ("America/New_York", "2024-07-01T12:00:00", "2024-07-01T16:00:00Z", "2024-07-01T16:00:00Z"),
      (
        "Australia/Lord_Howe", "2023-10-01T02:00:00", "2023-09-30T15:30:00Z", "2023-09-30T15:30:00Z"
      ),
      ("America/Sao_Paulo", "2018-11-04T00:00:00", "2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z"),
      ("Europe/Lisbon", "2024-10-27T01:00:00", "2024-10-27T00:00:00Z", "2024-10-27T01:00:00Z"),
      ("Asia/Kolkata", "2024-01-01T00:00:00", "2023-12-31T18:30:00Z", "2023-12-31T18:30:00Z"),
    ])
  func wallClock(zone: String, local: String, first: String, last: String) throws {
    let (time, _) = try #require(LocalTime.parse(prefixOf: local))
    let instants = try Zone(zone).instants(of: time)
    #expect(instants.first.description == first)
    #expect(instants.last.description == last)
  }

  @Test(
    "the days of four years tile the time line: each midnight is the first instant of its day",
    arguments: [
      "UTC", "Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo",
      "Asia/Kolkata", "Pacific/Apia", "Africa/Casablanca",
    ])
  func midnights(name: String) throws {
    let zone = try Zone(name)
    let start = try #require(Day(iso8601: "2015-01-01"))
    for offset in 0..<1461 {
      let day = start + offset
      let midnight = zone.midnight(day)
      #expect(zone.day(of: midnight) == day)
      #expect(zone.day(of: Instant(microseconds: midnight.microseconds - 1)) < day)
      #expect(zone.midnight(day + 1) > midnight)
    }
  }

  @Test("a day has 23, 24 or 25 hours", arguments: [("2024-03-10", 23), ("2024-11-03", 25)])
  func lengths(text: String, hours: Int) throws {
    let day = try #require(Day(iso8601: text))
    let interval = DataInterval(day: day, in: try Zone("America/New_York"))
    #expect(interval.end - interval.start == .seconds(hours * 3600))
    #expect(interval.asOf == interval.end)
  }

  @Test(
    "names that are no IANA zones", arguments: ["EST", "Europe/Lisboa", "", "+01:00", "Mars/X"])
  func unknown(name: String) {
    #expect(throws: ScheduleError.self) { try Zone(name) }
  }

  @Test("an interval that does not end after it starts is refused")
  func emptyInterval() {
    let instant = Instant(seconds: 0)
    #expect(throws: ScheduleError.self) { try DataInterval(start: instant, end: instant) }
  }
}

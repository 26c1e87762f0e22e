import Foundation
import Schedules
import TestSupport
import Testing

@Suite("Timetables: firings and their data")
struct TimetableTests {
  static func instant(_ text: String) throws -> Instant {
    try #require(Instant(rfc3339: text.count == 16 ? text + ":00Z" : text))
  }

  static func cron(_ expression: String, _ zone: String = "UTC") throws -> Timetable {
    .cron(try Cron(expression), try Zone(zone))
  }

  static func day(_ text: String) throws -> Day { try #require(Day(iso8601: text)) }

  /// The next firings with what each covers, in the shape `fire: start..end` in UTC.
  static func runs(_ timetable: Timetable, after text: String, _ count: Int) throws -> [String] {
    var instant = try instant(text)
    return try (0..<count).map { _ in
      instant = try #require(timetable.next(after: instant))
      let interval = try #require(timetable.interval(firingAt: instant))
      return "\(instant): \(interval)".replacing(":00Z", with: "")
    }
  }

  @Test(
    "what is daily or rarer at a fixed time covers whole local days",
    arguments: [
      // A job of 02:00 covers the day before; days are 23 hours long when the clocks go forward.
      (
        "0 2 * * *", "Europe/Lisbon", "2024-03-30T12:00",
        [
          "2024-03-31T01:00: 2024-03-30T00:00..2024-03-31T00:00",
          "2024-04-01T01:00: 2024-03-31T00:00..2024-03-31T23:00",
        ]
      ),
      // A time that is skipped is still its day's firing.
      (
        "30 2 * * *", "America/New_York", "2024-03-10T00:00",
        ["2024-03-10T07:00: 2024-03-09T05:00..2024-03-10T05:00"]
      ),
      (
        "0 3 * * mon", "UTC", "2024-05-01T00:00",
        ["2024-05-06T03:00: 2024-04-29T00:00..2024-05-06T00:00"]
      ),
      (
        "0 0 1 * *", "UTC", "2024-05-01T00:00",
        ["2024-06-01T00:00: 2024-05-01T00:00..2024-06-01T00:00"]
      ),
      // Samoa had no 30 December 2011: its firing is made up for at the midnight after the 29th,
      // and the 31st has no second one, as it would cover nothing.
      (
        "0 12 * * *", "Pacific/Apia", "2011-12-29T12:00",
        [
          "2011-12-29T22:00: 2011-12-28T10:00..2011-12-29T10:00",
          "2011-12-30T10:00: 2011-12-29T10:00..2011-12-30T10:00",
          "2011-12-31T22:00: 2011-12-30T10:00..2011-12-31T10:00",
        ]
      ),
    ])
  func wholeDays(expression: String, zone: String, after: String, expected: [String]) throws {
    let timetable = try Self.cron(expression, zone)
    #expect(timetable.coversWholeDays)
    #expect(try Self.runs(timetable, after: after, expected.count) == expected)
  }

  @Test(
    "what is finer covers the time since the firing before",
    arguments: [
      (
        "0 */6 * * *", "2024-05-01T01:00",
        [
          "2024-05-01T06:00: 2024-05-01T00:00..2024-05-01T06:00",
          "2024-05-01T12:00: 2024-05-01T06:00..2024-05-01T12:00",
        ]
      ),
      (
        "0 2,14 * * *", "2024-05-01T03:00",
        [
          "2024-05-01T14:00: 2024-05-01T02:00..2024-05-01T14:00",
          "2024-05-02T02:00: 2024-05-01T14:00..2024-05-02T02:00",
        ]
      ),
    ])
  func finer(expression: String, after: String, expected: [String]) throws {
    let timetable = try Self.cron(expression)
    #expect(!timetable.coversWholeDays)
    #expect(try Self.runs(timetable, after: after, expected.count) == expected)
  }

  @Test("several expressions: whole days where all have one time, each instant once")
  func several() throws {
    let same = Timetable.crons([try Cron("0 2 * * mon"), try Cron("0 2 * * mon,thu")], .utc)
    #expect(
      try Self.runs(same, after: "2024-05-05T00:00", 2) == [
        "2024-05-06T02:00: 2024-05-02T00:00..2024-05-06T00:00",
        "2024-05-09T02:00: 2024-05-06T00:00..2024-05-09T00:00",
      ])
    let different = Timetable.crons([try Cron("0 2 * * *"), try Cron("0 9 * * *")], .utc)
    #expect(
      try Self.runs(different, after: "2024-05-05T02:00", 1) == [
        "2024-05-05T09:00: 2024-05-05T02:00..2024-05-05T09:00"
      ])
    let zones = Timetable.union([
      try Self.cron("0 2 * * *", "Europe/Lisbon"), try Self.cron("0 2 * * *", "Europe/Madrid"),
    ])
    #expect(!zones.coversWholeDays)
  }

  @Test("a fixed interval fires on both sides of its anchor, whatever the clocks do")
  func intervals() throws {
    let anchor = try Self.instant("2024-05-01T00:30")
    let timetable = Timetable.every(microseconds: 90 * 60_000_000, anchor: anchor)
    #expect(timetable.next(after: anchor - .seconds(1)) == anchor)
    #expect(
      try Self.runs(timetable, after: "2024-05-01T00:30", 1) == [
        "2024-05-01T02:00: 2024-05-01T00:30..2024-05-01T02:00"
      ])
    #expect(timetable.previous(before: anchor)?.description == "2024-04-30T23:00:00Z")
    #expect(timetable.next(after: Instant(microseconds: .max)) == nil)
    #expect(timetable.previous(before: Instant(microseconds: .min)) == nil)
  }

  @Test("a list of events ends; its first covers what came before")
  func events() throws {
    let events = try ["2024-07-01T08:00", "2024-05-01T08:00"].map(Self.instant)
    let timetable = Timetable.events(events)
    #expect(
      try Self.runs(timetable, after: "2024-01-01T00:00", 2) == [
        "2024-05-01T08:00: 1970-01-01T00:00..2024-05-01T08:00",
        "2024-07-01T08:00: 2024-05-01T08:00..2024-07-01T08:00",
      ])
    #expect(timetable.next(after: events[0]) == nil)
    #expect(timetable.previous(before: events[1]) == nil)
    #expect(timetable.interval(firingAt: events[0] + .seconds(1)) == nil)
  }

  @Test("holidays are left out, and the next firing covers them")
  func holidays() throws {
    let holidays = HolidayCalendar(
      "portugal", zone: try Zone("Europe/Lisbon"),
      days: try ["2024-12-25", "2024-04-25", "2024-12-24", "2024-04-25"].map(Self.day))
    #expect(holidays.days.map(\.description) == ["2024-04-25", "2024-12-24", "2024-12-25"])
    let nightly = Timetable.excluding(try Self.cron("0 2 * * *", "Europe/Lisbon"), holidays)
    #expect(
      try Self.runs(nightly, after: "2024-12-23T00:00", 2) == [
        "2024-12-23T02:00: 2024-12-22T00:00..2024-12-23T00:00",
        "2024-12-26T02:00: 2024-12-23T00:00..2024-12-26T00:00",
      ])
    let skipped = try Self.instant("2024-12-25T02:00")
    #expect(nightly.interval(firingAt: skipped) == nil)
    #expect(nightly.previous(before: skipped)?.description == "2024-12-23T02:00:00Z")
    // One that fires every second leaves the days in one step.
    let busy = Timetable.excluding(try Self.cron("* * * * * *", "Europe/Lisbon"), holidays)
    #expect(
      busy.next(after: try Self.instant("2024-12-23T23:59:59Z"))?.description
        == "2024-12-26T00:00:00Z")
    #expect(
      busy.previous(before: try Self.instant("2024-12-26T00:00"))?.description
        == "2024-12-23T23:59:59Z")
    let events = Timetable.excluding(.events([skipped]), holidays)
    #expect(events.next(after: Instant(seconds: 0)) == nil)
  }

  @Test("a union fires whenever one of its parts does")
  func unions() throws {
    let timetable = Timetable.union([
      try Self.cron("0 6 * * *"),
      .every(microseconds: 12 * 3_600_000_000, anchor: Instant(seconds: 6 * 3600)),
      .events([try Self.instant("2024-05-01T07:00")]),
    ])
    #expect(
      try Self.runs(timetable, after: "2024-05-01T05:00", 3) == [
        "2024-05-01T06:00: 2024-04-30T18:00..2024-05-01T06:00",
        "2024-05-01T07:00: 2024-05-01T06:00..2024-05-01T07:00",
        "2024-05-01T18:00: 2024-05-01T07:00..2024-05-01T18:00",
      ])
  }

  @Test("the first firing whose data begin at an instant or later")
  func coveringFrom() throws {
    let from = try Self.instant("2024-05-01T00:00")
    let daily = try Self.cron("0 2 * * *")
    #expect(daily.firstFiring(coveringFrom: from)?.description == "2024-05-02T02:00:00Z")
    let hourly = try Self.cron("0 * * * *")
    #expect(hourly.firstFiring(coveringFrom: from)?.description == "2024-05-01T01:00:00Z")
    #expect(Timetable.events([from]).firstFiring(coveringFrom: from) == nil)
  }

  /// Timetables of every kind, for laws that hold for all.
  static func samples() throws -> [Timetable] {
    let zone = try Zone("America/New_York")
    let crons = try ["30 2 * * *", "30 1 * * *", "0 * * * *", "*/7 1-3 * * sun"].map {
      try Cron($0)
    }
    let days = (0..<40).map { Day(number: 19_780 + $0 * $0) }
    let holidays = HolidayCalendar("some", zone: zone, days: days)
    let plain =
      crons.map { Timetable.cron($0, zone) }
      + [
        .crons([try Cron("0 2 * * mon"), try Cron("0 2 1 * *")], zone), .crons(crons, zone),
        .every(microseconds: 7_777_777_777, anchor: Instant(seconds: 1)),
        .events(days.map { zone.midnight($0) }),
        try cron("0 0 * * *", "America/Havana"), try cron("45 23 * * *", "America/Scoresbysund"),
        try cron("30 0 * * *", "Antarctica/Troll"),
      ]
    return plain + plain.map { .excluding($0, holidays) } + [.union(Array(plain.prefix(3)))]
  }

  @Test("laws of all timetables: intervals meet, firings do not precede their data")
  func laws() throws {
    var random = SplitMix64(seed: 3)
    for timetable in try Self.samples() {
      for _ in 0..<6 {
        // 2024 and 2025.
        var instant = Instant(seconds: 1_704_067_200 + Int64(random.next() % 63_000_000))
        var last: (fire: Instant, interval: DataInterval)?
        for _ in 0..<25 {
          guard let fire = timetable.next(after: instant) else { break }
          let interval = try #require(timetable.interval(firingAt: fire))
          #expect(interval.end <= fire && timetable.fires(at: fire))
          #expect(timetable.coversWholeDays || interval.end == fire)
          if let zone = timetable.zone, timetable.coversWholeDays {
            #expect(interval.end == zone.midnight(zone.day(of: fire)))
          }
          if let last {
            #expect(interval.start == last.interval.end, "\(timetable) \(fire)")
            #expect(timetable.previous(before: fire) == last.fire, "\(timetable) \(fire)")
          }
          last = (fire, interval)
          instant = fire
        }
      }
    }
  }

  @Test("timetables read back from their JSON")
  func coding() throws {
    for timetable in try Self.samples() {
      let data = try JSONEncoder().encode(timetable)
      #expect(try JSONDecoder().decode(Timetable.self, from: data) == timetable)
    }
  }
}

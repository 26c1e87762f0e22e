import Foundation
import Schedules
import Testing

@Suite("Days and instants")
struct DayTests {
  /// An independent count of days: by adding up the lengths of years and months.
  static func naiveNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
    func leap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    var days = 0
    if year >= 1970 {
      for y in 1970..<year { days += leap(y) ? 366 : 365 }
    } else {
      for y in year..<1970 { days -= leap(y) ? 366 : 365 }
    }
    for m in 1..<month { days += lengths[m - 1] + (m == 2 && leap(year) ? 1 : 0) }
    return days + day - 1
  }

  @Test("every day from 1890 to 2110 has the number that counting gives, and comes back")
  func civilDays() throws {
    var expected = Self.naiveNumber(1890, 1, 1)
    for year in 1890...2110 {
      for month in 1...12 {
        for day in 1...Day.length(ofMonth: month, year: year) {
          let value = try #require(Day(year: year, month: month, day: day))
          #expect(Int(value.number) == expected)
          #expect(value.components == (year, month, day))
          expected += 1
        }
      }
    }
    #expect(expected == Self.naiveNumber(2111, 1, 1))
  }

  @Test("known weekdays", arguments: [("1970-01-01", 4), ("2024-02-29", 4), ("1969-12-28", 0)])
  func weekdays(text: String, weekday: Int) throws {
    #expect(try #require(Day(iso8601: text)).weekday == weekday)
  }

  @Test(
    "dates that do not exist, or are not written as one",
    arguments: [
      "2023-02-29", "2024-13-01", "2024-00-10", "2024-04-31", "2024-4-01", "24-04-01", "",
      "2024/04/01", "2024-04-0１", "2024-04-011",
    ])
  func refused(text: String) {
    #expect(Day(iso8601: text) == nil)
  }

  @Test(
    "months later, clamped to the month's length",
    arguments: [
      ("2024-01-31", 1, "2024-02-29"), ("2023-01-31", 1, "2023-02-28"),
      ("2024-03-31", -1, "2024-02-29"), ("2024-12-15", 1, "2025-01-15"),
      ("2024-01-15", -1, "2023-12-15"), ("2024-02-29", 12, "2025-02-28"),
      ("2024-05-31", -15, "2023-02-28"),
    ])
  func months(text: String, months: Int, expected: String) throws {
    #expect(try #require(Day(iso8601: text)).adding(months: months).description == expected)
  }

  @Test(
    "instants read and written",
    arguments: [
      ("2024-03-10T03:00:00Z", "2024-03-10T03:00:00Z"),
      ("2024-03-10 03:00:00.5+02:00", "2024-03-10T01:00:00.500000Z"),
      ("2024-03-10T03:00:00.000001-0530", "2024-03-10T08:30:00.000001Z"),
      ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
      ("2024-03-10T03:00+01", "2024-03-10T02:00:00Z"),
    ])
  func instants(text: String, expected: String) throws {
    let instant = try #require(Instant(rfc3339: text))
    #expect(instant.description == expected)
    #expect(Instant(rfc3339: instant.description) == instant)
  }

  @Test(
    "what is no instant",
    arguments: [
      "2024-03-10T03:00:00", "2024-03-10T24:00:00Z", "2024-03-10T03:60:00Z", "2024-03-10Z ",
      "2024-03-10T03:00:00.1234567Z", "2024-02-30T03:00:00Z", "now", "2024-03-10T03:00:00+2:00x",
    ])
  func noInstants(text: String) {
    #expect(Instant(rfc3339: text) == nil)
  }

  @Test("whole seconds round down, also before 1970")
  func seconds() {
    #expect(Instant(microseconds: -1).seconds == -1)
    #expect(Instant(microseconds: -1_000_000).seconds == -1)
    #expect(Instant(microseconds: -1_000_001).seconds == -2)
    #expect(Instant(microseconds: 1_999_999).seconds == 1)
  }
}

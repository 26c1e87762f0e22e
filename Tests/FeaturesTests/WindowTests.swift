import Schedules
import Testing

@testable import Features

struct WindowTests {
  private func span(_ window: Window, _ day: String) throws -> String {
    let span = window.span(endingOn: try #require(Day(iso8601: day)))
    return "\(span.first)..\(span.last)"
  }

  @Test(arguments: [
    (Window(.days(1)), "2024-03-10", "2024-03-10..2024-03-10"),
    (Window(.days(30)), "2024-03-10", "2024-02-10..2024-03-10"),
    (Window(.days(30), previous: 1), "2024-03-10", "2024-01-11..2024-02-09"),
    (Window(.months(1)), "2024-03-31", "2024-03-01..2024-03-31"),
    (Window(.months(1)), "2024-03-29", "2024-03-01..2024-03-29"),
    (Window(.months(1)), "2024-03-28", "2024-02-29..2024-03-28"),
    (Window(.months(1)), "2023-03-30", "2023-03-01..2023-03-30"),
    (Window(.months(12)), "2024-02-29", "2023-03-01..2024-02-29"),
    (Window(.months(1), previous: 1), "2024-03-31", "2024-01-30..2024-02-29"),
  ])
  func spans(_ window: Window, _ day: String, _ expected: String) throws {
    #expect(try span(window, day) == expected)
  }

  @Test func differencesOfSpans() throws {
    let ten = Day(number: 10)
    func span(_ first: Int, _ last: Int) -> DaySpan {
      DaySpan(first: Day(number: Int32(first)), last: Day(number: Int32(last)))
    }
    #expect(span(1, 5).symmetricDifference(span(2, 6)) == [span(1, 1), span(6, 6)])
    #expect(span(1, 5).symmetricDifference(span(7, 9)) == [span(1, 5), span(7, 9)])
    #expect(DaySpan.empty.symmetricDifference(span(7, 9)) == [span(7, 9)])
    #expect(span(1, 5).symmetricDifference(span(1, 5)).isEmpty)
    let all = DaySpan(first: DaySpan.unbounded, last: ten)
    #expect(
      all.symmetricDifference(DaySpan(first: DaySpan.unbounded, last: ten + 2))
        == [span(11, 12)])
  }

  /// Days are the spans between midnights, also where the clock goes back over midnight.
  @Test func daysNeverOverlap() throws {
    let zone = try Zone("America/St_Johns")
    let days = LocalDays(zone: zone)
    let day = try #require(Day(iso8601: "2010-11-07"))
    let midnight = zone.midnight(day)
    #expect(days.day(of: midnight) == day)
    // One minute after midnight the clock went back to 23:01 of the day before.
    let repeated = Instant(microseconds: midnight.microseconds + 120_000_000)
    #expect(zone.day(of: repeated) == day - 1 && days.day(of: repeated) == day)
    #expect(days.lastDay(before: midnight) == day - 1)
    #expect(days.isMidnight(midnight) && !days.isMidnight(repeated))
  }
}

import Schedules
import Testing

@Suite("Cron: known firings")
struct CronTests {
  /// The firings after an instant, on the wall clock with the offset in hours: `03-10T03:00-4`.
  static func firings(_ expression: String, _ zone: String, after text: String, _ count: Int)
    throws -> [String]
  {
    let cron = try Cron(expression)
    let zone = try Zone(zone)
    var instant = try #require(Instant(rfc3339: text))
    var found: [String] = []
    for _ in 0..<count {
      guard let next = cron.next(after: instant, in: zone) else { return found + ["never"] }
      #expect(cron.previous(before: next + .microseconds(1), in: zone) == next)
      let offset = Double(zone.offset(at: next)) / 3600
      let hours = offset == offset.rounded() ? "\(Int(offset))" : "\(offset)"
      let local = zone.localTime(at: next).description.dropLast(3)
      found.append("\(local)\(offset < 0 ? "" : "+")\(hours)")
      instant = next
    }
    return found
  }

  @Test(
    "the vectors of the clock laws",
    arguments: [
      // The gap of New York 2024, 03-10 02:00 to 03:00.
      (
        "30 2 * * *", "America/New_York", "2024-03-09T12:00:00Z",
        ["2024-03-10T03:00-4", "2024-03-11T02:30-4"]
      ),
      (
        "30 * * * *", "America/New_York", "2024-03-10T06:00:00Z",
        ["2024-03-10T01:30-5", "2024-03-10T03:30-4"]
      ),
      (
        "0,30 2,3 * * *", "America/New_York", "2024-03-09T12:00:00Z",
        ["2024-03-10T03:00-4", "2024-03-10T03:30-4", "2024-03-11T02:00-4"]
      ),
      // The repeat, 11-03 01:00 to 02:00.
      (
        "30 1 * * *", "America/New_York", "2024-11-03T04:00:00Z",
        ["2024-11-03T01:30-4", "2024-11-04T01:30-5"]
      ),
      (
        "30 * * * *", "America/New_York", "2024-11-03T04:45:00Z",
        ["2024-11-03T01:30-4", "2024-11-03T01:30-5", "2024-11-03T02:30-5"]
      ),
      (
        "0 1,2,3 * * *", "America/New_York", "2024-11-03T04:00:00Z",
        [
          "2024-11-03T01:00-4", "2024-11-03T02:00-5", "2024-11-03T03:00-5", "2024-11-04T01:00-5",
        ]
      ),
      (
        "0 2 * * *", "Australia/Lord_Howe", "2023-09-30T00:00:00Z",
        ["2023-10-01T02:30+11", "2023-10-02T02:00+11"]
      ),
      (
        "0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z",
        ["2018-11-04T01:00-2", "2018-11-05T00:00-2"]
      ),
      // The evening that Sao Paulo repeated belongs to the day before.
      (
        "30 23 * * *", "America/Sao_Paulo", "2018-02-17T12:00:00Z",
        ["2018-02-17T23:30-2", "2018-02-18T23:30-3"]
      ),
      (
        "*/30 23 * * *", "America/Sao_Paulo", "2018-02-18T01:00:00Z",
        [
          "2018-02-17T23:30-2", "2018-02-17T23:00-3", "2018-02-17T23:30-3", "2018-02-18T23:00-3",
        ]
      ),
      // Samoa left out 2011-12-30.
      (
        "0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z",
        ["2011-12-29T12:00-10", "2011-12-31T00:00+14", "2011-12-31T12:00+14"]
      ),
    ])
  func clockLaws(expression: String, zone: String, after: String, expected: [String]) throws {
    #expect(try Self.firings(expression, zone, after: after, expected.count) == expected)
  }
}

import Foundation
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

  @Test(
    "what the fields mean, in UTC",
    arguments: [
      // Values, ranges, steps, lists, names.
      ("5,10-12 9 * * *", ["05-01T09:05", "05-01T09:10", "05-01T09:11", "05-01T09:12"]),
      ("*/20 9 * * *", ["05-01T09:00", "05-01T09:20", "05-01T09:40", "05-02T09:00"]),
      ("50/4 9 * * *", ["05-01T09:50", "05-01T09:54", "05-01T09:58", "05-02T09:50"]),
      ("10-30/10 9 * * *", ["05-01T09:10", "05-01T09:20", "05-01T09:30", "05-02T09:10"]),
      ("0 9 1 JUN,aug *", ["06-01T09:00", "08-01T09:00"]),
      // Past the end of the field, and a step that goes on counting there.
      ("0 22-1 * * *", ["05-01T00:00", "05-01T01:00", "05-01T22:00", "05-01T23:00"]),
      ("0 22-4/2 * * *", ["05-01T00:00", "05-01T02:00", "05-01T04:00", "05-01T22:00"]),
      ("0 0 * * fri-mon", ["05-03T00:00", "05-04T00:00", "05-05T00:00", "05-06T00:00"]),
      ("0 0 1 nov-feb *", ["11-01T00:00", "12-01T00:00", "01-01T00:00", "02-01T00:00"]),
      ("0 0 30-2 * *", ["05-01T00:00", "05-02T00:00", "05-30T00:00", "05-31T00:00"]),
      // N-N is that value, also with a step; Sunday is 0 and 7.
      ("5-5 9 * * *", ["05-01T09:05", "05-02T09:05"]),
      ("5-5/10 9 * * *", ["05-01T09:05", "05-02T09:05"]),
      ("0 0 * * 7", ["05-05T00:00", "05-12T00:00"]),
      ("0 0 * * 7-7", ["05-05T00:00", "05-12T00:00"]),
      ("0 0 * * 5-7", ["05-03T00:00", "05-04T00:00", "05-05T00:00", "05-10T00:00"]),
      ("0 0 * * 7-1", ["05-05T00:00", "05-06T00:00", "05-12T00:00"]),
      ("0 0 * * 1/2", ["05-01T00:00", "05-03T00:00", "05-06T00:00"]),
      // Special days. May 2024 begins on a Wednesday, June on a Saturday and ends on a Sunday.
      ("0 0 L * *", ["05-31T00:00", "06-30T00:00", "07-31T00:00"]),
      ("0 0 L-3 * *", ["05-28T00:00", "06-27T00:00"]),
      ("0 0 LW * *", ["05-31T00:00", "06-28T00:00", "07-31T00:00", "08-30T00:00"]),
      ("0 0 1W * *", ["05-01T00:00", "06-03T00:00", "07-01T00:00"]),
      ("0 0 15w * *", ["05-15T00:00", "06-14T00:00", "07-15T00:00"]),
      ("0 0 30W * *", ["05-30T00:00", "06-28T00:00"]),
      ("0 0 * * friL", ["05-31T00:00", "06-28T00:00"]),
      ("0 0 * * 0l", ["05-26T00:00", "06-30T00:00"]),
      ("0 0 * * mon#1,FRI#2", ["05-06T00:00", "05-10T00:00", "06-03T00:00", "06-14T00:00"]),
      ("0 0 * * wed#5", ["05-29T00:00", "07-31T00:00"]),
      ("0 0 1,15W,L * *", ["05-01T00:00", "05-15T00:00", "05-31T00:00", "06-01T00:00"]),
      // Either of the two fields of days, unless one is exactly * or ?.
      ("0 0 13 * fri", ["05-03T00:00", "05-10T00:00", "05-13T00:00", "05-17T00:00"]),
      ("0 0 ? * fri", ["05-03T00:00", "05-10T00:00"]),
      ("0 0 13 * ?", ["05-13T00:00", "06-13T00:00"]),
      ("0 0 13 * */2", ["05-02T00:00", "05-04T00:00", "05-05T00:00", "05-07T00:00"]),
      ("0 0 13 * */1", ["05-01T00:00", "05-02T00:00", "05-03T00:00"]),
      ("0 0 30 2 mon", ["02-03T00:00", "02-10T00:00"]),
      // Presets, in any case and with space around.
      ("@hourly", ["05-01T00:00", "05-01T01:00"]), ("@daily", ["05-01T00:00", "05-02T00:00"]),
      ("@midnight", ["05-01T00:00", "05-02T00:00"]), (" @WEEKLY ", ["05-05T00:00"]),
      ("@monthly", ["05-01T00:00", "06-01T00:00"]), ("@yearly", ["01-01T00:00"]),
      ("@annually", ["01-01T00:00"]),
    ])
  func fields(expression: String, expected: [String]) throws {
    let found = try Self.firings(
      expression, "UTC", after: "2024-04-30T23:59:59Z", expected.count)
    #expect(found.map { String($0.dropFirst(5).dropLast(2)) } == expected)
  }

  @Test("seconds come first where there are six fields")
  func seconds() throws {
    let cron = try Cron("*/30 59 23 31 12 *")
    let before = try #require(Instant(rfc3339: "2023-12-31T23:59:00.5Z"))
    let last = try #require(Instant(rfc3339: "2023-12-31T23:59:30Z"))
    #expect(cron.hasSeconds)
    #expect(cron.next(after: before, in: .utc) == last)
    #expect(cron.next(after: last, in: .utc) == Instant(rfc3339: "2024-12-31T23:59:00Z"))
    #expect(cron.previous(before: last, in: .utc) == Instant(rfc3339: "2023-12-31T23:59:00Z"))
  }

  @Test(
    "rare days are found across decades, and the search ends",
    arguments: [
      // A Monday, 29 February: the calendar skips it for 40 years around 2100.
      ("0 0 * 2 mon#5", "2072-03-01T00:00:00Z", "2112-02-29T00:00:00Z"),
      ("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
      ("0 0 L-28 2 *", "2024-03-01T00:00:00Z", "2028-02-01T00:00:00Z"),
      ("0 0 * 2 mon#5", "9990-01-01T00:00:00Z", nil), ("0 0 * * *", "9999-12-31T12:00:00Z", nil),
    ] as [(String, String, String?)])
  func rare(expression: String, after: String, expected: String?) throws {
    let cron = try Cron(expression)
    let found = cron.next(
      after: try #require(Instant(rfc3339: after)), in: try Zone("Etc/UTC"))
    #expect(found?.description == expected)
  }

  @Test("instants at the ends of time are no trouble")
  func endsOfTime() throws {
    let cron = try Cron("0 0 1 1 *")
    let zone = try Zone("Pacific/Auckland")
    let (first, last) = (Instant(microseconds: .min), Instant(microseconds: .max))
    #expect(cron.next(after: last, in: zone) == nil)
    #expect(cron.previous(before: first, in: zone) == nil)
    #expect(cron.next(after: first, in: zone)?.description.hasPrefix("0001-12-31T") == true)
    #expect(cron.previous(before: last, in: zone)?.description.hasPrefix("9998-12-31T") == true)
  }

  @Test(
    "which law, and the fixed time of day",
    arguments: [
      ("30 2 * * *", .fixedTime, 9000), ("0 2,3 * * *", .fixedTime, nil),
      ("0-5 2 * * *", .fixedTime, nil), ("15 30 2 * * mon", .fixedTime, 9015),
      ("* 30 2 * * *", .fixedTime, nil), ("@weekly", .fixedTime, 0),
      ("30 * * * *", .wallClock, nil), ("*/5 2 * * *", .wallClock, nil),
      ("0 0/12 * * *", .wallClock, nil), ("0-30/30 2 * * *", .wallClock, nil),
      ("@hourly", .wallClock, nil), ("0 20/6 * * *", .wallClock, nil),
    ] as [(String, Cron.ClockLaw, Int?)])
  func laws(expression: String, law: Cron.ClockLaw, secondOfDay: Int?) throws {
    let cron = try Cron(expression)
    #expect(cron.law == law)
    #expect(cron.secondOfDay == secondOfDay)
  }
}

@Suite("Cron: what is refused")
struct CronFaultTests {
  @Test(
    "the column and what was expected there",
    arguments: [
      ("0 24 * * *", 3, "expected an hour from 0 to 23 at column 3 of '0 24 * * *', found '24'"),
      ("60 * * * *", 1, "expected a minute from 0 to 59"),
      ("0 0 0 * *", 5, "expected a day of the month from 1 to 31"),
      ("0 0 1 13 *", 7, "expected a month from 1 to 12 or jan to dec"),
      ("0 0 1 0 *", 7, "expected a month from 1 to 12 or jan to dec"),
      ("0 0 * * 8", 9, "expected a weekday from 0 to 7 or sun to sat"),
      ("0 0 * * monday", 9, "found 'monday'"), ("0 0 * foo *", 7, "found 'foo'"),
      ("61 0 0 * * *", 1, "expected a second from 0 to 59"),
      ("*/0 * * * *", 3, "expected a step of 1 or more"),
      ("*/ * * * *", 3, "expected a step of 1 or more at column 3 of '*/ * * * *', found nothing"),
      ("1,,2 * * * *", 3, "expected a minute from 0 to 59"),
      ("1, * * * *", 3, "expected a minute from 0 to 59"),
      ("5- * * * *", 3, "found nothing"), ("-5 * * * *", 1, "found '-'"),
      ("1-2-3 * * * *", 4, "expected ',', '/' or the end of the field"),
      ("*5 * * * *", 2, "expected ',', '/' or the end of the field"),
      ("5;6 * * * *", 2, "expected ',', '-', '/' or the end of the field"),
      ("? * * * *", 1, "expected a minute from 0 to 59"),
      ("0 0 ?,5 * *", 5, "expected '?' alone"), ("0 0 5,? * *", 7, "expected '?' alone"),
      ("0 0 ?/2 * *", 6, "expected the end of the field"),
      ("0 0 L-31 * *", 7, "expected a number of days from 1 to 30"),
      ("0 0 32W * *", 5, "expected a day of the month from 1 to 31"),
      ("0 0 W * *", 5, "found 'W'"), ("0 0 1-15W * *", 7, "found '15W'"),
      ("0 0 * * L", 9, "found 'L'"), ("0 0 * * 8L", 9, "expected a weekday"),
      ("0 0 * * mon#6", 13, "expected a number from 1 to 5"),
      ("0 0 * * mon#", 13, "expected a number from 1 to 5"),
      ("0 0 * * mon-fri#1", 16, "expected ',', '/' or the end of the field"),
      ("0 L * * *", 3, "expected an hour from 0 to 23"),
      ("0 99999999999999999999 * * *", 3, "expected an hour from 0 to 23"),
      ("٣ * * * *", 1, "expected a minute from 0 to 59"),
      ("0 2 * *", 8, "expected 5 fields"), ("", 1, "found 0 fields"),
      ("0 0 0 * * * 2024", 13, "found 7 fields"),
      ("@nightly", 1, "expected one of @yearly"), ("@daily 5", 1, "found '@daily 5'"),
    ])
  func columns(expression: String, column: Int, message: String) throws {
    let fault = try #require(Cron.faults(in: expression).first)
    #expect(fault.code == "schedule.bad_cron")
    #expect(fault.column == column, "\(fault)")
    #expect(fault.message.contains(message), "\(fault)")
    #expect(throws: fault) { try Cron(expression) }
  }

  @Test("all faults at once, from left to right")
  func allAtOnce() {
    let columns = Cron.faults(in: "60,61 24 x */0 mon#9").compactMap(\.column)
    #expect(columns == [1, 4, 7, 10, 14, 20])
  }

  @Test(
    "days that no calendar has",
    arguments: [
      ("0 0 30 2 *", 5), ("0 0 31 4,6 *", 5), ("0 0 31 2-2 ?", 5), ("0 0 30W feb *", 5),
      ("0 0 L-29 2 *", 5), ("0 0 0 31 sep,nov *", 7), ("0 0 31 4,6,9,11 *", 5),
    ])
  func impossible(expression: String, column: Int) throws {
    let fault = try #require(Cron.faults(in: expression).first)
    #expect(fault.code == "schedule.impossible_date")
    #expect(fault.column == column)
  }

  @Test(
    "days that only some years have are not refused", arguments: ["0 0 29 2 *", "0 0 31 2,3 *"])
  func possible(expression: String) { #expect(Cron.faults(in: expression).isEmpty) }

  @Test("expressions encode as themselves, and read back only where they are sound")
  func coding() throws {
    let cron = try Cron(" @Daily ")
    let data = try JSONEncoder().encode([cron])
    #expect(String(decoding: data, as: UTF8.self) == #"[" @Daily "]"#)
    #expect(try JSONDecoder().decode([Cron].self, from: data) == [cron])
    #expect(throws: ScheduleError.self) {
      try JSONDecoder().decode([Cron].self, from: Data(#"["0 24 * * *"]"#.utf8))
    }
  }
}

@Suite("Cron: in words")
struct CronWordsTests {
  @Test(
    "each entry of a field",
    arguments: [
      ("* * * * *", ["every minute", "every hour", "every day of the month"]),
      ("5,10-12 */6 3 * *", ["minute 5, minute 10 to 12", "every 6th hour from 0", "day 3"]),
      ("10-50/20 9-9 L-1 * *", ["every 20th minute from 10 to 50", "hour 9", "1 day before"]),
      ("3/15 */1 LW * *", ["every 15th minute from 3 to 59", "every hour", "last day of Monday"]),
      ("0 0 ? 2 fri-mon", ["0", "0", "any day of the month", "February", "Friday to Monday"]),
      (
        "0 0 22W nov-feb 5L", ["0", "0", "the 22nd, within", "November to February", "last Friday"]
      ),
      ("0 0 * */3 sun#1,7#3", ["", "", "", "from January", "1st Sunday, the month's 3rd Sunday"]),
    ])
  func words(expression: String, expected: [String]) throws {
    let meanings = try Cron(expression).fieldMeanings
    #expect(meanings.map(\.text) == expression.split(separator: " ").map(String.init))
    for (meaning, words) in zip(meanings, expected) {
      #expect(words.isEmpty || meaning.meaning.contains(words), "\(meaning)")
    }
  }

  @Test("how days combine, and seconds where they are written")
  func days() throws {
    let meanings = try ["* * * * *", "0 0 1 * *", "0 0 ? * 1", "0 0 */2 * 1"].map {
      try Cron($0).dayMeaning
    }
    #expect(
      meanings == [
        "every day of these months", "the day of the month decides", "the weekday decides",
        "either is enough: the day of the month, or the weekday",
      ])
    #expect(try Cron("@daily").fieldMeanings.map(\.text) == ["0", "0", "*", "*", "*"])
    #expect(try Cron("5 0 0 * * *").fieldMeanings.first?.meaning == "second 5")
  }

  @Test(
    "instants with the offset in force",
    arguments: [
      ("America/New_York", "2024-03-10T07:00:00Z", "2024-03-10T03:00:00-04:00"),
      ("Australia/Lord_Howe", "2024-01-01T00:00:00.5Z", "2024-01-01T11:00:00.500000+11:00"),
      ("UTC", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00+00:00"),
      ("Africa/Monrovia", "1970-01-01T00:00:00Z", "1969-12-31T23:15:30-00:44:30"),
    ])
  func offsets(zone: String, instant: String, text: String) throws {
    #expect(try Zone(zone).text(of: #require(Instant(rfc3339: instant))) == text)
  }
}

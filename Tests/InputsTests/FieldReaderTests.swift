import Schedules
import TestSupport
import Testing

@testable import Inputs

@Suite("Fields: exact numbers, dates, times")
struct FieldReaderTests {
  private func number(_ text: String, _ scale: Int) -> Result<Int64, RowReasonError> {
    Array(text.utf8).withUnsafeBytes {
      FieldReader.number($0, scale: scale, fault: .badDecimal)
    }
  }

  @Test(
    arguments: [
      ("6", 0, 6), ("6.0", 0, 6), ("-6.00", 0, -6), ("2.55", 4, 25_500), (".5", 4, 5000),
      ("5.", 4, 50_000), ("+1", 2, 100), ("0.00010", 4, 1), ("1e3", 0, 1000),
      ("1.5E2", 4, 1_500_000),
      ("25e-2", 4, 2500), ("1000e-3", 0, 1), ("0e40", 4, 0), ("-0.0", 1, 0),
      ("9223372036854775807", 0, .max),
    ] as [(String, Int, Int64)])
  func numbers(_ text: String, _ scale: Int, _ expected: Int64) {
    #expect(number(text, scale) == .success(expected))
  }

  @Test(
    arguments: [
      ("", 4, .badDecimal), ("x", 4, .badDecimal), ("1,5", 4, .badDecimal),
      ("1.2.3", 4, .badDecimal),
      ("--1", 4, .badDecimal), ("-", 4, .badDecimal), (".", 4, .badDecimal), ("1e", 4, .badDecimal),
      ("0.00001", 4, .tooManyDecimals), ("1e-5", 4, .tooManyDecimals), ("1.5", 0, .tooManyDecimals),
      ("9223372036854775808", 0, .overflow), ("999999999999999999", 4, .overflow),
      ("1e30", 0, .overflow), (" 1", 0, .badDecimal), ("NaN", 4, .badDecimal),
    ] as [(String, Int, RowReason)])
  func refusedNumbers(_ text: String, _ scale: Int, _ reason: RowReason) {
    #expect(number(text, scale) == .failure(RowReasonError(reason)))
  }

  private func timestamp(_ text: String) -> String? {
    Array(text.utf8).withUnsafeBytes { bytes in
      FieldReader.timestamp(bytes).map { local, offset in
        LocalTime(microseconds: local).description + (offset.map { " \($0)" } ?? "")
      }
    }
  }

  @Test(arguments: [
    ("2010-12-01 08:26:00", "2010-12-01T08:26:00"), ("2010-12-01T08:26", "2010-12-01T08:26:00"),
    ("2010-12-01", "2010-12-01T00:00:00"),
    ("2010-12-01 08:26:00.5", "2010-12-01T08:26:00.500000"),
    ("2010-12-01 08:26:00.123456000", "2010-12-01T08:26:00.123456"),
    ("2010-12-01T08:26:00Z", "2010-12-01T08:26:00 0"),
    ("2010-12-01 08:26:00+02", "2010-12-01T08:26:00 7200"),
    ("2010-12-01 08:26:00-0330", "2010-12-01T08:26:00 -12600"),
    ("2010-12-01 08:26:00 +05:30", "2010-12-01T08:26:00 19800"),
    ("2010-12-01 08:26Z", "2010-12-01T08:26:00 0"),
    ("2012-02-29 00:00:00", "2012-02-29T00:00:00"),
  ])
  func timestamps(_ text: String, _ expected: String) { #expect(timestamp(text) == expected) }

  @Test(arguments: [
    "", "2010-13-01", "2011-02-29", "2010-12-01 24:00:00", "2010-12-01 08", "2010-12-01 08:60",
    "2010-12-01 08:26:00.1234567", "2010-12-01 08:26:00+", "2010-12-01 08:26:00+1",
    "12/1/2010 8:26",
    "2010-12-01x08:26", "2010-12-01 08:26:0", "2010-12-01 08:26:00 ", "2010-12-01 08:26:00Zx",
  ])
  func refusedTimestamps(_ text: String) { #expect(timestamp(text) == nil) }

  @Test(arguments: [
    "Europe/Lisbon", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe",
    "America/Havana", "Asia/Kolkata", "UTC", "Africa/Casablanca",
  ])
  func theCachedClockAgreesWithTheZone(_ name: String) throws {
    let zone = try Zone(name)
    var clock = LocalClock(zone: zone)
    var random = SplitMix64(seed: 99)
    let first = try #require(Day(year: 2005, month: 1, day: 1))
    var odd = 0
    func check(_ local: LocalTime) {
      let (expected, last) = zone.instants(of: local)
      let (found, reading) = clock.instant(of: local.microseconds)
      #expect(found == expected.microseconds, "\(name) \(local)")
      let inGap = zone.localTime(at: expected) != local
      #expect(reading == (inGap ? .inGap : expected != last ? .repeated : .plain), "\(local)")
      if reading != .plain { odd += 1 }
    }
    for _ in 0..<500 {
      let day = first + Int.random(in: 0..<6000, using: &random)
      check(
        LocalTime(
          microseconds: LocalTime(day).microseconds
            + Int64.random(in: 0..<86_400_000_000, using: &random)))
    }
    // Every half hour of the days around each change of clocks in 2008 to 2010.
    for offset in 1095..<2190 {
      let day = first + offset
      let length = zone.midnight(day + 1).microseconds - zone.midnight(day).microseconds
      guard length != 86_400_000_000 else { continue }
      for half in -48..<96 {
        check(LocalTime(microseconds: LocalTime(day).microseconds + Int64(half) * 1_800_000_000))
      }
    }
    let changes = !["UTC", "Asia/Kolkata"].contains(name)
    #expect((odd > 0) == changes)
  }
}

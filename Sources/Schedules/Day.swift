/// A calendar day of the proleptic Gregorian calendar, without a zone.
public struct Day: Sendable, Hashable, Comparable, Codable, Strideable {
  /// Days since 1970-01-01.
  public var number: Int32

  /// The day `number` days after 1970-01-01.
  public init(number: Int32) { self.number = number }

  /// A date, nil where the calendar lacks it.
  public init?(year: Int, month: Int, day: Int) {
    guard (1...12).contains(month), day >= 1, day <= Day.length(ofMonth: month, year: year),
      (1...9999).contains(year)
    else { return nil }
    self.init(unchecked: year, month, day)
  }

  /// Days from civil date; H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
  init(unchecked year: Int, _ month: Int, _ day: Int) {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yoe = y - era * 400
    let doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy
    number = Int32(era * 146_097 + doe - 719_468)
  }

  /// Parses `YYYY-MM-DD`; nil for anything else or a date that does not exist.
  public init?(iso8601 text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard bytes.count == 10, bytes[4] == 45, bytes[7] == 45 else { return nil }
    func value(_ range: Range<Int>) -> Int? {
      var total = 0
      for byte in bytes[range] {
        guard byte >= 48, byte <= 57 else { return nil }
        total = total * 10 + Int(byte - 48)
      }
      return total
    }
    guard let year = value(0..<4), let month = value(5..<7), let day = value(8..<10) else {
      return nil
    }
    self.init(year: year, month: month, day: day)
  }

  /// Year, month 1–12, day 1–31.
  public var components: (year: Int, month: Int, day: Int) {
    let z = Int(number) + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let doe = z - era * 146_097
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100)
    let mp = (5 * doy + 2) / 153
    let month = mp < 10 ? mp + 3 : mp - 9
    return (yoe + era * 400 + (month <= 2 ? 1 : 0), month, doy - (153 * mp + 2) / 5 + 1)
  }

  /// 0 for Sunday to 6 for Saturday, as in cron.
  public var weekday: Int { Int(((number % 7) + 7 + 4) % 7) }

  /// 28 to 31.
  public static func length(ofMonth month: Int, year: Int) -> Int {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// The same day of the month `months` later, or that month's last day where it lacks one.
  public func adding(months: Int) -> Day {
    let (year, month, day) = components
    let total = year * 12 + month - 1 + months
    let newYear = total >= 0 ? total / 12 : (total - 11) / 12
    let newMonth = total - newYear * 12 + 1
    return Day(
      unchecked: newYear, newMonth, min(day, Day.length(ofMonth: newMonth, year: newYear)))
  }

  /// Days from `self` to `other`.
  public func distance(to other: Day) -> Int { Int(other.number) - Int(number) }

  /// The day `n` days later.
  public func advanced(by n: Int) -> Day { Day(number: number + Int32(n)) }

  /// Order in time.
  public static func < (left: Day, right: Day) -> Bool { left.number < right.number }

  /// The day `days` later.
  public static func + (day: Day, days: Int) -> Day { day.advanced(by: days) }

  /// The day `days` earlier.
  public static func - (day: Day, days: Int) -> Day { day.advanced(by: -days) }

  /// Decodes `YYYY-MM-DD`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = Day(iso8601: text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected a date such as 2024-03-10, found '\(text)'")
    }
    self = value
  }

  /// Encodes `YYYY-MM-DD`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension Day: CustomStringConvertible {
  /// `YYYY-MM-DD`.
  public var description: String {
    let (year, month, day) = components
    func pad(_ value: Int, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
  }
}

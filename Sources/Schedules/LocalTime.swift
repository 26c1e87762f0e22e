/// A wall-clock time without a zone, in microseconds as if the zone were UTC.
public struct LocalTime: Sendable, Hashable, Comparable {
  /// Microseconds from 1970-01-01 00:00 on the same wall clock.
  public var microseconds: Int64

  /// The wall-clock time `microseconds` after 1970-01-01 00:00.
  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// A time of day on a day.
  public init(_ day: Day, hour: Int = 0, minute: Int = 0, second: Int = 0) {
    microseconds =
      (Int64(day.number) * 86_400 + Int64(hour * 3600 + minute * 60 + second)) * 1_000_000
  }

  /// Order on the wall clock.
  public static func < (left: LocalTime, right: LocalTime) -> Bool {
    left.microseconds < right.microseconds
  }

  /// The day.
  public var day: Day {
    let second = Instant(microseconds: microseconds).seconds
    return Day(number: Int32(second >= 0 ? second / 86_400 : -((-second + 86_399) / 86_400)))
  }

  /// Microseconds since midnight on this wall clock, `0 ..< 86,400,000,000`.
  public var microsecondsOfDay: Int64 { microseconds - Int64(day.number) * 86_400_000_000 }

  /// Parses `YYYY-MM-DD`, optionally followed by `T` or a space and `HH:MM[:SS[.ffffff]]`.
  ///
  /// Returns the time and what follows it, or nil where the text does not begin so or the date
  /// does not exist. More than six decimals are refused: they would be lost.
  public static func parse(prefixOf text: some StringProtocol) -> (LocalTime, rest: Substring)? {
    let text = Substring(text)
    guard text.utf8.count >= 10, let day = Day(iso8601: text.prefix(10)) else { return nil }
    var rest = text.dropFirst(10)
    guard let separator = rest.first, separator == "T" || separator == " " || separator == "t"
    else { return (LocalTime(day), rest) }
    rest = rest.dropFirst()
    guard let hour = number(&rest, 2, 23), take(":", &rest), let minute = number(&rest, 2, 59)
    else { return nil }
    var micros = Int64(hour * 3600 + minute * 60) * 1_000_000
    if take(":", &rest) {
      guard let second = number(&rest, 2, 59) else { return nil }
      micros += Int64(second) * 1_000_000
      if take(".", &rest) {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, digits.count <= 6, let fraction = Int64(digits) else { return nil }
        micros += (0..<(6 - digits.count)).reduce(fraction) { value, _ in value * 10 }
        rest = rest.dropFirst(digits.count)
      }
    }
    return (LocalTime(microseconds: LocalTime(day).microseconds + micros), rest)
  }

  private static func number(_ text: inout Substring, _ digits: Int, _ limit: Int) -> Int? {
    let head = text.prefix(digits)
    guard head.utf8.count == digits, head.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }),
      let value = Int(head), value <= limit
    else { return nil }
    text = text.dropFirst(digits)
    return value
  }

  private static func take(_ character: Character, _ text: inout Substring) -> Bool {
    guard text.first == character else { return false }
    text = text.dropFirst()
    return true
  }
}

extension LocalTime: CustomStringConvertible {
  /// `2024-03-10T03:00:00`, with microseconds only where there are some.
  public var description: String {
    let micros = microsecondsOfDay
    let seconds = Int(micros / 1_000_000)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let clock = "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    let fraction = micros % 1_000_000
    guard fraction != 0 else { return "\(day)T\(clock)" }
    let digits = String(fraction)
    return "\(day)T\(clock)." + String(repeating: "0", count: 6 - digits.count) + digits
  }
}

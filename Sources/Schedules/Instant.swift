import Foundation

/// A point in time in whole microseconds, the resolution of PostgreSQL's `timestamptz`.
public struct Instant: Sendable, Hashable, Comparable, Codable {
  /// Microseconds since 1970-01-01T00:00:00Z, without leap seconds.
  public var microseconds: Int64

  /// The instant `microseconds` after 1970-01-01T00:00:00Z.
  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// The instant `seconds` after 1970-01-01T00:00:00Z.
  public init(seconds: Int64) { microseconds = seconds * 1_000_000 }

  /// Whole seconds since 1970, rounded down.
  public var seconds: Int64 {
    microseconds >= 0 ? microseconds / 1_000_000 : -((-microseconds + 999_999) / 1_000_000)
  }

  /// Parses RFC 3339: `2024-03-10T03:00:00Z`, `2024-03-10 03:00:00.123456+02:00`.
  ///
  /// Returns nil for anything else, also where the offset is missing: a naive time has no instant.
  public init?(rfc3339 text: some StringProtocol) {
    guard let (local, rest) = LocalTime.parse(prefixOf: text), let offset = Self.offset(rest)
    else { return nil }
    microseconds = local.microseconds - Int64(offset) * 1_000_000
  }

  /// Seconds east of Greenwich from `Z`, `+02`, `+0200` or `+02:00`; nil otherwise.
  static func offset(_ text: Substring) -> Int? {
    if text == "Z" || text == "z" { return 0 }
    guard let sign = text.first, sign == "+" || sign == "-" else { return nil }
    let digits = text.dropFirst().filter { $0 != ":" }
    guard digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), digits.count == 2 || digits.count == 4,
      let hours = Int(digits.prefix(2)), let minutes = Int("0" + digits.dropFirst(2)),
      hours <= 15, minutes < 60
    else { return nil }
    return (sign == "-" ? -1 : 1) * (hours * 3600 + minutes * 60)
  }

  /// Order in time.
  public static func < (left: Instant, right: Instant) -> Bool {
    left.microseconds < right.microseconds
  }

  /// The instant `duration` later, rounded down to whole microseconds.
  public static func + (instant: Instant, duration: Duration) -> Instant {
    let parts = duration.components
    return Instant(
      microseconds: instant.microseconds + parts.seconds * 1_000_000
        + parts.attoseconds / 1_000_000_000_000)
  }

  /// The instant `duration` earlier.
  public static func - (instant: Instant, duration: Duration) -> Instant {
    instant + (.zero - duration)
  }

  /// The time from `right` to `left`.
  public static func - (left: Instant, right: Instant) -> Duration {
    .microseconds(left.microseconds - right.microseconds)
  }

  /// Decodes RFC 3339 text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = Instant(rfc3339: text) else {
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: "expected an instant such as 2024-03-10T03:00:00Z, found '\(text)'")
    }
    self = value
  }

  /// Encodes RFC 3339 text in UTC.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension Instant: CustomStringConvertible {
  /// RFC 3339 in UTC, with microseconds only where there are some: `2024-03-10T03:00:00Z`.
  public var description: String { LocalTime(microseconds: microseconds).description + "Z" }
}

import Schedules

/// A length of time as rules write it: `7 days`, `2 weeks`, `3 months`, `24 hours`, `10 minutes`.
public struct TimeSpan: Sendable, Hashable {
  /// What is counted; weeks are seven days.
  public enum Unit: String, Sendable, Hashable, Codable {
    /// Exact minutes.
    case minutes
    /// Exact hours.
    case hours
    /// Local days of the project's zone.
    case days
    /// Calendar months.
    case months
  }

  /// How many, from 1.
  public let count: Int
  /// Of what.
  public let unit: Unit

  /// A span; nil unless `count` is from 1 to a hundred years.
  public init?(_ count: Int, _ unit: Unit) {
    let most =
      switch unit {
      case .minutes: 52_560_000
      case .hours: 876_000
      case .days: 36_525
      case .months: 1_200
      }
    guard count >= 1, count <= most else { return nil }
    self.count = count
    self.unit = unit
  }

  /// Whether it is an exact duration, not one of local days.
  var isExact: Bool { unit == .minutes || unit == .hours }

  /// Microseconds of an exact span.
  public var microseconds: Int64? {
    switch unit {
    case .minutes: Int64(count) * 60_000_000
    case .hours: Int64(count) * 3_600_000_000
    case .days, .months: nil
    }
  }

  /// The first local day of the window of days or months that ends with `day`.
  func firstDay(endingWith day: Day) -> Day {
    switch unit {
    case .days: day - (count - 1)
    case .months: day.adding(months: -count) + 1
    case .minutes, .hours: day
    }
  }
}

extension TimeSpan: CustomStringConvertible {
  /// `7 days`, `1 hour`.
  public var description: String {
    count == 1 ? "1 \(unit.rawValue.dropLast())" : "\(count) \(unit.rawValue)"
  }
}

/// When an evaluation is: what `within_last` and `was_member_of … within` count back from.
public struct RuleMoment: Sendable, Hashable {
  /// The instant evaluated: what happens at it or later does not exist.
  public let asOf: Instant
  /// The project's zone.
  public let zone: Zone
  /// The local day that holds the instant just before ``asOf``: the last day of every window.
  public let day: Day

  /// An instant in a zone.
  public init(asOf: Instant, zone: Zone) {
    self.asOf = asOf
    self.zone = zone
    let last = Instant(microseconds: asOf.microseconds - 1)
    let shown = zone.day(of: last)
    // Days lie between midnights, also where a clock set back shows the old date once more.
    if zone.midnight(shown + 1) <= last {
      day = shown + 1
    } else {
      day = zone.midnight(shown) > last ? shown - 1 : shown
    }
  }

  /// The instants of the window of a span, `[from, before)`.
  func window(_ span: TimeSpan) -> (from: Instant, before: Instant) {
    if let length = span.microseconds {
      return (Instant(microseconds: asOf.microseconds - length), asOf)
    }
    return (zone.midnight(span.firstDay(endingWith: day)), asOf)
  }
}

import Diagnostics
import Schedules

/// A run of local days, both ends included; empty where `first > last`.
public struct DaySpan: Sendable, Hashable {
  /// The first day; ``unbounded`` reaches back to the first event.
  public let first: Day
  /// The last day.
  public let last: Day

  /// Earlier than every event.
  public static let unbounded = Day(number: .min)
  /// No day.
  public static let empty = DaySpan(first: Day(number: 1), last: Day(number: 0))

  /// The days from `first` to `last`.
  public init(first: Day, last: Day) {
    self.first = first
    self.last = last
  }

  /// Whether there is no day inside.
  public var isEmpty: Bool { first > last }

  /// Whether the day is inside.
  @inlinable
  public func contains(_ day: Day) -> Bool { first <= day && day <= last }

  /// The days that are in one of the two spans only: at most two spans.
  func symmetricDifference(_ other: DaySpan) -> [DaySpan] {
    if isEmpty || other.isEmpty || last < other.first || other.last < first {
      return [self, other].filter { !$0.isEmpty }
    }
    var spans: [DaySpan] = []
    if first != other.first {
      spans.append(DaySpan(first: min(first, other.first), last: max(first, other.first).before))
    }
    if last != other.last {
      spans.append(DaySpan(first: min(last, other.last).after, last: max(last, other.last)))
    }
    return spans
  }
}

extension Day {
  /// The day before; the first representable day has none and stays.
  var before: Day { Day(number: number == .min ? .min : number - 1) }
  /// The day after; the last representable day has none and stays.
  var after: Day { Day(number: number == .max ? .max : number + 1) }
}

/// A window of local days that ends at `as_of`, or the window of the same length before it.
public struct Window: Sendable, Hashable {
  /// How far a window reaches.
  public enum Length: Sendable, Hashable {
    /// This many local days; weeks are seven days each.
    case days(Int)
    /// From the day after the same day of the month, so many months earlier.
    case months(Int)
    /// From the first event.
    case lifetime
    /// This many minutes to the microsecond; hours are sixty each.
    case minutes(Int)
  }

  /// How far the window reaches.
  public let length: Length
  /// 0 for the window that ends at `as_of`, 1 for the one of the same length before, and so on.
  public let previous: Int

  /// The longest reach of a window with the ones before it, in days: a hundred years.
  public static let maximumDays = 36_500

  /// All time up to `as_of`.
  public static let lifetime = Window(.lifetime)

  /// A window; `previous` counts windows back from the one that ends at `as_of`.
  public init(_ length: Length, previous: Int = 0) {
    self.length = length
    self.previous = previous
  }

  /// Whether the window consists of whole local days, today's beginning among them.
  public var isOfDays: Bool {
    switch length {
    case .days, .months, .lifetime: true
    case .minutes: false
    }
  }

  /// The days of the window whose last day is `day`, the local day just before `as_of`; no day for
  /// minutes, which are not made of days.
  ///
  /// Months start at clamp(day - N months) + 1 day. A previous window has the same length in days
  /// and ends where the next one starts.
  public func span(endingOn day: Day) -> DaySpan {
    let start: Day
    switch length {
    case .days(let count): start = day - (count - 1)
    case .months(let count): start = day.adding(months: -count) + 1
    case .lifetime: return DaySpan(first: DaySpan.unbounded, last: day)
    case .minutes: return .empty
    }
    let days = start.distance(to: day) + 1
    return DaySpan(first: start - previous * days, last: day - previous * days)
  }

  /// A short stable name: `30d`, `3m`, `all`; `30d-1` for the window before.
  public var name: String {
    let base =
      switch length {
      case .days(let count): "\(count)d"
      case .months(let count): "\(count)m"
      case .lifetime: "all"
      case .minutes(let count): "\(count)min"
      }
    return previous == 0 ? base : "\(base)-\(previous)"
  }

  /// How many local days the window and those before it can touch, today included; nil for lifetime.
  public var reach: Int? {
    switch length {
    case .days(let count): count * (previous + 1)
    case .months(let count): count * 31 * (previous + 1)
    case .lifetime: nil
    // A day of 23 hours, or one left out by a change of the date line, makes it one more.
    case .minutes(let count): (count * (previous + 1) + 1379) / 1380 + 2
    }
  }
}

extension Window: CustomStringConvertible {
  /// In words: `last 30 days`, `previous 30 days`, `lifetime`.
  public var description: String {
    let base: String
    switch length {
    case .days(let count): base = count == 1 ? "day" : "\(count) days"
    case .months(let count): base = count == 1 ? "month" : "\(count) months"
    case .lifetime: return "lifetime"
    case .minutes(let count) where count % 60 == 0:
      base = count == 60 ? "hour" : "\(count / 60) hours"
    case .minutes(let count): base = count == 1 ? "minute" : "\(count) minutes"
    }
    switch previous {
    case 0: return "last \(base)"
    case 1: return "previous \(base)"
    default: return "\(base), \(previous) windows back"
    }
  }
}

extension Window.Length {
  /// The longest window of minutes or hours, in minutes: 400 days.
  static let maximumMinutes = 400 * 1440

  /// Parses `30 days`, `1 day`, `2 weeks`, `3 months` or `lifetime`.
  ///
  /// - Returns: the length, or what is wrong with the text.
  static func parse(_ text: String) -> Result<Window.Length, FeatureError> {
    func fault(_ message: String, _ hint: String? = nil) -> Result<Window.Length, FeatureError> {
      .failure(FeatureError(code: "features.bad_window", message: message, hint: hint))
    }
    let words = text.split(separator: " ")
    if words == ["lifetime"] { return .success(.lifetime) }
    guard words.count == 2, let count = Int(words[0]), words[0].first != "+" else {
      return fault(
        "expected a window, found '\(text)'",
        Suggestion.hint(for: text, among: ["lifetime"])
          ?? "write a number and days, weeks or months, or lifetime: window: 30 days")
    }
    guard count >= 1, count <= Window.maximumDays else {
      return fault("expected a window of 1 to \(Window.maximumDays) days, found '\(text)'")
    }
    switch words[1] {
    case "day", "days": return .success(.days(count))
    case "week", "weeks", "month", "months":
      let weeks = words[1].hasPrefix("week")
      guard count * (weeks ? 7 : 31) <= Window.maximumDays else {
        return fault("expected a window of at most \(Window.maximumDays) days, found '\(text)'")
      }
      return .success(weeks ? .days(count * 7) : .months(count))
    case "hour", "hours", "minute", "minutes":
      let minutes = words[1].hasPrefix("hour") ? count * 60 : count
      guard minutes <= Self.maximumMinutes else {
        return fault(
          "expected a window of at most \(Self.maximumMinutes / 1440) days in minutes or hours, "
            + "found '\(text)'", "longer windows are days, weeks or months")
      }
      return .success(.minutes(minutes))
    default:
      return fault(
        "expected days, weeks or months, found '\(words[1])'",
        Suggestion.hint(
          for: String(words[1]),
          among: [
            "days", "weeks", "months", "day", "week", "month", "hours", "hour", "minutes",
            "minute",
          ]))
    }
  }
}

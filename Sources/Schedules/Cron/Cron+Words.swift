/// What one field of a cron expression means, in words.
public struct CronFieldMeaning: Sendable, Hashable, Codable {
  /// What the field is called.
  public let field: String
  /// The field as it is written.
  public let text: String
  /// Its meaning.
  public let meaning: String
}

extension Cron {
  /// What each field means, those of days together with how they combine.
  public var fieldMeanings: [CronFieldMeaning] {
    let parser = CronParser(expression)
    return CronField.allCases.dropFirst(hasSeconds ? 0 : 1).map { field in
      CronFieldMeaning(
        field: field.noun, text: parser.texts[field.rawValue],
        meaning: parser.fields[field.rawValue].map { $0.words(in: field) }
          .joined(separator: ", "))
    }
  }

  /// How day of month and weekday combine.
  public var dayMeaning: String {
    switch days.restrictions {
    case (false, false): "every day of these months"
    case (true, false): "the day of the month decides"
    case (false, true): "the weekday decides"
    case (true, true): "either is enough: the day of the month, or the weekday"
    }
  }

  /// What happens when the clocks change.
  public var lawMeaning: String {
    switch law {
    case .fixedTime:
      "fixed time: what the clocks skip is made up for at the first instant after the gap, once; "
        + "a repeated time counts at its first pass only"
    case .wallClock:
      "wall clock: nothing for what the clocks skip, and both passes of what they repeat, as "
        + "minute or hour is a wildcard or has a step"
    }
  }

  /// Which data a firing covers.
  public var dataMeaning: String {
    secondOfDay == nil
      ? "the time since the firing before: [previous firing, this firing)"
      : "whole local days: from the midnight of the previous firing's day to the midnight of this "
        + "firing's day"
  }
}

extension CronTerm {
  /// The entry in words.
  func words(in field: CronField) -> String {
    switch self {
    case .any: "every \(field.noun)"
    case .unspecified: "any \(field.noun)"
    case .every(let step):
      step == 1
        ? "every \(field.noun)"
        : "every \(Self.ordinal(step)) \(field.noun) from \(field.words(field.span.lowerBound))"
    case .value(let value): "\(field.prefix)\(field.words(value))"
    case .range(let low, let high, let step, _):
      low == high
        ? "\(field.prefix)\(field.words(low))"
        : Self.stepWords(step, field) + "\(field.words(low)) to \(field.words(high))"
    case .from(let value, let step):
      "\(Self.stepWords(step, field))\(field.words(value)) to "
        + field.words(field.span.upperBound)
    case .last(0): "the month's last day"
    case .last(let days): "\(days) day\(days == 1 ? "" : "s") before the month's last"
    case .lastWorkday: "the month's last day of Monday to Friday"
    case .nearestWorkday(let day):
      "the day of Monday to Friday nearest to the \(Self.ordinal(day)), within the month"
    case .lastOf(let weekday): "the month's last \(field.words(weekday))"
    case .nth(let weekday, let n): "the month's \(Self.ordinal(n)) \(field.words(weekday))"
    }
  }

  private static func stepWords(_ step: Int, _ field: CronField) -> String {
    step == 1 ? field.prefix : "every \(ordinal(step)) \(field.noun) from "
  }

  private static func ordinal(_ number: Int) -> String {
    let ending =
      switch (number % 10, number % 100) {
      case (1, let rest) where rest != 11: "st"
      case (2, let rest) where rest != 12: "nd"
      case (3, let rest) where rest != 13: "rd"
      default: "th"
      }
    return "\(number)\(ending)"
  }
}

extension CronField {
  /// A value by its name, or as a number.
  fileprivate func words(_ value: Int) -> String {
    switch self {
    case .second, .minute, .hour, .dayOfMonth: "\(value)"
    case .month:
      [
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
      ][value - 1]
    case .dayOfWeek:
      ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"][value % 7]
    }
  }

  /// What stands before a number; names need nothing.
  fileprivate var prefix: String {
    switch self {
    case .second, .minute, .hour: "\(noun) "
    case .dayOfMonth: "day "
    case .month, .dayOfWeek: ""
    }
  }
}

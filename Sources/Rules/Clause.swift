/// A rule as it was read, before its names and types are known: what YAML maps, JSON criteria and
/// short strings all become.
indirect enum Clause {
  case all([Clause], SourceLocation)
  case any([Clause], SourceLocation)
  case not(Clause, SourceLocation)
  case condition(ParsedCondition)
  case events(ParsedEvents)
  case score(ParsedScore)

  var location: SourceLocation {
    switch self {
    case .all(_, let location), .any(_, let location), .not(_, let location): location
    case .condition(let condition): condition.location
    case .events(let events): events.location
    case .score(let score): score.location
    }
  }
}

/// A weighted sum as it was read.
struct ParsedScore {
  var parts: [(clause: Clause, weight: Literal)]
  var threshold: Literal
  var leaveBelow: Literal?
  var location: SourceLocation
}

/// One comparison as it was read.
struct ParsedCondition {
  /// Nil for operators that test a segment.
  var attribute: (name: String, location: SourceLocation)?
  var `operator`: Operator
  var operands: [Literal]
  var orMissing = false
  /// Whether `ci` stands with it.
  var foldsCase = false
  /// Among whom `top` and `bottom` count.
  var population: Clause?
  /// What stands after `within`.
  var within: Literal?
  var location: SourceLocation
}

/// A value as it was written; the attribute decides later what it means.
struct Literal {
  enum Form: Equatable {
    case number(ExactDecimal)
    /// The number before the `%`.
    case percent(ExactDecimal)
    /// A number of days, weeks counted as seven.
    case days(ExactDecimal)
    /// A length of time in another unit.
    case time(ExactDecimal, TimeSpan.Unit)
    /// A bare word.
    case word(String)
    /// Text in quotes.
    case quoted(String)
  }

  var form: Form
  var location: SourceLocation

  /// The literal of a bare text.
  init(bare text: String, at location: SourceLocation) {
    self.location = location
    form = Self.form(of: text)
  }

  /// The literal of a text in quotes.
  init(quoted text: String, at location: SourceLocation) {
    self.location = location
    form = .quoted(text)
  }

  static func form(of text: String) -> Form {
    if let number = ExactDecimal(text) { return .number(number) }
    if text.hasSuffix("%"), let number = ExactDecimal(trimmed(text.dropLast())) {
      return .percent(number)
    }
    let parts = text.split(separator: " ")
    if parts.count == 2, let number = ExactDecimal(parts[0]) {
      switch parts[1].lowercased() {
      case "day", "days": return .days(number)
      case "week", "weeks": if let days = number.multiplied(by: 7) { return .days(days) }
      case "month", "months": return .time(number, .months)
      case "hour", "hours": return .time(number, .hours)
      case "minute", "minutes": return .time(number, .minutes)
      default: break
      }
    }
    return .word(text)
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.last == " " { text.removeLast() }
    return text
  }

  /// The units that may follow a number after a blank.
  static let units: Set<String> = [
    "minute", "minutes", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "%",
  ]

  /// The length of time, nil where it is none.
  var span: TimeSpan? {
    var form = form
    if case .quoted(let text) = form { form = Self.form(of: text) }
    switch form {
    case .days(let number): return number.whole.flatMap { TimeSpan($0, .days) }
    case .time(let number, let unit): return number.whole.flatMap { TimeSpan($0, unit) }
    case .number, .percent, .word, .quoted: return nil
    }
  }

  /// As it stands in a message.
  var words: String {
    switch form {
    case .number(let number): number.description
    case .percent(let number): "\(number)%"
    case .days(let number): "\(number) days"
    case .time(let number, let unit): "\(number) \(unit.rawValue)"
    case .word(let text), .quoted(let text): "text '\(RuleText.visible(text))'"
    }
  }
}

extension ExactDecimal {
  /// The number where it is whole and small, nil elsewhere.
  var whole: Int? {
    guard case .within(let value, true) = position(scale: 0) else { return nil }
    return Int(value)
  }
}

/// A rule as it was read, before its names and types are known: what YAML maps, JSON criteria and
/// short strings all become.
indirect enum Clause {
  case all([Clause], SourceLocation)
  case any([Clause], SourceLocation)
  case not(Clause, SourceLocation)
  case condition(ParsedCondition)
  case events(ParsedEvents)

  var location: SourceLocation {
    switch self {
    case .all(_, let location), .any(_, let location), .not(_, let location): location
    case .condition(let condition): condition.location
    case .events(let events): events.location
    }
  }
}

/// One comparison as it was read.
struct ParsedCondition {
  /// Nil for operators that test a segment.
  var attribute: (name: String, location: SourceLocation)?
  var `operator`: Operator
  var operands: [Literal]
  var orMissing = false
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

  /// As it stands in a message.
  var words: String {
    switch form {
    case .number(let number): number.description
    case .percent(let number): "\(number)%"
    case .days(let number): "\(number) days"
    case .word(let text), .quoted(let text): "text '\(RuleText.visible(text))'"
    }
  }
}

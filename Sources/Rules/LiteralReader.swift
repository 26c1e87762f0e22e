import Schedules

/// Gives a literal the type and unit of the attribute it is compared with.
struct LiteralReader {
  let attribute: Attribute
  let `operator`: Operator
  let zone: Zone?
  let faults: FaultList

  /// The typed value; nil after a fault was noted.
  func value(_ literal: Literal) -> RuleValue? {
    switch `operator` {
    case .topPercent, .bottomPercent:
      switch literal.form {
      case .percent(let number), .number(let number): return .percent(number)
      case .quoted(let text):
        if case .percent(let number) = Literal.form(of: text) { return .percent(number) }
      case .days, .time, .word: break
      }
      return mismatch(literal, expected: "a share such as 20%")
    case .withinLast, .notWithinLast: return span(literal)
    case .matches: return pattern(literal)
    case .topCount, .bottomCount:
      if case .number(let number) = literal.form { return .number(number) }
      return mismatch(literal, expected: "a whole number or a share such as 20%")
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .isIn,
      .notIn, .contains, .startsWith, .endsWith, .isMissing, .isPresent, .before, .after,
      .memberOf, .notMemberOf, .wasMemberOf:
      break
    }
    switch attribute.type {
    case .number, .real: return number(literal)
    case .text: return text(literal)
    case .boolean:
      if case .word(let word) = literal.form, word == "true" || word == "false" {
        return .boolean(word == "true")
      }
      return mismatch(literal, expected: "true or false")
    case .day:
      if let text = literal.textual, let day = Day(iso8601: text) { return .day(day) }
      return mismatch(literal, expected: "a date such as 2011-12-09")
    case .instant: return instant(literal)
    }
  }

  private func mismatch(_ literal: Literal, expected: String, hint: String? = nil) -> RuleValue? {
    faults.add(
      "type_mismatch",
      "expected \(expected) for \(attribute.words), found \(literal.words)", hint: hint,
      at: literal.location)
    return nil
  }

  private func number(_ literal: Literal) -> RuleValue? {
    switch literal.form {
    case .number(let number):
      switch attribute.unit {
      case .ratio, .score:
        guard number <= ExactDecimal(1), number >= ExactDecimal(-1) else {
          let share = number.hundredth.map { " or \($0)" } ?? ""
          return unitMismatch(
            literal,
            hint: "write \(number)%\(share)"
              + (attribute.unit == .ratio
                ? "; if \(number) times is meant, write "
                  + "\(number.multiplied(by: 100)?.description ?? "")%" : ""))
        }
        return .number(number)
      case .count, .money, .days, .none: return .number(number)
      }
    case .percent(let number):
      switch attribute.unit {
      case .ratio, .score:
        if let share = number.hundredth { return .number(share) }
        return mismatch(literal, expected: "at most 36 decimals")
      case .count, .money, .days, .none:
        return unitMismatch(literal, hint: "percentages belong to ratios and scores")
      }
    case .days(let number):
      guard attribute.unit == .days else {
        return unitMismatch(literal, hint: "days belong to attributes that count days")
      }
      return .number(number)
    case .time:
      return unitMismatch(
        literal, hint: "only days can be compared with attributes that count days")
    case .word(let text), .quoted(let text):
      // JSON has no way to write 70% without quotes.
      switch Literal.form(of: text) {
      case .percent(let number) where attribute.unit == .ratio || attribute.unit == .score:
        return number.hundredth.map(RuleValue.number)
      case .days(let number) where attribute.unit == .days: return .number(number)
      case .number(let number):
        return mismatch(
          literal, expected: "a number", hint: "write \(number) without quotes")
      case .percent, .days, .time, .word, .quoted:
        return mismatch(literal, expected: "a number")
      }
    }
  }

  private func unitMismatch(_ literal: Literal, hint: String) -> RuleValue? {
    faults.add(
      "unit_mismatch",
      "expected \(attribute.unit.expected) for \(attribute.words), found \(literal.words)",
      hint: hint, at: literal.location)
    return nil
  }

  private func text(_ literal: Literal) -> RuleValue? {
    switch literal.form {
    case .word(let text), .quoted(let text):
      guard !text.unicodeScalars.contains("\0") else {
        faults.add(
          "nul", "expected text, found a NUL character in it",
          hint: "no stored text holds one; remove it", at: literal.location)
        return nil
      }
      return .text(ByteText(text))
    case .number, .percent, .days, .time:
      return mismatch(
        literal, expected: "text", hint: "put it in quotes: '\(literal.words)'")
    }
  }

  /// A length of time before the as-of; days are whole, so that dates know no hours.
  private func span(_ literal: Literal) -> RuleValue? {
    guard let span = literal.span else {
      return mismatch(
        literal, expected: "a length of time such as 7 days",
        hint: "write a whole number of minutes, hours, days, weeks or months")
    }
    guard attribute.type == .instant || !span.isExact else {
      return mismatch(
        literal, expected: "days, weeks or months",
        hint: "a date has no time of day")
    }
    return .span(span)
  }

  private func pattern(_ literal: Literal) -> RuleValue? {
    guard let value = text(literal), case .text(let text) = value else { return nil }
    do {
      _ = try TextPattern(text.string)
      return value
    } catch {
      faults.add(
        "pattern",
        "in the pattern '\(RuleText.visible(text.string))' at character \(error.offset + 1): "
          + error.message, hint: error.hint, at: literal.location)
      return nil
    }
  }

  private func instant(_ literal: Literal) -> RuleValue? {
    guard let text = literal.textual else {
      return mismatch(literal, expected: "a date or an instant")
    }
    if let instant = Instant(rfc3339: text) { return .instant(instant) }
    guard let day = Day(iso8601: text) else {
      return mismatch(
        literal, expected: "a date or an instant",
        hint: "write 2011-12-09 or 2011-12-09T10:00:00Z")
    }
    guard let zone else {
      faults.add(
        "zone_missing", "expected an instant for \(attribute.words), found a day",
        hint: "no zone is known here; write an instant such as \(day)T00:00:00Z",
        at: literal.location)
      return nil
    }
    return .localDay(day, start: zone.midnight(day), end: zone.midnight(day + 1))
  }
}

extension Literal {
  /// The text of words and quoted text, nil for numbers.
  fileprivate var textual: String? {
    switch form {
    case .word(let text), .quoted(let text): text
    case .number, .percent, .days, .time: nil
    }
  }
}

extension Attribute.Unit {
  /// What a literal of the unit looks like.
  fileprivate var expected: String {
    switch self {
    case .count: "a count such as 3"
    case .money: "an amount such as 500"
    case .ratio, .score: "a share such as 70% or 0.7"
    case .days: "a number of days such as 30"
    case .none: "a number"
    }
  }
}

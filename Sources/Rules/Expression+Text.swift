extension RuleValue {
  /// The value as it is written in a rule over an attribute of a unit.
  func text(unit: Attribute.Unit) -> String {
    switch self {
    case .number(let number):
      switch unit {
      case .ratio, .score: number.multiplied(by: 100).map { "\($0)%" } ?? number.description
      case .days: number == ExactDecimal(1) ? "1 day" : "\(number) days"
      case .count, .money, .none: number.description
      }
    case .percent(let number): "\(number)%"
    case .text(let text): RuleText.quoted(text.string)
    case .boolean(let value): value ? "true" : "false"
    case .day(let day): day.description
    case .instant(let instant): instant.description
    case .localDay(let day, _, _): day.description
    }
  }
}

extension Condition: CustomStringConvertible {
  /// The short string that reads as this condition.
  public var description: String {
    let values = operands.map { $0.text(unit: `operator`.isPercentile ? .none : attribute.unit) }
    let head = RuleText.name(attribute.name)
    let body =
      switch `operator` {
      case .between: "between \(values.joined(separator: " and "))"
      case .isIn, .notIn: "\(`operator`.rawValue) [\(values.joined(separator: ", "))]"
      case .isMissing, .isPresent: `operator`.rawValue
      case .topPercent, .topCount: "top \(values.joined())"
      case .bottomPercent: "bottom \(values.joined())"
      case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .contains,
        .startsWith, .endsWith, .before, .after, .memberOf, .notMemberOf:
        "\(`operator`.rawValue) \(values.joined())"
      }
    if let question = attribute.question { return words(of: question, comparison: body) }
    return "\(head) \(body)" + (orMissing ? " or_missing" : "")
  }
}

extension Expression: CustomStringConvertible {
  /// `all(…, …)`, `any(…, …)`, `not(…)`, and short strings.
  public var description: String {
    switch self {
    case .all(let parts): "all(\(parts.map(\.description).joined(separator: ", ")))"
    case .any(let parts): "any(\(parts.map(\.description).joined(separator: ", ")))"
    case .not(let part): "not(\(part.description))"
    case .condition(let condition): condition.description
    case .segment(let name, let isMember):
      "\(isMember ? Operator.memberOf.rawValue : Operator.notMemberOf.rawValue) "
        + RuleText.name(name)
    }
  }
}

extension RuleText {
  /// A name as it stands in a short string: bare where that reads back, else in quotes.
  static func name(_ name: String) -> String {
    let bare =
      !name.isEmpty
      && name.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || $0 == "_" || ($0 >= "0" && $0 <= "9"))
      }
    return bare && Operator.spellings[name.lowercased()] == nil ? name : quoted(name)
  }
}

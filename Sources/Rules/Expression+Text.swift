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
    case .span(let span): span.description
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
      case .bottomPercent, .bottomCount: "bottom \(values.joined())"
      case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .contains,
        .startsWith, .endsWith, .matches, .before, .after, .withinLast, .notWithinLast, .memberOf,
        .notMemberOf, .wasMemberOf:
        "\(`operator`.rawValue) \(values.joined())"
      }
    if let question = attribute.question { return words(of: question, comparison: body) }
    return "\(head) \(body)" + (foldsCase ? " ci" : "") + (orMissing ? " or_missing" : "")
      + (population.map { " where \($0)" } ?? "")
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
    case .score(let score): score.description
    case .wasMember(let name, let span):
      "\(Operator.wasMemberOf.rawValue) \(RuleText.name(name)) within \(span)"
    }
  }
}

extension Score: CustomStringConvertible {
  /// `score(2 x orders_45d > 3, 1 x country = 'PT') >= 2, leave below 1`.
  public var description: String {
    let sum = parts.map { "\($0.weight) x \($0.condition)" }.joined(separator: ", ")
    return "score(\(sum)) >= \(threshold)" + (leaveBelow.map { ", leave below \($0)" } ?? "")
  }
}

extension RuleText {
  /// Words that may follow a name or a value in a short string.
  static let modifiers: Set<String> = ["within", "where", "ci", "or_missing", "top", "bottom"]

  /// A name as it stands in a short string: bare where that reads back, else in quotes.
  static func name(_ name: String) -> String {
    let bare =
      !name.isEmpty
      && name.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || $0 == "_" || ($0 >= "0" && $0 <= "9"))
      }
    let lower = name.lowercased()
    return bare && Operator.spellings[lower] == nil && !modifiers.contains(lower)
      ? name : quoted(name)
  }
}

/// What a condition asks of an attribute's value.
///
/// Adding one is a case here; the compiler then names every switch that must know it.
public enum Operator: String, Sendable, Hashable, Codable, CaseIterable {
  /// Equal to the operand.
  case equal = "="
  /// Not equal to the operand; unknown on null.
  case notEqual = "!="
  /// Greater than the operand.
  case greater = ">"
  /// Greater than or equal to the operand.
  case greaterOrEqual = ">="
  /// Less than the operand.
  case less = "<"
  /// Less than or equal to the operand.
  case lessOrEqual = "<="
  /// Within both operands, bounds included.
  case between
  /// One of the operands.
  case isIn = "in"
  /// None of the operands; unknown on null.
  case notIn = "not_in"
  /// Holds the operand as a part.
  case contains
  /// Begins with the operand.
  case startsWith = "starts_with"
  /// Ends with the operand.
  case endsWith = "ends_with"
  /// Is null; never unknown.
  case isMissing = "is_missing"
  /// Is not null; never unknown.
  case isPresent = "is_present"
  /// Earlier than a day or instant.
  case before
  /// Later than a day or instant.
  case after
  /// Among the greatest N % of the values.
  case topPercent = "top_percent"
  /// Among the least N % of the values.
  case bottomPercent = "bottom_percent"
  /// Among the N greatest values.
  case topCount = "top_count"
  /// The rule of another segment is true.
  case memberOf = "member_of"
  /// The rule of another segment is false.
  case notMemberOf = "not_member_of"
}

/// How many operands an operator takes.
enum Arity: Equatable {
  case none, one, two, list

  /// As it stands in a message.
  var words: String {
    switch self {
    case .none: "no value"
    case .one: "one value"
    case .two: "two values"
    case .list: "a list of values"
    }
  }
}

extension Operator {
  /// How many operands it takes.
  var arity: Arity {
    switch self {
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .contains,
      .startsWith, .endsWith, .before, .after, .topPercent, .bottomPercent, .topCount, .memberOf,
      .notMemberOf:
      .one
    case .between: .two
    case .isIn, .notIn: .list
    case .isMissing, .isPresent: .none
    }
  }

  /// The types of attribute it may test; empty for operators that test none.
  var types: Set<Attribute.ValueType> {
    switch self {
    case .equal, .notEqual, .isIn, .notIn: [.number, .real, .text, .boolean, .day, .instant]
    case .greater, .greaterOrEqual, .less, .lessOrEqual, .between:
      [.number, .real, .text, .day, .instant]
    case .contains, .startsWith, .endsWith: [.text]
    case .isMissing, .isPresent: Set(Attribute.ValueType.allCases)
    case .before, .after: [.day, .instant]
    case .topPercent, .bottomPercent, .topCount: [.number, .real, .day, .instant]
    case .memberOf, .notMemberOf: []
    }
  }

  /// Whether it tests another segment in place of an attribute.
  var isReference: Bool {
    switch self {
    case .memberOf, .notMemberOf: true
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .isIn,
      .notIn, .contains, .startsWith, .endsWith, .isMissing, .isPresent, .before, .after,
      .topPercent, .bottomPercent, .topCount:
      false
    }
  }

  /// Whether its cut depends on every customer's value.
  var isPercentile: Bool {
    switch self {
    case .topPercent, .bottomPercent, .topCount: true
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .isIn,
      .notIn, .contains, .startsWith, .endsWith, .isMissing, .isPresent, .before, .after,
      .memberOf, .notMemberOf:
      false
    }
  }

  /// Whether `or_missing` may stand with it.
  var takesOrMissing: Bool {
    switch self {
    case .isMissing, .isPresent, .memberOf, .notMemberOf: false
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .isIn,
      .notIn, .contains, .startsWith, .endsWith, .before, .after, .topPercent, .bottomPercent,
      .topCount:
      true
    }
  }

  /// How it is written in rules, every spelling that is read.
  static let spellings: [String: Operator] = {
    var table = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })
    table["=="] = .equal
    table["<>"] = .notEqual
    table["≠"] = .notEqual
    table["≥"] = .greaterOrEqual
    table["≤"] = .lessOrEqual
    table["not in"] = .notIn
    table["starts with"] = .startsWith
    table["ends with"] = .endsWith
    table["is missing"] = .isMissing
    table["is present"] = .isPresent
    table["member of"] = .memberOf
    table["not member of"] = .notMemberOf
    return table
  }()

  /// Operators that SEMANTICS names and later work adds, so that the message can say so.
  static let announced: Set<String> = [
    "matches", "within_last", "not_within_last", "was_member_of", "score",
  ]
}

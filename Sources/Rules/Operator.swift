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
  /// Has a part that a pattern describes; see ``TextPattern``.
  case matches
  /// Is null; never unknown.
  case isMissing = "is_missing"
  /// Is not null; never unknown.
  case isPresent = "is_present"
  /// Earlier than a day or instant.
  case before
  /// Later than a day or instant.
  case after
  /// Lies in the time before the as-of.
  case withinLast = "within_last"
  /// Does not lie in the time before the as-of; unknown on null.
  case notWithinLast = "not_within_last"
  /// Among the greatest N % of the values.
  case topPercent = "top_percent"
  /// Among the least N % of the values.
  case bottomPercent = "bottom_percent"
  /// Among the N greatest values.
  case topCount = "top_count"
  /// Among the N least values.
  case bottomCount = "bottom_count"
  /// The rule of another segment is true.
  case memberOf = "member_of"
  /// The rule of another segment is false.
  case notMemberOf = "not_member_of"
  /// The rule of a segment was true at a midnight of late.
  case wasMemberOf = "was_member_of"
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
      .startsWith, .endsWith, .matches, .before, .after, .withinLast, .notWithinLast, .topPercent,
      .bottomPercent, .topCount, .bottomCount, .memberOf, .notMemberOf, .wasMemberOf:
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
    case .contains, .startsWith, .endsWith, .matches: [.text]
    case .isMissing, .isPresent: Set(Attribute.ValueType.allCases)
    case .before, .after, .withinLast, .notWithinLast: [.day, .instant]
    case .topPercent, .bottomPercent, .topCount, .bottomCount: [.number, .real, .day, .instant]
    case .memberOf, .notMemberOf, .wasMemberOf: []
    }
  }

  /// Whether it tests another segment in place of an attribute.
  var isReference: Bool {
    switch self {
    case .memberOf, .notMemberOf, .wasMemberOf: true
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .isIn,
      .notIn, .contains, .startsWith, .endsWith, .matches, .isMissing, .isPresent, .before, .after,
      .withinLast, .notWithinLast, .topPercent, .bottomPercent, .topCount, .bottomCount:
      false
    }
  }

  /// Whether its cut depends on every customer's value.
  var isPercentile: Bool {
    switch self {
    case .topPercent, .bottomPercent, .topCount, .bottomCount: true
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .isIn,
      .notIn, .contains, .startsWith, .endsWith, .matches, .isMissing, .isPresent, .before, .after,
      .withinLast, .notWithinLast, .memberOf, .notMemberOf, .wasMemberOf:
      false
    }
  }

  /// Whether `or_missing` may stand with it.
  var takesOrMissing: Bool {
    switch self {
    case .isMissing, .isPresent, .memberOf, .notMemberOf, .wasMemberOf: false
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .isIn,
      .notIn, .contains, .startsWith, .endsWith, .matches, .before, .after, .withinLast,
      .notWithinLast, .topPercent, .bottomPercent, .topCount, .bottomCount:
      true
    }
  }

  /// Whether `ci` may stand with it: it compares parts of a text, not its order.
  var takesCaseFolding: Bool {
    switch self {
    case .equal, .notEqual, .isIn, .notIn, .contains, .startsWith, .endsWith, .matches: true
    case .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .isMissing, .isPresent, .before,
      .after, .withinLast, .notWithinLast, .topPercent, .bottomPercent, .topCount, .bottomCount,
      .memberOf, .notMemberOf, .wasMemberOf:
      false
    }
  }

  /// Whether its operand is a length of time before the as-of.
  var isRelative: Bool { self == .withinLast || self == .notWithinLast }

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
    table["within last"] = .withinLast
    table["not within last"] = .notWithinLast
    table["member of"] = .memberOf
    table["not member of"] = .notMemberOf
    table["was member of"] = .wasMemberOf
    return table
  }()

}

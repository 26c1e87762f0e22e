import Columns

/// What a rule says of each row: true, false or unknown.
public struct Verdict: Sendable, Hashable {
  /// The rows for which the rule is true: the members.
  public var isTrue: Bitset
  /// The rows for which it is unknown, because a value it needs is null. Never also true.
  public var isUnknown: Bitset

  /// A verdict; the sets are disjoint and of one count.
  public init(isTrue: Bitset, isUnknown: Bitset) {
    self.isTrue = isTrue
    self.isUnknown = isUnknown
  }

  /// The rows for which the rule is false.
  public var isFalse: Bitset { ~(isTrue | isUnknown) }

  /// The verdict of one row.
  public subscript(row: Int) -> Truth {
    isTrue[row] ? .true : isUnknown[row] ? .unknown : .false
  }
}

/// One of three truth values.
public enum Truth: String, Sendable, Hashable, Codable, CaseIterable {
  /// Holds.
  case `true`
  /// Does not hold.
  case `false`
  /// A value is null.
  case unknown
}

/// Where a `top` or `bottom` condition cut, and whom it selected.
public struct PercentileCut: Sendable, Hashable, Codable {
  /// The condition as it is written.
  public let condition: String
  /// The value at the cut, as it is written in a rule.
  public let cut: String
  /// The customers that have a value.
  public let population: Int
  /// The customers selected: more than asked for where values tie at the cut.
  public let members: Int
  /// Whether the cut fell on the extreme value that most share, so that only values beyond it
  /// are selected: worth a warning.
  public let isDegenerate: Bool

  /// A cut as it was found.
  public init(
    condition: String, cut: String, population: Int, members: Int, isDegenerate: Bool
  ) {
    self.condition = condition
    self.cut = cut
    self.population = population
    self.members = members
    self.isDegenerate = isDegenerate
  }
}

/// The verdicts of a set of rules over one source.
public struct Evaluation: Sendable {
  /// The verdict of each rule by its name.
  public let verdicts: [String: Verdict]
  /// The cuts of percentile conditions, by condition.
  public let cuts: [PercentileCut]
  /// The distinct sub-conditions that were computed, each once.
  public let distinctParts: Int
}

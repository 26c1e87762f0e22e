import Columns

/// What a plan takes from the midnight before, and scores.
extension EvaluationPlan {
  /// A score as one or two sums against thresholds.
  ///
  /// A member of the last midnight stays while the lower threshold is reached, and whoever reaches the
  /// upper one reaches the lower one too: `sum >= upper or (was member and sum >= lower)`.
  mutating func add(_ score: Score) throws -> Int {
    guard let scaled = score.scaled else {
      throw RuleError(
        code: "rules.score_size", message: "expected weights that add up within 18 digits",
        hint: "use fewer decimals")
    }
    var parts: [(node: Int, weight: Int64)] = []
    // A negative weight on a condition is a positive one on its negation, less a constant.
    var constant: Int64 = 0
    for (part, weight) in zip(score.parts, scaled.weights) {
      let node = try add(part.condition)
      if weight >= 0 {
        parts.append((node, weight))
      } else {
        parts.append((negation(of: node), -weight))
        constant += weight
      }
    }
    let enter = sum(parts, atLeast: scaled.threshold - constant)
    guard let leave = scaled.leaveBelow else { return enter }
    let stay = sum(parts, atLeast: leave - constant)
    return group([enter, group([try priorMembers(), stay], isAll: true)], isAll: false)
  }

  private mutating func sum(_ parts: [(node: Int, weight: Int64)], atLeast threshold: Int64) -> Int
  {
    var weights: [Int: Int64] = [:]
    for part in parts { weights[part.node, default: 0] += part.weight }
    let children = weights.keys.sorted()
    return insert(
      .sum(children, weights: children.map { weights[$0] ?? 0 }, atLeast: threshold),
      certain: children.allSatisfy { isCertain[$0] })
  }

  /// The members of the segment that is being added, at the last midnight.
  private mutating func priorMembers() throws -> Int {
    guard let name = segmentBeingAdded, let members = source.prior?.members[name] else {
      throw Self.priorMissing(segmentBeingAdded ?? "this rule")
    }
    return try given(members, as: "prior \(name)")
  }

  /// Whether the last midnight of membership is one of a window's.
  mutating func wasMember(_ name: String, within span: TimeSpan) throws -> Int {
    guard let moment = source.moment else { throw Self.momentMissing }
    guard let days = source.prior?.lastDays[name] else { throw Self.priorMissing(name) }
    let first = span.firstDay(endingWith: moment.day).number
    let rows = Bitset(count: days.count) { row in days[row].map { $0 >= first } ?? false }
    return try given(rows, as: "within \(span) \(name)")
  }

  static let momentMissing = RuleError(
    code: "rules.moment_missing",
    message: "expected an instant to count back from, found values of no known time",
    hint: "evaluate over features of an as-of")

  static func priorMissing(_ name: String) -> RuleError {
    RuleError(
      code: "rules.prior_missing",
      message: "expected the members of '\(name)' at the midnight before, found none",
      hint: "rules with leave_below and was_member_of need the state of the midnight before")
  }
}

extension Score {
  /// The numbers as multiples of one power of ten; nil where they leave 18 digits.
  var scaled: (weights: [Int64], threshold: Int64, leaveBelow: Int64?)? {
    let all = parts.map(\.weight) + [threshold] + (leaveBelow.map { [$0] } ?? [])
    let scale = all.map(\.scale).max() ?? 0
    var values: [Int64] = []
    var total: Int64 = 0
    for number in all {
      guard let digits = number.digits(of: scale), let value = Int64(exactly: digits),
        value.magnitude < 1_000_000_000_000_000_000
      else { return nil }
      let (sum, overflow) = total.addingReportingOverflow(Int64(value.magnitude))
      guard !overflow, sum < 1_000_000_000_000_000_000 else { return nil }
      total = sum
      values.append(value)
    }
    return (
      Array(values.prefix(parts.count)), values[parts.count],
      leaveBelow == nil ? nil : values[parts.count + 1]
    )
  }

  /// The least and the greatest sum, nil beyond 38 digits.
  var bounds: (least: ExactDecimal, greatest: ExactDecimal)? {
    var least = ExactDecimal(0)
    var greatest = ExactDecimal(0)
    for part in parts {
      if part.weight.isNegative {
        guard let sum = least.adding(part.weight) else { return nil }
        least = sum
      } else {
        guard let sum = greatest.adding(part.weight) else { return nil }
        greatest = sum
      }
    }
    return (least, greatest)
  }
}

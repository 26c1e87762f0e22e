extension Expression {
  /// The same rule in one spelling: groups flattened, parts sorted and each once, `not not` gone,
  /// synonyms replaced. Rules that differ in writing only have one normal form.
  public var normalised: Expression {
    switch self {
    case .all(let parts): Expression.group(parts, isAll: true)
    case .any(let parts): Expression.group(parts, isAll: false)
    case .not(let part):
      switch part.normalised {
      case .not(let inner): inner
      case .segment(let name, let isMember): .segment(name, isMember: !isMember)
      case let other: .not(other)
      }
    case .condition(let condition): .condition(condition.normalised)
    case .score(let score): .score(score.normalised)
    case .segment, .wasMember: self
    }
  }

  private static func group(_ parts: [Expression], isAll: Bool) -> Expression {
    var flat: [Expression] = []
    for part in parts.map(\.normalised) {
      switch part {
      case .all(let inner) where isAll: flat += inner
      case .any(let inner) where !isAll: flat += inner
      case .all, .any, .not, .condition, .segment, .score, .wasMember: flat.append(part)
      }
    }
    var byText: [ByteText: Expression] = [:]
    for part in flat { byText[ByteText(part.description)] = part }
    let sorted = byText.sorted { $0.key < $1.key }.map(\.value)
    if sorted.count == 1, let only = sorted.first { return only }
    return isAll ? .all(sorted) : .any(sorted)
  }

  /// SHA-256 of the normal form in 64 hexadecimal digits: the version of a rule.
  public var version: String {
    RuleText.hash(normalised.description)
  }
}

extension Condition {
  /// The condition with lists sorted and each value once, one-value lists as `=`, `before` as `<`.
  var normalised: Condition {
    var name = `operator`
    var values = operands
    switch `operator` {
    case .isIn, .notIn:
      var byText: [ByteText: RuleValue] = [:]
      for value in operands { byText[ByteText(value.text(unit: attribute.unit))] = value }
      values = byText.sorted { $0.key < $1.key }.map(\.value)
      if values.count == 1 { name = `operator` == .isIn ? .equal : .notEqual }
    case .before: name = .less
    case .after: name = .greater
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .contains,
      .startsWith, .endsWith, .matches, .isMissing, .isPresent, .withinLast, .notWithinLast,
      .topPercent, .bottomPercent, .topCount, .bottomCount, .memberOf, .notMemberOf, .wasMemberOf:
      break
    }
    return Condition(
      attribute: attribute, operator: name, operands: values, orMissing: orMissing,
      foldsCase: foldsCase, population: population?.normalised)
  }
}

extension Score {
  /// The parts sorted and equal ones put together; what adds nothing is gone.
  var normalised: Score {
    var byText: [ByteText: Part] = [:]
    for part in parts {
      let condition = part.condition.normalised
      let key = ByteText(condition.description)
      let weight = byText[key].map { $0.weight.adding(part.weight) ?? part.weight } ?? part.weight
      byText[key] = Part(condition: condition, weight: weight)
    }
    let sorted = byText.sorted { $0.key < $1.key }.map(\.value)
    let kept = sorted.filter { $0.weight != ExactDecimal(0) }
    return Score(parts: kept.isEmpty ? sorted : kept, threshold: threshold, leaveBelow: leaveBelow)
  }
}

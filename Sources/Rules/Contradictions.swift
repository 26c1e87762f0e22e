import Schedules

extension RuleChecker {
  /// Notes attributes of which one `all` requires what no value fulfils.
  func reportContradictions(_ conjuncts: [Conjunct]) {
    var order: [String] = []
    var byName: [String: [Conjunct]] = [:]
    for conjunct in conjuncts {
      let name = conjunct.condition.attribute.name
      if byName[name] == nil { order.append(name) }
      byName[name, default: []].append(conjunct)
    }
    for name in order {
      let group = byName[name, default: []]
      guard group.count > 1, let pair = contradiction(group) else { continue }
      faults.add(
        "contradiction",
        "no customer can fulfil both "
          + pair.map { "'\(RuleText.visible($0.words))'" }.joined(separator: " and "),
        hint: "one of them never holds where the other does; use any, or change a bound",
        at: pair.last?.location)
    }
  }

  /// Two conditions that exclude each other (or the first ones that do so together).
  private func contradiction(_ group: [Conjunct]) -> [Conjunct]? {
    for (index, conjunct) in group.enumerated() {
      for earlier in group[..<index]
      where Self.possible([earlier, conjunct]) == false && Self.possible([conjunct]) {
        return [earlier, conjunct]
      }
    }
    for end in group.indices where Self.possible(Array(group[...end])) == false {
      return Array(group[...end])
    }
    return nil
  }

  /// Whether some value, or null, may fulfil every condition on one attribute.
  static func possible(_ conjuncts: [Conjunct]) -> Bool {
    nullFulfils(conjuncts) || valueFulfils(conjuncts)
  }

  private static func nullFulfils(_ conjuncts: [Conjunct]) -> Bool {
    conjuncts.allSatisfy { conjunct in
      switch conjunct.condition.operator {
      case .isMissing: !conjunct.isNegated
      case .isPresent: conjunct.isNegated
      case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .isIn,
        .notIn, .contains, .startsWith, .endsWith, .matches, .before, .after, .withinLast,
        .notWithinLast, .topPercent, .bottomPercent, .topCount, .bottomCount, .memberOf,
        .notMemberOf, .wasMemberOf:
        conjunct.condition.orMissing && !conjunct.isNegated
      }
    }
  }

  /// Moments at which windows of days and months are compared with each other: what excludes each other
  /// at each of them is taken to do so always.
  private static let moments: [RuleMoment] = ["2023-03-01T00:00:00Z", "2024-08-01T00:00:00Z"]
    .compactMap { Instant(rfc3339: $0).map { RuleMoment(asOf: $0, zone: .utc) } }

  /// Whether some value fulfils them all; what counts back from the as-of is compared with its like only.
  private static func valueFulfils(_ conjuncts: [Conjunct]) -> Bool {
    let relative = conjuncts.filter { $0.condition.operator.isRelative }
    if relative.isEmpty { return valueFulfils(conjuncts, at: nil) }
    let others = conjuncts.filter { !$0.condition.operator.isRelative }
    return valueFulfils(others, at: nil) && moments.contains { valueFulfils(relative, at: $0) }
  }

  private static func valueFulfils(_ conjuncts: [Conjunct], at moment: RuleMoment?) -> Bool {
    guard let attribute = conjuncts.first?.condition.attribute else { return true }
    var ranges = attribute.domain
    var booleans: Set<Bool> = [true, false]
    var texts: Set<ByteText>?
    var textTests: [(test: TextTest, wanted: Bool)] = []
    for conjunct in conjuncts {
      let condition = conjunct.condition
      // What a percentile selects is known only at evaluation.
      if condition.operator.isPercentile { continue }
      let lowered = condition.lowered(attribute.representation, moment: moment)
      let wanted = lowered.isNegated == conjunct.isNegated
      switch lowered.test {
      case .missing: if wanted { return false }
      case .ranges(let set): ranges = ranges.intersection(wanted ? set : set.complement)
      case .boolean(let values):
        if wanted { booleans.formIntersection(values) } else { booleans.subtract(values) }
      case .text(let test):
        if wanted, case .oneOf(let set) = test { texts = texts?.intersection(set) ?? set }
        textTests.append((test, wanted))
      }
    }
    if ranges.isEmpty || booleans.isEmpty { return false }
    // Texts can be tried one by one only where a list names them.
    guard let texts else { return true }
    return texts.contains { text in
      textTests.allSatisfy { $0.test.matches(text.string) == $0.wanted }
    }
  }
}

extension RuleChecker.Conjunct {
  /// As it stands in a message.
  var words: String { isNegated ? "not(\(condition))" : condition.description }
}

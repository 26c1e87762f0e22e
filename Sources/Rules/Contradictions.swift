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
        .notIn, .contains, .startsWith, .endsWith, .before, .after, .topPercent, .bottomPercent,
        .topCount, .memberOf, .notMemberOf:
        conjunct.condition.orMissing && !conjunct.isNegated
      }
    }
  }

  private static func valueFulfils(_ conjuncts: [Conjunct]) -> Bool {
    guard let attribute = conjuncts.first?.condition.attribute else { return true }
    var ranges = attribute.domain
    var booleans: Set<Bool> = [true, false]
    var texts: Set<ByteText>?
    var textTests: [(test: TextTest, wanted: Bool)] = []
    for conjunct in conjuncts {
      let condition = conjunct.condition
      // What a percentile selects is known only at evaluation.
      if condition.operator.isPercentile { continue }
      let lowered = condition.lowered(attribute.representation)
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

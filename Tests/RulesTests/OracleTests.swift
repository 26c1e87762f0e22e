import Columns
import class Foundation.ProcessInfo
import Rules
import Testing

@Suite("The engine equals a naive three-valued evaluator")
struct OracleTests {
  /// 500 trees, or 5,000 with `STRATA_LONG_TESTS=1`.
  static let isLong = ProcessInfo.processInfo.environment["STRATA_LONG_TESTS"] == "1"
  static let seeds = isLong ? 5_000 : 500

  /// The verdict of a rule as that of segment `s`, which scores with hysteresis ask about.
  static func verdict(_ rule: Rule, _ customers: Customers) throws -> Verdict {
    try #require(try RuleSet([("s", rule)]).evaluate(customers.table).verdicts["s"])
  }

  /// Random rules whose checks may refuse them as contradictory; those are drawn again.
  static func rule(
    _ random: inout Seeded, depth: Int = 3, of attribute: String? = nil
  ) -> (PlainRule, Rule) {
    while true {
      let plain = depth == 0 ? random.test(of: attribute) : random.rule(depth: depth)
      let text = "segments: [{name: s, rule: \(plain.yaml)}]"
      do {
        let catalogue = try SegmentCatalogue.parse(
          text, attributes: Customers.attributes, zone: Customers.zone)
        return (plain, catalogue.segments[0].rule)
      } catch {
        let codes = Set(error.errors.map(\.code))
        if !codes.isSubset(of: ["rules.contradiction", "rules.impossible"]) {
          Issue.record("\(text): \(error)")
        }
      }
    }
  }

  @Test("500 random trees over random customers with nulls")
  func randomTrees() throws {
    for seed in 0..<Self.seeds {
      var random = Seeded(UInt64(seed))
      let customers = Customers(count: random.pick([1, 63, 64, 65, 200]), &random)
      let (plain, rule) = Self.rule(&random)
      let verdict = try Self.verdict(rule, customers)
      var explainer = Explainer(customers.table)
      let segment = Segment(name: "s", rule: rule)
      for row in 0..<customers.count {
        let expected = Naive.evaluate(plain, customers.rows[row])
        #expect(verdict[row] == expected, "seed \(seed), row \(row): \(rule)")
        if row < 5 {
          let explained = try explainer.explain(segment, row: row).verdict
          #expect(explained == expected, "explain, seed \(seed), row \(row): \(rule)")
        }
      }
      #expect((verdict.isTrue & verdict.isUnknown).isEmpty, "seed \(seed)")
    }
  }

  @Test("every operator is true, false and unknown in at least 100 cases")
  func everyOperator() throws {
    var counts: [Operator: [Truth: Int]] = [:]
    var random = Seeded(1_000_000)
    var customers = Customers(count: 70, &random)
    for seed in 0..<5_000 {
      if seed.isMultiple(of: 10) { customers = Customers(count: 70, &random) }
      let (plain, rule) = Self.rule(
        &random, depth: 0, of: seed.isMultiple(of: 2) ? "country" : nil)
      guard case .test(_, let op, _, let orMissing, _, _) = plain else { continue }
      let verdict = try Self.verdict(rule, customers)
      for row in 0..<customers.count {
        let expected = Naive.evaluate(plain, customers.rows[row])
        #expect(verdict[row] == expected, "seed \(seed), row \(row): \(rule)")
      }
      if orMissing { continue }
      counts[op, default: [:]][.true, default: 0] += verdict.isTrue.population
      counts[op, default: [:]][.false, default: 0] += verdict.isFalse.population
      counts[op, default: [:]][.unknown, default: 0] += verdict.isUnknown.population
    }
    for op in Operator.allCases {
      switch op {
      // Percentiles have a suite of their own; references are the verdicts of others.
      case .topPercent, .bottomPercent, .topCount, .bottomCount, .memberOf, .notMemberOf,
        .wasMemberOf:
        continue
      case .isMissing, .isPresent:
        #expect(counts[op]?[.true, default: 0] ?? 0 >= 100, "\(op) true")
        #expect(counts[op]?[.false, default: 0] ?? 0 >= 100, "\(op) false")
        #expect(counts[op]?[.unknown] == 0, "\(op) is never unknown")
      case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .isIn,
        .notIn, .contains, .startsWith, .endsWith, .matches, .before, .after, .withinLast,
        .notWithinLast:
        for truth in Truth.allCases {
          #expect(counts[op]?[truth] ?? 0 >= 100, "\(op) \(truth): \(counts[op] ?? [:])")
        }
      }
    }
  }

  @Test("scores and membership of the past are true, false and unknown in at least 100 cases")
  func scores() throws {
    var counts: [String: [Truth: Int]] = [:]
    for seed in 0..<200 {
      var random = Seeded(UInt64(3_000_000 + seed))
      let customers = Customers(count: 40, &random)
      let plain =
        seed.isMultiple(of: 3) ? PlainRule.wasMember(1 + seed % 11) : random.score(depth: 1)
      var kind = "was_member_of"
      if case .score(_, _, let leave) = plain { kind = leave == nil ? "score" : "hysteresis" }
      guard
        let catalogue = try? SegmentCatalogue.parse(
          "segments: [{name: s, rule: \(plain.yaml)}]", attributes: Customers.attributes,
          zone: Customers.zone)
      else { continue }
      let verdict = try Self.verdict(catalogue.segments[0].rule, customers)
      for row in 0..<customers.count {
        let expected = Naive.evaluate(plain, customers.rows[row])
        #expect(verdict[row] == expected, "seed \(seed), row \(row): \(catalogue.segments[0].rule)")
        counts[kind, default: [:]][expected, default: 0] += 1
      }
    }
    for kind in ["score", "hysteresis", "was_member_of"] {
      for truth in Truth.allCases where kind != "was_member_of" || truth != .unknown {
        #expect(counts[kind]?[truth] ?? 0 >= 100, "\(kind) \(truth): \(counts[kind] ?? [:])")
      }
    }
    #expect(counts["was_member_of"]?[.unknown] == nil)
  }

  @Test("references are the verdicts of the others, in at least 100 cases each")
  func references() throws {
    var counts: [Truth: Int] = [:]
    for seed in 0..<120 {
      var random = Seeded(UInt64(7_000_000 + seed))
      let customers = Customers(count: 30, &random)
      let (plain, rule) = Self.rule(&random)
      let evaluation = try RuleSet([
        ("s", rule), ("member", Rule(.segment("s", isMember: true))),
        ("not_member", Rule(.segment("s", isMember: false))),
        ("both", Rule(.all([.segment("s", isMember: true), .segment("member", isMember: true)]))),
      ]).evaluate(customers.table)
      for row in 0..<customers.count {
        let expected = Naive.evaluate(plain, customers.rows[row])
        counts[expected, default: 0] += 1
        #expect(evaluation.verdicts["member"]?[row] == expected, "seed \(seed): \(rule)")
        #expect(evaluation.verdicts["not_member"]?[row] == expected.negated, "seed \(seed)")
        #expect(evaluation.verdicts["both"]?[row] == expected, "seed \(seed)")
      }
    }
    for truth in Truth.allCases { #expect(counts[truth] ?? 0 >= 100, "\(truth): \(counts)") }
  }

  @Test("the normal form, its text read again, and De Morgan keep every verdict")
  func laws() throws {
    for seed in 0..<300 {
      var random = Seeded(UInt64(5_000_000 + seed))
      let customers = Customers(count: 150, &random)
      let (_, rule) = Self.rule(&random)
      let verdict = try Self.verdict(rule, customers)

      let normal = Rule(rule.expression.normalised)
      #expect(try Self.verdict(normal, customers) == verdict, "normal form, seed \(seed)")
      #expect(normal.version == rule.version, "seed \(seed)")

      let negated = try Self.verdict(Rule(.not(rule.expression)), customers)
      #expect(negated.isTrue == verdict.isFalse, "seed \(seed)")
      #expect(negated.isUnknown == verdict.isUnknown, "seed \(seed)")
      let everyone = verdict.isTrue | negated.isTrue | verdict.isUnknown
      #expect(everyone.population == customers.count, "seed \(seed)")
      #expect((verdict.isTrue & negated.isTrue).isEmpty, "seed \(seed)")

      #expect(
        try Self.deMorgan(rule.expression).map { try Self.verdict(Rule($0), customers) }
          .allSatisfy { $0 == verdict }, "De Morgan, seed \(seed)")

      let shuffled = Rule(Self.shuffled(rule.expression, &random))
      #expect(try Self.verdict(shuffled, customers) == verdict, "permutation, seed \(seed)")
      #expect(shuffled.version == rule.version, "permutation, seed \(seed): \(rule)")
    }
  }

  /// `all(a, b)` as `not(any(not a, not b))` and the other way round.
  static func deMorgan(_ expression: Expression) -> [Expression] {
    switch expression {
    case .all(let parts): [.not(.any(parts.map(Expression.not)))]
    case .any(let parts): [.not(.all(parts.map(Expression.not)))]
    case .not, .condition, .segment, .score, .wasMember: []
    }
  }

  /// Every group's parts in another order, one of them twice.
  static func shuffled(_ expression: Expression, _ random: inout Seeded) -> Expression {
    switch expression {
    case .all(let parts):
      let parts = parts.map { shuffled($0, &random) }.shuffled(using: &random)
      return .all(parts + [parts[0]])
    case .any(let parts):
      let parts = parts.map { shuffled($0, &random) }.shuffled(using: &random)
      return .any(parts + [parts[0]])
    case .not(let part): return .not(shuffled(part, &random))
    case .condition, .segment, .wasMember: return expression
    case .score(let score):
      return .score(
        Score(
          parts: score.parts.map {
            Score.Part(condition: shuffled($0.condition, &random), weight: $0.weight)
          }.shuffled(using: &random), threshold: score.threshold, leaveBelow: score.leaveBelow))
    }
  }

  @Test("tightening a threshold never grows a segment")
  func tightening() throws {
    var random = Seeded(7)
    let customers = Customers(count: 500, &random)
    func score(_ threshold: Int) -> String {
      "{score: [{when: orders > 2, weight: 2}, {when: recency < 20, weight: 3}, "
        + "{when: subscribed = true, weight: -1}], threshold: \(threshold - 1)}"
    }
    func members(_ text: String) throws -> Bitset {
      try Rule(parsing: text, attributes: Customers.attributes).evaluate(customers.table).isTrue
    }
    for low in 1..<5 {
      for (loose, tight) in [
        ("orders >= \(low)", "orders >= \(low + 1)"), ("orders > \(low)", "orders > \(low + 1)"),
        ("orders < \(low + 1)", "orders < \(low)"), ("orders <= \(low + 1)", "orders <= \(low)"),
        ("orders between \(low) and 6", "orders between \(low) and 5"),
        ("open_rate > \(low * 10)%", "open_rate > \(low * 10).5%"),
        ("revenue > 0.\(low)", "revenue > 0.\(low + 1)"),
        ("orders in [1, \(low)]", "orders in [\(low)]"),
        ("open_rate top \(low * 20)%", "open_rate top \(low * 10)%"),
        ("open_rate bottom \(low + 3)", "open_rate bottom \(low + 1)"),
        ("signed_up within_last \(low + 1) days", "signed_up within_last \(low) days"),
        ("signed_up not_within_last \(low) hours", "signed_up not_within_last \(low + 9) hours"),
        ("birthday within_last 1 month", "birthday within_last \(low) days"),
        (score(low), score(low + 1)), ("country contains t ci", "country contains t"),
        ("country matches '^.{0,\(low)}$'", "country matches '^.{0,\(low - 1)}$'"),
      ] {
        let outside = try members(tight).subtracting(try members(loose))
        #expect(outside.isEmpty, "\(tight) is not within \(loose)")
      }
    }
  }

  @Test("what two threads find is what one finds")
  func threads() throws {
    let count = 70_001
    let orders = (0..<count).map { Int64($0 * 7 % 1_000) }
    let recency = (0..<count).map { Int64($0 * 13 % 997) }
    let source = ColumnTable(
      count: count,
      columns: [
        "orders": .integer(Dense(orders), scale: 0),
        "recency": .integer(
          Dense(recency, present: Bitset(count: count) { $0 % 5 != 0 }), scale: 0),
      ])
    let rules = try (0..<600).map { index in
      (
        name: "r\(index)",
        rule: try Rule(
          parsing: "{all: [orders > \(index), {any: [recency < \(index + 1), orders < 990]}]}",
          attributes: Customers.attributes)
      )
    }
    let together = try RuleSet(rules).evaluate(source)
    #expect(together.distinctParts * count >= 1 << 25, "the work is too little for two threads")
    for index in stride(from: 3, to: 600, by: 119) {
      #expect(try rules[index].rule.evaluate(source) == together.verdicts["r\(index)"])
    }
  }

  @Test("many rules in one evaluation say what each says alone, and share equal parts")
  func together() throws {
    var random = Seeded(99)
    let customers = Customers(count: 10_000, &random)
    var rules: [(name: String, rule: Rule)] = []
    var plain: [PlainRule] = []
    for index in 0..<200 {
      let (tree, rule) = Self.rule(&random)
      // Hysteresis asks about the segment that the rule belongs to, and here there is one of them.
      if rule.expression.hasHysteresis { continue }
      plain.append(tree)
      rules.append(("r\(index)", rule))
    }
    let evaluation = try RuleSet(rules).evaluate(customers.table)
    for (name, rule) in rules {
      #expect(try Self.verdict(rule, customers) == evaluation.verdicts[name], "\(name): \(rule)")
    }
    // Everyone has a part in the scans of many thresholds; the oracle looks at some of them.
    for row in stride(from: 0, to: customers.count, by: 97) {
      for (index, (name, rule)) in rules.enumerated() {
        let expected = Naive.evaluate(plain[index], customers.rows[row])
        #expect(evaluation.verdicts[name]?[row] == expected, "row \(row): \(rule)")
      }
    }
    let twice = try RuleSet(rules + rules.map { ("again " + $0.name, $0.rule) })
      .evaluate(customers.table)
    #expect(twice.distinctParts == evaluation.distinctParts)
  }
}

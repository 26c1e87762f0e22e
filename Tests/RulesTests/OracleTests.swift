import Columns
import Rules
import Testing

@Suite("The engine equals a naive three-valued evaluator")
struct OracleTests {
  static let seeds = 500

  /// Random rules whose checks may refuse them as contradictory; those are drawn again.
  static func rule(
    _ random: inout Seeded, depth: Int = 3, of attribute: String? = nil
  ) -> (PlainRule, Rule) {
    while true {
      let plain = depth == 0 ? random.test(of: attribute) : random.rule(depth: depth)
      let text: String
      switch plain {
      case .test(_, _, _, _, let written): text = written
      case .all, .any, .not: text = plain.yaml
      }
      do {
        let rule = try Rule(
          parsing: text, attributes: Customers.attributes, zone: Customers.zone)
        return (plain, rule)
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
      let verdict = try rule.evaluate(customers.table)
      var explainer = Explainer(customers.table)
      for row in 0..<customers.count {
        let expected = Naive.evaluate(plain, customers.rows[row])
        #expect(verdict[row] == expected, "seed \(seed), row \(row): \(rule)")
        if row < 5 {
          let explained = try explainer.explain(rule, row: row).verdict
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
    for seed in 0..<4_000 {
      if seed.isMultiple(of: 10) { customers = Customers(count: 70, &random) }
      let (plain, rule) = Self.rule(
        &random, depth: 0, of: seed.isMultiple(of: 2) ? "country" : nil)
      guard case .test(_, let op, _, let orMissing, _) = plain else { continue }
      let verdict = try rule.evaluate(customers.table)
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
      case .topPercent, .bottomPercent, .topCount, .memberOf, .notMemberOf: continue
      case .isMissing, .isPresent:
        #expect(counts[op]?[.true, default: 0] ?? 0 >= 100, "\(op) true")
        #expect(counts[op]?[.false, default: 0] ?? 0 >= 100, "\(op) false")
        #expect(counts[op]?[.unknown] == 0, "\(op) is never unknown")
      case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .isIn,
        .notIn, .contains, .startsWith, .endsWith, .before, .after:
        for truth in Truth.allCases {
          #expect(counts[op]?[truth] ?? 0 >= 100, "\(op) \(truth): \(counts[op] ?? [:])")
        }
      }
    }
  }

  @Test("the normal form, its text read again, and De Morgan keep every verdict")
  func laws() throws {
    for seed in 0..<300 {
      var random = Seeded(UInt64(5_000_000 + seed))
      let customers = Customers(count: 150, &random)
      let (_, rule) = Self.rule(&random)
      let verdict = try rule.evaluate(customers.table)

      let normal = Rule(rule.expression.normalised)
      #expect(try normal.evaluate(customers.table) == verdict, "normal form, seed \(seed)")
      #expect(normal.version == rule.version, "seed \(seed)")

      let negated = try Rule(.not(rule.expression)).evaluate(customers.table)
      #expect(negated.isTrue == verdict.isFalse, "seed \(seed)")
      #expect(negated.isUnknown == verdict.isUnknown, "seed \(seed)")
      let everyone = verdict.isTrue | negated.isTrue | verdict.isUnknown
      #expect(everyone.population == customers.count, "seed \(seed)")
      #expect((verdict.isTrue & negated.isTrue).isEmpty, "seed \(seed)")

      #expect(
        try Self.deMorgan(rule.expression).map { try Rule($0).evaluate(customers.table) }
          .allSatisfy { $0 == verdict }, "De Morgan, seed \(seed)")

      let shuffled = Rule(Self.shuffled(rule.expression, &random))
      #expect(try shuffled.evaluate(customers.table) == verdict, "permutation, seed \(seed)")
      #expect(shuffled.version == rule.version, "permutation, seed \(seed): \(rule)")
    }
  }

  /// `all(a, b)` as `not(any(not a, not b))` and the other way round.
  static func deMorgan(_ expression: Expression) -> [Expression] {
    switch expression {
    case .all(let parts): [.not(.any(parts.map(Expression.not)))]
    case .any(let parts): [.not(.all(parts.map(Expression.not)))]
    case .not, .condition, .segment: []
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
    case .condition, .segment: return expression
    }
  }

  @Test("tightening a threshold never grows a segment")
  func tightening() throws {
    var random = Seeded(7)
    let customers = Customers(count: 500, &random)
    func members(_ text: String) throws -> Bitset {
      try Rule(parsing: text, attributes: Customers.attributes).evaluate(customers.table).isTrue
    }
    for low in 1..<6 {
      for (loose, tight) in [
        ("orders >= \(low)", "orders >= \(low + 1)"), ("orders > \(low)", "orders > \(low + 1)"),
        ("orders < \(low + 1)", "orders < \(low)"), ("orders <= \(low + 1)", "orders <= \(low)"),
        ("orders between \(low) and 6", "orders between \(low) and 5"),
        ("open_rate > \(low * 10)%", "open_rate > \(low * 10).5%"),
        ("revenue > 0.\(low)", "revenue > 0.\(low + 1)"),
        ("orders in [1, \(low)]", "orders in [\(low)]"),
        ("open_rate top \(low * 20)%", "open_rate top \(low * 10)%"),
      ] {
        let outside = try members(tight).subtracting(try members(loose))
        #expect(outside.isEmpty, "\(tight) is not within \(loose)")
      }
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
      plain.append(tree)
      rules.append(("r\(index)", rule))
    }
    let evaluation = try RuleSet(rules).evaluate(customers.table)
    for (name, rule) in rules {
      #expect(try rule.evaluate(customers.table) == evaluation.verdicts[name], "\(name): \(rule)")
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

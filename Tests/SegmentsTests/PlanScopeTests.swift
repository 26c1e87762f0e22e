import Rules
import Schedules
import TestSupport
import Testing

@testable import Segments

/// What a plan evaluates, and how it draws and estimates.
@Suite("The scope of a plan")
struct PlanScopeTests {
  static let attributes = AttributeList([
    Attribute(name: "orders", type: .number, unit: .count),
    Attribute(name: "ltv", type: .number, unit: .money, scale: 4),
    Attribute(name: "country", type: .text),
  ])

  static func catalogue(_ rules: [(String, String)]) throws -> SegmentCatalogue {
    try SegmentCatalogue.published(
      rules.map { SegmentCatalogue.PublishedRule(name: $0.0, title: $0.0, rule: $0.1) },
      attributes: attributes)
  }

  @Test("only changed rules and what depends on them, with all that they refer to")
  func scope() throws {
    let old = try Self.catalogue([
      ("a", "orders > 1"), ("b", "ltv > 10"), ("c", "all(member_of a, member_of b)"),
      ("d", "not_member_of c"), ("e", "country = 'PT'"), ("gone", "orders = 7"),
    ])
    let new = try Self.catalogue([
      ("a", "orders > 2"), ("b", "ltv > 10"), ("c", "all(member_of a, member_of b)"),
      ("d", "not_member_of c"), ("e", "country = 'PT'"), ("fresh", "member_of e"),
    ])
    let before = old.segments.map { (segment: $0.name, version: $0.rule.version) }
    let scope = PlanScope(before: before, old: old, new: new, features: [])
    #expect(
      scope.items == [
        PlanScope.Item(segment: "a", kind: .changed, because: []),
        PlanScope.Item(segment: "c", kind: .affected, because: ["a"]),
        PlanScope.Item(segment: "d", kind: .affected, because: ["c"]),
        PlanScope.Item(segment: "fresh", kind: .added, because: []),
        PlanScope.Item(segment: "gone", kind: .removed, because: []),
      ])
    #expect(scope.new.segments.map(\.name) == ["a", "b", "c", "d", "e", "fresh"])
    #expect(scope.old.segments.map(\.name) == ["a", "b", "c", "d", "gone"])

    let feature = PlanScope(before: before, old: old, new: old, features: ["country"])
    #expect(
      feature.items == [PlanScope.Item(segment: "e", kind: .affected, because: ["country"])])
    #expect(feature.new.attributes.map(\.name) == ["country"])
    #expect(PlanScope(before: before, old: old, new: old, features: []).items.isEmpty)
  }

  @Test("the normal form of a published rule reads back as the same rule")
  func published() throws {
    let texts = [
      "all(any(orders > 1, not(country in ['a, b', 'it''s (all)'])), ltv between 1 and 2.5)",
      "not(all(orders = 1, country = 'not('))",
      "any(country is_missing, country != 'x' or_missing)",
      "country in ['1', '(', ']']", "orders top 10%", "ltv bottom 3 where orders > 1",
      "all(ltv top 20% where all(orders > 1, country = 'a where b'), orders < 9)",
      "score(2 x orders > 1, 1 x all(ltv > 5, country = 'x x y'), -1 x country is_missing) >= 2",
      "all(score(2 x orders > 1, 1 x ltv > 5) >= 3, leave below 1, orders < 4)",
      "any(country matches '^(a|b), c$', country contains 'X' ci, was_member_of t within 2 weeks)",
    ]
    for text in texts {
      func read(_ text: String) throws -> Rule {
        let both = try Self.catalogue([("s", text), ("t", "orders > 100")])
        return try #require(both.segments.first).rule
      }
      let rule = try read(text)
      let normal = rule.expression.normalised.description
      let again = try read(normal)
      #expect(again.version == rule.version, "\(text)")
      #expect(again.expression.normalised == rule.expression.normalised)
    }
  }

  @Test("samples are the same every time, and as even as chance")
  func sample() {
    let drawn = SampleOrder.draw(100, of: 1...10_000)
    #expect(Set(drawn).count == 100)
    #expect(drawn == SampleOrder.draw(100, of: (1...10_000).reversed()))
    #expect(SampleOrder.draw(10, of: 1...10_000) == Array(drawn.prefix(10)))
    let low = drawn.count { $0 <= 5_000 }
    #expect((30...70).contains(low))
    #expect(SampleOrder.draw(0, of: 1...3).isEmpty)
    #expect(SampleOrder.draw(5, of: 1...3).count == 3)
  }

  @Test("the interval of an estimate holds the true number about 95 times in 100")
  func interval() {
    var dice = SplitMix64(seed: 9)
    let population = 2_000
    var held = 0
    for _ in 0..<400 {
      let members = 20 + Int(dice.next() % 600)
      // Draw 200 without replacement: each next one is a member by what is left.
      var (left, found) = (members, 0)
      for drawn in 0..<200 where Int(dice.next() % UInt64(population - drawn)) < left {
        left -= 1
        found += 1
      }
      let told = WilsonInterval.members(found, of: 200, population: population)
      #expect(told.low <= told.estimate && told.estimate <= told.high)
      if (told.low...told.high).contains(members) { held += 1 }
    }
    #expect((368...396).contains(held), "\(held) of 400")
    #expect(WilsonInterval.members(0, of: 100, population: 10_000).high > 0)
    let all = WilsonInterval.members(7, of: 50, population: 50)
    #expect(all == (7, 7, 7))
  }
}

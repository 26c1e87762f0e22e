import Columns
import Schedules
import TestSupport
import Testing

@testable import Segments

/// A definition whose rule is its version.
func definition(
  _ name: String, version: String = "v1", priority: Int? = nil, usesScore: Bool = false,
  title: String? = nil
) -> SegmentDefinition {
  SegmentDefinition(
    name: name, title: title ?? name, priority: priority, rule: "rule \(version)",
    ruleVersion: version, usesScore: usesScore)
}

/// An evaluation from sets of customer ids.
func evaluation(
  _ day: Int64, customers: [Int64], _ sets: [(SegmentDefinition, Set<Int64>)]
) -> SegmentEvaluation {
  SegmentEvaluation(
    asOf: Instant(seconds: day * 86_400), customers: IDIndex(customers), segments: sets.map(\.0),
    members: sets.map { _, members in
      let index = IDIndex(customers)
      return Bitset(count: index.count) { members.contains(index.ids[$0]) }
    })
}

@Suite("What a publication changes")
struct PublicationPlanTests {
  private func ids(_ set: Bitset, _ plan: PublicationPlan) -> Set<Int64> {
    Set(set.rows.map { plan.customers.ids[$0] })
  }

  @Test("The first publication opens everyone, by the rule")
  func first() {
    let new = evaluation(1, customers: [1, 2, 3], [(definition("a"), [1, 3])])
    let plan = PublicationPlan(publishing: new, live: nil, base: nil)
    #expect(ids(plan.changes[0].enters, plan) == [1, 3])
    #expect(plan.changes[0].entered == 2)
    #expect(plan.catalogueChanged && !plan.isEmpty)
    let reasons = TransitionReasons(active: Bitset(count: 3) { _ in true })
    #expect(reasons.cause(of: 0, in: plan.changes[0]) == .rule)
  }

  @Test("A later day: new customers, gone customers, a gone segment")
  func forward() {
    let live = evaluation(
      1, customers: [2, 4, 6], [(definition("a"), [2, 6]), (definition("b"), [4])])
    let new = evaluation(2, customers: [1, 2, 4, 7], [(definition("a"), [1, 2, 7])])
    let plan = PublicationPlan(publishing: new, live: live, base: live)
    #expect(plan.customers.ids == [1, 2, 4, 6, 7])
    #expect(plan.changes.map(\.definition.name) == ["a", "b"])
    #expect(ids(plan.changes[0].enters, plan) == [1, 7])
    #expect(ids(plan.changes[0].leaves, plan) == [6])
    #expect(ids(plan.changes[1].leaves, plan) == [4])
    #expect(!plan.changes[1].isLive && plan.changes[1].ruleChanged)
    #expect(plan.changes[1].members == 0 && plan.changes[1].left == 1)
    #expect(plan.changes.allSatisfy { $0.reopens.isEmpty && $0.retracts.isEmpty })
  }

  @Test("The same as-of again: the four cases of the table")
  func again() {
    let base = evaluation(1, customers: [1, 2, 3, 4], [(definition("a"), [1, 2, 3])])
    let live = evaluation(2, customers: [1, 2, 3, 4], [(definition("a"), [1, 4])])
    let new = evaluation(2, customers: [1, 2, 3, 4, 5], [(definition("a"), [2, 5])])
    let change = PublicationPlan(publishing: new, live: live, base: base).changes[0]
    #expect(change.enters.rows == [4])
    #expect(change.leaves.rows == [0])
    #expect(change.reopens.rows == [1])
    #expect(change.retracts.rows == [3])
    #expect(change.members == 2 && change.entered == 1 && change.left == 2)
  }

  @Test("The same again is empty; a later day never is, nor a new title")
  func empty() {
    let live = evaluation(2, customers: [1, 2], [(definition("a"), [1])])
    #expect(PublicationPlan(publishing: live, live: live, base: nil).isEmpty)
    let later = evaluation(3, customers: [1, 2], [(definition("a"), [1])])
    #expect(!PublicationPlan(publishing: later, live: live, base: live).isEmpty)
    let titled = evaluation(2, customers: [1, 2], [(definition("a", title: "A"), [1])])
    let plan = PublicationPlan(publishing: titled, live: live, base: nil)
    #expect(!plan.isEmpty && plan.catalogueChanged && plan.changes[0].isStill)
  }

  @Test("Causes: a changed rule, then a merge, events, late events, a score, and time")
  func causes() {
    let live = evaluation(
      1, customers: [1, 2, 3, 4],
      [
        (definition("old"), []), (definition("changed"), []),
        (definition("s", usesScore: true), []),
      ])
    let new = evaluation(
      2, customers: [1, 2, 3, 4],
      [
        (definition("old"), []), (definition("changed", version: "v2"), []),
        (definition("s", usesScore: true), []), (definition("new"), []),
      ])
    let plan = PublicationPlan(publishing: new, live: live, base: live)
    var reasons = TransitionReasons(active: Bitset(count: 4) { $0 < 2 })
    reasons.late = Bitset(count: 4) { $0 == 1 || $0 == 2 }
    reasons.merged = Bitset(count: 4) { $0 == 0 }
    func causes(_ index: Int) -> [TransitionCause] {
      (0..<4).map { reasons.cause(of: $0, in: plan.changes[index]) }
    }
    #expect(causes(0) == [.merge, .event, .late, .time])
    #expect(causes(1) == [.rule, .rule, .rule, .rule])
    #expect(causes(2) == [.merge, .event, .late, .model])
    #expect(causes(3) == [.rule, .rule, .rule, .rule])
  }

  @Test("Random sets against sets", arguments: 0..<200)
  func oracle(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    func draw(_ day: Int64) -> (SegmentEvaluation, [String: Set<Int64>]) {
      let customers = (1...150).filter { _ in Int.random(in: 0..<10, using: &random) > 0 }.map(
        Int64.init)
      var sets: [(SegmentDefinition, Set<Int64>)] = []
      for name in ["a", "b", "c"] where Int.random(in: 0..<4, using: &random) > 0 {
        let members = customers.filter { _ in Bool.random(using: &random) }
        sets.append((definition(name), Set(members)))
      }
      return (
        evaluation(day, customers: customers, sets),
        Dictionary(uniqueKeysWithValues: sets.map { ($0.0.name, $0.1) })
      )
    }
    let (base, before) = draw(1)
    let (live, seen) = draw(2)
    let (new, now) = draw(2)
    let plan = PublicationPlan(publishing: new, live: live, base: base)
    for change in plan.changes {
      let name = change.definition.name
      let (b, l, n) = (before[name] ?? [], seen[name] ?? [], now[name] ?? [])
      #expect(ids(change.enters, plan) == n.subtracting(l).subtracting(b))
      #expect(ids(change.reopens, plan) == n.subtracting(l).intersection(b))
      #expect(ids(change.leaves, plan) == l.subtracting(n).intersection(b))
      #expect(ids(change.retracts, plan) == l.subtracting(n).subtracting(b))
      #expect(change.members == n.count)
      #expect(change.entered == n.subtracting(b).count)
      #expect(change.left == b.subtracting(n).count)
    }
    #expect(
      Set(plan.changes.map(\.definition.name))
        == Set(before.keys).union(seen.keys).union(now.keys))
  }
}

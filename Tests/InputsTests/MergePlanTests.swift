import Schedules
import TestSupport
import Testing

@testable import Inputs

@Suite("Merges: which take effect")
struct MergePlanTests {
  static func plan(_ pairs: [(String, String)], owners: [String: String] = [:]) -> MergePlan {
    var plan = MergePlan(owners: owners)
    for (line, pair) in pairs.enumerated() {
      plan.add(
        MergePlan.Statement(
          line: Int64(line + 1), from: pair.0, to: pair.1, at: Instant(seconds: Int64(line))))
    }
    return plan
  }

  @Test func chainsEndWhereNobodyWasMergedFurther() {
    let plan = Self.plan([("a", "b"), ("b", "c"), ("x", "a")])
    #expect(plan.merges.map(\.from) == ["a", "b", "x"])
    #expect(["a", "b", "c", "x"].map(plan.owner) == ["c", "c", "c", "c"])
    #expect(plan.refusals.isEmpty)
  }

  @Test func whatWouldUndoAMergeIsRefused() {
    let plan = Self.plan([
      ("a", "b"), ("a", "b"), ("b", "a"), ("a", "c"), ("b", "b"), ("b", "c"), ("a", "c"),
      ("c", "a"),
    ])
    #expect(plan.merges.map(\.to) == ["b", "c"])
    #expect(
      plan.refusals.map(\.reason) == [
        "duplicate", "merge_cycle", "already_merged", "merge_self", "duplicate", "merge_cycle",
      ])
  }

  /// Against sets that are put together one member at a time.
  @Test func agreesWithSetsOfKeys() {
    var random = SplitMix64(seed: 11)
    for _ in 0..<300 {
      let keys = (0..<Int.random(in: 2...9, using: &random)).map { "k\($0)" }
      var owner = Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) })
      var plan = MergePlan(owners: [:])
      var expected: [String] = []
      for line in 0..<20 {
        let from = keys.randomElement(using: &random) ?? ""
        let to = keys.randomElement(using: &random) ?? ""
        plan.add(.init(line: Int64(line), from: from, to: to, at: Instant(seconds: 0)))
        let owns = owner[from] == from
        if from != to, owns, owner[to] != from {
          expected.append("\(from)>\(to)")
          let end = owner[to] ?? ""
          for key in keys where owner[key] == from { owner[key] = end }
        }
      }
      #expect(plan.merges.map { "\($0.from)>\($0.to)" } == expected)
      for key in keys { #expect(plan.owner(of: key) == owner[key]) }
    }
  }
}

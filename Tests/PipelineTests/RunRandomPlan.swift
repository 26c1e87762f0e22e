import Schedules
import TestSupport

@testable import Pipeline

let randomInterval = DataInterval(day: Day(number: 20_000), in: .utc)

/// A random graph of tasks of every sort.
struct RandomPlan {
  let plan: RunPlan
  let sensors: Set<Int>
  let branches: Set<Int>

  /// Up to `maximum` tasks, most often far fewer, with edges from earlier tasks to later ones;
  /// declared in another order, so that order must be derived.
  init(_ random: inout SplitMix64, maximum: Int, isFree: Bool = false) throws {
    let size = Double.random(in: 0...1, using: &random)
    let count = max(1, Int(Double(maximum) * size * size * size))
    let reach = Int.random(in: 1...max(1, count), using: &random)
    let density = Double.random(in: 0...min(1, 6 / Double(reach)), using: &random)
    let isPlain = Int.random(in: 0..<4, using: &random) == 0
    var setups: [String] = []
    var nodes: [RunPlan.Node] = []
    for number in 0..<count {
      let chance = { (share: Int, random: inout SplitMix64) in
        Int.random(in: 0..<share, using: &random) == 0
      }
      var node = RunPlan.Node(id: "t\(number)")
      node.upstreams = (max(0, number - reach)..<number)
        .filter { _ in Double.random(in: 0..<1, using: &random) < density }.map { "t\($0)" }
      if !isPlain, !chance(3, &random) {
        node.rule = TriggerRule.allCases.randomElement(using: &random) ?? .allSuccess
      }
      let retries = Int.random(in: 0...3, using: &random)
      node.retries = .exponential(retries, first: .seconds(1))
      node.isTolerated = chance(3, &random)
      node.isMapped = chance(6, &random)
      node.dependsOnPast = !isFree && chance(10, &random)
      if chance(8, &random), !setups.isEmpty {
        node.isTeardown = true
        node.setups = Array(
          Set((0..<2).compactMap { _ in setups.randomElement(using: &random) })
        ).sorted()
      } else if chance(5, &random) {
        setups.append(node.id)
      }
      nodes.append(node)
    }
    nodes.shuffle(using: &random)
    plan = try RunPlan(dag: "random", nodes)
    let plain = nodes.indices.filter { !nodes[$0].isMapped }
    branches = isFree ? [] : Set(plain.filter { _ in Int.random(in: 0..<6, using: &random) == 0 })
    sensors = Set(nodes.indices.filter { _ in Int.random(in: 0..<8, using: &random) == 0 })
  }
}

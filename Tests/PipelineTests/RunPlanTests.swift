import TestSupport
import Testing

@testable import Pipeline

@Suite struct RunPlanTests {
  /// The weights of random graphs against a walk from each task; more ranked tasks than one block
  /// of bits holds.
  @Test(arguments: [(5, 0.4), (60, 0.1), (700, 0.01), (1_200, 0.002)])
  func prioritiesAddUpEachTaskOnce(_ count: Int, _ density: Double) throws {
    var random = SplitMix64(seed: UInt64(count))
    let weights: [PriorityWeight] = PriorityWeight.allCases
    var nodes: [RunPlan.Node] = (0..<count).map { number in
      RunPlan.Node(
        id: "t\(number)", priority: Int.random(in: -2...9, using: &random),
        weight: weights.randomElement(using: &random) ?? .absolute,
        upstreams: (0..<number).filter { _ in Double.random(in: 0..<1, using: &random) < density }
          .map { "t\($0)" })
    }
    nodes.shuffle(using: &random)
    let plan = try RunPlan(dag: "d", nodes)
    for (number, node) in nodes.enumerated() {
      let counted: Set<Int> =
        switch node.weight {
        case .absolute: [number]
        case .downstream: plan.descendants(of: [number])
        case .upstream: plan.ancestors(of: [number])
        }
      #expect(plan.priorities[number] == counted.reduce(0) { $0 + nodes[$1].priority })
    }
  }

  @Test func aTeardownWaitsForItsSetups() throws {
    let plan = try RunPlan(
      dag: "d",
      [
        .init(id: "drop", dependsOnPast: true, isTeardown: true, setups: ["make", "fill"]),
        .init(id: "make"), .init(id: "fill", dependsOnPast: true, upstreams: ["make"]),
      ])
    #expect(plan.upstreams[0].sorted() == [1, 2])
    #expect(plan.downstreams == [[], [0, 2], [0]])
    #expect(plan.setups == [[1, 2], [], []])
    #expect(plan.order == [1, 2, 0])
    // What has to be cleaned up is cleaned up whatever the past was.
    #expect(plan.dependsOnPast == [false, false, true])
  }

  /// Against the words: as long as a setup has to be added, or its teardown, add it.
  @Test func whatRunsAgainIsSetUpAgain() throws {
    var added = 0
    for seed in 0..<200 {
      var random = SplitMix64(seed: UInt64(seed))
      let plan = try RandomPlan(&random, maximum: 60).plan
      let before = plan.ids.indices.map { plan.ancestors(of: [$0]) }
      let tasks = Set(plan.ids.indices.filter { _ in Int.random(in: 0..<8, using: &random) == 0 })
      var expected = tasks
      var size = -1
      while size != expected.count {
        size = expected.count
        for teardown in plan.ids.indices {
          for setup in plan.setups[teardown] {
            let isNeeded = expected.contains {
              $0 != teardown && before[$0].contains(setup) && before[teardown].contains($0)
            }
            if isNeeded { expected.formUnion([setup, teardown]) }
          }
        }
      }
      #expect(plan.withSetups(tasks) == expected, "seed \(seed)")
      added += expected.count - tasks.count
    }
    #expect(added > 100)
  }

  @Test func unknownTasksAndCyclesAreRefused() {
    #expect(throws: PipelineError.self) {
      try RunPlan(dag: "d", [.init(id: "a", upstreams: ["b"])])
    }
    #expect(throws: PipelineError.self) {
      try RunPlan(dag: "d", [.init(id: "a", isTeardown: true, setups: ["b"])])
    }
    #expect(throws: PipelineError.self) {
      try RunPlan(
        dag: "d", [.init(id: "a", upstreams: ["b"]), .init(id: "b", upstreams: ["a"])])
    }
  }

  /// 10,000 tasks with 100,000 edges, all of them ranked and weighted.
  @Test func aLargeGraphIsPlanned() throws {
    var random = SplitMix64(seed: 1)
    let nodes = (0..<10_000).map { number in
      RunPlan.Node(
        id: "t\(number)", priority: 1, weight: .downstream,
        upstreams: Set((0..<10).map { _ in Int.random(in: 0..<max(1, number), using: &random) })
          .filter { $0 < number }.map { "t\($0)" })
    }
    let plan = try RunPlan(dag: "d", nodes)
    #expect(plan.priorities[9_999] == 1)
    #expect(plan.priorities[0] == plan.descendants(of: [0]).count)
  }
}

/// The graph of one DAG with tasks as numbers: what the state machine decides on.
public struct RunPlan: Sendable {
  /// Task ids by number, in the order of declaration.
  public let ids: [String]
  /// The trigger rule of each task.
  public let rules: [TriggerRule]
  /// The retries of each task.
  public let retries: [Retries]
  /// Whether the run survives the failure of each task.
  public let tolerated: [Bool]
  /// Whether each task is expanded into items when its rule lets it run.
  public let mapped: [Bool]
  /// Whether each task waits for an earlier run; never so for a teardown.
  public let dependsOnPast: [Bool]
  /// Whether each task is a teardown.
  public let teardowns: [Bool]
  /// The setups that each teardown takes down again, sorted; empty for other tasks.
  public let setups: [[Int]]
  /// The priority of each task after its weight rule.
  public let priorities: [Int]
  /// The tasks each one has edges from.
  public let upstreams: [[Int]]
  /// The tasks each one has edges to.
  public let downstreams: [[Int]]
  /// All tasks, each after its upstream ones.
  public let order: [Int]
  /// The DAG's name, which the jitter of pauses depends on.
  public let dag: String

  /// What the machine has to know of one task.
  struct Node {
    var id: String
    var rule = TriggerRule.allSuccess
    var retries = Retries.none
    var isTolerated = false
    var isMapped = false
    var dependsOnPast = false
    var isTeardown = false
    /// Of a teardown: the ids of its setups.
    var setups: [String] = []
    var priority = 0
    var weight = PriorityWeight.absolute
    var upstreams: [String] = []
  }

  /// The plan of a snapshot.
  ///
  /// - Throws: ``PipelineError`` `pipeline.invalid_snapshot` for an unknown task or a cycle, which
  ///   a snapshot made by ``DAG/snapshot()`` never has.
  public init(_ snapshot: DAGSnapshot) throws {
    try self.init(
      dag: snapshot.name,
      snapshot.tasks.map {
        Node(
          id: $0.id, rule: $0.rule, retries: $0.retries, isTolerated: $0.failure == .tolerated,
          isMapped: $0.mapping != nil, dependsOnPast: $0.dependsOnPast || $0.waitForDownstream,
          isTeardown: $0.role.isTeardown, setups: $0.role.setups, priority: $0.priority,
          weight: $0.weight, upstreams: $0.upstreams)
      })
  }

  init(dag: String, _ nodes: [Node]) throws {
    self.dag = dag
    ids = nodes.map(\.id)
    rules = nodes.map(\.rule)
    retries = nodes.map(\.retries)
    tolerated = nodes.map(\.isTolerated)
    mapped = nodes.map(\.isMapped)
    teardowns = nodes.map(\.isTeardown)
    dependsOnPast = nodes.map { $0.dependsOnPast && !$0.isTeardown }
    var numbers: [String: Int] = [:]
    for (number, node) in nodes.enumerated() { numbers[node.id] = number }
    let numbered = { (ids: [String], node: Node) in
      try ids.map { id in
        guard let upstream = numbers[id] else {
          throw PipelineError(
            code: "pipeline.invalid_snapshot",
            message: "expected a task '\(id)' upstream of '\(node.id)', found none")
        }
        return upstream
      }
    }
    let setups = try nodes.map { try numbered($0.setups, $0).sorted() }
    self.setups = setups
    // A teardown waits for its setups whether or not it was written with an edge from them.
    let upstreams = try nodes.enumerated().map { number, node in
      let upstreams = try numbered(node.upstreams, node)
      return upstreams + setups[number].filter { !upstreams.contains($0) }
    }
    self.upstreams = upstreams
    var downstreams = [[Int]](repeating: [], count: nodes.count)
    for (number, upstreams) in upstreams.enumerated() {
      for upstream in upstreams { downstreams[upstream].append(number) }
    }
    self.downstreams = downstreams
    order = try Self.order(upstreams, downstreams, dag: dag)
    priorities = Self.priorities(
      nodes.map { ($0.priority, $0.weight) }, upstreams: upstreams, downstreams: downstreams,
      order: order)
  }

  private static func order(
    _ upstreams: [[Int]], _ downstreams: [[Int]], dag: String
  ) throws -> [Int] {
    var unmet = upstreams.map(\.count)
    var order = unmet.indices.filter { unmet[$0] == 0 }
    var next = 0
    while next < order.count {
      for downstream in downstreams[order[next]] {
        unmet[downstream] -= 1
        if unmet[downstream] == 0 { order.append(downstream) }
      }
      next += 1
    }
    guard order.count == upstreams.count else {
      throw PipelineError(
        code: "pipeline.invalid_snapshot", message: "expected no cycle, found one in '\(dag)'")
    }
    return order
  }

  /// The given tasks and all that are downstream of them.
  public func descendants(of tasks: Set<Int>) -> Set<Int> { reached(from: tasks, downstreams) }

  /// The given tasks and all that are upstream of them.
  public func ancestors(of tasks: Set<Int>) -> Set<Int> { reached(from: tasks, upstreams) }

  /// The given tasks, and the setups and teardowns that they need to run again: of every setup that
  /// one of them lies behind and whose teardown lies behind it, both; and so on for these.
  public func withSetups(_ tasks: Set<Int>) -> Set<Int> {
    var found = tasks
    var scopes: [(scope: Set<Int>, setup: Int, teardown: Int)] = []
    for teardown in ids.indices where !setups[teardown].isEmpty {
      let before = ancestors(of: [teardown]).subtracting([teardown])
      for setup in setups[teardown] {
        scopes.append((descendants(of: [setup]).intersection(before), setup, teardown))
      }
    }
    var grows = true
    while grows {
      let count = found.count
      for (scope, setup, teardown) in scopes where !scope.isDisjoint(with: found) {
        found.formUnion([setup, teardown])
      }
      grows = found.count > count
    }
    return found
  }

  private func reached(from tasks: Set<Int>, _ edges: [[Int]]) -> Set<Int> {
    var reached = tasks
    var open = Array(tasks)
    while let task = open.popLast() {
      for next in edges[task] where reached.insert(next).inserted { open.append(next) }
    }
    return reached
  }

  /// What the rule of a task says, given how its upstream tasks stand.
  func verdict(_ number: Int, _ standing: TaskStanding) -> Verdict {
    guard teardowns[number] else { return rules[number].verdict(standing.tally) }
    return TaskRole.teardownVerdict(
      upstreams: standing.tally, setups: setups[number].count,
      succeeded: standing.setupsSucceeded)
  }
}

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
  /// The tasks each one has edges from.
  public let upstreams: [[Int]]
  /// The tasks each one has edges to.
  public let downstreams: [[Int]]
  /// All tasks, each after its upstream ones.
  public let order: [Int]
  /// The DAG's name, which the jitter of pauses depends on.
  public let dag: String

  /// The plan of a snapshot.
  ///
  /// - Throws: ``PipelineError`` `pipeline.invalid_snapshot` for an unknown task or a cycle, which
  ///   a snapshot made by ``DAG/snapshot()`` never has.
  public init(_ snapshot: DAGSnapshot) throws {
    let tasks = snapshot.tasks
    dag = snapshot.name
    ids = tasks.map(\.id)
    rules = tasks.map(\.rule)
    retries = tasks.map(\.retries)
    tolerated = tasks.map { $0.failure == .tolerated }
    var numbers: [String: Int] = [:]
    for (number, task) in tasks.enumerated() { numbers[task.id] = number }
    var downstreams = [[Int]](repeating: [], count: tasks.count)
    upstreams = try tasks.enumerated().map { number, task in
      try task.upstreams.map { id in
        guard let upstream = numbers[id] else {
          throw PipelineError(
            code: "pipeline.invalid_snapshot",
            message: "expected a task '\(id)' upstream of '\(task.id)', found none")
        }
        downstreams[upstream].append(number)
        return upstream
      }
    }
    self.downstreams = downstreams
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
    guard order.count == tasks.count else {
      throw PipelineError(
        code: "pipeline.invalid_snapshot", message: "expected no cycle, found one in '\(dag)'")
    }
    self.order = order
  }

  /// The given tasks and all that are downstream of them.
  public func descendants(of tasks: Set<Int>) -> Set<Int> {
    var reached = tasks
    var open = Array(tasks)
    while let task = open.popLast() {
      for downstream in downstreams[task] where reached.insert(downstream).inserted {
        open.append(downstream)
      }
    }
    return reached
  }
}

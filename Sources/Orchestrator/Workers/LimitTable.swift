import Pipeline
import Warehouse

/// The limits that hold for some claimable tasks: runs, DAGs, pools, tasks and mapped tasks.
///
/// Whoever holds a limit's lock counts what runs under it and claims alone; where another process
/// has the lock, the tasks under it are left to that process for this time.
struct LimitTable: Sendable {
  /// The limits of each task, with the slots that it takes of each.
  private let wanted: [[(limit: LimitKey, slots: Int)]]
  private let capacities: [LimitKey: Int]
  /// Whether runs limit their attempts; a foreground run has its slots for that.
  private let bindsRuns: Bool

  init(_ tasks: [ClaimableTask], bindsRuns: Bool) {
    var capacities: [LimitKey: Int] = [:]
    wanted = tasks.map { (candidate: ClaimableTask) -> [(limit: LimitKey, slots: Int)] in
      let task = candidate.task
      var limits: [(limit: LimitKey, slots: Int)] = []
      func limit(_ key: LimitKey, _ capacity: Int?, slots: Int = 1) {
        if let capacity { capacities[key] = capacity }
        limits.append((key, slots))
      }
      // Fewer tasks than the run may have at once cannot exceed that.
      let definition = candidate.definition
      if bindsRuns,
        definition.plan.ids.count > candidate.parallelism || definition.plan.mapped.contains(true)
      {
        limit(.run(candidate.runID), candidate.parallelism)
      }
      if let most = candidate.definition.snapshot.maxActiveTasks {
        limit(.dag(candidate.dag), most)
      }
      if let pool = task.pool { limit(.pool(pool), nil, slots: task.slots) }
      if let most = task.maxConcurrent { limit(.task(dag: candidate.dag, task: task.id), most) }
      if candidate.key.item != nil, let most = task.mapping?.maxActive {
        limit(.mapped(run: candidate.runID, task: task.id), most)
      }
      return limits
    }
    self.capacities = capacities
    self.bindsRuns = bindsRuns
  }

  /// Whether nothing limits any of the tasks.
  var isEmpty: Bool { wanted.allSatisfy(\.isEmpty) }

  /// Chooses the tasks that fit; limits that another process counts under just now count as full.
  func decide(
    among tasks: [ClaimableTask], chosen: [ClaimableTask], free: Int, turns: TurnsMemory,
    on connection: Connection
  ) async throws -> ClaimDecision {
    var keys: Set<LimitKey> = []
    for limits in wanted { for (limit, _) in limits { keys.insert(limit) } }
    let sorted = keys.sorted { $0.name < $1.name }
    let locks = try await connection.query(
      SQL(file: "queries/orchestrator/try_lock_limits.sql", sorted.map { $0.name }))
    var locked: Set<String> = []
    for row in locks where try row.get("taken", as: Bool.self) {
      locked.insert(try row.get("name", as: String.self))
    }
    // A statement of its own: its view of the table is younger than the locks.
    var limits = try await usage(sorted, on: connection)
    // What this transaction has chosen is not running yet in its own eyes.
    for taken in LimitTable(chosen, bindsRuns: bindsRuns).wanted {
      for (limit, slots) in taken { limits[limit]?.used += slots }
    }
    for key in sorted where !locked.contains(key.name) {
      limits[key] = ClaimLimit(capacity: 0, used: 0)
      turns.noteBusy()
    }
    let candidates = tasks.indices.map { index in
      let task = tasks[index]
      var slots: [LimitKey: Int] = [:]
      for (limit, count) in wanted[index] { slots[limit] = count }
      return ClaimCandidate(
        run: task.runID, key: task.key, kind: task.kind == .backfill ? .backfill : .regular,
        priority: task.priority, dueAt: task.availableAt, slots: slots)
    }
    return ClaimDecision(
      candidates, limits: limits, freeSlots: free, turns: turns.value, at: tasks[0].at)
  }

  private func usage(
    _ keys: [LimitKey], on connection: Connection
  ) async throws -> [LimitKey: ClaimLimit] {
    var runs: Set<Int64> = []
    var (dags, pools, tasks): (Set<String>, Set<String>, Set<String>) = ([], [], [])
    for key in keys {
      switch key {
      case .run(let id): runs.insert(id)
      case .dag(let dag): dags.insert(dag)
      case .pool(let pool): pools.insert(pool)
      case .task(let dag, let task): tasks.insert("\(dag).\(task)")
      case .mapped(let run, _): runs.insert(run)
      }
    }
    let rows = try await connection.query(
      SQL(
        file: "queries/orchestrator/count_running.sql", runs.sorted(), dags.sorted(),
        pools.sorted(), tasks.sorted()))
    var used: [String: Int] = [:]
    var sizes: [String: Int] = [:]
    for row in rows {
      let kind = try row.get("kind", as: String.self)
      let count = Int(try row.get("used", as: Int64.self))
      let name = try row.get("name", as: String.self)
      if kind == "size" { sizes[name] = count } else { used["\(kind) \(name)"] = count }
    }
    var limits: [LimitKey: ClaimLimit] = [:]
    for key in keys {
      var capacity = capacities[key] ?? 0
      // A pool that nobody has sized has one slot.
      if case .pool(let pool) = key { capacity = sizes[pool] ?? 1 }
      limits[key] = ClaimLimit(capacity: capacity, used: used[key.name] ?? 0)
    }
    return limits
  }
}

/// What is known to be full while a worker looks for work, so that it looks past it.
struct FullLimits: Sendable {
  var runs: Set<Int64> = []
  var dags: Set<String> = []
  /// The slots that are left of each.
  var pools: [String: Int] = [:]
  var tasks: Set<String> = []
  var mapped: Set<String> = []

  /// Adds limits; false where all were known.
  mutating func add(_ keys: [LimitKey: Int]) -> Bool {
    var isNew = false
    for (key, left) in keys {
      switch key {
      case .run(let id): isNew = runs.insert(id).inserted || isNew
      case .dag(let dag): isNew = dags.insert(dag).inserted || isNew
      case .pool(let pool): isNew = pools.updateValue(left, forKey: pool) != left || isNew
      case .task(let dag, let task): isNew = tasks.insert("\(dag).\(task)").inserted || isNew
      case .mapped(let run, let task): isNew = mapped.insert("\(run).\(task)").inserted || isNew
      }
    }
    return isNew
  }
}

extension LimitKey {
  /// As the queries name it.
  var name: String {
    switch self {
    case .run(let id): "run \(id)"
    case .dag(let dag): "dag \(dag)"
    case .pool(let pool): "pool \(pool)"
    case .task(let dag, let task): "task \(dag).\(task)"
    case .mapped(let run, let task): "mapped \(run).\(task)"
    }
  }
}

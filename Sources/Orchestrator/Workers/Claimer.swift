import Pipeline
import Schedules
import Synchronization
import Warehouse

/// An attempt that a worker has claimed: its token is above all earlier ones.
struct ClaimedTask: Sendable {
  let run: RunIdentity
  let definition: Definition
  let key: TaskKey
  let taskID: String
  let attempt: Int
  let token: Int64
  let startedAt: Instant
  let sensorSince: Instant?
  /// What a mapped item stands for, an object.
  let input: JSONValue?
}

/// A claimable task, its row locked.
struct ClaimableTask: Sendable {
  let runID: Int64
  let taskID: String
  let key: TaskKey
  let definition: Definition
  let interval: DataInterval
  let kind: RunKind
  let state: TaskState
  let attempts: Int
  let priority: Int
  let availableAt: Instant
  let parallelism: Int
  let sensorSince: Instant?
  let input: JSONValue?
  let at: Instant

  var task: TaskDefinition { definition.snapshot.tasks[key.number] }
  var dag: String { definition.snapshot.name }

  init?(_ row: Row, _ definition: Definition) throws {
    taskID = try row.get("task_id", as: String.self)
    guard let key = definition.key(taskID) else { return nil }
    self.key = key
    self.definition = definition
    runID = try row.get("run_id", as: Int64.self)
    interval = try DataInterval(
      start: row.get("interval_start", as: Instant.self),
      end: row.get("interval_end", as: Instant.self))
    kind = try row.state("kind", as: RunKind.self)
    state = try row.state("state", as: TaskState.self)
    attempts = Int(try row.get("tries", as: Int32.self))
    priority = Int(try row.get("priority", as: Int32.self))
    availableAt = try row.get("available_at", as: Instant.self)
    parallelism = Int(try row.get("parallelism", as: Int32.self))
    sensorSince = try row.get("sensor_since", as: Instant?.self)
    input = try row.get("input", as: JSONText?.self).map { try JSONValue(parsing: $0.text) }
    at = try row.get("at", as: Instant.self)
  }
}

/// Claims work for one worker, inside a transaction of its own or of a decision.
struct Claimer: Sendable {
  let worker: Int64
  /// The worker whose tasks are claimed: the same, or 0 for those that any daemon may run.
  let binding: Int64
  let queues: [String]
  let identity: WorkerIdentity
  let definitions: Definitions
  let time: TimeSource
  /// Of a foreground run: whether it belongs to a backfill.
  var isBackfill = false
  /// The parameters of runs that this process has met.
  let params: ParamsMemory
  /// Whose turn it is, backfills' or the others'.
  let turns: TurnsMemory

  /// Claims up to `free` tasks, the best ones that no limit holds back.
  func claim(_ free: Int, on connection: Connection) async throws -> [ClaimedTask] {
    var claimed: [ClaimedTask] = []
    var full = FullLimits()
    // Each round that leaves room has found a limit that is full, and the next looks past it.
    while claimed.count < free {
      let room = free - claimed.count
      let found = try await candidates(room, full, on: connection)
      guard !found.isEmpty else { break }
      let limits = LimitTable(found, bindsRuns: binding == 0)
      guard !limits.isEmpty else {
        return claimed + (try await start(Array(found.prefix(room)), on: connection))
      }
      let decision = try await limits.decide(
        among: found, free: room, turns: turns.value, on: connection)
      turns.set(decision.turns)
      claimed += try await start(decision.chosen.map { found[$0] }, on: connection)
      guard full.add(decision.full) || !decision.chosen.isEmpty else { break }
    }
    return claimed
  }

  private func candidates(
    _ free: Int, _ full: FullLimits, on connection: Connection
  ) async throws -> [ClaimableTask] {
    // Backfills and other runs are looked at side by side, so that neither hides the other. A
    // foreground run is alone with its tasks, which are of one kind.
    let kinds = binding == 0 ? [false, true] : [isBackfill]
    let rows = try await connection.pipeline(
      kinds.map { kind in
        SQL(
          file: "queries/orchestrator/select_claimable.sql", time.fixed, binding, queues,
          full.runs.sorted(), full.dags.sorted(), full.pools.keys.sorted(),
          full.tasks.sorted(), full.mapped.sorted(), Int64(binding == 0 ? free + 32 : free), kind,
          full.pools.sorted { $0.key < $1.key }.map { Int32($0.value) })
      }
    ).flatMap { $0 }
    var found: [ClaimableTask] = []
    for row in rows {
      let hash = try row.get("snapshot_hash", as: String.self)
      let definition = try await definitions.definition(hash, on: connection)
      if let task = try ClaimableTask(row, definition) { found.append(task) }
    }
    return found
  }

  private func start(
    _ chosen: [ClaimableTask], on connection: Connection
  ) async throws -> [ClaimedTask] {
    guard let now = chosen.first?.at else { return [] }
    let rows = try await connection.query(
      SQL(
        file: "queries/orchestrator/start_attempts.sql", worker, now, identity.host,
        identity.processID, chosen.map(\.runID), chosen.map(\.taskID)))
    var leases: [String: Row] = [:]
    for row in rows {
      let run = try row.get("run_id", as: Int64.self)
      leases["\(run) \(try row.get("task_id", as: String.self))"] = row
    }
    var claimed: [ClaimedTask] = []
    for task in chosen {
      guard let row = leases["\(task.runID) \(task.taskID)"] else { continue }
      let params = try await params.params(of: task.runID, on: connection)
      claimed.append(
        ClaimedTask(
          run: RunIdentity(
            runID: task.runID, dag: task.dag, interval: task.interval, params: params),
          definition: task.definition, key: task.key, taskID: task.taskID,
          attempt: Int(try row.get("try", as: Int32.self)),
          token: try row.get("fencing_token", as: Int64.self), startedAt: now,
          sensorSince: try row.get("sensor_since", as: Instant?.self), input: task.input))
    }
    return claimed
  }
}

/// How often backfills and other runs have stood back for each other at this worker.
final class TurnsMemory: Sendable {
  private let turns = Mutex(ClaimTurns())

  var value: ClaimTurns { turns.withLock { $0 } }

  func set(_ value: ClaimTurns) { turns.withLock { $0 = value } }
}

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
  /// The token of the first attempt of its batch; nil where it is alone with its work.
  var batch: Int64?
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
  /// Of a foreground command: whether what is bound to it belongs to a backfill; nil for either.
  var isBackfill: Bool?
  /// Whether several runs share the worker: then each has a limit of its own.
  var isShared = true
  /// Whether nothing is claimable but what a decision queues itself.
  var isDry = false
  /// The batches that it serves.
  var batches = BatchService.all
  /// The parameters of runs that this process has met.
  let params: ParamsMemory
  /// Whose turn it is, backfills' or the others'.
  let turns: TurnsMemory
  let meters: Meters
  var tellsLineage = false

  /// Claims up to `free` tasks in a transaction of its own.
  func claim(_ free: Int, on connection: Connection) async throws -> [ClaimedTask] {
    let claimer = self
    return try await connection.transaction(opening: looks(free, FullLimits())) {
      connection, rows in
      let chosen = try await claimer.choose(free, firstLook: rows, on: connection)
      return (
        claimer.start(chosen),
        { answers in
          chosen.isEmpty ? [] : try claimer.claimed(chosen, answers[0])
        }
      )
    }
  }

  /// The statements that look for claimable tasks and lock them.
  func looks(_ free: Int, _ full: FullLimits) -> [SQL] {
    // Backfills and other runs are looked at side by side, so that neither hides the other. A
    // foreground command is alone with its tasks, which are of one kind.
    let kinds = isBackfill.map { [$0] } ?? [false, true]
    let pools = full.pools.sorted { $0.key < $1.key }
    return kinds.map { kind in
      SQL(
        file: "queries/orchestrator/select_claimable.sql", time.fixed, binding, queues,
        full.runs.sorted(), full.dags.sorted(), pools.map(\.key), full.tasks.sorted(),
        full.mapped.sorted(), Int64(binding == 0 ? free + 32 : free), kind,
        pools.map { Int32($0.value) })
    }
  }

  /// The best tasks that no limit holds back, up to `free`.
  func choose(
    _ free: Int, firstLook: [[Row]], on connection: Connection
  ) async throws -> [ClaimableTask] {
    var chosen: [ClaimableTask] = []
    var full = FullLimits()
    var rows = firstLook
    // Each look that leaves room has found a limit that is full, and the next looks past it.
    while true {
      let room = free - chosen.count
      let found = try await decode(rows, besides: chosen, on: connection)
      guard !found.isEmpty else { break }
      let limits = LimitTable(found, bindsRuns: isShared)
      guard !limits.isEmpty else {
        chosen += found.prefix(room)
        break
      }
      let decision = try await limits.decide(
        among: found, chosen: chosen, free: room, turns: turns, on: connection)
      turns.set(decision.turns)
      chosen += decision.chosen.map { found[$0] }
      guard chosen.count < free, full.add(decision.full) else { break }
      // Rows chosen before are claimable still in this transaction's eyes, and are left out.
      rows = try await connection.pipeline(looks(free + chosen.count, full))
    }
    for task in chosen { try await learnParams(of: task.runID, on: connection) }
    return chosen
  }

  private func decode(
    _ rows: [[Row]], besides chosen: [ClaimableTask], on connection: Connection
  ) async throws -> [ClaimableTask] {
    let known = Set(chosen.map { "\($0.runID) \($0.taskID)" })
    var found: [ClaimableTask] = []
    for row in rows.flatMap({ $0 }) {
      if let task = try await claimable(row, on: connection),
        !known.contains("\(task.runID) \(task.taskID)")
      {
        found.append(task)
      }
    }
    return found
  }

  /// The task of a row; nil where the definition of its run has dropped it.
  ///
  /// - Throws: ``UnusableRun`` where the row or the definition does not decode.
  func claimable(_ row: Row, on connection: Connection) async throws -> ClaimableTask? {
    try await UnusableRun.naming(try row.get("run_id", as: Int64.self)) {
      let hash = try row.get("snapshot_hash", as: String.self)
      let definition = try await definitions.definition(hash, on: connection)
      return try ClaimableTask(row, definition)
    }
  }

  func learnParams(of runID: Int64, on connection: Connection) async throws {
    _ = try await UnusableRun.naming(runID) { try await params.params(of: runID, on: connection) }
  }

  /// The statement that starts the attempts at tasks, none for none.
  func start(_ chosen: [ClaimableTask]) -> [SQL] {
    guard let now = chosen.first?.at else { return [] }
    let notes = tellsLineage ? [LineageNotes.started(chosen, at: now)] : []
    return [
      SQL(
        file: "queries/orchestrator/start_attempts.sql", worker, time.fixed, identity.host,
        identity.processID, chosen.map(\.runID), chosen.map(\.taskID))
    ] + notes
  }

  /// The attempts that were started, from the statement's rows.
  func claimed(_ chosen: [ClaimableTask], _ rows: [Row]) throws -> [ClaimedTask] {
    var leases: [String: Row] = [:]
    var waits: [Duration] = []
    for row in rows {
      let run = try row.get("run_id", as: Int64.self)
      leases["\(run) \(try row.get("task_id", as: String.self))"] = row
    }
    let claimed: [ClaimedTask] = try chosen.compactMap { task in
      guard let row = leases["\(task.runID) \(task.taskID)"] else { return nil }
      let startedAt = try row.get("started_at", as: Instant.self)
      waits.append(startedAt - task.availableAt)
      return ClaimedTask(
        run: RunIdentity(
          runID: task.runID, dag: task.dag, interval: task.interval,
          params: params.known(task.runID)),
        definition: task.definition, key: task.key, taskID: task.taskID,
        attempt: Int(try row.get("try", as: Int32.self)),
        token: try row.get("fencing_token", as: Int64.self),
        startedAt: startedAt, sensorSince: try row.get("sensor_since", as: Instant?.self),
        input: task.input)
    }
    meters.claimed(waits)
    return claimed
  }
}

/// How often backfills and other runs have stood back for each other at this worker.
final class TurnsMemory: Sendable {
  private let turns = Mutex(ClaimTurns())
  private let busy = Mutex(false)

  var value: ClaimTurns { turns.withLock { $0 } }

  func set(_ value: ClaimTurns) { turns.withLock { $0 = value } }

  /// Notes that another process counted under a limit just then: what it left is to be looked for
  /// again at once, since nobody tells.
  func noteBusy() { busy.withLock { $0 = true } }

  /// Whether that was so since the last time that somebody asked.
  func takeBusy() -> Bool {
    busy.withLock { busy in
      defer { busy = false }
      return busy
    }
  }
}

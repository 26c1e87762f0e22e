import Pipeline
import Schedules
import Warehouse

/// Makes runs, and takes up those that are there: what all that asks for runs goes through.
struct RunMaking: Sendable {
  let connection: Connection
  let runtime: Runtime

  private var ledger: RunLedger { RunLedger(connection: connection) }

  /// Stores a definition, and remembers it.
  func store(_ snapshot: DAGSnapshot, at now: Instant) async throws -> Definition {
    let json = try snapshot.json()
    let definition = try Definition(hash: json.hash, snapshot: snapshot)
    try await ledger.store(snapshot, json, at: now)
    runtime.definitions.add(definition)
    return definition
  }

  /// Makes a run that starts at once, with its tasks, in the caller's transaction.
  ///
  /// - Returns: nil where there is one of its key, or another one runs over the interval.
  func start(_ run: NewRun, _ definition: Definition, at now: Instant) async throws -> Int64? {
    guard let runID = try await ledger.create(run, at: now) else { return nil }
    runtime.params.add(run.params, of: runID)
    try await begin(runID, definition, at: now)
    return runID
  }

  /// Gives a run its tasks and lets it begin, in the caller's transaction.
  func begin(
    _ runID: Int64, _ definition: Definition, at now: Instant, as event: String = "created"
  ) async throws {
    let rows = try await connection.query(
      SQL(file: "queries/orchestrator/lock_run.sql", runID, now))
    guard let row = rows.first else { return }
    try await insertTasks(definition, nil, of: try RunRow(row, runID: runID))
    try await ledger.note(event, of: runID, at: now)
    try await noteStart(runID, at: now)
    _ = try await runtime.step(connection).decideInTransaction(runID, [.order(.begin)])
    runtime.meters.started()
  }

  /// Notes the start of a run where lineage is told.
  private func noteStart(_ runID: Int64, at now: Instant) async throws {
    guard runtime.lineage != nil else { return }
    try await connection.execute(LineageNotes.started(runID, at: now))
  }

  /// Adds the tasks of a definition, or those of the given numbers, as they stand at the start.
  func insertTasks(
    _ definition: Definition, _ numbers: [Int]?, of run: RunRow
  ) async throws {
    let slice = RunMachine.initial(definition.plan)
    let rows = (numbers ?? Array(definition.plan.ids.indices)).map { number in
      TaskInsertion(
        id: definition.plan.ids[number], number: number, item: nil,
        standing: slice.tasks[TaskKey(number)] ?? TaskStanding(), input: nil, availableAt: nil)
    }
    try await connection.execute(TaskInsertion.insert(rows, of: run, definition))
  }

  // MARK: Runs that are there

  /// Binds a run that is under way to another worker, after the one before was given up.
  func adopt(_ runID: Int64, by worker: Int64, parallelism: Int) async throws -> StepResult? {
    try await runtime.step(connection).decide(
      runID, [.order(.begin), .askPast],
      before: { run in
        [
          SQL(
            file: "queries/orchestrator/reopen_run.sql", runID, run.snapshotHash, run.at, worker,
            Int32(parallelism)),
          SQL(file: "queries/orchestrator/bind_tasks.sql", runID, worker),
          RunLedger.note(worker == 0 ? "adopted" : "resumed", of: runID, at: run.at),
        ] + (runtime.lineage == nil ? [] : [LineageNotes.started(runID, at: run.at)])
      })
  }

  /// Runs again what did not end well, and all that is downstream of it, since its inputs change: a
  /// report that ran beside the failure is written anew.
  ///
  /// - Parameter definition: the definition to go on with; nil for the one that the run has.
  func retry(
    _ record: RunRecord, with definition: Definition?, worker: Int64, parallelism: Int
  ) async throws -> StepResult? {
    let making = self
    return try await connection.transaction { _ in
      try await making.repeatRun(
        record, with: definition, everything: false, worker: worker, parallelism: parallelism)
    }
  }

  /// The same in the caller's transaction.
  ///
  /// - Parameter everything: whether what ended well runs again too.
  func repeatRun(
    _ record: RunRecord, with definition: Definition?, everything: Bool, worker: Int64,
    parallelism: Int
  ) async throws -> StepResult? {
    let old = try await runtime.definitions.definition(record.snapshotHash, on: connection)
    let new = definition ?? old
    let states = try await ledger.tasks(of: record.runID)
    let again =
      everything ? Set(new.plan.ids.indices) : Self.tasksToRepeat(new, old: old, states)
    let locked = try await connection.query(
      SQL(file: "queries/orchestrator/lock_run.sql", record.runID, runtime.time.fixed))
    guard let row = locked.first else { return nil }
    let run = try RunRow(row, runID: record.runID)
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/reopen_run.sql", record.runID, new.hash, run.at, worker,
        Int32(parallelism)))
    let known = Set(states.map(\.task))
    if states.isEmpty, new.hash == old.hash {
      // It was cancelled before it began.
      try await insertTasks(new, nil, of: run)
    } else if new.hash != old.hash || !new.plan.ids.allSatisfy(known.contains) {
      // Another definition, or rows that somebody has removed.
      try await change(run, to: new, states)
    }
    try await connection.execute(
      SQL(file: "queries/orchestrator/bind_tasks.sql", record.runID, worker))
    try await ledger.note(
      "retried", of: record.runID,
      ["tasks": .array(again.sorted().map { .string(new.plan.ids[$0]) })], at: run.at)
    return try await runtime.step(connection).decideInTransaction(
      record.runID, [.order(.clear(again))])
  }

  /// Gives a run another definition: its tasks are added, moved and removed, and counted anew.
  private func change(
    _ run: RunRow, to definition: Definition, _ states: [TaskRecord]
  ) async throws {
    let tasks = definition.snapshot.tasks
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/delete_missing_tasks.sql", run.runID, definition.plan.ids))
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/move_tasks.sql", run.runID, definition.plan.ids,
        tasks.map(\.kind), definition.plan.priorities.map { Int32(clamping: $0) },
        tasks.map(\.pool), tasks.map { Int32($0.slots) }, tasks.map(\.queue)))
    let known = Set(states.map(\.task))
    let added = definition.plan.ids.indices.filter { !known.contains(definition.plan.ids[$0]) }
    try await insertTasks(definition, added, of: run)
    try await Recount(connection).write(run.runID, definition, states)
  }

  /// The tasks of a definition that a retry runs again.
  static func tasksToRepeat(
    _ new: Definition, old: Definition, _ records: [TaskRecord]
  ) -> Set<Int> {
    let before = Dictionary(
      old.snapshot.tasks.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    let states = Dictionary(records.map { ($0.task, $0.state) }, uniquingKeysWith: { $1 })
    let unfinished = new.snapshot.tasks.indices.filter { number in
      let task = new.snapshot.tasks[number]
      let state = states[task.id]
      return (state != .success && state != .skipped)
        || !(before[task.id].map { doTheSame($0, task) } ?? false)
    }
    return new.plan.withSetups(new.plan.descendants(of: Set(unfinished)))
  }

  /// Whether two definitions of a task differ in retries, limits and the like at most.
  private static func doTheSame(_ left: TaskDefinition, _ right: TaskDefinition) -> Bool {
    left.kind == right.kind && left.config == right.config && left.rule == right.rule
      && left.upstreams == right.upstreams && left.mapping == right.mapping
      && left.role == right.role
  }
}

extension RunPlan {
  /// How the upstream tasks of each task stand, given the states of those that are known; the
  /// others have not ended.
  func tallies(states: [Int: TaskState]) -> [UpstreamTally] {
    upstreams.map { upstreams in
      var tally = UpstreamTally()
      for upstream in upstreams { tally.count(states[upstream] ?? .waiting) }
      return tally
    }
  }
}

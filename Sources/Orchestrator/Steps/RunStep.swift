import Pipeline
import Schedules
import Warehouse

/// One decision about one run, in one transaction: takes the run's lock, loads what the decision
/// touches, asks the pure ``RunMachine``, and writes what it says.
///
/// Any process may decide about any run; the lock makes decisions follow one another.
struct RunStep: Sendable {
  let connection: Connection
  let definitions: Definitions
  let time: TimeSource

  /// Decides on what happened to a run; nil where there is no such run.
  ///
  /// - Parameters:
  ///   - before: further writes of the same transaction, with the run's lock held.
  ///   - claim: takes further work in the same transaction, where the caller has room for it.
  /// - Throws: `WarehouseError`; ``OrchestratorError`` `orchestrator.missing_snapshot`.
  func decide(
    _ runID: Int64, _ occurrences: [Occurrence],
    before: (@Sendable (Connection, RunRow) async throws -> Void)? = nil,
    claim: (@Sendable (Connection, StepResult) async throws -> [ClaimedTask])? = nil
  ) async throws -> StepResult? {
    let step = self
    return try await connection.transaction { connection in
      guard var result = try await step.decideInTransaction(runID, occurrences, before: before)
      else { return nil }
      if let claim { result.claims = try await claim(connection, result) }
      try await result.announce(runID, on: connection)
      return result
    }
  }

  /// The same inside a transaction of the caller's, who announces the result.
  func decideInTransaction(
    _ runID: Int64, _ occurrences: [Occurrence],
    before: (@Sendable (Connection, RunRow) async throws -> Void)? = nil
  ) async throws -> StepResult? {
    guard var draft = try await lock(runID, occurrences) else { return nil }
    if let before { try await before(connection, draft.run) }
    for occurrence in occurrences { try await take(occurrence, &draft) }
    return try await write(&draft)
  }

  /// Locks the run and loads the tasks that its occurrences are sure to touch, in one round trip
  /// where the definition is known.
  private func lock(_ runID: Int64, _ occurrences: [Occurrence]) async throws -> StepDraft? {
    let rows = try await connection.query(
      SQL(file: "queries/orchestrator/lock_run.sql", runID, time.fixed))
    guard let row = rows.first else { return nil }
    let run = try RunRow(row, runID: runID)
    let definition = try await definitions.definition(run.snapshotHash, on: connection)
    var draft = StepDraft(run: run, definition: definition)
    var numbers: Set<Int> = []
    var ids: Set<String> = []
    for occurrence in occurrences {
      guard let id = occurrence.taskID, let key = definition.key(id) else { continue }
      ids.insert(id)
      numbers.insert(key.number)
      numbers.formUnion(definition.plan.downstreams[key.number])
    }
    if !numbers.isEmpty {
      ids.formUnion(numbers.map { definition.plan.ids[$0] })
      try await load(ids, into: &draft)
    }
    return draft
  }

  /// Loads tasks and items that are not loaded yet.
  private func load(_ ids: Set<String>, into draft: inout StepDraft) async throws {
    let missing = ids.filter { draft.rows[$0] == nil }
    guard !missing.isEmpty else { return }
    let rows = try await connection.query(
      SQL(file: "queries/orchestrator/load_standings.sql", draft.run.runID, missing.sorted()))
    try draft.add(rows)
  }

  private func loadAll(into draft: inout StepDraft) async throws {
    guard !draft.isWhole else { return }
    let rows = try await connection.query(
      SQL(file: "queries/orchestrator/load_all_standings.sql", draft.run.runID))
    try draft.add(rows)
    draft.isWhole = true
  }

  // MARK: Decide

  private func take(_ occurrence: Occurrence, _ draft: inout StepDraft) async throws {
    switch occurrence {
    case .ended(let ended):
      guard let key = draft.current(ended.taskID, token: ended.token) else {
        draft.refused.append(ended.token)
        return
      }
      draft.endings.append(Ending(ended))
      let ending = try draft.ending(of: ended, key)
      try await apply(.ended(key, attempt: ended.attempt, ending), to: &draft)
    case .lost(let orphan):
      guard let key = draft.current(orphan.taskID, token: orphan.token) else { return }
      draft.endings.append(Ending(orphan, startedAt: draft.rows[orphan.taskID]?.startedAt))
      draft.messages[key] = orphan.message
      try await apply(.lost(key, attempt: orphan.attempt), to: &draft)
    case .askPast:
      try await loadAll(into: &draft)
      let held = draft.slice.tasks.filter { $0.value.isHeld }.map(\.key.number).sorted()
      for number in held { try await askPast(number, &draft) }
    case .order(let event):
      try await loadAll(into: &draft)
      try await apply(event, to: &draft)
    }
  }

  private func apply(_ event: MachineEvent, to draft: inout StepDraft) async throws {
    while true {
      switch draft.machine.apply(event, to: draft.slice, at: draft.run.at) {
      case .needs(let numbers):
        try await load(Set(numbers.map { draft.definition.plan.ids[$0] }), into: &draft)
      case .needsWhole:
        try await loadAll(into: &draft)
      case .decided(let changes, let actions):
        draft.slice.merge(changes)
        for action in actions { try await take(action, &draft) }
        return
      }
    }
  }

  private func take(_ action: MachineAction, _ draft: inout StepDraft) async throws {
    switch action {
    case .enqueue(let key, let at, _): draft.availableAt[key] = at
    case .record(let key, let state): draft.recorded.append((key, state))
    case .expand(let number): try await expand(number, &draft)
    case .askPast(let number): try await askPast(number, &draft)
    case .stop(let key, _): draft.stops.insert(draft.definition.id(key))
    case .dropItems(let number): draft.drop(number)
    case .finish(_, let stuck):
      guard !stuck.isEmpty else { return }
      try await loadAll(into: &draft)
      draft.stuck = StuckReport(draft.slice, plan: draft.definition.plan).description
    case .reopen: draft.isReopened = true
    }
  }

  // MARK: What the machine asks back

  /// Counts the items of a mapped task whose turn has come.
  private func expand(_ number: Int, _ draft: inout StepDraft) async throws {
    let definition = draft.definition
    let task = definition.snapshot.tasks[number]
    // Items may come from a product whose end is part of this very decision.
    try await writeEndings(&draft)
    let expansion: Expansion
    do {
      expansion = try await ProductReader(connection: connection, runID: draft.run.runID)
        .expansion(of: task)
    } catch let error as OrchestratorError {
      draft.messages[TaskKey(number)] = error.message
      try await apply(.expansionFailed(number: number), to: &draft)
      return
    }
    draft.inputs[number] = expansion.inputs
    try await apply(.expanded(number: number, count: expansion.inputs.count), to: &draft)
  }

  /// Tells the machine whether the run before has done what a task depends on.
  private func askPast(_ number: Int, _ draft: inout StepDraft) async throws {
    let task = draft.definition.snapshot.tasks[number]
    let downstream =
      task.waitForDownstream
      ? draft.definition.plan.downstreams[number].map { draft.definition.plan.ids[$0] } : []
    let rows = try await connection.query(
      SQL(
        file: "queries/orchestrator/list_past_tasks.sql", draft.run.dag, draft.run.interval.start,
        [task.id] + downstream))
    let unmet = try rows.contains { row in
      let state = try row.get("state", as: String?.self).flatMap(TaskState.init(rawValue:))
      return state != nil && state != .success && state != .skipped
    }
    if !unmet { try await apply(.pastMet(number: number), to: &draft) }
  }
}

extension Occurrence {
  /// The task or item it is about; nil where it concerns the run.
  var taskID: String? {
    switch self {
    case .ended(let ended): ended.taskID
    case .lost(let orphan): orphan.taskID
    case .askPast, .order: nil
    }
  }
}

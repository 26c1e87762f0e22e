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
  let meters: Meters
  /// Whether decisions note what lineage has to tell.
  var tellsLineage = false

  /// Decides on what happened to a run; nil where there is no such run.
  ///
  /// - Parameters:
  ///   - hint: the definition that the run is thought to have: its tasks are loaded with its lock.
  ///   - before: further writes of the same transaction, with the run's lock held.
  ///   - claimer: takes up to `room` further attempts in the same transaction.
  /// - Throws: `WarehouseError`; ``OrchestratorError`` `orchestrator.missing_snapshot`.
  func decide(
    _ runID: Int64, _ occurrences: [Occurrence], hint: Definition? = nil,
    before: (@Sendable (RunRow) throws -> [SQL])? = nil, claimer: Claimer? = nil, room: Int = 0
  ) async throws -> StepResult? {
    let began = ContinuousClock.now
    let result = try await transact(
      runID, occurrences, hint: hint, before: before, claimer: claimer, room: room)
    meters.decided(in: ContinuousClock.now - began)
    if let result, result.hasEnded { meters.ended(result.state) }
    return result
  }

  private func transact(
    _ runID: Int64, _ occurrences: [Occurrence], hint: Definition?,
    before: (@Sendable (RunRow) throws -> [SQL])?, claimer: Claimer?, room: Int
  ) async throws -> StepResult? {
    let step = self
    let wanted = hint.map { Self.ids(of: occurrences, $0) } ?? []
    var opening = [SQL(file: "queries/orchestrator/lock_run.sql", runID, time.fixed)]
    if !wanted.isEmpty { opening.append(Self.load(wanted, of: runID)) }
    return try await connection.transaction(opening: opening) { connection, found in
      guard let row = found[0].first else { return ([], { _ in nil }) }
      let run = try RunRow(row, runID: runID)
      let definition = try await step.definitions.definition(run.snapshotHash, on: connection)
      var draft = StepDraft(run: run, definition: definition)
      if found.count > 1, hint?.hash == definition.hash { try draft.add(found[1]) }
      if let before { draft.batch += try before(run) }
      try await step.load(Self.ids(of: occurrences, definition), into: &draft)
      for occurrence in occurrences { try await step.take(occurrence, &draft) }
      let result = try await step.write(&draft)
      // A run that has ended leaves nothing of its own to claim.
      let claims = (result.state == .running || claimer?.isShared == true) ? claimer : nil
      if let claims, let handed = claims.handOver(draft, upTo: room) {
        return try await step.commit(draft, result, handed, claims)
      }
      let looks = room > 0 ? claims?.looks(room, FullLimits()) ?? [] : []
      let rows = try await step.flush(&draft, and: looks)
      guard let claims, room > 0 else {
        return (result.announcements(runID, claimed: 0), { _ in result })
      }
      let chosen = try await claims.choose(room, firstLook: rows, on: connection)
      let start = claims.start(chosen)
      return (
        start + result.announcements(runID, claimed: chosen.count),
        { answers in
          var result = result
          if !chosen.isEmpty { result.claims = try claims.claimed(chosen, answers[0]) }
          return result
        }
      )
    }
  }

  /// Writes a decision and starts what it queued, in one round trip with the commit.
  private func commit(
    _ draft: StepDraft, _ result: StepResult, _ handed: HandedOver, _ claimer: Claimer
  ) async throws -> ([SQL], @Sendable ([[Row]]) throws -> StepResult?) {
    for task in handed.tasks {
      _ = try await claimer.params.params(of: task.runID, on: connection)
    }
    let writes = draft.batch
    let start = claimer.start(handed.tasks)
    let runID = draft.run.runID
    return (
      writes + start + result.announcements(runID, claimed: handed.tasks.count),
      { answers in
        try Self.check(answers.prefix(writes.count), of: runID)
        var result = result
        result.leftBehind = handed.leftBehind
        if !start.isEmpty {
          result.claims = try claimer.claimed(handed.tasks, answers[writes.count])
        }
        return result
      }
    )
  }

  /// The same inside a transaction of the caller's; tells other processes as well.
  func decideInTransaction(
    _ runID: Int64, _ occurrences: [Occurrence]
  ) async throws -> StepResult? {
    guard var draft = try await lock(runID, occurrences) else { return nil }
    for occurrence in occurrences { try await take(occurrence, &draft) }
    let result = try await write(&draft)
    _ = try await flush(&draft, and: result.announcements(runID, claimed: 0))
    return result
  }

  /// Locks the run and loads the tasks that its occurrences are sure to touch.
  func lock(_ runID: Int64, _ occurrences: [Occurrence]) async throws -> StepDraft? {
    let rows = try await connection.query(
      SQL(file: "queries/orchestrator/lock_run.sql", runID, time.fixed))
    guard let row = rows.first else { return nil }
    let run = try RunRow(row, runID: runID)
    let definition = try await definitions.definition(run.snapshotHash, on: connection)
    var draft = StepDraft(run: run, definition: definition)
    try await load(Self.ids(of: occurrences, definition), into: &draft)
    return draft
  }

  /// The tasks that occurrences are sure to touch.
  private static func ids(of occurrences: [Occurrence], _ definition: Definition) -> Set<String> {
    var numbers: Set<Int> = []
    var ids: Set<String> = []
    for occurrence in occurrences {
      guard let id = occurrence.taskID, let key = definition.key(id) else { continue }
      ids.insert(id)
      numbers.insert(key.number)
      numbers.formUnion(definition.plan.downstreams[key.number])
    }
    return ids.union(numbers.map { definition.plan.ids[$0] })
  }

  private static func load(_ ids: Set<String>, of runID: Int64) -> SQL {
    SQL(file: "queries/orchestrator/load_standings.sql", runID, ids.sorted())
  }

  /// Loads tasks and items that are not loaded yet.
  private func load(_ ids: Set<String>, into draft: inout StepDraft) async throws {
    let missing = ids.filter { draft.rows[$0] == nil }
    guard !missing.isEmpty else { return }
    try draft.add(try await connection.query(Self.load(missing, of: draft.run.runID)))
  }

  func loadAll(into draft: inout StepDraft) async throws {
    guard !draft.isWhole else { return }
    let rows = try await connection.query(
      SQL(file: "queries/orchestrator/load_all_standings.sql", draft.run.runID))
    try draft.add(rows)
    draft.isWhole = true
  }

  // MARK: Decide

  func take(_ occurrence: Occurrence, _ draft: inout StepDraft) async throws {
    switch occurrence {
    case .ended(let ended):
      guard let key = draft.current(ended.taskID, token: ended.token) else {
        // An item may be gone because its task was cleared; a task of the definition may not.
        if let key = draft.definition.key(ended.taskID), key.item == nil {
          try draft.require([key.number])
        }
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
      try await apply(
        orphan.isReleased
          ? .ended(key, attempt: orphan.attempt, .released) : .lost(key, attempt: orphan.attempt),
        to: &draft)
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
        try draft.require(Array(numbers))
      case .needsWhole:
        try await loadAll(into: &draft)
        try draft.require(Array(draft.definition.plan.ids.indices))
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
    try writeEndings(&draft)
    _ = try await flush(&draft)
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
    let past = try await connection.first(
      SQL(
        file: "queries/orchestrator/lock_past_run.sql", draft.run.dag, draft.run.interval.start))
    var unmet = false
    if let past {
      let runID = try past.get("run_id", as: Int64.self)
      // A queued run has no tasks yet.
      unmet = try past.state("state", as: RunState.self) == .queued
      let rows = try await connection.query(
        SQL(file: "queries/orchestrator/list_past_tasks.sql", runID, [task.id] + downstream))
      for row in rows {
        let state = try row.state("state", as: TaskState.self)
        if state != .success && state != .skipped { unmet = true }
      }
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

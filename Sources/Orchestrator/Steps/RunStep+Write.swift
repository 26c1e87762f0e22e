import Pipeline
import Schedules
import Warehouse

extension RunStep {
  /// Puts what a decision writes into its batch, and returns what it changed.
  func write(_ draft: inout StepDraft) async throws -> StepResult {
    let standing = draft.slice.run
    let state = standing.ended ?? .running
    try writeEndings(&draft)
    if !draft.dropped.isEmpty {
      draft.batch.append(
        SQL(
          file: "queries/orchestrator/delete_items.sql", draft.run.runID,
          draft.dropped.sorted().map { Int32($0) }))
    }
    let changed = draft.changed
    let updates = changed.filter { draft.loaded[$0] != nil }
    let inserts = changed.filter { draft.loaded[$0] == nil }
    try await explain(&draft)
    if !updates.isEmpty { draft.batch.append(update(updates, draft)) }
    if !inserts.isEmpty { draft.batch.append(insert(inserts, draft)) }
    var result = StepResult(
      state: state, at: draft.run.at, boundWorker: draft.run.boundWorker,
      hasEnded: standing.ended != nil && draft.run.standing.ended == nil)
    if !draft.stops.isEmpty {
      _ = try await flush(&draft)
      let rows = try await connection.query(
        SQL(
          file: "queries/orchestrator/request_stops.sql", draft.run.runID, draft.stops.sorted()))
      result.stops = Array(Set(try rows.map { try $0.get("worker_id", as: Int64.self) })).sorted()
      endMarkedAttempts(&draft)
    }
    try await writeRun(state, &draft)
    if tellsLineage { draft.batch += LineageNotes.decided(draft) }
    if let calls = try callbacks(draft) {
      draft.batch.append(calls)
      result.hasCalls = true
    }
    result.refused = draft.refused
    for key in changed { try note(key, draft, &result) }
    return result
  }

  /// Sends what is waiting, and further statements in the same round trip; the rows of these.
  func flush(_ draft: inout StepDraft, and more: [SQL] = []) async throws -> [[Row]] {
    let count = draft.batch.count
    let rows = try await connection.pipeline(draft.batch + more)
    draft.batch = []
    try Self.check(rows.prefix(count), of: draft.run.runID)
    return Array(rows.dropFirst(count))
  }

  /// Makes sure that writes changed as many rows as they were given.
  static func check(_ answers: ArraySlice<[Row]>, of runID: Int64) throws {
    for answer in answers {
      // Statements that must change as many rows as they were given say how many they did.
      guard let row = answer.first, row.columns == ["changed", "expected"] else { continue }
      let changed = try row.get("changed", as: Int64.self)
      let expected = try row.get("expected", as: Int64.self)
      guard changed == expected else {
        throw OrchestratorError(
          code: "orchestrator.missing_rows",
          message: "expected to change \(expected) rows of run \(runID), found "
            + "\(changed)", hint: "rows of runs.task or runs.attempt were removed by hand")
      }
    }
  }

  private func note(_ key: TaskKey, _ draft: StepDraft, _ result: inout StepResult) throws {
    guard let now = draft.slice.tasks[key] else { return }
    let before = draft.loaded[key]?.state
    if now.state.isClaimable { note(now.state, draft.availableAt[key], &result) }
    guard before != now.state || draft.availableAt[key] != nil else { return }
    if now.state.isFinal { result.endedTasks = true }
    let id = draft.definition.id(key)
    let ending = draft.written[id]
    result.changes.append(
      TaskChange(
        taskID: id, kind: draft.definition.snapshot.tasks[key.number].kind, state: now.state,
        attempts: now.attempts, message: ending?.message ?? draft.messages[key],
        errorCode: ending?.errorCode, product: ending?.product,
        dueAt: now.state == .queued ? nil : draft.availableAt[key]))
  }

  /// Ends the attempts of tasks that a mark has ended.
  private func endMarkedAttempts(_ draft: inout StepDraft) {
    let marked = draft.stops.filter { id in
      draft.definition.key(id).map { draft.slice.tasks[$0]?.state != .running } ?? false
    }.sorted().compactMap { draft.rows[$0] }
    guard !marked.isEmpty else { return }
    draft.batch.append(
      SQL(
        file: "queries/orchestrator/end_marked_attempts.sql", draft.run.runID, draft.run.at,
        marked.compactMap(\.token), marked.compactMap(\.startedAt)))
  }

  private func note(_ state: TaskState, _ due: Instant?, _ result: inout StepResult) {
    guard let due else { return }
    result.queued += 1
    if due > result.at { result.dueAt = result.dueAt.map { min($0, due) } ?? due }
  }

  // MARK: Attempts

  /// Writes the ends of attempts that have not been written yet.
  func writeEndings(_ draft: inout StepDraft) throws {
    let endings = draft.endings.filter { $0.startedAt != nil }
    draft.endings = []
    for ending in endings { draft.written[ending.taskID] = ending }
    guard !endings.isEmpty else { return }
    draft.batch.append(
      SQL(
        file: "queries/orchestrator/end_attempts.sql", draft.run.runID, draft.run.at,
        endings.map(\.taskID), endings.map(\.token), endings.map(\.attemptState.rawValue),
        endings.map(\.startedAt), endings.map(\.errorCode), endings.map(\.message),
        endings.map(\.hint), endings.map { $0.product.map { JSONText($0.canonicalText) } },
        try endings.map {
          try $0.progress.map { JSONText(try JSONValue(encoding: $0).canonicalText) }
        }))
  }

  // MARK: Tasks

  private func update(_ keys: [TaskKey], _ draft: StepDraft) -> SQL {
    let standings = keys.compactMap { draft.slice.tasks[$0] }
    func ints(_ value: (TaskStanding) -> Int) -> [Int32] { standings.map { Int32(value($0)) } }
    func items(_ value: (ItemTally) -> Int) -> [Int32?] {
      standings.map { $0.items.map { Int32(value($0)) } }
    }
    let messages = keys.map { draft.messages[$0] }
    return SQL(
      file: "queries/orchestrator/update_standings.sql", draft.run.runID, draft.run.at,
      keys.map(draft.definition.id), standings.map(\.state.rawValue),
      keys.map { draft.availableAt[$0] }, ints(\.allowedAttempts), ints(\.tally.succeeded),
      ints(\.tally.failed), ints(\.tally.upstreamFailed), ints(\.tally.skipped),
      ints(\.tally.unfinished), ints(\.setupsSucceeded), items(\.total), items(\.succeeded),
      items(\.failed), items(\.skipped), items(\.cancelled), standings.map(\.isHeld),
      standings.map(\.isClearing),
      zip(standings, messages).map { $1 != nil || $0.state == .waiting }, messages,
      ints(\.attempts),
      standings.map { $0.skips.isEmpty ? nil : $0.skips.map(String.init).joined(separator: ",") })
  }

  /// Adds the items of mapped tasks that were expanded.
  private func insert(_ keys: [TaskKey], _ draft: StepDraft) -> SQL {
    let definition = draft.definition
    let rows = keys.compactMap { key -> TaskInsertion? in
      guard let item = key.item, let standing = draft.slice.tasks[key] else { return nil }
      return TaskInsertion(
        id: definition.id(key), number: key.number, item: item, standing: standing,
        input: draft.inputs[key.number].flatMap { $0.indices.contains(item) ? $0[item] : nil },
        availableAt: draft.availableAt[key])
    }
    return TaskInsertion.insert(rows, of: draft.run, definition)
  }

  /// Finds the words for tasks that ended without an attempt.
  private func explain(_ draft: inout StepDraft) async throws {
    let plan = draft.definition.plan
    let silent = draft.recorded.filter { key, state in
      guard draft.messages[key] == nil else { return false }
      return state == .upstreamFailed || state == .cancelled
        || (state == .skipped && draft.slice.tasks[key]?.attempts == 0)
    }
    guard !silent.isEmpty else { return }
    var wanted: Set<Int> = []
    for (key, _) in silent where key.item == nil {
      wanted.formUnion(plan.upstreams[key.number].prefix(20))
    }
    var states: [Int: TaskState] = [:]
    let unknown = wanted.filter { draft.slice.tasks[TaskKey($0)] == nil }
    if !unknown.isEmpty {
      let rows = try await connection.query(
        SQL(
          file: "queries/orchestrator/list_states.sql", draft.run.runID,
          unknown.map { plan.ids[$0] }.sorted()))
      for row in rows {
        let number = draft.definition.number(of: try row.get("task_id", as: String.self))
        if let number { states[number] = try row.state("state", as: TaskState.self) }
      }
    }
    for number in wanted {
      if let standing = draft.slice.tasks[TaskKey(number)] { states[number] = standing.state }
    }
    for (key, state) in silent {
      if state == .cancelled {
        draft.messages[key] = "the run was cancelled"
        continue
      }
      guard key.item == nil else { continue }
      let upstreams = plan.upstreams[key.number].prefix(20).compactMap { upstream in
        states[upstream].map { "\(plan.ids[upstream]) \($0.rawValue)" }
      }
      let more = plan.upstreams[key.number].count - upstreams.count
      draft.messages[key] =
        "rule \(plan.rules[key.number].rawValue): " + upstreams.joined(separator: ", ")
        + (more > 0 ? " and \(more) more" : "")
    }
  }

  // MARK: The run

  private func writeRun(_ state: RunState, _ draft: inout StepDraft) async throws {
    let standing = draft.slice.run
    let ends = standing.ended != nil && draft.run.standing.ended == nil
    guard standing != draft.run.standing || draft.isReopened else { return }
    if ends, state == .failed { _ = try await flush(&draft) }
    let message = ends ? try await summary(state, draft) : nil
    draft.batch.append(
      SQL(
        file: "queries/orchestrator/update_run.sql", draft.run.runID, state.rawValue,
        standing.isCancelling, Int32(standing.unfinished), Int32(standing.active),
        Int32(standing.failed), Int32(standing.cancelled), draft.run.at, message))
    if ends {
      draft.batch.append(
        RunLedger.note(
          "finished", of: draft.run.runID, ["state": .string(state.rawValue)], at: draft.run.at))
    }
  }

  /// Why the run ended as it did, in a sentence; nil for success.
  private func summary(_ state: RunState, _ draft: StepDraft) async throws -> String? {
    if let stuck = draft.stuck { return stuck }
    switch state {
    case .queued, .running, .success: return nil
    case .cancelled: return "cancelled on request"
    case .failed:
      let plan = draft.definition.plan
      let rows = try await connection.query(
        SQL(file: "queries/orchestrator/list_failures.sql", draft.run.runID))
      let failed = try rows.filter {
        let number = draft.definition.number(of: try $0.get("task_id", as: String.self))
        return number.map { !plan.tolerated[$0] } ?? false
      }
      guard let first = failed.first else { return "a tolerated failure left tasks unrun" }
      let others = failed.count > 1 ? " (and \(failed.count - 1) more failed)" : ""
      let message = try first.get("message", as: String?.self) ?? ""
      return "task '\(try first.get("task_id", as: String.self))' failed: \(message)\(others)"
    }
  }
}

/// A row of `runs.task` that is to be made.
struct TaskInsertion: Sendable {
  let id: String
  let number: Int
  let item: Int?
  let standing: TaskStanding
  let input: JSONValue?
  let availableAt: Instant?

  static func insert(
    _ rows: [TaskInsertion], of run: RunRow, _ definition: Definition
  ) -> SQL {
    let tasks = rows.map { definition.snapshot.tasks[$0.number] }
    return SQL(
      file: "queries/orchestrator/insert_tasks.sql", run.runID, run.boundWorker, rows.map(\.id),
      tasks.map(\.kind), rows.map { Int32($0.number) }, rows.map { $0.item.map { Int32($0) } },
      rows.map { Int32($0.standing.allowedAttempts) },
      rows.map { Int32($0.standing.tally.unfinished) },
      rows.map { Int32(clamping: definition.plan.priorities[$0.number]) }, tasks.map(\.pool),
      tasks.map { Int32($0.slots) },
      rows.map { $0.input.map { JSONText($0.canonicalText) } },
      rows.map(\.standing.state.rawValue), rows.map(\.availableAt),
      rows.map(\.standing.isHeld), run.kind == .backfill,
      tasks.map(\.queue))
  }
}

import Pipeline
import Schedules
import Warehouse

extension RunStep {
  /// What an operation would do to a run, decided by the machine on what is there, nothing locked
  /// and nothing written; nil where there is no such run.
  ///
  /// - Parameter lost: attempts whose workers are dead: they are given up first.
  func preview(
    _ operation: RunOperation, on runID: Int64, lost: [OrphanedAttempt]
  ) async throws -> RunChange? {
    let found = try await connection.first(
      SQL(file: "queries/orchestrator/read_run.sql", runID, time.fixed))
    guard let found else { return nil }
    let run = try RunRow(found, runID: runID)
    let definition = try await definitions.definition(run.snapshotHash, on: connection)
    var draft = StepDraft(run: run, definition: definition)
    if run.state == .queued { return operation.change(queued: run) }
    try draft.add(
      await connection.query(SQL(file: "queries/orchestrator/read_all_standings.sql", runID)))
    draft.isWhole = true
    if draft.slice.tasks.isEmpty {
      draft.slice.tasks = RunMachine.initial(definition.plan).tasks
      draft.loaded = draft.slice.tasks
    }
    for orphan in lost { try await take(.lost(orphan), &draft) }
    draft.stops = []
    // Nothing is written here, nor by what the machine asks back.
    draft.endings = []
    let before = draft.slice.tasks
    if let refusal = try await decide(operation, &draft) {
      return RunChange(run, refusal: refusal)
    }
    return RunChange(draft, before: before)
  }

  /// Does to a run what somebody asks for, in the caller's transaction; nil where there is no such
  /// run.
  ///
  /// - Parameter binding: the worker that a run which begins again is bound to; 0 for any daemon. A
  ///   run under way keeps its own unless `rebinds`.
  func operate(
    _ operation: RunOperation, on runID: Int64, by author: Author, binding: RunBinding,
    making: RunMaking
  ) async throws -> (change: RunChange, result: StepResult?)? {
    guard var draft = try await lock(runID, []) else { return nil }
    let run = draft.run
    let ledger = RunLedger(connection: connection)
    if run.state == .queued {
      let change = operation.change(queued: run)
      if change.refusal == nil { try await withdraw(run, author) }
      return (change, nil)
    }
    try await loadAll(into: &draft)
    if draft.slice.tasks.isEmpty {
      // It was cancelled before it began.
      try await making.insertTasks(draft.definition, nil, of: run)
      draft.isWhole = false
      try await loadAll(into: &draft)
    }
    let before = draft.slice.tasks
    if let refusal = try await decide(operation, &draft) {
      return (RunChange(run, refusal: refusal), nil)
    }
    let change = RunChange(draft, before: before)
    if draft.isReopened || binding.rebinds {
      try await connection.execute(
        SQL(
          file: "queries/orchestrator/reopen_run.sql", runID, run.snapshotHash, run.at,
          binding.worker, Int32(binding.parallelism ?? draft.definition.snapshot.parallelism)))
      try await connection.execute(
        SQL(file: "queries/orchestrator/bind_tasks.sql", runID, binding.worker))
      draft.run.boundWorker = binding.worker
    }
    var detail = author.detail
    detail["tasks"] = .array(change.tasks.map { .string($0.task) })
    if case .mark(_, let state) = operation {
      detail["state"] = .string(state.rawValue)
      draft.explainMarks(state, before: before, by: author)
    }
    try await ledger.note(operation.eventKind, of: runID, detail, at: run.at)
    let result = try await write(&draft)
    _ = try await flush(&draft, and: result.announcements(runID, claimed: 0))
    // The worker of a foreground run does not listen to the queue.
    if result.boundWorker > 0, !result.hasEnded { try await ledger.notify(.run(runID)) }
    return (change, result)
  }

  /// Asks the machine; nil where it decided, else why it was not asked.
  private func decide(
    _ operation: RunOperation, _ draft: inout StepDraft
  ) async throws -> RunChange.Refusal? {
    let event = try operation.event(draft.definition, draft.slice)
    if let refusal = operation.refusal(draft.slice, event) { return refusal }
    let run = draft.run
    try await take(.order(event), &draft)
    guard draft.isReopened else { return nil }
    let other = try await RunLedger(connection: connection).findRunning(run.dag, run.interval)
    guard let other, other.runID != run.runID else { return nil }
    return RunChange.Refusal(
      code: OrchestratorError.runInFlight,
      message: "run \(other.runID) is under way for '\(run.dag)' and \(run.interval)")
  }

  private func withdraw(_ run: RunRow, _ author: Author) async throws {
    let ledger = RunLedger(connection: connection)
    try await connection.execute(
      SQL(file: "queries/orchestrator/withdraw_run.sql", run.runID, run.at))
    try await ledger.note("cancel_requested", of: run.runID, author.detail, at: run.at)
    try await ledger.note(
      "finished", of: run.runID, ["state": .string(RunState.cancelled.rawValue)], at: run.at)
    try await ledger.notify(.run(run.runID))
  }
}

extension StepDraft {
  /// Says with the tasks that were marked who did it.
  fileprivate mutating func explainMarks(
    _ state: TaskState, before: [TaskKey: TaskStanding], by author: Author
  ) {
    let why = author.message.map { ": \($0)" } ?? ""
    for (key, now) in recorded where key.item == nil && now == state {
      guard messages[key] == nil, before[key]?.state != now else { continue }
      messages[key] = "marked \(state.rawValue) by \(author.name)\(why)"
    }
  }
}

/// Whose a run is that an operation lets begin again.
struct RunBinding: Sendable {
  /// The only worker that may run its tasks; 0 for any daemon.
  var worker: Int64 = 0
  /// Attempts at once; nil for as many as its definition says.
  var parallelism: Int?
  /// Whether it is bound anew though it is under way: its holder is dead.
  var rebinds = false
}

extension RunOperation {
  /// What becomes of a run that waits for its turn.
  func change(queued run: RunRow) -> RunChange {
    if case .cancel = self { return RunChange(withdrawn: run) }
    return RunChange(
      run,
      refusal: RunChange.Refusal(
        code: "orchestrator.run_queued", message: "the run has not begun: it waits for its turn"))
  }
}

import Pipeline
import Schedules
import Warehouse

/// A run, ready for a pass over it.
struct PreparedRun: Sendable {
  let run: RunRecord
  let disposition: RunDisposition
  let snapshot: DAGSnapshot
  let tasks: [TaskRecord]

  func plan() throws -> RunPlan { try RunPlan(snapshot) }
}

/// Makes or finds the run of a request, and brings its tasks into the state that a pass starts from.
///
/// Called with the interval's lock held, so nobody else touches the run.
struct RunPreparation: Sendable {
  let request: RunRequest
  let ledger: RunLedger
  let clock: any WallClock

  func prepare() async throws -> PreparedRun {
    let now = clock.now()
    try await ledger.ensurePartitions(at: now)
    let preparation = self
    return try await ledger.connection.transaction { _ in
      try await preparation.prepare(at: now)
    }
  }

  private func prepare(at now: Instant) async throws -> PreparedRun {
    guard let found = try await find() else { return try await create(at: now) }
    switch found.state {
    case .success:
      return PreparedRun(
        run: found, disposition: .alreadySucceeded,
        snapshot: try await ledger.snapshot(found.snapshotHash),
        tasks: try await ledger.tasks(of: found.runID))
    case .running: return try await resume(found, at: now)
    case .failed, .cancelled: return try await retry(found, at: now)
    }
  }

  private func find() async throws -> RunRecord? {
    try await ledger.find(
      request.snapshot.name, request.interval, paramsHash: request.params.hash)
  }

  private func create(at now: Instant) async throws -> PreparedRun {
    let snapshot = request.snapshot
    try await ledger.store(snapshot, request.json, at: now)
    let runID = try await ledger.create(
      snapshot.name, request.interval, params: request.params, snapshotHash: request.json.hash,
      at: now)
    guard let runID else {
      throw OrchestratorError(
        code: OrchestratorError.runInFlight,
        message: "another process has just begun '\(snapshot.name)' for \(request.interval)",
        hint: "wait for it to end; `strata runs list` shows it")
    }
    try await ledger.storeTasks(snapshot, of: runID)
    try await ledger.note("created", of: runID, at: now)
    return try await prepared(.created, snapshot)
  }

  /// After a crash: what ended stays as it is, and the run keeps its definition.
  private func resume(_ run: RunRecord, at now: Instant) async throws -> PreparedRun {
    let snapshot = try await ledger.snapshot(run.snapshotHash)
    try await ledger.interruptAttempts(of: run.runID, at: now)
    try await ledger.reopen(run.runID, snapshotHash: run.snapshotHash, at: now)
    try await ledger.note("resumed", of: run.runID, at: now)
    return try await prepared(.resumed, snapshot)
  }

  /// After a failure: tasks that did not end well run again, and with them all that is downstream,
  /// since its inputs change: a report that ran beside the failure is written anew.
  private func retry(_ run: RunRecord, at now: Instant) async throws -> PreparedRun {
    let old = try await ledger.snapshot(run.snapshotHash)
    let snapshot = request.options.definition == .current ? request.snapshot : old
    let hash = request.options.definition == .current ? request.json.hash : run.snapshotHash
    if hash != run.snapshotHash {
      try await ledger.store(snapshot, request.json, at: now)
      try await ledger.storeTasks(snapshot, of: run.runID)
    }
    let records = try await ledger.tasks(of: run.runID)
    let again = try Self.tasksToRepeat(snapshot, old: old, records)
    try await ledger.resetTasks(again, of: run.runID)
    try await ledger.reopen(run.runID, snapshotHash: hash, at: now)
    try await ledger.note(
      "retried", of: run.runID, ["tasks": .array(again.map { .string($0.id) })], at: now)
    return try await prepared(.retried, snapshot)
  }

  /// The tasks of a definition that a retry runs again, in the order of declaration.
  static func tasksToRepeat(
    _ snapshot: DAGSnapshot, old: DAGSnapshot, _ records: [TaskRecord]
  ) throws -> [TaskDefinition] {
    let before = Dictionary(old.tasks.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    let states = Dictionary(records.map { ($0.task, $0.state) }, uniquingKeysWith: { $1 })
    let unfinished = snapshot.tasks.indices.filter { number in
      let task = snapshot.tasks[number]
      let state = states[task.id]
      return (state != .success && state != .skipped)
        || !(before[task.id].map { Self.doTheSame($0, task) } ?? false)
    }
    let again = try RunPlan(snapshot).descendants(of: Set(unfinished))
    return again.sorted().map { snapshot.tasks[$0] }
  }

  /// Whether two definitions of a task differ in retries and limits at most.
  private static func doTheSame(_ left: TaskDefinition, _ right: TaskDefinition) -> Bool {
    left.kind == right.kind && left.config == right.config && left.rule == right.rule
      && left.upstreams == right.upstreams
  }

  private func prepared(
    _ disposition: RunDisposition, _ snapshot: DAGSnapshot
  ) async throws -> PreparedRun {
    guard let run = try await find() else {
      throw OrchestratorError(
        code: "orchestrator.missing_run",
        message: "expected the run of '\(snapshot.name)' for \(request.interval), found none")
    }
    return PreparedRun(
      run: run, disposition: disposition, snapshot: snapshot,
      tasks: try await ledger.tasks(of: run.runID))
  }
}

import Foundation
import Pipeline
import Schedules
import Warehouse

/// All that one pass over a run writes, on the connection that holds the interval's lock.
///
/// If that connection breaks, the lock is free and no state can be written any more: the pass ends,
/// and the next one takes the run up.
struct RunLedger: Sendable {
  let connection: Connection

  /// The end of an attempt, ready to be recorded.
  struct Ending: Sendable {
    let task: String
    let token: Int64
    let attempt: Int
    let startedAt: Instant
    /// `retrying` where another attempt follows.
    let taskState: TaskState
    let attemptState: TaskState
    let result: AttemptResult
    let progress: TaskProgress?
  }

  /// An attempt that was started.
  struct Lease: Sendable {
    let task: String
    let attempt: Int
    let token: Int64
  }

  private static let host = ProcessInfo.processInfo.hostName

  // MARK: The lock of an interval

  /// The key of the advisory lock on a DAG's interval: every process computes the same.
  static func lockKey(_ dag: String, _ interval: DataInterval) -> String {
    "strata.run \(dag) \(interval)"
  }

  /// Takes the interval's lock for this session; false where another session has it.
  func lock(_ dag: String, _ interval: DataInterval) async throws -> Bool {
    let row = try await connection.first(
      SQL(
        file: "queries/orchestrator/try_lock_interval.sql", Self.lockKey(dag, interval)))
    return try row?.get("locked", as: Bool.self) ?? false
  }

  /// Frees the interval's lock.
  func unlock(_ dag: String, _ interval: DataInterval) async throws {
    try await connection.execute(
      SQL(file: "queries/orchestrator/unlock_interval.sql", Self.lockKey(dag, interval)))
  }

  // MARK: Runs

  /// The run of a key; nil where there is none.
  func find(
    _ dag: String, _ interval: DataInterval, paramsHash: String
  ) async throws -> RunRecord? {
    try await connection.first(
      SQL(
        file: "queries/orchestrator/find_run_by_key.sql", dag, interval.start, interval.end,
        paramsHash)
    ).map(RunRecord.init)
  }

  /// The unfinished run over an interval, whatever its parameters; nil where there is none.
  func findRunning(_ dag: String, _ interval: DataInterval) async throws -> RunRecord? {
    try await connection.first(
      SQL(
        file: "queries/orchestrator/find_running.sql", dag, interval.start, interval.end)
    ).map(RunRecord.init)
  }

  func tasks(of runID: Int64) async throws -> [TaskRecord] {
    try await connection.query(SQL(file: "queries/orchestrator/list_tasks.sql", runID))
      .map(TaskRecord.init)
  }

  func snapshot(_ hash: String) async throws -> DAGSnapshot {
    let row = try await connection.first(SQL(file: "queries/orchestrator/find_snapshot.sql", hash))
    guard let row else {
      throw OrchestratorError(
        code: "orchestrator.missing_snapshot",
        message: "expected the definition \(hash) in runs.dag_snapshot, found none")
    }
    return try JSONValue(parsing: row.get("definition", as: JSONText.self).text)
      .decoded(as: DAGSnapshot.self)
  }

  func ensurePartitions(at now: Instant) async throws {
    try await connection.execute(SQL(file: "queries/orchestrator/ensure_partitions.sql", now))
  }

  func store(_ snapshot: DAGSnapshot, _ json: JSONValue, at now: Instant) async throws {
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/insert_snapshot.sql", json.hash, snapshot.name,
        JSONText(json.canonicalText), now))
  }

  /// Makes the run; nil where another process has just made it.
  func create(
    _ dag: String, _ interval: DataInterval, params: JSONValue, snapshotHash: String,
    at now: Instant
  ) async throws -> Int64? {
    try await connection.first(
      SQL(
        file: "queries/orchestrator/insert_run.sql", dag, interval.start, interval.end, params.hash,
        JSONText(params.canonicalText), snapshotHash, now)
    )?.get("run_id", as: Int64.self)
  }

  /// Adds the tasks of a definition that the run lacks, and removes those it no longer has.
  func storeTasks(_ snapshot: DAGSnapshot, of runID: Int64) async throws {
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/delete_missing_tasks.sql", runID, snapshot.tasks.map(\.id)))
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/upsert_tasks.sql", runID, snapshot.tasks.map(\.id),
        snapshot.tasks.map(\.kind), snapshot.tasks.map { Int32(1 + $0.retries.count) }))
  }

  /// Begins another pass over a run.
  func reopen(_ runID: Int64, snapshotHash: String, at now: Instant) async throws {
    try await connection.execute(
      SQL(file: "queries/orchestrator/reopen_run.sql", runID, snapshotHash, now))
  }

  /// Marks the attempts that a crash cut short; each has cost one try.
  func interruptAttempts(of runID: Int64, at now: Instant) async throws {
    let message = "the process that ran it is gone"
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/interrupt_attempts.sql", runID, now, "orchestrator.interrupted",
        message))
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/interrupt_tasks.sql", runID, "orchestrator.interrupted", message
      ))
  }

  /// Lets tasks run again: each may use as many attempts as at first, on top of those it had.
  func resetTasks(
    _ tasks: [TaskDefinition], of runID: Int64
  ) async throws {
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/reset_tasks.sql", runID, tasks.map(\.id),
        tasks.map { Int32(1 + $0.retries.count) }))
  }

  // MARK: Attempts

  /// Records the start of attempts, and gives each its fencing token.
  func start(
    _ attempts: [(task: String, attempt: Int)], of runID: Int64, at now: Instant
  ) async throws -> [Lease] {
    let rows = try await connection.query(
      SQL(
        file: "queries/orchestrator/start_attempts.sql", runID, attempts.map(\.task),
        attempts.map { Int32($0.attempt) }, now, Self.host,
        ProcessInfo.processInfo.processIdentifier))
    guard rows.count == attempts.count else { throw Self.leaseLost(runID) }
    return try rows.map { row in
      Lease(
        task: try row.get("task_id", as: String.self),
        attempt: Int(try row.get("try", as: Int32.self)),
        token: try row.get("fencing_token", as: Int64.self))
    }
  }

  /// Records the end of an attempt, on condition that its token is still its task's.
  func finish(_ ending: Ending, of runID: Int64, at now: Instant) async throws {
    var fault: AttemptFault?
    var message: String?
    var output: JSONValue?
    switch ending.result {
    case .success(let product): output = product
    case .skipped(let reason): message = reason
    case .failed(let failure):
      fault = failure
      message = failure.message
    }
    let recorded = try await connection.execute(
      SQL(
        file: "queries/orchestrator/finish_attempt.sql", runID, ending.task, ending.token,
        ending.taskState.rawValue, ending.attemptState.rawValue, now, ending.startedAt, fault?.code,
        message, fault?.hint, output.map { JSONText($0.canonicalText) },
        try ending.progress.map { JSONText(try JSONValue(encoding: $0).canonicalText) }))
    guard recorded == 1 else { throw Self.leaseLost(runID) }
  }

  /// Records the states of tasks that end without an attempt.
  func settle(
    _ tasks: [(task: String, state: TaskState, message: String?)], of runID: Int64, at now: Instant
  ) async throws {
    let recorded = try await connection.execute(
      SQL(
        file: "queries/orchestrator/settle_tasks.sql", runID, tasks.map(\.task),
        tasks.map(\.state.rawValue), tasks.map(\.message), now))
    guard recorded == tasks.count else { throw Self.leaseLost(runID) }
  }

  /// Records the end of the run.
  func finish(
    _ runID: Int64, _ state: RunState, message: String?, at now: Instant
  ) async throws {
    let recorded = try await connection.execute(
      SQL(file: "queries/orchestrator/finish_run.sql", runID, state.rawValue, message, now))
    guard recorded == 1 else { throw Self.leaseLost(runID) }
  }

  // MARK: Logs and events

  func write(_ lines: [LogBuffer.Numbered], of runID: Int64) async throws {
    guard !lines.isEmpty else { return }
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/insert_log.sql", runID, lines.map(\.line.at),
        lines.map(\.sequence), lines.map(\.line.task), lines.map { Int32($0.line.attempt) },
        lines.map(\.line.level), lines.map(\.line.message),
        lines.map { line in
          JSONText(JSONValue.object(line.line.metadata.mapValues(JSONValue.string)).canonicalText)
        }))
  }

  /// Notes something that happened to a run; `runID` is nil where it has no row yet.
  func note(
    _ kind: String, of runID: Int64?, _ detail: [String: JSONValue] = [:], at now: Instant
  ) async throws {
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/insert_event.sql", runID, kind,
        JSONText(JSONValue.object(detail).canonicalText), now))
  }

  private static func leaseLost(_ runID: Int64) -> OrchestratorError {
    OrchestratorError(
      code: "orchestrator.lease_lost",
      message: "run \(runID) was taken over by another process while this one ran it",
      hint: "this process has stopped; see `strata runs show \(runID)`", isPermanent: true)
  }
}

import Pipeline
import Schedules
import Warehouse

/// A run as recorded.
public struct RunRecord: Codable, Sendable, Hashable {
  /// Number of the run.
  public let runID: Int64
  /// Name of the DAG.
  public let dag: String
  /// The data it covers.
  public let interval: DataInterval
  /// Where it stands.
  public let state: RunState
  /// When it was first asked for.
  public let createdAt: Instant
  /// When its latest pass began.
  public let startedAt: Instant
  /// When that pass ended; nil while it is under way.
  public let finishedAt: Instant?
  /// How often it was started.
  public let passes: Int
  /// Its parameters, a JSON object.
  public let params: JSONValue
  /// The hash of the definition it began with.
  public let snapshotHash: String
  /// Why it failed; nil unless it did.
  public let message: String?
}

/// A task of a run as recorded.
public struct TaskRecord: Codable, Sendable, Hashable {
  /// Id of the task.
  public let task: String
  /// Name of its kind.
  public let kind: String
  /// Where it stands.
  public var state: TaskState
  /// Attempts started so far.
  public var attempts: Int
  /// Attempts it may use in all.
  public var allowedAttempts: Int
  /// Token of its latest attempt; nil before the first.
  public var fencingToken: Int64?
  /// When its latest attempt began; nil before the first.
  public var startedAt: Instant?
  /// When it reached its final state; nil before.
  public var finishedAt: Instant?
  /// Code of its latest failure; nil unless it failed.
  public var errorCode: String?
  /// Why it failed or was skipped; nil otherwise.
  public var message: String?
  /// Its product; nil unless it succeeded.
  public var output: JSONValue?

  /// A task before its first attempt.
  init(task: String, kind: String) {
    self.task = task
    self.kind = kind
    state = .waiting
    attempts = 0
    allowedAttempts = 1
  }

  /// From the start of its latest attempt to its end; nil if it did not run, or still does.
  public var duration: Duration? {
    guard let startedAt, let finishedAt else { return nil }
    return finishedAt - startedAt
  }
}

/// An attempt as recorded.
public struct AttemptRecord: Codable, Sendable, Hashable {
  /// Id of the task.
  public let task: String
  /// Number of the attempt, from 1.
  public let attempt: Int
  /// `running`, `success`, `failed`, `skipped` or `cancelled`.
  public let state: TaskState
  /// When it started.
  public let startedAt: Instant
  /// When it ended; nil while it runs.
  public let finishedAt: Instant?
  /// The host it ran on.
  public let host: String
  /// The process that ran it.
  public let processID: Int
  /// Code of the failure; nil unless it failed.
  public let errorCode: String?
  /// Why it failed or was skipped; nil otherwise.
  public let message: String?
  /// What to do about it; nil if unknown.
  public let hint: String?
  /// Its last reported progress; nil if there was none.
  public let progress: TaskProgress?
}

/// A line logged by an attempt.
public struct LogLine: Codable, Sendable, Hashable {
  /// When it was logged.
  public let at: Instant
  /// Id of the task.
  public let task: String
  /// Number of the attempt.
  public let attempt: Int
  /// `trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`.
  public let level: String
  /// The line.
  public let message: String
  /// What was logged along with it.
  public let metadata: [String: String]
}

/// Something that happened to a run from outside.
public struct EventRecord: Codable, Sendable, Hashable {
  /// When.
  public let at: Instant
  /// `created`, `resumed`, `retried`, `in_flight`, `cancel_requested` or `finished`.
  public let kind: String
  /// More about it, a JSON object.
  public let detail: JSONValue
}

extension EventRecord {
  init(_ row: Row) throws {
    at = try row.get("happened_at", as: Instant.self)
    kind = try row.get("kind", as: String.self)
    detail = try JSONValue(parsing: row.get("detail", as: JSONText.self).text)
  }
}

extension RunRecord {
  init(_ row: Row) throws {
    runID = try row.get("run_id", as: Int64.self)
    dag = try row.get("dag", as: String.self)
    interval = try DataInterval(
      start: row.get("interval_start", as: Instant.self),
      end: row.get("interval_end", as: Instant.self))
    state = try row.state("state", as: RunState.self)
    createdAt = try row.get("created_at", as: Instant.self)
    startedAt = try row.get("started_at", as: Instant.self)
    finishedAt = try row.get("finished_at", as: Instant?.self)
    passes = Int(try row.get("passes", as: Int32.self))
    params = try JSONValue(parsing: row.get("params", as: JSONText.self).text)
    snapshotHash = try row.get("snapshot_hash", as: String.self)
    message = try row.get("message", as: String?.self)
  }
}

extension TaskRecord {
  init(_ row: Row) throws {
    task = try row.get("task_id", as: String.self)
    kind = try row.get("kind", as: String.self)
    state = try row.state("state", as: TaskState.self)
    attempts = Int(try row.get("tries", as: Int32.self))
    allowedAttempts = Int(try row.get("allowed_tries", as: Int32.self))
    fencingToken = try row.get("fencing_token", as: Int64?.self)
    startedAt = try row.get("started_at", as: Instant?.self)
    finishedAt = try row.get("finished_at", as: Instant?.self)
    errorCode = try row.get("error_code", as: String?.self)
    message = try row.get("message", as: String?.self)
    output = try row.get("output", as: JSONText?.self).map { try JSONValue(parsing: $0.text) }
  }
}

extension AttemptRecord {
  init(_ row: Row) throws {
    task = try row.get("task_id", as: String.self)
    attempt = Int(try row.get("try", as: Int32.self))
    state = try row.state("state", as: TaskState.self)
    startedAt = try row.get("created_at", as: Instant.self)
    finishedAt = try row.get("finished_at", as: Instant?.self)
    host = try row.get("host", as: String.self)
    processID = Int(try row.get("process_id", as: Int32.self))
    errorCode = try row.get("error_code", as: String?.self)
    message = try row.get("message", as: String?.self)
    hint = try row.get("hint", as: String?.self)
    progress = try row.get("progress", as: JSONText?.self).map {
      try JSONValue(parsing: $0.text).decoded(as: TaskProgress.self)
    }
  }
}

extension LogLine {
  init(_ row: Row) throws {
    at = try row.get("logged_at", as: Instant.self)
    task = try row.get("task_id", as: String.self)
    attempt = Int(try row.get("try", as: Int32.self))
    level = try row.get("level", as: String.self)
    message = try row.get("message", as: String.self)
    metadata = try JSONValue(parsing: row.get("metadata", as: JSONText.self).text)
      .decoded(as: [String: String].self)
  }
}

extension Row {
  /// A state from its text.
  func state<State: RawRepresentable<String>>(
    _ column: String, as type: State.Type
  ) throws -> State {
    let text = try get(column, as: String.self)
    guard let state = State(rawValue: text) else {
      throw OrchestratorError(
        code: "orchestrator.unknown_state",
        message: "expected a state that this version knows, found '\(text)'",
        hint: "the database was written by a newer version")
    }
    return state
  }
}

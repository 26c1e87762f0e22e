import Pipeline
import Schedules
import Warehouse

/// A run's interval and state, for calendars.
public struct IntervalRecord: Codable, Sendable, Hashable {
  /// Number of the run.
  public let runID: Int64
  /// The data it covers.
  public let interval: DataInterval
  /// Where it stands.
  public let state: RunState
}

extension RunStore {
  /// The tasks of a run without their products: for somebody who looks again and again.
  public func standings(of runID: Int64) async throws -> [TaskRecord] {
    try await read(SQL(file: "queries/orchestrator/watch_tasks.sql", runID)).map(TaskRecord.init)
  }

  /// The runs of a DAG whose intervals begin in `[from, to)`, oldest first.
  public func intervals(
    of dag: String, from: Instant, to: Instant
  ) async throws -> [IntervalRecord] {
    try await read(SQL(file: "queries/orchestrator/list_intervals.sql", dag, from, to)).map { row in
      IntervalRecord(
        runID: try row.get("run_id", as: Int64.self),
        interval: try DataInterval(
          start: row.get("interval_start", as: Instant.self),
          end: row.get("interval_end", as: Instant.self)),
        state: try row.state("state", as: RunState.self))
    }
  }

  /// Where the earliest interval of a DAG begins; nil where it was never run.
  public func firstInterval(of dag: String) async throws -> Instant? {
    try await read(SQL(file: "queries/orchestrator/find_first_interval.sql", dag)).first?.get(
      "interval_start", as: Instant.self)
  }

  /// The log of a task: what is there, then what comes, until the task (or the attempt) has ended.
  ///
  /// An attempt's last lines are written in the transaction that records its end, so none is
  /// missed. Cancelling the reader ends it.
  ///
  /// - Parameters:
  ///   - attempt: only of this attempt; nil for all, also those to come.
  ///   - poll: how often to look.
  /// - Throws: ``OrchestratorError`` `orchestrator.unknown_task` where the run has no such task.
  public func follow(
    logOf runID: Int64, task: String, attempt: Int? = nil, poll: Duration = .milliseconds(300),
    clock: any WallClock = SystemClock(), line: (LogLine) async throws -> Void
  ) async throws {
    var last = Int64.min
    while true {
      // The state first: what it says has ended has all its lines in the log by now.
      guard let standing = try await standing(of: runID, task: task) else {
        throw OrchestratorError(
          code: "orchestrator.unknown_task",
          message: "expected a task of run \(runID), found '\(task)'",
          hint: "strata tasks list \(runID)")
      }
      let rows = try await read(
        SQL(
          file: "queries/orchestrator/follow_log.sql", runID, task, attempt.map { Int32($0) }, last,
          standing.createdAt - .seconds(86_400)))
      for row in rows {
        last = try row.get("sequence", as: Int64.self)
        try await line(LogLine(row))
      }
      if standing.hasEnded(attempt) { return }
      try await clock.sleep(for: poll)
    }
  }

  /// How a task stands, as far as its log goes.
  private struct LogStanding {
    let state: TaskState
    let attempts: Int
    let run: RunState
    let createdAt: Instant

    /// Whether no more lines come, of an attempt or of any.
    func hasEnded(_ attempt: Int?) -> Bool {
      if state.isFinal || (run != .running && run != .queued) { return true }
      guard let attempt else { return false }
      return attempts > attempt || (attempts == attempt && state == .retrying)
    }
  }

  private func standing(of runID: Int64, task: String) async throws -> LogStanding? {
    try await read(SQL(file: "queries/orchestrator/find_task_standing.sql", runID, task)).first.map
    {
      LogStanding(
        state: try $0.state("state", as: TaskState.self),
        attempts: Int(try $0.get("tries", as: Int32.self)),
        run: try $0.state("run_state", as: RunState.self),
        createdAt: try $0.get("created_at", as: Instant.self))
    }
  }
}

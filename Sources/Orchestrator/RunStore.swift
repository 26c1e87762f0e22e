import Pipeline
import Schedules
import Warehouse

/// The recorded runs, for reading.
public struct RunStore: Sendable {
  private let pool: ConnectionPool

  /// The runs of a project's database.
  public init(_ pool: ConnectionPool) { self.pool = pool }

  /// Runs, latest interval first.
  ///
  /// - Parameters:
  ///   - dag: only of this DAG; nil for all.
  ///   - state: only in this state; nil for all.
  ///   - limit: at most so many.
  public func runs(
    of dag: String? = nil, in state: RunState? = nil, limit: Int = 50
  ) async throws -> [RunRecord] {
    try await read(
      SQL(file: "queries/orchestrator/list_runs.sql", dag, state?.rawValue, Int64(limit))
    ).map(RunRecord.init)
  }

  /// One run; nil where there is none of that number.
  public func run(_ runID: Int64) async throws -> RunRecord? {
    try await read(SQL(file: "queries/orchestrator/find_run.sql", runID)).first.map(RunRecord.init)
  }

  /// The run of a DAG over an interval with parameters; nil where there is none.
  public func run(
    of dag: String, interval: DataInterval, params: JSONValue = .object([:])
  ) async throws -> RunRecord? {
    try await read(
      SQL(
        file: "queries/orchestrator/find_run_by_key.sql", dag, interval.start, interval.end,
        params.hash)
    )
    .first.map(RunRecord.init)
  }

  /// The run over an interval that is under way, whatever its parameters; nil where there is none.
  func running(_ dag: String, _ interval: DataInterval) async throws -> RunRecord? {
    try await read(
      SQL(file: "queries/orchestrator/find_running.sql", dag, interval.start, interval.end)
    ).first.map(RunRecord.init)
  }

  /// The tasks of a run with their timings, in the order of declaration.
  public func tasks(of runID: Int64) async throws -> [TaskRecord] {
    try await read(SQL(file: "queries/orchestrator/list_tasks.sql", runID)).map(TaskRecord.init)
  }

  /// Every attempt of a run that retention has left, by start.
  public func attempts(of runID: Int64, task: String? = nil) async throws -> [AttemptRecord] {
    try await read(SQL(file: "queries/orchestrator/list_attempts.sql", runID, task)).map(
      AttemptRecord.init)
  }

  /// The log of a run, in order.
  ///
  /// - Parameters:
  ///   - task: only of this task; nil for all.
  ///   - attempt: only of this attempt; nil for all.
  public func log(
    of runID: Int64, task: String? = nil, attempt: Int? = nil
  ) async throws -> [LogLine] {
    try await read(
      SQL(file: "queries/orchestrator/list_log.sql", runID, task, attempt.map { Int32($0) })
    ).map(LogLine.init)
  }

  /// What happened to a run from outside: made, resumed, refused to another process, ended.
  public func events(of runID: Int64) async throws -> [EventRecord] {
    try await read(SQL(file: "queries/orchestrator/list_events.sql", runID)).map(EventRecord.init)
  }

  /// Whether a process has a run in hand now: a foreground one whose lease holds, or any daemon for
  /// a run that is bound to none. A run in the state `running` of which this is false was
  /// interrupted by a crash, and waits to be resumed, or for a daemon.
  public func isUnderWay(_ run: RunRecord) async throws -> Bool {
    try await pool.withConnection { connection in
      let row = try await connection.first(
        SQL(file: "queries/orchestrator/find_binding.sql", run.runID))
      guard let row, try row.state("state", as: RunState.self) == .running else { return false }
      let bound = try row.get("bound_worker_id", as: Int64.self)
      // The intervals of a batch belong to its backfill, which may be a foreground command.
      if bound < 0 { return true }
      let registry = WorkerRegistry(connection: connection)
      return try await bound > 0 ? registry.isAlive(bound) : registry.hasDaemon()
    }
  }

  /// Whether any daemon may work on a run, or a backfill has it.
  func isOfDaemons(_ run: RunRecord) async throws -> Bool {
    let row = try await read(SQL(file: "queries/orchestrator/find_binding.sql", run.runID)).first
    return try row.map { try $0.get("bound_worker_id", as: Int64.self) <= 0 } ?? false
  }

  /// The products of tasks of a run that have succeeded, by task; of a mapped task the list of its
  /// items' products.
  public func products(of runID: Int64, tasks: [String]) async throws -> [String: JSONValue] {
    try await pool.withConnection {
      try await ProductReader(connection: $0, runID: runID).products(of: tasks)
    }
  }

  /// The definitions that a DAG was run with, the latest first.
  public func versions(of dag: String) async throws -> [DAGVersion] {
    try await read(SQL(file: "queries/orchestrator/list_versions.sql", dag)).map(DAGVersion.init)
  }

  /// Whether a daemon is there that takes work of runs bound to no process.
  public func hasDaemon() async throws -> Bool {
    try await pool.withConnection { try await WorkerRegistry(connection: $0).hasDaemon() }
  }

  /// The workers that have not left.
  public func workers() async throws -> [WorkerRecord] {
    try await read(SQL(file: "queries/orchestrator/list_workers.sql")).map(WorkerRecord.init)
  }

  /// A definition that a run began with; nil where there is none of that hash.
  public func snapshot(_ hash: String) async throws -> DAGSnapshot? {
    try await read(SQL(file: "queries/orchestrator/find_snapshot.sql", hash)).first.map {
      try JSONValue(parsing: $0.get("definition", as: JSONText.self).text)
        .decoded(as: DAGSnapshot.self)
    }
  }

  func read(_ sql: SQL) async throws -> [Row] {
    try await pool.withConnection { try await $0.query(sql) }
  }
}

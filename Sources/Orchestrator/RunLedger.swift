import Foundation
import Pipeline
import Schedules
import Synchronization
import Warehouse

/// The statements about runs that are no decisions: made, found, noted, logged.
struct RunLedger: Sendable {
  let connection: Connection

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

  /// Makes the partitions for the month of an instant and the next one, where this process has not
  /// seen to it already.
  func ensurePartitions(at now: Instant, _ months: MonthsMemory? = nil) async throws {
    let day = Zone.utc.day(of: now)
    let month = day - (day.components.day - 1)
    if months?.knows(month) == true { return }
    try await connection.execute(SQL(file: "queries/orchestrator/ensure_partitions.sql", now))
    // A transaction may still be rolled back.
    if await !connection.isInTransaction { months?.add(month) }
  }

  func store(_ snapshot: DAGSnapshot, _ json: JSONValue, at now: Instant) async throws {
    try await connection.execute(
      SQL(
        file: "queries/orchestrator/insert_snapshot.sql", json.hash, snapshot.name,
        JSONText(json.canonicalText), now))
  }

  /// Makes a run; nil where there is one of its key, or another one runs over the interval.
  func create(_ run: NewRun, at now: Instant) async throws -> Int64? {
    try await connection.first(
      SQL(
        file: "queries/orchestrator/insert_run.sql", run.dag, run.interval.start, run.interval.end,
        run.params.hash, JSONText(run.params.canonicalText), run.snapshotHash, now,
        run.state.rawValue, run.kind.rawValue, run.dueAt, run.boundWorker, run.backfill,
        Int32(run.parallelism), run.deadlineAt, Int32(run.unfinished))
    )?.get("run_id", as: Int64.self)
  }

  /// The server's time, unless a test sets the clock.
  func now(_ time: TimeSource) async throws -> Instant {
    if let fixed = time.fixed { return fixed }
    let row = try await connection.first(SQL(file: "queries/orchestrator/read_clock.sql"))
    return try row?.get("now", as: Instant.self) ?? time.clock.now()
  }

  /// Tells all processes of the project; where a transaction is open, once it commits.
  func notify(_ signal: RunSignal) async throws {
    try await connection.execute(RunChannel.telling(signal))
  }

  // MARK: Logs and events

  func write(_ lines: [LogBuffer.Numbered], of runID: Int64) async throws {
    if let insert = Self.write(lines, of: runID) { try await connection.execute(insert) }
  }

  /// The statement that writes log lines; nil for none.
  static func write(_ lines: [LogBuffer.Numbered], of runID: Int64) -> SQL? {
    guard !lines.isEmpty else { return nil }
    return SQL(
      file: "queries/orchestrator/insert_log.sql", runID, lines.map(\.line.at),
      lines.map(\.sequence), lines.map(\.line.task), lines.map { Int32($0.line.attempt) },
      lines.map(\.line.level), lines.map(\.line.message),
      lines.map { line in
        JSONText(JSONValue.object(line.line.metadata.mapValues(JSONValue.string)).canonicalText)
      })
  }

  /// Notes something that happened to a run; `runID` is nil where it has no row yet.
  func note(
    _ kind: String, of runID: Int64?, _ detail: [String: JSONValue] = [:], at now: Instant
  ) async throws {
    try await connection.execute(Self.note(kind, of: runID, detail, at: now))
  }

  /// The statement that notes something.
  static func note(
    _ kind: String, of runID: Int64?, _ detail: [String: JSONValue] = [:], at now: Instant
  ) -> SQL {
    SQL(
      file: "queries/orchestrator/insert_event.sql", runID, kind,
      JSONText(JSONValue.object(detail).canonicalText), now)
  }
}

/// The months whose partitions this process has seen; retention drops only those long past.
final class MonthsMemory: Sendable {
  private let known = Mutex<Set<Day>>([])

  func knows(_ month: Day) -> Bool { known.withLock { $0.contains(month) } }

  func add(_ month: Day) { known.withLock { _ = $0.insert(month) } }
}

/// A run that is to be made.
struct NewRun: Sendable {
  let dag: String
  let interval: DataInterval
  let params: JSONValue
  let snapshotHash: String
  var state = RunState.running
  var kind = RunKind.manual
  var dueAt: Instant?
  var boundWorker: Int64 = 0
  var backfill: Int64?
  var parallelism = 16
  var deadlineAt: Instant?
  /// Its tasks.
  let unfinished: Int
}

import Foundation
import Models
import Orchestrator
import Pipeline
import Reporting
import Schedules
import Segments
import Warehouse

/// The reports of a project's runs: assembled from the ledger, kept in `reports.run_report`.
public struct RunReports: Sendable {
  let pool: ConnectionPool
  let project: Project

  /// How many days of sizes a report shows.
  public static let historyDays = 60

  /// The reports in a project's database.
  public init(pool: ConnectionPool, project: Project) {
    self.pool = pool
    self.project = project
  }

  /// Everything the ledger, the registry and the segment tables know of a run.
  ///
  /// - Throws: ``TaskError`` `report.unknown_run`.
  public func assemble(_ runID: Int64) async throws -> RunReport {
    let store = RunStore(pool)
    guard let run = try await store.run(runID) else {
      throw TaskError(
        code: "report.unknown_run", message: "expected the number of a run, found \(runID)",
        hint: "strata runs list")
    }
    let tasks = try await store.tasks(of: runID)
    let attempts = try await store.attempts(of: runID)
    let tolerated = Set(
      try await store.snapshot(run.snapshotHash)?.tasks.filter { $0.failure == .tolerated }
        .map(\.id) ?? [])
    var report = RunReport(
      project: project.name, run: facts(of: run, tasks, tolerated),
      tasks: tasks.map { facts(of: $0, attempts, isTolerated: tolerated.contains($0.task)) })
    for task in tasks where task.state == .failed {
      let hint = attempts.last { $0.task == task.task && $0.hint != nil }?.hint
      report.failures.append(
        Notice(task.message ?? "failed", hint: hint, task: task.task, code: task.errorCode))
    }
    // What an earlier attempt warned of does not count once a later one has run.
    let latest = Dictionary(tasks.map { ($0.task, $0.attempts) }) { first, _ in first }
    for line in try await store.log(of: runID)
    where line.level == "warning" && line.attempt == latest[line.task] {
      report.warnings.append(Notice(line.message, task: line.task))
    }
    try await add(tasks, to: &report)
    report.nextSteps = steps(report)
    return report
  }

  /// Keeps a report; a run's later report replaces its earlier one.
  public func store(_ report: RunReport) async throws {
    _ = try await pool.withConnection { connection in
      try await connection.execute(
        """
        INSERT INTO reports.run_report (run_id, dag, as_of, state, report)
        VALUES (\(report.run.id), \(report.run.dag), \(report.run.intervalEnd),
          \(report.run.state.rawValue), \(JSONText(try report.json())))
        ON CONFLICT (run_id) DO UPDATE
        SET state = EXCLUDED.state, report = EXCLUDED.report, written_at = now()
        """)
    }
  }

  /// A kept report; that of the latest run without a number.
  ///
  /// - Throws: ``TaskError`` `report.none`.
  public func stored(_ runID: Int64? = nil) async throws -> RunReport {
    let row = try await pool.first(SQL(file: "queries/reports/select_report.sql", runID))
    guard let row else {
      throw TaskError(
        code: "report.none",
        message: runID.map { "expected a report of run \($0), found none" }
          ?? "expected a report, found none yet",
        hint: "strata report list shows what there is")
    }
    return try RunReport(json: try row.get("report", as: JSONText.self).text)
  }

  /// One line of a listing.
  public struct Entry: Codable, Sendable {
    /// The run.
    public let runID: Int64
    /// Its DAG.
    public let dag: String
    /// The end of its interval.
    public let asOf: Instant
    /// How it stood.
    public let state: String
    /// When the report was written.
    public let writtenAt: Instant
  }

  /// The kept reports, newest first.
  public func list(limit: Int) async throws -> [Entry] {
    try await pool.query(
      """
      SELECT run_id, dag, as_of, state, written_at FROM reports.run_report
      ORDER BY written_at DESC LIMIT \(Int64(limit))
      """
    ).map {
      Entry(
        runID: try $0.get("run_id"), dag: try $0.get("dag"), asOf: try $0.get("as_of"),
        state: try $0.get("state"), writtenAt: try $0.get("written_at"))
    }
  }

  // MARK: Facts

  private func facts(
    of run: RunRecord, _ tasks: [TaskRecord], _ tolerated: Set<String>
  ) -> RunFacts {
    // While the report's own task runs, the others already tell how the run will end.
    var state = Outcome(rawValue: run.state.rawValue) ?? .running
    let failed = tasks.contains {
      ($0.state == .failed || $0.state == .upstreamFailed) && !tolerated.contains($0.task)
    }
    if run.state == .running { state = failed ? .failed : .success }
    return RunFacts(
      id: run.runID, dag: run.dag, intervalStart: run.interval.start,
      intervalEnd: run.interval.end, zone: project.zone.name, state: state,
      startedAt: run.startedAt, finishedAt: run.finishedAt)
  }

  private func facts(
    of task: TaskRecord, _ attempts: [AttemptRecord], isTolerated: Bool
  ) -> TaskFacts {
    TaskFacts(
      name: task.task, kind: task.kind, state: Outcome(rawValue: task.state.rawValue) ?? .waiting,
      isTolerated: isTolerated,
      attempts: attempts.filter { $0.task == task.task }.map {
        TaskFacts.Attempt(
          startedAt: $0.startedAt, finishedAt: $0.finishedAt,
          state: Outcome(rawValue: $0.state.rawValue) ?? .running)
      }, summary: ProductSummary.sentence(of: task))
  }

  /// Commands as they can be pasted into the shell that called: its way to the binary and project.
  private func steps(_ report: RunReport) -> [NextStep] {
    let id = report.run.id
    let program = CommandLine.arguments.first ?? "strata"
    let here = FileManager.default.currentDirectoryPath
    let folder = project.directory.path
    var suffix = folder == here ? "" : " --project \(folder)"
    if folder.hasPrefix(here + "/") { suffix = " --project \(folder.dropFirst(here.count + 1))" }
    func step(_ command: String, _ purpose: String) -> NextStep {
      NextStep("\(program) \(command)\(suffix)", purpose)
    }
    var steps = [
      step("segments list", "segments with size and movement"),
      step("db psql", "SQL: segments.membership, segments.transitions, audience.*"),
      step("report html \(id) -o report.html", "this report with plots"),
    ]
    if let failure = report.failures.first, let task = failure.task {
      steps.insert(step("tasks log \(id) \(task)", "what the failed task said"), at: 0)
    }
    return steps
  }
}

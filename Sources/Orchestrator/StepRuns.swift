import Pipeline
import Schedules
import Synchronization
import Warehouse

/// Runs that are one step of a resident process: over when they are recorded, in the transaction of
/// what they did.
///
/// Such a run is seen like any other (`runs list`, `runs show`), but nobody can claim its task: there
/// is no attempt, no lease, and no run where the step is rolled back.
public final class StepRuns: Sendable {
  private let snapshot: DAGSnapshot
  private let json: JSONValue
  private let task: TaskDefinition
  private let isStored = Mutex(false)

  /// Steps of a DAG of one task.
  ///
  /// - Throws: ``PipelineError`` `pipeline.invalid_dag`; ``OrchestratorError``
  ///   `orchestrator.not_one_task`.
  public init(of dag: DAG) throws {
    snapshot = try dag.snapshot()
    json = try snapshot.json()
    guard let task = snapshot.tasks.first, snapshot.tasks.count == 1 else {
      throw OrchestratorError(
        code: "orchestrator.not_one_task",
        message: "expected one task in '\(dag.name)', whose runs are single steps, found "
          + "\(snapshot.tasks.count)", isPermanent: true)
    }
    self.task = task
  }

  /// Stores the definition that the runs name; once in the life of a process.
  public func prepare(_ pool: ConnectionPool, at now: Instant) async throws {
    if isStored.withLock({ $0 }) { return }
    try await pool.withConnection { connection in
      try await RunLedger(connection: connection).store(snapshot, json, at: now)
    }
    isStored.withLock { $0 = true }
  }

  /// The statement that records a step as a run that has succeeded; its row has `run_id`.
  ///
  /// - Parameters:
  ///   - interval: the data that the step covered; each step has its own.
  ///   - product: what its task returned.
  public func recording(
    _ interval: DataInterval, from startedAt: Instant, to finishedAt: Instant,
    product: some Encodable
  ) throws -> SQL {
    let params = JSONValue.object([:])
    return SQL(
      file: "queries/orchestrator/insert_step_run.sql", snapshot.name, interval.start,
      interval.end, params.hash, JSONText(params.canonicalText), json.hash, startedAt, finishedAt,
      task.id, task.kind, JSONText(try JSONValue(encoding: product).canonicalText))
  }
}

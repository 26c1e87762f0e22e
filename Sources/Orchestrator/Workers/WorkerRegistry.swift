import Pipeline
import Schedules
import Warehouse

/// A worker as recorded.
public struct WorkerRecord: Codable, Sendable, Hashable {
  /// Number of the worker.
  public let workerID: Int64
  /// `run`, `scheduler` or `worker`.
  public let role: String
  /// `live`, `draining`, `gone` or `lost`.
  public let state: String
  /// Its host.
  public let host: String
  /// Its process on that host.
  public let processID: Int
  /// Attempts that it runs at once.
  public let slots: Int
  /// When it began.
  public let startedAt: Instant
  /// Its last heartbeat.
  public let heartbeatAt: Instant
  /// Whether its lease holds, by the server's clock.
  public let holdsLease: Bool

  init(_ row: Row) throws {
    workerID = try row.get("worker_id", as: Int64.self)
    role = try row.get("role", as: String.self)
    state = try row.get("state", as: String.self)
    host = try row.get("host", as: String.self)
    processID = Int(try row.get("process_id", as: Int32.self))
    slots = Int(try row.get("slots", as: Int32.self))
    startedAt = try row.get("started_at", as: Instant.self)
    heartbeatAt = try row.get("heartbeat_at", as: Instant.self)
    holdsLease = try row.get("holds_lease", as: Bool.self)
  }
}

/// The workers of a project: who is there, and who was lost.
struct WorkerRegistry: Sendable {
  let connection: Connection

  /// Makes a worker, and returns its number.
  func register(_ options: WorkerOptions, _ runtime: Runtime) async throws -> Int64 {
    let identity = runtime.identity
    let row = try await connection.first(
      SQL(
        file: "queries/orchestrator/register_worker.sql", options.role.rawValue, identity.host,
        identity.hostIdentity, identity.processID, identity.processStarted, Int32(options.slots),
        runtime.version, options.lease.fractionalSeconds))
    guard let row else {
      throw OrchestratorError(
        code: "orchestrator.no_worker", message: "expected a row of runs.worker, found none")
    }
    return try row.get("worker_id", as: Int64.self)
  }

  /// Whether a worker still has its attempts in hand. One whose process is known to be dead is
  /// given up at once; of any other, its lease decides.
  func isAlive(_ worker: Int64) async throws -> Bool {
    let row = try await connection.first(SQL(file: "queries/orchestrator/find_worker.sql", worker))
    guard let row, try row.get("holds_lease", as: Bool.self) else { return false }
    return !(try WorkerIdentity(row).isKnownToBeDead())
  }

  /// Whether a daemon is there that takes work.
  func hasDaemon() async throws -> Bool {
    let rows = try await connection.query(SQL(file: "queries/orchestrator/find_daemon.sql"))
    return try rows.contains { !(try WorkerIdentity($0).isKnownToBeDead()) }
  }

  /// Gives a worker up: its sessions end, so that none of them holds a lock any longer, and its
  /// attempts are lost.
  func giveUp(_ worker: Int64, _ runtime: Runtime) async throws {
    try await connection.execute(SQL(file: "queries/orchestrator/end_worker.sql", worker, "lost"))
    _ = try await connection.query(
      SQL(file: "queries/orchestrator/end_sessions.sql", "strata w\(worker) "))
    _ = try await recover(runtime)
  }

  /// Takes over the attempts of workers that have left or were given up; each costs a try.
  ///
  /// - Returns: the runs it decided about, with what came of it.
  func recover(
    _ runtime: Runtime, run: Int64? = nil
  ) async throws -> [(run: Int64, result: StepResult)] {
    let rows = try await connection.query(SQL(file: "queries/orchestrator/list_orphans.sql", run))
    var orphans: [Int64: [Occurrence]] = [:]
    for row in rows {
      orphans[try row.get("run_id", as: Int64.self), default: []].append(
        .lost(
          OrphanedAttempt(
            taskID: try row.get("task_id", as: String.self),
            token: try row.get("fencing_token", as: Int64.self),
            attempt: Int(try row.get("tries", as: Int32.self)),
            message: "the process that ran it is gone")))
    }
    var results: [(Int64, StepResult)] = []
    for (runID, lost) in orphans.sorted(by: { $0.key < $1.key }) {
      if let result = try await runtime.step(connection).decideOrFail(runID, lost) {
        results.append((runID, result))
      }
    }
    return results
  }
}

import Pipeline
import Schedules
import Warehouse

/// How far a task is over the intervals of a backfill.
public struct BackfillTaskTally: Codable, Sendable, Hashable {
  /// Id of the task.
  public let task: String
  /// Intervals whose runs have begun.
  public let total: Int
  /// Those in which it ended well.
  public let succeeded: Int
  /// Those in which it, or what it needs, failed.
  public let failed: Int
  /// Those in which it runs.
  public let running: Int
  /// Those in which nothing more happens to it.
  public let ended: Int
  /// When it first began; nil before.
  public let startedAt: Instant?
  /// When it last ended in an interval; nil before.
  public let finishedAt: Instant?

  init(_ row: Row) throws {
    func count(_ name: String) throws -> Int { Int(try row.get(name, as: Int64.self)) }
    task = try row.get("task_id", as: String.self)
    total = try count("total")
    succeeded = try count("success")
    failed = try count("failed")
    running = try count("running")
    ended = try count("ended")
    startedAt = try row.get("started_at", as: Instant?.self)
    finishedAt = try row.get("finished_at", as: Instant?.self)
  }
}

extension Backfills {
  /// The tasks of a backfill, counted over its intervals, in the order of declaration.
  public func tasks(_ id: Int64) async throws -> [BackfillTaskTally] {
    try await runtime.pool.query(SQL(file: "queries/orchestrator/list_backfill_tasks.sql", id))
      .map(BackfillTaskTally.init)
  }

  /// The tasks of a backfill in batches, which go through all intervals one after the other; none
  /// of another, whose intervals tell how far it is.
  func tasksOfBatch(_ record: BackfillRecord) async throws -> [BackfillTaskTally] {
    record.isBatch ? try await tasks(record.backfillID) : []
  }
}

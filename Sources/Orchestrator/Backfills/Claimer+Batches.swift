import Pipeline
import Warehouse

extension Claimer {
  /// Claims tasks over all intervals of a batch: at most `free` of them, each of which counts as one
  /// attempt, in a transaction of its own each.
  ///
  /// A task is taken when it is ready in every run of the batch that it has not ended in, so that
  /// each task gets the whole range that is left, and not the part that its upstream task has
  /// finished so far.
  func claimBatches(_ free: Int, on connection: Connection) async throws -> [ClaimedTask] {
    guard batches != .none else { return [] }
    let rows = try await connection.query(
      SQL(
        file: "queries/orchestrator/list_ready_batches.sql", time.fixed, queues,
        batches.backfill))
    var claimed: [ClaimedTask] = []
    var count = 0
    for row in rows where count < free {
      let id = try row.get("backfill_id", as: Int64.self)
      let claimer = self
      let batch = try await connection.transaction { connection in
        try await claimer.claimBatch(id, on: connection)
      }
      if !batch.isEmpty { count += 1 }
      let first = batch.first?.token
      claimed += batch.map { task in
        var task = task
        task.batch = first
        return task
      }
    }
    return claimed
  }

  private func claimBatch(
    _ backfill: Int64, on connection: Connection
  ) async throws -> [ClaimedTask] {
    let lock = try await connection.first(
      SQL(file: "queries/orchestrator/try_lock_batch.sql", backfill))
    guard try lock?.get("taken", as: Bool.self) == true else {
      turns.noteBusy()
      return []
    }
    // A statement of its own: its view of the table is younger than the lock.
    let rows = try await connection.query(
      SQL(file: "queries/orchestrator/select_batch.sql", time.fixed, backfill, queues))
    var found: [ClaimableTask] = []
    for row in rows {
      if let task = try await claimable(row, on: connection) { found.append(task) }
    }
    guard let first = found.first else { return [] }
    let limits = LimitTable([first], bindsRuns: false)
    if !limits.isEmpty {
      let decision = try await limits.decide(
        among: [first], chosen: [], free: 1, turns: turns, on: connection)
      guard !decision.chosen.isEmpty else { return [] }
    }
    for task in found { try await learnParams(of: task.runID, on: connection) }
    let started = try await connection.pipeline(start(found))
    return try claimed(found, started.first ?? [])
  }
}

/// The batches that a worker serves.
enum BatchService: Sendable, Hashable {
  case none
  case all
  /// Those of one backfill.
  case only(Int64)

  var backfill: Int64? { if case .only(let id) = self { id } else { nil } }
}

import Pipeline
import Schedules
import Warehouse

/// A run as a decision finds it, its row locked.
struct RunRow: Sendable {
  let runID: Int64
  let dag: String
  let state: RunState
  let kind: RunKind
  let snapshotHash: String
  let interval: DataInterval
  let parallelism: Int
  var boundWorker: Int64
  let standing: RunStanding
  /// The instant of the decision.
  let at: Instant

  init(_ row: Row, runID: Int64) throws {
    self.runID = runID
    dag = try row.get("dag", as: String.self)
    state = try row.state("state", as: RunState.self)
    kind = try row.state("kind", as: RunKind.self)
    snapshotHash = try row.get("snapshot_hash", as: String.self)
    interval = try DataInterval(
      start: row.get("interval_start", as: Instant.self),
      end: row.get("interval_end", as: Instant.self))
    parallelism = Int(try row.get("parallelism", as: Int32.self))
    boundWorker = try row.get("bound_worker_id", as: Int64.self)
    at = try row.get("at", as: Instant.self)
    let state = state
    standing = RunStanding(
      isCancelling: try row.get("is_cancelling", as: Bool.self),
      unfinished: Int(try row.get("unfinished", as: Int32.self)),
      active: Int(try row.get("active", as: Int32.self)),
      failed: Int(try row.get("failed", as: Int32.self)),
      cancelled: Int(try row.get("cancelled", as: Int32.self)),
      ended: state == .running || state == .queued ? nil : state)
  }
}

/// What asked for a run.
public enum RunKind: String, Codable, Sendable, Hashable, CaseIterable {
  /// Somebody, by name.
  case manual
  /// Its schedule.
  case scheduled
  /// A backfill.
  case backfill
  /// Data that arrived.
  case asset
}

/// What a decision knows of a task beside its standing.
struct TaskRow: Sendable {
  let token: Int64?
  let startedAt: Instant?
}

extension TaskStanding {
  init(_ row: Row) throws {
    func count(_ column: String) throws -> Int { Int(try row.get(column, as: Int32.self)) }
    var items: ItemTally?
    if let total = try row.get("items_total", as: Int32?.self) {
      let (succeeded, failed) = (try count("items_succeeded"), try count("items_failed"))
      let (skipped, cancelled) = (try count("items_skipped"), try count("items_cancelled"))
      items = ItemTally(
        total: Int(total), unfinished: Int(total) - succeeded - failed - skipped - cancelled,
        succeeded: succeeded, failed: failed, skipped: skipped, cancelled: cancelled)
    }
    self.init(
      state: try row.state("state", as: TaskState.self), attempts: try count("tries"),
      allowedAttempts: try count("allowed_tries"),
      tally: UpstreamTally(
        succeeded: try count("up_succeeded"), failed: try count("up_failed"),
        upstreamFailed: try count("up_upstream_failed"), skipped: try count("up_skipped"),
        unfinished: try count("up_unfinished")),
      setupsSucceeded: try count("setups_succeeded"),
      isHeld: try row.get("is_held", as: Bool.self),
      isClearing: try row.get("is_clearing", as: Bool.self), items: items,
      skips: try row.get("skips", as: String?.self)?.split(separator: ",").compactMap {
        Int($0)
      } ?? [])
  }
}

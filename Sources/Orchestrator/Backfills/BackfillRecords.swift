import Pipeline
import Schedules
import Warehouse

/// Where a backfill stands.
public enum BackfillState: String, Codable, Sendable, Hashable, CaseIterable {
  /// Its intervals are being run.
  case running
  /// Nothing new is begun; what runs goes on.
  case paused
  /// It was cancelled, and its last runs are being stopped.
  case cancelling
  /// All intervals have ended, well or not.
  case finished
  /// It was cancelled.
  case cancelled

  /// Whether nothing more happens.
  public var isFinal: Bool { self == .finished || self == .cancelled }
}

/// What became of an interval of a backfill.
public enum BackfillOutcome: String, Codable, Sendable, Hashable, CaseIterable {
  /// Its turn has not come.
  case pending
  /// Its run is under way.
  case started
  /// Somebody else runs it; looked at again when that run has ended.
  case inFlight = "in_flight"
  /// Not run, as its reason says.
  case skipped
  /// Its run ended well.
  case success
  /// Its run failed.
  case failed
  /// Its run, or the backfill before it, was cancelled.
  case cancelled
}

/// A backfill as recorded.
public struct BackfillRecord: Codable, Sendable, Hashable {
  /// Number of the backfill.
  public let backfillID: Int64
  /// Name of the DAG.
  public let dag: String
  /// Where it stands.
  public let state: BackfillState
  /// When it was asked for.
  public let createdAt: Instant
  /// When its last interval ended; nil before.
  public let finishedAt: Instant?
  /// Its runs at once, at most; a batch counts for nothing here.
  public let maxActive: Int
  /// Whether the latest interval goes first.
  public let isReverse: Bool
  /// Which intervals that were run before are run again.
  public let reprocess: Reprocess
  /// Whether its tasks serve all intervals in one go.
  public let isBatch: Bool
  /// Parameters of its runs, a JSON object.
  public let params: JSONValue
  /// Who asked for it.
  public let author: String?
  /// Why; nil if nothing was said.
  public let message: String?
  /// The hash of the definition of its runs.
  public let snapshotHash: String
  /// Its intervals by what became of them.
  public let tally: BackfillTally
}

/// The intervals of a backfill, counted.
public struct BackfillTally: Codable, Sendable, Hashable {
  /// All.
  public var total = 0
  /// Their turn has not come.
  public var pending = 0
  /// Under way.
  public var started = 0
  /// Held by somebody else.
  public var inFlight = 0
  /// Not run.
  public var skipped = 0
  /// Ended well.
  public var succeeded = 0
  /// Failed.
  public var failed = 0
  /// Cancelled.
  public var cancelled = 0

  /// Those that nothing more happens to.
  public var ended: Int { skipped + succeeded + failed + cancelled }
}

/// An interval of a backfill as recorded.
public struct BackfillIntervalRecord: Codable, Sendable, Hashable {
  /// Its place in the order in which intervals are taken, from 0.
  public let place: Int
  /// The data.
  public let interval: DataInterval
  /// What is done about it.
  public let action: BackfillAction
  /// What became of it.
  public let outcome: BackfillOutcome
  /// Its run; nil before it began.
  public let runID: Int64?
  /// Why it is skipped, in flight, or did not end well; nil otherwise.
  public let reason: String?
}

extension BackfillRecord {
  init(_ row: Row) throws {
    backfillID = try row.get("backfill_id", as: Int64.self)
    dag = try row.get("dag", as: String.self)
    state = try row.state("state", as: BackfillState.self)
    createdAt = try row.get("created_at", as: Instant.self)
    finishedAt = try row.get("finished_at", as: Instant?.self)
    maxActive = Int(try row.get("max_active", as: Int32.self))
    isReverse = try row.get("is_reverse", as: Bool.self)
    reprocess = try row.state("reprocess", as: Reprocess.self)
    params = try JSONValue(parsing: row.get("params", as: JSONText.self).text)
    snapshotHash = try row.get("snapshot_hash", as: String.self)
    let options = try JSONValue(parsing: row.get("options", as: JSONText.self).text)
      .decoded(as: BackfillOptions.self)
    isBatch = options.isBatch ?? false
    author = options.by
    message = options.message
    func count(_ outcome: BackfillOutcome) throws -> Int {
      Int(try row.get(outcome.rawValue, as: Int64.self))
    }
    tally = BackfillTally(
      total: Int(try row.get("total", as: Int64.self)), pending: try count(.pending),
      started: try count(.started), inFlight: try count(.inFlight), skipped: try count(.skipped),
      succeeded: try count(.success), failed: try count(.failed),
      cancelled: try count(.cancelled))
  }
}

/// What `runs.backfill.options` holds.
struct BackfillOptions: Codable, Sendable, Hashable {
  var isBatch: Bool?
  var by: String?
  var message: String?
}

extension BackfillIntervalRecord {
  init(_ row: Row) throws {
    place = Int(try row.get("place", as: Int32.self))
    interval = try DataInterval(
      start: row.get("interval_start", as: Instant.self),
      end: row.get("interval_end", as: Instant.self))
    action = try row.state("action", as: BackfillAction.self)
    outcome = try row.state("outcome", as: BackfillOutcome.self)
    runID = try row.get("run_id", as: Int64?.self)
    reason = try row.get("reason", as: String?.self)
  }
}

extension ExistingRun {
  init(_ row: Row) throws {
    self.init(
      runID: try row.get("run_id", as: Int64.self),
      interval: try DataInterval(
        start: row.get("interval_start", as: Instant.self),
        end: row.get("interval_end", as: Instant.self)),
      state: try row.state("state", as: RunState.self),
      kind: try row.get("kind", as: String.self),
      hasSameParams: try row.get("has_same_params", as: Bool.self))
  }
}

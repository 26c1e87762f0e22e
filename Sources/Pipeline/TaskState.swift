/// Where a task of a run, or one item of a mapped task, stands.
public enum TaskState: String, Codable, Sendable, Hashable, CaseIterable {
  /// Its upstream tasks have not ended, or something else holds it back.
  case waiting
  /// Ready: a worker with a free slot may take it.
  case queued
  /// An attempt is on its way; of a mapped task: its items are.
  case running
  /// An attempt failed, and another will follow after a pause.
  case retrying
  /// A sensor that waits for its next look; it holds no slot meanwhile.
  case deferred
  /// Ended well.
  case success
  /// Ended badly, with no attempts left.
  case failed
  /// Never ran, because something upstream failed.
  case upstreamFailed = "upstream_failed"
  /// Did not have to run.
  case skipped
  /// Stopped, or never started, because the run was cancelled.
  case cancelled

  /// Whether nothing more happens to the task in this run.
  public var isFinal: Bool {
    switch self {
    case .waiting, .queued, .running, .retrying, .deferred: false
    case .success, .failed, .upstreamFailed, .skipped, .cancelled: true
    }
  }

  /// Whether a worker may take it, once it is due.
  public var isClaimable: Bool {
    switch self {
    case .queued, .retrying, .deferred: true
    case .waiting, .running, .success, .failed, .upstreamFailed, .skipped, .cancelled: false
    }
  }
}

/// Where a run stands.
public enum RunState: String, Codable, Sendable, Hashable, CaseIterable {
  /// Made, and waiting for its turn.
  case queued
  /// Under way, or interrupted by a crash and not yet resumed.
  case running
  /// Every task that counts ended well.
  case success
  /// A task that counts failed.
  case failed
  /// Stopped on request.
  case cancelled
}

extension UpstreamTally {
  /// Counts one upstream task, or takes it back with `by: -1`.
  public mutating func count(_ state: TaskState, by amount: Int = 1) {
    switch state {
    case .waiting, .queued, .running, .retrying, .deferred: unfinished += amount
    case .success: succeeded += amount
    case .failed, .cancelled: failed += amount
    case .upstreamFailed: upstreamFailed += amount
    case .skipped: skipped += amount
    }
  }
}

/// Where a task of a run stands.
public enum TaskState: String, Codable, Sendable, Hashable, CaseIterable {
  /// Its upstream tasks have not ended, or it waits for a free slot.
  case waiting
  /// An attempt is on its way.
  case running
  /// An attempt failed, and another will follow after a pause.
  case retrying
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
    case .waiting, .running, .retrying: false
    case .success, .failed, .upstreamFailed, .skipped, .cancelled: true
    }
  }
}

/// Where a run stands.
public enum RunState: String, Codable, Sendable, Hashable, CaseIterable {
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
  mutating func count(_ state: TaskState, by amount: Int = 1) {
    switch state {
    case .waiting, .running, .retrying: unfinished += amount
    case .success: succeeded += amount
    case .failed, .cancelled: failed += amount
    case .upstreamFailed: upstreamFailed += amount
    case .skipped: skipped += amount
    }
  }
}

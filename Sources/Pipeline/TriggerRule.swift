/// When a task runs, given how its upstream tasks ended.
public enum TriggerRule: String, Codable, Sendable, Hashable, CaseIterable {
  /// All succeeded.
  case allSuccess = "all_success"
  /// All failed.
  case allFailed = "all_failed"
  /// All ended, however.
  case allDone = "all_done"
  /// All ended, none skipped, one at least with success.
  case allDoneMinOneSuccess = "all_done_min_one_success"
  /// All were skipped.
  case allSkipped = "all_skipped"
  /// One succeeded; does not wait for the others.
  case oneSuccess = "one_success"
  /// One failed; does not wait for the others.
  case oneFailed = "one_failed"
  /// One ran to its end, well or not; does not wait for the others.
  case oneDone = "one_done"
  /// All ended, none failed.
  case noneFailed = "none_failed"
  /// All ended, none failed, one at least with success.
  case noneFailedMinOneSuccess = "none_failed_min_one_success"
  /// All ended, none skipped.
  case noneSkipped = "none_skipped"
  /// At once.
  case always
}

/// What a trigger rule says of a task.
public enum Verdict: String, Sendable, Hashable {
  /// Run it.
  case run = "R"
  /// Skip it.
  case skip = "K"
  /// It cannot run, because something upstream failed.
  case upstreamFailed = "U"
  /// Wait for more upstream tasks to end.
  case wait = "w"
}

/// How many upstream tasks of one task are in which state.
public struct UpstreamTally: Sendable, Hashable {
  /// Ended with success.
  public var succeeded: Int
  /// Failed or were cancelled.
  public var failed: Int
  /// Could not run because something upstream of them failed.
  public var upstreamFailed: Int
  /// Skipped.
  public var skipped: Int
  /// Not ended yet.
  public var unfinished: Int

  /// A tally; by default of nothing.
  public init(
    succeeded: Int = 0, failed: Int = 0, upstreamFailed: Int = 0, skipped: Int = 0,
    unfinished: Int = 0
  ) {
    self.succeeded = succeeded
    self.failed = failed
    self.upstreamFailed = upstreamFailed
    self.skipped = skipped
    self.unfinished = unfinished
  }

  /// All upstream tasks.
  public var total: Int { succeeded + failed + upstreamFailed + skipped + unfinished }
}

extension TriggerRule {
  /// The law: the first line that matches wins.
  ///
  /// A verdict other than `wait` stands whatever the unfinished upstream tasks do later, so the
  /// order in which tasks end never decides how a run ends.
  public func verdict(_ tally: UpstreamTally) -> Verdict {
    guard tally.total > 0 else { return .run }
    let success = tally.succeeded > 0
    let failed = tally.failed > 0
    let upstream = tally.upstreamFailed > 0
    let skipped = tally.skipped > 0
    let waiting = tally.unfinished > 0
    switch self {
    case .allSuccess:
      if failed || upstream { return .upstreamFailed }
      if waiting { return .wait }
      return skipped ? .skip : .run
    case .allFailed:
      if success || skipped { return .skip }
      return waiting ? .wait : .run
    case .allDone:
      return waiting ? .wait : .run
    case .allDoneMinOneSuccess:
      if skipped { return .skip }
      if waiting { return .wait }
      return success ? .run : .upstreamFailed
    case .allSkipped:
      if success || failed || upstream { return .skip }
      return waiting ? .wait : .run
    case .oneSuccess:
      if success { return .run }
      if waiting { return .wait }
      return failed || upstream ? .upstreamFailed : .skip
    case .oneFailed:
      if failed || upstream { return .run }
      return waiting ? .wait : .skip
    case .oneDone:
      if success || failed { return .run }
      return waiting ? .wait : .skip
    case .noneFailed:
      if failed || upstream { return .upstreamFailed }
      return waiting ? .wait : .run
    case .noneFailedMinOneSuccess:
      if failed || upstream { return .upstreamFailed }
      if waiting { return .wait }
      return success ? .run : .skip
    case .noneSkipped:
      if skipped { return .skip }
      return waiting ? .wait : .run
    case .always:
      return .run
    }
  }

  /// Whether a task with so many upstream tasks may run though one of them has not succeeded; the
  /// products it reads are then `Output<P>?`.
  public func mayRunWithoutSuccess(upstreams: Int) -> Bool {
    // The law asks only which letters are present, so five upstreams show all it can do.
    let count = min(upstreams, 5)
    for succeeded in 0..<max(count, 0) {
      for failed in 0...(count - succeeded) {
        for upstream in 0...(count - succeeded - failed) {
          for skipped in 0...(count - succeeded - failed - upstream) {
            let tally = UpstreamTally(
              succeeded: succeeded, failed: failed, upstreamFailed: upstream, skipped: skipped,
              unfinished: count - succeeded - failed - upstream - skipped)
            if verdict(tally) == .run { return true }
          }
        }
      }
    }
    return false
  }
}

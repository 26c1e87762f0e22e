import Schedules

/// Which intervals of a backfill that were run before are run again.
public enum Reprocess: String, Codable, Sendable, Hashable, CaseIterable {
  /// None of them.
  case none
  /// Those that failed or were cancelled.
  case failed
  /// All of them.
  case completed
}

/// What a backfill does about an interval.
public enum BackfillAction: String, Codable, Sendable, Hashable, CaseIterable {
  /// Makes its run.
  case run
  /// Runs its run again.
  case rerun
  /// Nothing.
  case skip
  /// Waits until the run that holds it has ended, and decides then.
  case wait
}

/// A run that is there over an interval of a backfill.
public struct ExistingRun: Sendable, Hashable {
  /// Number of the run.
  public let runID: Int64
  /// The data it covers.
  public let interval: DataInterval
  /// Where it stands.
  public let state: RunState
  /// What asked for it, for example `scheduled`.
  public let kind: String
  /// Whether its parameters are those of the backfill: then it is the run of the interval.
  public let hasSameParams: Bool

  /// A run over an interval.
  public init(
    runID: Int64, interval: DataInterval, state: RunState, kind: String, hasSameParams: Bool
  ) {
    self.runID = runID
    self.interval = interval
    self.state = state
    self.kind = kind
    self.hasSameParams = hasSameParams
  }

  /// Whether it holds its interval: nobody else may run it now.
  var isUnderWay: Bool { state == .running || (state == .queued && hasSameParams) }
}

/// What a backfill does about one interval, and why.
public struct BackfillStep: Codable, Sendable, Hashable {
  /// Its place in the order in which intervals are taken, from 0.
  public let place: Int
  /// The data.
  public let interval: DataInterval
  /// What is done.
  public let action: BackfillAction
  /// The run that is there; nil for none.
  public let runID: Int64?
  /// Why it is not simply run; nil where it is.
  public let reason: String?
}

/// What a backfill does, interval by interval: shown by a dry run, stored when it is created, and
/// asked again about an interval that somebody else held.
public struct BackfillPlan: Sendable, Hashable {
  /// The steps in the order in which they are taken.
  public let steps: [BackfillStep]

  /// Intervals that a backfill may have at most.
  public static let limit = 100_000

  /// Decides on intervals, given the runs that are there.
  ///
  /// - Parameters:
  ///   - intervals: the oldest first.
  ///   - isReverse: whether the latest one goes first.
  public init(
    _ intervals: [DataInterval], existing: [ExistingRun], reprocess: Reprocess,
    isReverse: Bool = false
  ) {
    let runs = Dictionary(grouping: existing, by: \.interval)
    steps = (isReverse ? intervals.reversed() : intervals).enumerated().map { place, interval in
      Self.step(place, interval, existing: runs[interval] ?? [], reprocess: reprocess)
    }
  }

  /// What is done about one interval.
  public static func step(
    _ place: Int, _ interval: DataInterval, existing: [ExistingRun], reprocess: Reprocess
  ) -> BackfillStep {
    func step(_ action: BackfillAction, _ run: ExistingRun?, _ reason: String?) -> BackfillStep {
      BackfillStep(
        place: place, interval: interval, action: action, runID: run?.runID, reason: reason)
    }
    if let holder = existing.first(where: \.isUnderWay) {
      return step(.wait, holder, "in flight: run \(holder.runID) (\(holder.kind)) is under way")
    }
    guard let own = existing.first(where: \.hasSameParams) else { return step(.run, nil, nil) }
    let ended = "run \(own.runID) ended in \(own.state.rawValue)"
    let isRerun =
      switch reprocess {
      case .none: false
      case .failed: own.state != .success
      case .completed: true
      }
    return step(isRerun ? .rerun : .skip, own, ended)
  }

  /// The intervals of a timetable whose data lie within a span, the oldest first; whole local days
  /// where there is no timetable.
  ///
  /// - Throws: ``PipelineError`` `pipeline.bad_backfill` for a span without any, and for more than
  ///   ``limit``.
  public static func intervals(
    of timetable: Timetable?, from start: Instant, to end: Instant, zone: Zone
  ) throws(PipelineError) -> [DataInterval] {
    var found: [DataInterval] = []
    func add(_ interval: DataInterval) throws(PipelineError) {
      found.append(interval)
      guard found.count <= limit else {
        throw PipelineError(
          code: "pipeline.bad_backfill",
          message: "expected at most \(limit) intervals from \(start) to \(end), found more",
          hint: "backfill a shorter span at a time")
      }
    }
    if let timetable {
      var firing = timetable.firstFiring(coveringFrom: start)
      while let fireAt = firing, let interval = timetable.interval(firingAt: fireAt),
        interval.end <= end
      {
        try add(interval)
        firing = timetable.next(after: fireAt)
      }
    } else {
      var day = zone.day(of: start)
      if zone.midnight(day) < start { day = day + 1 }
      while zone.midnight(day + 1) <= end {
        try add(DataInterval(day: day, in: zone))
        day = day + 1
      }
    }
    guard !found.isEmpty else {
      throw PipelineError(
        code: "pipeline.bad_backfill",
        message: "expected intervals from \(start) to \(end), found none",
        hint: "an interval has to lie within them as a whole")
    }
    return found
  }

  /// The tasks that no backfill can take in reverse: they wait for the interval before, which would
  /// come after them.
  public static func dependentOnPast(_ snapshot: DAGSnapshot) -> [String] {
    snapshot.tasks.filter { $0.dependsOnPast || $0.waitForDownstream }.map(\.id)
  }
}

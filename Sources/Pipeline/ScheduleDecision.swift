import Schedules

/// A run that a schedule makes due.
public struct DueRun: Sendable, Hashable, Codable {
  /// The data it covers.
  public let interval: DataInterval
  /// When it was, or will be, due.
  public let fireAt: Instant

  /// A run of an interval.
  public init(interval: DataInterval, fireAt: Instant) {
    self.interval = interval
    self.fireAt = fireAt
  }
}

/// Which runs of a timetable are due; pure, so that what enabling a DAG would create can be shown
/// before it is created.
///
/// **The law.** A firing is past when it is not after `now`. Its run counts where its data begin at
/// or after `starts`, and end after those of the last scheduled run. Of the past firings that count,
/// the latest one is due if the schedule was active when it fired, however late that is noticed.
/// All others are missed, whether the DAG was paused, not yet enabled, or no scheduler ran, and
/// catch-up decides on them:
/// - `.none` makes none of them;
/// - `.latest` makes the latest firing, also where the schedule was not active then;
/// - `.all` makes all since the last scheduled run, or since `starts`, oldest first and at most
///   `limit` at once. Without either it begins where the schedule became active.
///
/// While a DAG is paused nothing is decided. When it is resumed, `activeSince` is that instant.
/// To show what enabling would create, call with `activeSince` and `now` at the present instant.
public struct ScheduleDecision: Sendable, Hashable {
  /// The runs to create now, oldest first.
  public let runs: [DueRun]
  /// Whether more are due than the limit let through: decide again once these are created.
  public let isLimited: Bool
  /// When the next run will be due; nil for never.
  public let nextFire: Instant?

  /// What is due at an instant.
  ///
  /// - Parameters:
  ///   - timetable: when runs fire.
  ///   - catchUp: what becomes of missed firings.
  ///   - starts: no run covers data before it; nil for no such bound.
  ///   - lastInterval: the data of the last scheduled run; nil before the first.
  ///   - activeSince: when the DAG was enabled or last resumed.
  ///   - now: the present.
  ///   - limit: the most runs to create at once, at least 1.
  public static func due(
    _ timetable: Timetable, catchUp: CatchUp, starts: Instant? = nil, lastInterval: DataInterval?,
    activeSince: Instant, now: Instant, limit: Int = 100
  ) -> ScheduleDecision {
    let window = Window(timetable: timetable, starts: starts, lastEnd: lastInterval?.end)
    let from = lastInterval?.end ?? starts ?? activeSince
    var runs: [DueRun] = []
    var isLimited = false
    if catchUp == .all {
      (runs, isLimited) = window.runs(from: max(from, starts ?? from), now: now, limit: limit)
    } else if let latest = window.latest(now: now),
      catchUp == .latest || latest.fireAt >= activeSince
    {
      runs = [latest]
    }
    return ScheduleDecision(
      runs: runs, isLimited: isLimited, nextFire: window.firstFiring(after: now))
  }

  /// Those of a schedule's past intervals that no look of a scheduler makes runs of: what comes
  /// before `starts`, and what catch-up does not make up for. One of them that has a run was asked
  /// for by somebody.
  ///
  /// - Parameters:
  ///   - intervals: of past firings.
  ///   - pausedAt: since when nothing is decided; nil where the schedule goes on. What fires
  ///     meanwhile is judged as if it went on now.
  public static func leftOut(
    of intervals: [DataInterval], _ timetable: Timetable, catchUp: CatchUp,
    starts: Instant? = nil, lastInterval: DataInterval?, activeSince: Instant,
    pausedAt: Instant? = nil, now: Instant
  ) -> Set<DataInterval> {
    // What catch-up makes of every firing, it has made, or has yet to: the last run is no bound.
    let everything = catchUp == .all
    let last = everything ? nil : lastInterval
    let since = pausedAt == nil ? activeSince : now
    let begin = everything ? min(activeSince, lastInterval?.end ?? activeSince) : since
    let decision = due(
      timetable, catchUp: catchUp, starts: starts, lastInterval: last, activeSince: begin, now: now,
      limit: .max)
    return Set(intervals).subtracting(decision.runs.map(\.interval))
  }

  /// The firings of a timetable that count.
  private struct Window {
    let timetable: Timetable
    let starts: Instant?
    let lastEnd: Instant?

    func counts(_ interval: DataInterval) -> Bool {
      interval.start >= starts ?? interval.start && lastEnd.map { interval.end > $0 } ?? true
    }

    func runs(from: Instant, now: Instant, limit: Int) -> ([DueRun], isLimited: Bool) {
      var runs: [DueRun] = []
      var firing = timetable.next(after: Instant(microseconds: from.microseconds - 1))
      while let fireAt = firing, fireAt <= now {
        if let interval = timetable.interval(firingAt: fireAt), counts(interval) {
          if runs.count == max(limit, 1) { return (runs, true) }
          runs.append(DueRun(interval: interval, fireAt: fireAt))
        }
        firing = timetable.next(after: fireAt)
      }
      return (runs, false)
    }

    func latest(now: Instant) -> DueRun? {
      guard let fireAt = timetable.previous(before: Instant(microseconds: now.microseconds + 1)),
        let interval = timetable.interval(firingAt: fireAt), counts(interval)
      else { return nil }
      return DueRun(interval: interval, fireAt: fireAt)
    }

    func firstFiring(after now: Instant) -> Instant? {
      let after = starts.map { max(now, Instant(microseconds: $0.microseconds - 1)) } ?? now
      var firing = timetable.next(after: after)
      while let fireAt = firing {
        if let interval = timetable.interval(firingAt: fireAt), counts(interval) { return fireAt }
        firing = timetable.next(after: fireAt)
      }
      return nil
    }
  }
}

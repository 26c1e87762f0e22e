/// How often a zone's wall clock shows a time.
enum ClockPasses: Sendable, Hashable {
  /// At one instant.
  case once(Instant)
  /// At two, one before and one after the clocks went back.
  case twice(first: Instant, last: Instant, change: Instant)
  /// Never: the clocks were put forward over it.
  case none(change: Instant)

  /// The first of the instants; the end of the gap where there is none.
  var first: Instant {
    switch self {
    case .once(let instant): instant
    case .twice(let first, _, _): first
    case .none(let change): change
    }
  }

  /// The last of the instants; the end of the gap where there is none.
  var last: Instant {
    if case .twice(_, let last, _) = self { last } else { first }
  }
}

extension Zone {
  /// When the wall clock shows a time.
  func passes(of local: LocalTime) -> ClockPasses {
    let (first, last) = instants(of: local)
    if first != last {
      return .twice(first: first, last: last, change: transition(after: first, before: last))
    }
    return localTime(at: first) == local ? .once(first) : .none(change: first)
  }

  /// What the wall clock shows at a change just before it and just after.
  func clocks(at change: Instant) -> (before: LocalTime, after: LocalTime) {
    let before = offset(at: Instant(microseconds: change.microseconds - 1))
    return (
      LocalTime(microseconds: change.microseconds + Int64(before) * 1_000_000),
      localTime(at: change)
    )
  }
}

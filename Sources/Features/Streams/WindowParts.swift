import Schedules

/// A window as whole local days and the parts of days at its bounds.
///
/// Today, up to `as_of`, counts as a whole day: its cell is made from the events up to then.
struct WindowParts {
  /// Half-open spans of time, none for windows of days; two at most.
  let edges: [(from: Instant, to: Instant)]
  /// The whole days between them.
  let days: DaySpan

  init(_ window: Window, asOf: Instant, days zone: LocalDays) {
    let today = zone.lastDay(before: asOf)
    guard case .minutes(let minutes) = window.length else {
      edges = []
      days = window.span(endingOn: today)
      return
    }
    let length = Int64(minutes) * 60_000_000
    let end = Instant(microseconds: asOf.microseconds - length * Int64(window.previous))
    let start = Instant(microseconds: end.microseconds - length)
    // The first day that begins at the start or later, and the last one that is over at the end.
    let holder = zone.day(of: start)
    let first = zone.zone.midnight(holder) == start ? holder : holder + 1
    let last = window.previous == 0 ? today : zone.day(of: end) - 1
    let opens = zone.zone.midnight(first)
    let closes = window.previous == 0 ? end : zone.zone.midnight(last + 1)
    guard first <= last, opens < closes || window.previous == 0, opens < end else {
      edges = [(start, end)]
      days = .empty
      return
    }
    var edges: [(from: Instant, to: Instant)] = []
    if start < opens { edges.append((start, opens)) }
    if closes < end { edges.append((closes, end)) }
    self.edges = edges
    days = DaySpan(first: first, last: last)
  }
}

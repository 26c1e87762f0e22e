import Schedules

/// Wall-clock times to instants, with one cached offset for each ordinary day of a zone.
///
/// `Zone` asks the system's calendar for every time; here a day without a change of clocks costs
/// one look into a dictionary, and the day used last none.
struct LocalClock {
  /// What the wall clock did at a time.
  enum Reading: Equatable { case plain, inGap, repeated }

  let zone: Zone
  private var days: [Int32: Int64] = [:]
  private var lastDay = Int32.min
  private var lastOffset: Int64 = 0
  /// In `days` for a day on which the clocks change.
  private static let irregular = Int64.max

  /// The clock of a zone.
  init(zone: Zone) { self.zone = zone }

  /// The instant of a wall-clock time: the first one after a gap, the first pass of a repeat.
  ///
  /// - Parameter local: microseconds since 1970-01-01 00:00 on the wall clock.
  mutating func instant(of local: Int64) -> (microseconds: Int64, reading: Reading) {
    let day = Int32(clamping: floorDivide(local, 86_400_000_000))
    if day != lastDay {
      lastDay = day
      lastOffset = offset(on: day)
    }
    if lastOffset != Self.irregular { return (local - lastOffset, .plain) }
    let (first, last) = zone.instants(of: LocalTime(microseconds: local))
    if first != last { return (first.microseconds, .repeated) }
    let shown = zone.localTime(at: first).microseconds
    return (first.microseconds, shown == local ? .plain : .inGap)
  }

  private mutating func offset(on day: Int32) -> Int64 {
    if let known = days[day] { return known }
    let start = LocalTime(Day(number: day))
    let next = LocalTime(Day(number: day &+ 1))
    let first = zone.instants(of: start)
    let end = zone.instants(of: next)
    let length = end.first.microseconds - first.first.microseconds
    let offset = start.microseconds - first.first.microseconds
    let regular =
      length == 86_400_000_000 && first.first == first.last
      && zone.localTime(at: first.first) == start
      && zone.localTime(at: end.first) == next
    let entry = regular ? offset : Self.irregular
    days[day] = entry
    return entry
  }
}

/// Division that rounds down, also below zero.
@inline(__always)
func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
  let quotient = value / divisor
  return value % divisor < 0 ? quotient - 1 : quotient
}

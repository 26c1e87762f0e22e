// From wall-clock times to instants, by the law of the expression.
extension Cron {
  /// The first firing after an instant; nil where the years 1 to 9999 hold none.
  public func next(after instant: Instant, in zone: Zone) -> Instant? {
    guard let instant = instant.clamped(toFirst: true) else { return nil }
    return law == .fixedTime
      ? nextFixed(after: instant, in: zone) : nextOnWallClock(after: instant, in: zone)
  }

  /// The last firing before an instant; nil where the years 1 to 9999 hold none.
  public func previous(before instant: Instant, in zone: Zone) -> Instant? {
    guard let instant = instant.clamped(toFirst: false) else { return nil }
    return law == .fixedTime
      ? previousFixed(before: instant, in: zone) : previousOnWallClock(before: instant, in: zone)
  }

  // MARK: Fixed times

  // Firings are the first instants of the matching times, and a time in a gap has the instant after
  // it. That map never decreases, so that one search on the wall clock is enough, from the right
  // place: during the second pass of a repeated time all that is repeated has already been.

  private func nextFixed(after instant: Instant, in zone: Zone) -> Instant? {
    let local = zone.localTime(at: instant)
    var from = local.secondsDown + 1
    if case .twice(_, _, let change) = zone.passes(of: local), instant >= change {
      from = max(from, zone.clocks(at: change).before.secondsDown)
    }
    while let second = matchingTime(onOrAfter: from) {
      let found = zone.passes(of: LocalTime(seconds: second)).first
      if found > instant { return found }
      from = second + 1
    }
    return nil
  }

  private func previousFixed(before instant: Instant, in zone: Zone) -> Instant? {
    let local = zone.localTime(at: instant)
    var upTo = local.secondsUp - 1
    if case .twice(_, _, let change) = zone.passes(of: local), instant >= change {
      upTo = zone.clocks(at: change).before.secondsUp - 1
    }
    while let second = matchingTime(onOrBefore: upTo) {
      let passes = zone.passes(of: LocalTime(seconds: second))
      if passes.first < instant { return passes.first }
      upTo = second - 1
      // All of a gap has one instant, which is not before this one.
      if case .none(let change) = passes { upTo = zone.clocks(at: change).before.secondsUp - 1 }
    }
    return nil
  }

  // MARK: Wall clock

  // Firings are all instants whose wall clock matches. The search on the wall clock misses only what
  // is repeated: after the first pass of a repeated time the clock goes back, and the search with it.

  private func nextOnWallClock(after instant: Instant, in zone: Zone) -> Instant? {
    let local = zone.localTime(at: instant)
    var from = local.secondsDown + 1
    var earliest = instant
    if case .twice(_, _, let change) = zone.passes(of: local), instant < change {
      let clocks = zone.clocks(at: change)
      if let second = matchingTime(onOrAfter: from), second < clocks.before.secondsDown {
        return zone.passes(of: LocalTime(seconds: second)).first
      }
      from = clocks.after.secondsUp
      earliest = Instant(microseconds: change.microseconds - 1)
    }
    while let second = matchingTime(onOrAfter: from) {
      switch zone.passes(of: LocalTime(seconds: second)) {
      case .once(let found): return found
      case .twice(let first, let last, _): return first > earliest ? first : last
      case .none(let change): from = zone.clocks(at: change).after.secondsUp
      }
    }
    return nil
  }

  private func previousOnWallClock(before instant: Instant, in zone: Zone) -> Instant? {
    let local = zone.localTime(at: instant)
    var upTo = local.secondsUp - 1
    var latest = instant
    if case .twice(_, _, let change) = zone.passes(of: local), instant >= change {
      let clocks = zone.clocks(at: change)
      if let second = matchingTime(onOrBefore: upTo), second >= clocks.after.secondsUp {
        return zone.passes(of: LocalTime(seconds: second)).last
      }
      upTo = clocks.before.secondsUp - 1
      latest = change
    }
    while let second = matchingTime(onOrBefore: upTo) {
      switch zone.passes(of: LocalTime(seconds: second)) {
      case .once(let found): return found
      case .twice(let first, let last, _): return last < latest ? last : first
      case .none(let change): upTo = zone.clocks(at: change).before.secondsUp - 1
      }
    }
    return nil
  }
}

extension LocalTime {
  init(seconds: Int64) { self.init(microseconds: seconds * 1_000_000) }

  /// Whole seconds, rounded down.
  var secondsDown: Int64 { Instant(microseconds: microseconds).seconds }

  /// Whole seconds, rounded up.
  var secondsUp: Int64 { Instant(microseconds: microseconds + 999_999).seconds }
}

extension Instant {
  /// The years 1 to 9999, less a margin of days for the zones.
  private static let years: ClosedRange<Int64> = -62_135_510_400...253_402_127_999

  /// The instant, moved into the years 1 to 9999 where it lies before (or after) them; nil where a
  /// search from it could only lead further away.
  fileprivate func clamped(toFirst: Bool) -> Instant? {
    let low = Instant(seconds: Self.years.lowerBound)
    let high = Instant(seconds: Self.years.upperBound)
    if toFirst { return self > high ? nil : max(self, low) }
    return self < low ? nil : min(self, high)
  }
}

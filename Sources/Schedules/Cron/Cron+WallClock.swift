// The search for matching times on a wall clock that never changes. Times are whole seconds since
// 1970-01-01 00:00 on that clock.
extension Cron {
  /// Months that a search goes through before it gives up: after 400 years the calendar repeats.
  private static let monthsOfCycle = 4801

  /// The first matching time at or after `second`; nil past the end of year 9999.
  func matchingTime(onOrAfter second: Int64) -> Int64? {
    let (day, time) = Self.split(second)
    guard let found = matchingDay(onOrAfter: day) else { return nil }
    if found == day, let clock = clock(onOrAfter: time) { return Self.join(day, clock) }
    let later = found == day ? matchingDay(onOrAfter: day + 1) : found
    guard let later, let clock = clock(onOrAfter: 0) else { return nil }
    return Self.join(later, clock)
  }

  /// The last matching time at or before `second`; nil before year 1.
  func matchingTime(onOrBefore second: Int64) -> Int64? {
    let (day, time) = Self.split(second)
    guard let found = matchingDay(onOrBefore: day) else { return nil }
    if found == day, let clock = clock(onOrBefore: time) { return Self.join(day, clock) }
    let earlier = found == day ? matchingDay(onOrBefore: day - 1) : found
    guard let earlier, let clock = clock(onOrBefore: 86_399) else { return nil }
    return Self.join(earlier, clock)
  }

  private static func split(_ second: Int64) -> (day: Day, time: Int) {
    let day = (second >= 0 ? second : second - 86_399) / 86_400
    return (Day(number: Int32(day)), Int(second - day * 86_400))
  }

  private static func join(_ day: Day, _ time: Int) -> Int64 {
    Int64(day.number) * 86_400 + Int64(time)
  }

  /// Months are skipped whole; within one the first bit of its mask is the day.
  private func matchingDay(onOrAfter day: Day) -> Day? {
    var (year, month, first) = day.components
    for _ in 0..<Self.monthsOfCycle where year <= 9999 {
      if months >> UInt64(month) & 1 == 1 {
        let rest = mask(year, month) & (~0 << UInt32(first))
        if rest != 0 { return Day(unchecked: year, month, rest.trailingZeroBitCount) }
      }
      (year, month, first) = month == 12 ? (year + 1, 1, 1) : (year, month + 1, 1)
    }
    return nil
  }

  private func matchingDay(onOrBefore day: Day) -> Day? {
    var (year, month, last) = day.components
    for _ in 0..<Self.monthsOfCycle where year >= 1 {
      if months >> UInt64(month) & 1 == 1 {
        let rest = mask(year, month) & (~0 >> UInt32(31 - last))
        if rest != 0 { return Day(unchecked: year, month, 31 - rest.leadingZeroBitCount) }
      }
      (year, month, last) = month == 1 ? (year - 1, 12, 31) : (year, month - 1, 31)
    }
    return nil
  }

  private func mask(_ year: Int, _ month: Int) -> UInt32 {
    days.mask(
      length: Day.length(ofMonth: month, year: year), first: Day(unchecked: year, month, 1).weekday)
  }

  /// The first matching second of a day at or after one.
  private func clock(onOrAfter time: Int) -> Int? {
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60)
    if hours >> UInt64(hour) & 1 == 1 {
      if minutes >> UInt64(minute) & 1 == 1, let found = Self.bit(seconds, from: second) {
        return hour * 3600 + minute * 60 + found
      }
      if let found = Self.bit(minutes, from: minute + 1) {
        return hour * 3600 + found * 60 + seconds.trailingZeroBitCount
      }
    }
    guard let found = Self.bit(hours, from: hour + 1) else { return nil }
    return found * 3600 + minutes.trailingZeroBitCount * 60 + seconds.trailingZeroBitCount
  }

  /// The last matching second of a day at or before one.
  private func clock(onOrBefore time: Int) -> Int? {
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60)
    if hours >> UInt64(hour) & 1 == 1 {
      if minutes >> UInt64(minute) & 1 == 1, let found = Self.bit(seconds, upTo: second) {
        return hour * 3600 + minute * 60 + found
      }
      if let found = Self.bit(minutes, upTo: minute - 1) {
        return hour * 3600 + found * 60 + Self.highest(seconds)
      }
    }
    guard let found = Self.bit(hours, upTo: hour - 1) else { return nil }
    return found * 3600 + Self.highest(minutes) * 60 + Self.highest(seconds)
  }

  private static func bit(_ bits: UInt64, from number: Int) -> Int? {
    let rest = bits & (~0 << UInt64(number))
    return rest == 0 ? nil : rest.trailingZeroBitCount
  }

  private static func bit(_ bits: UInt64, upTo number: Int) -> Int? {
    guard number >= 0 else { return nil }
    let rest = bits & (~0 >> UInt64(63 - number))
    return rest == 0 ? nil : highest(rest)
  }

  private static func highest(_ bits: UInt64) -> Int { 63 - bits.leadingZeroBitCount }
}

/// Which days of a month a cron expression names.
struct CronDays: Sendable, Hashable {
  /// Days of the month, bit 1 to 31.
  private var days: UInt32 = 0
  /// Bit k for the day k days before the month's last.
  private var beforeLast: UInt32 = 0
  private var lastWorkday = false
  /// Bit d for the day of Monday to Friday nearest to day d.
  private var nearestWorkdays: UInt32 = 0
  /// Bit 0 (Sunday) to 6.
  private var weekdays: UInt32 = 0
  private var lastOf: UInt32 = 0
  /// Bit 7 (n − 1) + weekday for the n-th of a weekday.
  private var nth: UInt64 = 0
  /// Whether each of the two fields asks nothing, being exactly `*` or `?`.
  private let anyDay: Bool
  private let anyWeekday: Bool

  init(days dayTerms: [CronTerm], weekdays weekdayTerms: [CronTerm]) {
    anyDay = dayTerms == [.any] || dayTerms == [.unspecified]
    anyWeekday = weekdayTerms == [.any] || weekdayTerms == [.unspecified]
    for term in dayTerms {
      switch term {
      case .last(let days): beforeLast |= 1 << UInt32(days)
      case .lastWorkday: lastWorkday = true
      case .nearestWorkday(let day): nearestWorkdays |= 1 << UInt32(day)
      default: days |= UInt32(truncatingIfNeeded: term.bits(in: .dayOfMonth))
      }
    }
    for term in weekdayTerms {
      switch term {
      case .lastOf(let weekday): lastOf |= 1 << UInt32(weekday)
      case .nth(let weekday, let n): nth |= 1 << UInt64(7 * (n - 1) + weekday)
      default: weekdays |= UInt32(truncatingIfNeeded: term.bits(in: .dayOfWeek))
      }
    }
  }

  /// Whether day of month and weekday each ask something.
  var restrictions: (day: Bool, weekday: Bool) { (!anyDay, !anyWeekday) }

  /// The named days of a month, bit 1 to 31.
  ///
  /// Day of month and weekday are ORed unless one of the two asks nothing.
  ///
  /// - Parameters:
  ///   - length: days of the month, 28 to 31.
  ///   - first: the weekday of its first day, 0 for Sunday.
  func mask(length: Int, first: Int) -> UInt32 {
    switch (anyDay, anyWeekday) {
    case (true, true): Self.all(length)
    case (true, false): weekdayMask(length, first)
    case (false, true): dayMask(length, first)
    case (false, false): dayMask(length, first) | weekdayMask(length, first)
    }
  }

  private static func all(_ length: Int) -> UInt32 { ((1 << UInt32(length)) - 1) << 1 }

  private func dayMask(_ length: Int, _ first: Int) -> UInt32 {
    var mask = days & Self.all(length)
    for days in BitNumbers(beforeLast) where days < length { mask |= 1 << UInt32(length - days) }
    if lastWorkday { mask |= 1 << UInt32(Self.workday(nearest: length, length, first)) }
    for day in BitNumbers(nearestWorkdays) where day <= length {
      mask |= 1 << UInt32(Self.workday(nearest: day, length, first))
    }
    return mask
  }

  /// The day of Monday to Friday nearest to a day, without leaving the month.
  private static func workday(nearest day: Int, _ length: Int, _ first: Int) -> Int {
    switch (first + day - 1) % 7 {
    case 6: day > 1 ? day - 1 : day + 2
    case 0: day < length ? day + 1 : day - 2
    default: day
    }
  }

  private func weekdayMask(_ length: Int, _ first: Int) -> UInt32 {
    let everySeventh: UInt32 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28
    func firstDay(_ weekday: Int) -> Int { 1 + (weekday - first + 7) % 7 }
    var mask: UInt32 = 0
    for weekday in BitNumbers(weekdays) { mask |= everySeventh << UInt32(firstDay(weekday)) }
    for weekday in BitNumbers(lastOf) {
      let fourth = firstDay(weekday) + 21
      mask |= 1 << UInt32(fourth + 7 <= length ? fourth + 7 : fourth)
    }
    if nth != 0 {
      for weekday in 0..<7 {
        for n in 0..<5 where nth >> UInt64(7 * n + weekday) & 1 == 1 {
          mask |= 1 << UInt32(firstDay(weekday) + 7 * n)
        }
      }
    }
    return mask & Self.all(length)
  }

  /// Whether some year has a named day in one of the months (bit 1 to 12).
  ///
  /// In 400 years every month begins on each weekday at each of its lengths.
  func canFire(inMonths months: UInt64) -> Bool {
    (1...12).contains { month in
      guard months >> UInt64(month) & 1 == 1 else { return false }
      let lengths = [
        Day.length(ofMonth: month, year: 2023), Day.length(ofMonth: month, year: 2024),
      ]
      return lengths.contains { length in
        (0..<7).contains { mask(length: length, first: $0) != 0 }
      }
    }
  }
}

/// The numbers of the bits that are set, lowest first.
struct BitNumbers: Sequence, IteratorProtocol {
  private var rest: UInt32

  init(_ bits: UInt32) { rest = bits }

  mutating func next() -> Int? {
    guard rest != 0 else { return nil }
    defer { rest &= rest - 1 }
    return rest.trailingZeroBitCount
  }
}

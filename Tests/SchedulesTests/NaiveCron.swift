import Schedules

/// Cron as one would write it without a thought of speed: sets of numbers, and days tried one after
/// the other. It is the oracle of the real one, and with other settings a model of its peers.
struct NaiveCron {
  /// Where engines differ; the settings of `Dialect()` are ours.
  struct Dialect: Equatable {
    /// `5-5` is the whole field (croniter).
    var equalRangeIsWhole = false
    /// `5-5/10` is `5/10` (cronsim).
    var equalRangeWithStepIsOpen = false
    /// A step that passes the field's end starts again by another count (croniter).
    var wrappedStepSkips = false
    /// `2/2` of weekdays reaches 7, which is Sunday; `7/2` is 7 (cronsim).
    var weekdayStepReachesSeven = false
    /// Days are ANDed where either field of days begins with a star (cronsim).
    var leadingStarAnds = false
    /// `#` and `W` take the place of the other field of days (croniter).
    var specialDaysRule = false
    /// All seven weekdays are `*` where the day of the month has a star, and the other way round
    /// (croniter).
    var wholeFieldIsStar = false
    /// Both passes of a repeated time count; nil: by the expression's law.
    var repeatsTwice: Bool?
    /// A time that is skipped is made up for after the gap; nil: by the expression's law.
    var makesUpForGaps: Bool?
    /// What is made up for keeps its seconds (croniter).
    var gapsKeepSeconds = false
  }

  let expression: String
  let dialect: Dialect
  let fields: [String]
  private let seconds: [Int]
  private let minutes: [Int]
  private let hours: [Int]
  private let months: Set<Int>
  private let plainDays: Set<Int>
  private let plainWeekdays: Set<Int>
  private let dayEntries: [String]
  private let weekdayEntries: [String]
  /// Whether each of the two fields of days asks nothing.
  private let anyDay: Bool
  private let anyWeekday: Bool

  static let presets = [
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
  ]

  init(_ expression: String, _ dialect: Dialect = Dialect()) {
    self.expression = expression
    self.dialect = dialect
    let written = Self.presets[expression] ?? expression
    var fields = written.lowercased().split(separator: " ").map(String.init)
    if fields.count == 5 { fields.insert("0", at: 0) }
    self.fields = fields
    isWild = fields[1...2].contains { $0.contains("*") || $0.contains("/") }
    func values(_ index: Int, _ low: Int, _ high: Int) -> Set<Int> {
      Self.values(fields[index], low, high, [], dialect)
    }
    seconds = values(0, 0, 59).sorted()
    minutes = values(1, 0, 59).sorted()
    hours = values(2, 0, 23).sorted()
    months = Self.values(fields[4], 1, 12, Self.monthNames, dialect)
    plainDays = values(3, 1, 31)
    plainWeekdays = Self.values(fields[5], 0, 6, Self.dayNames, dialect)
    dayEntries = fields[3].split(separator: ",").map(String.init)
    weekdayEntries = fields[5].split(separator: ",").map(String.init)
    func isStar(_ field: String, _ isWhole: Bool, besides other: String) -> Bool {
      field == "*" || field == "?"
        || (dialect.wholeFieldIsStar && isWhole && other.contains("*"))
    }
    anyDay = isStar(fields[3], plainDays.count == 31, besides: fields[5])
    anyWeekday = isStar(fields[5], plainWeekdays.count == 7, besides: fields[3])
  }

  static let monthNames = "jan feb mar apr may jun jul aug sep oct nov dec"
    .split(separator: " ").map(String.init)
  static let dayNames = "sun mon tue wed thu fri sat".split(separator: " ").map(String.init)

  /// Whether it fires in every hour.
  var isHourly: Bool { hours.count == 24 }

  /// Whether minute or hour is a wildcard or has a step.
  let isWild: Bool

  // MARK: Fields

  static func number(_ text: String, _ low: Int, _ names: [String]) -> Int? {
    Int(text) ?? names.firstIndex(of: text).map { $0 + low }
  }

  /// The numbers that a list of plain entries names; entries of special days name none.
  static func values(
    _ field: String, _ low: Int, _ high: Int, _ names: [String], _ dialect: Dialect
  )
    -> Set<Int>
  {
    var found: Set<Int> = []
    for entry in field.split(separator: ",") {
      let parts = entry.split(separator: "/").map(String.init)
      let step = parts.count > 1 ? Int(parts[1]) ?? 0 : 1
      let ends = parts[0].split(separator: "-").map(String.init)
      if ends[0] == "*" || ends[0] == "?" {
        found.formUnion(stride(from: low, through: high, by: step))
        continue
      }
      guard let first = number(ends[0], low, names) else { continue }
      let isWeek = names.count == 7
      if ends.count == 1, parts.count == 1 {
        found.insert(isWeek ? first % 7 : first)
      } else if ends.count == 1 {
        let reach = isWeek && dialect.weekdayStepReachesSeven ? 7 : high
        let start = isWeek && !dialect.weekdayStepReachesSeven ? first % 7 : first
        found.formUnion(stride(from: start, through: reach, by: step).map { isWeek ? $0 % 7 : $0 })
      } else if let last = number(ends[1], low, names) {
        found.formUnion(
          range(first, last, step, parts.count > 1, low, high, isWeek, dialect))
      }
    }
    return found
  }

  private static func range(
    _ first: Int, _ last: Int, _ step: Int, _ hasStep: Bool, _ low: Int, _ high: Int,
    _ isWeek: Bool,
    _ dialect: Dialect
  ) -> Set<Int> {
    let week = { (value: Int) in isWeek ? value % 7 : value }
    if dialect.equalRangeIsWhole, week(first) == week(last) {
      return Set(stride(from: low, through: high, by: step))
    }
    if dialect.equalRangeWithStepIsOpen, first == last, hasStep {
      let reach = isWeek ? 7 : high
      return Set(stride(from: first, through: reach, by: step).map(week))
    }
    if dialect.wrappedStepSkips, week(first) > week(last) {
      return wrappedByCroniter(week(first), week(last), step, low, high)
    }
    if first <= last { return Set(stride(from: first, through: last, by: step).map(week)) }
    // Walk on from the first value, from the end of the field to its start.
    var found: Set<Int> = []
    var value = week(first)
    var toGo = 0
    var distance = last - value
    if distance < 0 { distance += high - low + 1 }
    while distance >= 0 {
      if toGo == 0 {
        found.insert(value)
        toGo = step
      }
      value = value == high ? low : value + 1
      toGo -= 1
      distance -= 1
    }
    return found
  }

  /// croniter's own arithmetic for a step that passes the end of the field.
  private static func wrappedByCroniter(
    _ first: Int, _ last: Int, _ step: Int, _ low: Int, _ high: Int
  ) -> Set<Int> {
    let upper = Array(stride(from: first, through: high, by: step))
    let end = upper.last ?? first
    let skipped = high - end
    let toSkip = end - low + step > high - low + 1 && skipped < step ? step - skipped : 0
    return Set(upper).union(stride(from: low + toSkip, through: last, by: step))
  }

  // MARK: Days

  private func matchesDayOfMonth(_ day: Day) -> Bool {
    let (year, month, number) = day.components
    let length = Day.length(ofMonth: month, year: year)
    if plainDays.contains(number) { return true }
    return dayEntries.contains { entry in
      if entry == "l" { return number == length }
      if entry == "lw" { return number == nearestWorkday(to: length, in: day) }
      if entry.hasPrefix("l-") { return Int(entry.dropFirst(2)) == length - number }
      if entry.hasSuffix("w"), let wanted = Int(entry.dropLast()) {
        // croniter takes the month's last day where the day is missing.
        let clamped = dialect.specialDaysRule ? min(wanted, length) : wanted
        return clamped <= length && number == nearestWorkday(to: clamped, in: day)
      }
      return false
    }
  }

  private func nearestWorkday(to number: Int, in day: Day) -> Int? {
    let (year, month, _) = day.components
    let length = Day.length(ofMonth: month, year: year)
    let candidates = [0, -1, 1, -2, 2].map { number + $0 }.filter { (1...length).contains($0) }
    return candidates.first {
      Day(year: year, month: month, day: $0).map { (1...5).contains($0.weekday) } ?? false
    }
  }

  private func matchesWeekday(_ day: Day) -> Bool {
    let (year, month, number) = day.components
    let length = Day.length(ofMonth: month, year: year)
    let hasPlainDays = !dialect.specialDaysRule || !fields[5].contains("#")
    if hasPlainDays, plainWeekdays.contains(day.weekday) { return true }
    return weekdayEntries.contains { entry in
      if entry.hasSuffix("l"), let wanted = Self.number(String(entry.dropLast()), 0, Self.dayNames)
      {
        return wanted % 7 == day.weekday && number + 7 > length
      }
      let parts = entry.split(separator: "#").map(String.init)
      guard parts.count == 2, let wanted = Self.number(parts[0], 0, Self.dayNames) else {
        return false
      }
      return wanted % 7 == day.weekday && (number + 6) / 7 == Int(parts[1])
    }
  }

  func matches(hour: Int, minute: Int) -> Bool {
    hours.contains(hour) && minutes.contains(minute)
  }

  func matches(_ day: Day) -> Bool {
    guard months.contains(day.components.month) else { return false }
    if dialect.leadingStarAnds, fields[3].hasPrefix("*") || fields[5].hasPrefix("*") {
      return matchesDayOfMonth(day) && matchesWeekday(day)
    }
    switch (anyDay, anyWeekday) {
    case (true, true): return true
    case (true, false): return matchesWeekday(day)
    case (false, true): return matchesDayOfMonth(day)
    case (false, false):
      guard dialect.specialDaysRule, hasSpecialDays else {
        return matchesDayOfMonth(day) || matchesWeekday(day)
      }
      return (!fields[3].contains("w") || matchesDayOfMonth(day))
        && (!fields[5].contains("#") || matchesWeekday(day))
    }
  }

  /// Whether `15W` or `mon#2` stands beside a restriction of the other field of days.
  var hasSpecialDays: Bool {
    !anyDay && !anyWeekday && (fields[3].contains("w") || fields[5].contains("#"))
  }

  // MARK: Firings

  /// The firings that a local day's times have, in order, each once.
  func firings(on day: Day, in zone: Zone) -> [Instant] {
    let offsets = Self.offsets(around: day, in: zone)
    let repeatsTwice = dialect.repeatsTwice ?? isWild
    let makesUpForGaps = dialect.makesUpForGaps ?? !isWild
    var found: [Instant] = []
    for hour in hours {
      for minute in minutes {
        for second in seconds {
          let local = LocalTime(day, hour: hour, minute: minute, second: second)
          var passes = offsets.map {
            Instant(microseconds: local.microseconds - Int64($0) * 1_000_000)
          }
          if offsets.count > 1 { passes = passes.filter { zone.localTime(at: $0) == local } }
          if let first = passes.min(), let last = passes.max() {
            found.append(first)
            if repeatsTwice, last != first { found.append(last) }
          } else if makesUpForGaps {
            let end = Self.endOfGap(local, offsets, in: zone)
            found.append(dialect.gapsKeepSeconds ? end + .seconds(second) : end)
          }
        }
      }
    }
    return Array(Set(found)).sorted()
  }

  /// The offsets before and after a day; no zone changes twice in these days.
  private static func offsets(around day: Day, in zone: Zone) -> Set<Int> {
    let noon = LocalTime(day, hour: 12).microseconds
    return Set(
      [-80, 80].map { zone.offset(at: Instant(microseconds: noon + $0 * 3_600_000_000)) })
  }

  /// The first instant, minute by minute, at which the clock shows more than a skipped time.
  private static func endOfGap(_ local: LocalTime, _ offsets: Set<Int>, in zone: Zone) -> Instant {
    let east = Int64(offsets.max() ?? 0) * 1_000_000
    let second = Instant(microseconds: local.microseconds - east).seconds
    var instant = Instant(seconds: second - second % 60)
    while zone.localTime(at: instant) <= local { instant = instant + .seconds(60) }
    return instant
  }

  /// What comes after (or before) an instant; nil where that is more than `years` away.
  func answer(_ question: CronCase, years: Int = 60) throws -> Instant? {
    let zone = try Zone(question.zone)
    let instant = Instant(seconds: question.second)
    let today = zone.day(of: instant)
    if dialect.specialDaysRule, hasSpecialDays, !specialDaysMeet(from: today, question.isForward) {
      return nil
    }
    // A gap may move a time into the next day, and a repeated evening belongs to the day before.
    let isCalm = Self.offsets(around: today, in: zone).count == 1
    for distance in (isCalm ? 0 : -2)...(years * 366) {
      let day = question.isForward ? today + distance : today - distance
      guard matches(day) else { continue }
      let all = firings(on: day, in: zone)
      let found =
        question.isForward ? all.first { $0 > instant } : all.last { $0 < instant }
      guard let found else { continue }
      // Where the clocks change, a neighbouring day may have one that is nearer still.
      if Self.offsets(around: day, in: zone).count == 1 { return found }
      let near = [day - 1, day + 1].filter(matches).flatMap { firings(on: $0, in: zone) }
      return question.isForward
        ? ([found] + near.filter { $0 > instant }).min()
        : ([found] + near.filter { $0 < instant }).max()
    }
    return nil
  }

  /// croniter finds nothing at all where the two fields of days exclude each other.
  private func specialDaysMeet(from today: Day, _ isForward: Bool) -> Bool {
    (0...(50 * 366)).contains { distance in
      let day = isForward ? today + distance : today - distance
      return months.contains(day.components.month) && matchesDayOfMonth(day)
        && matchesWeekday(day)
    }
  }
}

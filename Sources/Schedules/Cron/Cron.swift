/// A cron expression: wall-clock times on which something is due.
///
/// Five fields (minute, hour, day of month, month, weekday) or six with seconds first. A field is a
/// list of values, ranges and steps; ranges may go past the end (`fri-mon`, `22-2`), and `N-N` is
/// that value. Days of the month know `L` (last), `L-3`, `LW` (last of Monday to Friday) and `15W`
/// (nearest to the 15th); weekdays know `friL` (last Friday) and `fri#2` (second). `?` is `*` in
/// the two fields of days. Day of month and weekday are ORed unless one is exactly `*` or `?`.
///
/// How clock changes are met is the expression's ``law``.
public struct Cron: Sendable, Hashable {
  /// What a job does when the clocks change.
  public enum ClockLaw: String, Sendable, Hashable, Codable {
    /// Minute and hour are fixed: a time that the clocks skip is made up for at the first instant
    /// after the gap, once; a repeated time counts at its first pass only.
    case fixedTime = "fixed_time"
    /// Minute or hour is a wildcard or has a step: every instant whose wall clock matches, so
    /// nothing for what the clocks skip, and both passes of what they repeat.
    case wallClock = "wall_clock"
  }

  /// The expression as it was written.
  public let expression: String
  /// What it does when the clocks change.
  public let law: ClockLaw
  /// Whether it has the field of seconds.
  public let hasSeconds: Bool

  /// One bit per value.
  let seconds: UInt64
  let minutes: UInt64
  let hours: UInt64
  let months: UInt64
  let days: CronDays

  /// Reads an expression, or one of `@yearly @annually @monthly @weekly @daily @midnight @hourly`.
  ///
  /// - Throws: ``ScheduleError`` `schedule.bad_cron` with the column of the first fault, or
  ///   `schedule.impossible_date` where no calendar has such a day; ``faults(in:)`` tells all.
  public init(_ expression: String) throws(ScheduleError) {
    let parser = CronParser(expression)
    if let fault = parser.faults.first { throw fault }
    self.init(parser)
    if let fault = impossibleDate(parser) { throw fault }
  }

  private init(_ parser: CronParser) {
    func terms(_ field: CronField) -> [CronTerm] { parser.fields[field.rawValue] }
    func bits(_ field: CronField) -> UInt64 {
      terms(field).reduce(0) { $0 | $1.bits(in: field) }
    }
    expression = parser.expression
    hasSeconds = parser.hasSeconds
    seconds = bits(.second)
    minutes = bits(.minute)
    hours = bits(.hour)
    months = bits(.month)
    days = CronDays(days: terms(.dayOfMonth), weekdays: terms(.dayOfWeek))
    let steps = (terms(.minute) + terms(.hour)).contains(where: \.isWildcardOrStep)
    law = steps ? .wallClock : .fixedTime
  }

  /// All that is wrong with an expression, from left to right; empty for a sound one.
  public static func faults(in expression: String) -> [ScheduleError] {
    let parser = CronParser(expression)
    guard parser.faults.isEmpty else { return parser.faults }
    return Cron(parser).impossibleDate(parser).map { [$0] } ?? []
  }

  private func impossibleDate(_ parser: CronParser) -> ScheduleError? {
    if days.canFire(inMonths: months) { return nil }
    return ScheduleError(
      code: "schedule.impossible_date",
      message: "expected a day that its months have at column \(parser.dayColumn) of "
        + "'\(expression)', found none",
      column: parser.dayColumn)
  }

  /// The second of the day, 0 to 86,399, of a job of fixed time that is due at most once a day;
  /// nil for any finer one.
  public var secondOfDay: Int? {
    guard law == .fixedTime, hours.nonzeroBitCount == 1, minutes.nonzeroBitCount == 1,
      seconds.nonzeroBitCount == 1
    else { return nil }
    return hours.trailingZeroBitCount * 3600 + minutes.trailingZeroBitCount * 60
      + seconds.trailingZeroBitCount
  }
}

extension Cron: CustomStringConvertible {
  /// The expression.
  public var description: String { expression }
}

extension Cron: Codable {
  /// Decodes an expression.
  ///
  /// - Throws: ``ScheduleError`` where it is none.
  public init(from decoder: any Decoder) throws {
    try self.init(decoder.singleValueContainer().decode(String.self))
  }

  /// Encodes the expression.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(expression)
  }
}

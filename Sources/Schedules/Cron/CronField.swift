/// One of the six fields of a cron expression.
public enum CronField: Int, Sendable, Hashable, CaseIterable {
  /// Optional, and first where it is there.
  case second
  /// 0 to 59.
  case minute
  /// 0 to 23.
  case hour
  /// 1 to 31.
  case dayOfMonth
  /// 1 to 12, or by name.
  case month
  /// 0 (Sunday) to 6, 7 for Sunday as well, or by name.
  case dayOfWeek

  /// What the field is called in messages.
  public var noun: String {
    switch self {
    case .second: "second"
    case .minute: "minute"
    case .hour: "hour"
    case .dayOfMonth: "day of the month"
    case .month: "month"
    case .dayOfWeek: "weekday"
    }
  }

  /// The values that `*` stands for; a weekday may also be written 7.
  var span: ClosedRange<Int> {
    switch self {
    case .second, .minute: 0...59
    case .hour: 0...23
    case .dayOfMonth: 1...31
    case .month: 1...12
    case .dayOfWeek: 0...6
    }
  }

  /// The highest value that may be written.
  var highest: Int { self == .dayOfWeek ? 7 : span.upperBound }

  /// Names of the values, from the first one on; empty where the field has none.
  var names: [String] {
    switch self {
    case .month:
      ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    case .dayOfWeek: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    default: []
    }
  }

  /// What a value of the field looks like, for messages.
  var expectation: String {
    let article = self == .hour ? "an" : "a"
    let range = "\(article) \(noun) from \(span.lowerBound) to \(highest)"
    guard let first = names.first, let last = names.last else { return range }
    return "\(range) or \(first) to \(last)"
  }
}

/// One entry of a field's list.
enum CronTerm: Sendable, Hashable {
  /// `*`.
  case any
  /// `*/5`.
  case every(step: Int)
  /// `?`: nothing is asked.
  case unspecified
  /// `5`.
  case value(Int)
  /// `1-5`, `1-5/2`, also `fri-mon`, which goes on past the end of the field.
  case range(Int, Int, step: Int, hasStep: Bool)
  /// `5/15`: from a value to the end of the field.
  case from(Int, step: Int)
  /// `L` and `L-3`: so many days before the month's last.
  case last(before: Int)
  /// `LW`: the month's last day of Monday to Friday.
  case lastWorkday
  /// `15W`: the day of Monday to Friday nearest to a day, within the month.
  case nearestWorkday(Int)
  /// `friL`: the last Friday of the month.
  case lastOf(Int)
  /// `mon#2`: the second Monday of the month.
  case nth(Int, Int)

  /// Whether the entry is a wildcard or has a step, which the laws for clock changes ask.
  var isWildcardOrStep: Bool {
    switch self {
    case .any, .every, .from: true
    case .range(_, _, _, let hasStep): hasStep
    default: false
    }
  }

  /// The values that the entry names, one bit each; 0 for those that depend on the month.
  func bits(in field: CronField) -> UInt64 {
    let span = field.span
    func bit(_ value: Int) -> UInt64 {
      1 << UInt64(span.lowerBound + (value - span.lowerBound) % span.count)
    }
    func bits(_ values: some Sequence<Int>) -> UInt64 { values.reduce(0) { $0 | bit($1) } }
    switch self {
    case .any, .unspecified: return bits(span)
    case .every(let step):
      return bits(stride(from: span.lowerBound, through: span.upperBound, by: step))
    case .value(let value): return bit(value)
    case .range(let low, let high, let step, _):
      if low <= high { return bits(stride(from: low, through: high, by: step)) }
      // Sunday written as 7 begins the week.
      if low > span.upperBound {
        return bits(stride(from: low - span.count, through: high, by: step))
      }
      // Past the end of the field the count goes on at its start: 22-4/2 is 22, 0, 2, 4.
      return bits(stride(from: low, through: high + span.count, by: step))
    case .from(let value, let step):
      let first = value > span.upperBound ? value - span.count : value
      return bits(stride(from: first, through: span.upperBound, by: step))
    case .last, .lastWorkday, .nearestWorkday, .lastOf, .nth: return 0
    }
  }
}

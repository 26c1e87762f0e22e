import Columns
import Schedules

/// One value of a column, for explanations and reports.
enum ColumnValue: Equatable {
  case decimal(ExactDecimal)
  case real(Double)
  case text(String)
  case boolean(Bool)
  case day(Day)
  case instant(Instant)

  /// The value of a row, nil where it is null.
  init?(_ column: Column, row: Int) {
    switch column {
    case .integer(let dense, let scale):
      guard let value = dense[row] else { return nil }
      self = .decimal(ExactDecimal(digits: Int128(value), scale: scale))
    case .real(let dense):
      guard let value = dense[row] else { return nil }
      self = .real(value)
    case .text(let dense, let dictionary):
      guard let code = dense[row] else { return nil }
      self = .text(dictionary[Int(code)])
    case .boolean(let dense):
      guard let value = dense[row] else { return nil }
      self = .boolean(value)
    case .instant(let dense):
      guard let value = dense[row] else { return nil }
      self = .instant(Instant(microseconds: value))
    case .day(let dense):
      guard let value = dense[row] else { return nil }
      self = .day(Day(number: value))
    }
  }

  /// The value of a key.
  init(key: Int64, _ representation: Representation) {
    switch representation {
    case .scaled(let scale):
      self = .decimal(ExactDecimal(digits: Int128(key), scale: scale))
    case .real: self = .real(RealKey.value(key))
    case .day: self = .day(Day(number: Int32(truncatingIfNeeded: key)))
    case .instant: self = .instant(Instant(microseconds: key))
    }
  }

  /// The value as it is written in a rule over an attribute of a unit.
  func text(unit: Attribute.Unit) -> String {
    switch self {
    case .decimal(let number): RuleValue.number(number).text(unit: unit)
    case .real(let value):
      // The shortest digits that read back as this double.
      ExactDecimal("\(value)").map { RuleValue.number($0).text(unit: unit) } ?? "\(value)"
    case .text(let text): RuleText.quoted(text)
    case .boolean(let value): value ? "true" : "false"
    case .day(let day): day.description
    case .instant(let instant): instant.description
    }
  }

  /// Whether the value fulfils a test.
  func fulfils(_ test: ValueTest, _ representation: Representation?) -> Bool {
    switch test {
    case .missing: return false
    case .text(let test):
      if case .text(let text) = self { return test.matches(text) }
      return false
    case .boolean(let values):
      if case .boolean(let value) = self { return values.contains(value) }
      return false
    case .ranges(let ranges):
      guard let representation, let key = key(representation) else { return false }
      return ranges.contains(key)
    }
  }

  private func key(_ representation: Representation) -> Int64? {
    switch self {
    case .decimal(let number):
      guard case .scaled(let scale) = representation,
        case .within(let value, _) = number.position(scale: scale)
      else { return nil }
      return value
    case .real(let value): return RealKey.key(value)
    case .day(let day): return Int64(day.number)
    case .instant(let instant): return instant.microseconds
    case .text, .boolean: return nil
    }
  }
}

extension Column {
  /// How its values are ordered, nil for text and truth values.
  var representation: Representation? {
    switch self {
    case .integer(_, let scale): .scaled(scale)
    case .real: .real
    case .day: .day
    case .instant: .instant
    case .text, .boolean: nil
    }
  }

  /// Whether rules over an attribute of this type may read it.
  func fits(_ type: Attribute.ValueType) -> Bool {
    switch (self, type) {
    case (.integer, .number), (.integer, .real), (.real, .number), (.real, .real),
      (.text, .text), (.boolean, .boolean), (.day, .day), (.instant, .instant):
      true
    case (.integer, _), (.real, _), (.text, _), (.boolean, _), (.day, _), (.instant, _): false
    }
  }

  /// What it holds, for messages.
  var words: String {
    switch self {
    case .integer(_, let scale): scale == 0 ? "whole numbers" : "decimals of scale \(scale)"
    case .real: "doubles"
    case .text: "text"
    case .boolean: "truth values"
    case .day: "dates"
    case .instant: "instants"
    }
  }
}

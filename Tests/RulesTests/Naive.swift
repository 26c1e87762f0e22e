import Rules
import Schedules

/// The oracle: three-valued logic, written down as one would explain it, a customer at a time.
enum Naive {
  static func evaluate(_ rule: PlainRule, _ row: [String: Plain]) -> Truth {
    switch rule {
    case .all(let parts):
      let verdicts = parts.map { evaluate($0, row) }
      if verdicts.contains(.false) { return .false }
      return verdicts.contains(.unknown) ? .unknown : .true
    case .any(let parts):
      let verdicts = parts.map { evaluate($0, row) }
      if verdicts.contains(.true) { return .true }
      return verdicts.contains(.unknown) ? .unknown : .false
    case .not(let part):
      switch evaluate(part, row) {
      case .true: return .false
      case .false: return .true
      case .unknown: return .unknown
      }
    case .score(let parts, let threshold, let leave):
      let wasMember = row[Customers.wasMember] == .boolean(true)
      let bound = wasMember ? leave ?? threshold : threshold
      // Every way in which the unknown ones may turn out.
      var sums: Set<Int> = [0]
      for (part, weight) in parts {
        switch evaluate(part, row) {
        case .true: sums = Set(sums.map { $0 + weight })
        case .false: break
        case .unknown: sums.formUnion(sums.map { $0 + weight })
        }
      }
      let verdicts = Set(sums.map { $0 >= bound })
      return verdicts == [true] ? .true : verdicts == [false] ? .false : .unknown
    case .wasMember(let days):
      guard case .time(let last) = row[Customers.lastDay] else { return .false }
      return last > Int64(today(row).number) - Int64(days) ? .true : .false
    case .test(let name, let op, let operands, let orMissing, let ci, _):
      guard let value = row[name] else {
        if op == .isMissing { return .true }
        if op == .isPresent { return .false }
        return orMissing ? .true : .unknown
      }
      let operands = operands.map { resolved($0, row, of: name) }
      if ci { return holds(lower(value), op, operands.map(lower)) ? .true : .false }
      return holds(value, op, operands) ? .true : .false
    }
  }

  // MARK: Time

  private static func asOf(_ row: [String: Plain]) -> Int64 {
    guard case .time(let time) = row[Customers.asOf] else { return 0 }
    return time
  }

  /// The local day of the instant before the as-of; the tests' zone has plain midnights.
  private static func today(_ row: [String: Plain]) -> Day {
    Customers.zone.day(of: Instant(microseconds: asOf(row) - 1))
  }

  /// A length of time as the span that it is.
  private static func resolved(
    _ operand: PlainOperand, _ row: [String: Plain], of name: String
  ) -> PlainOperand {
    guard case .back(let count, let unit) = operand else { return operand }
    let end = asOf(row)
    let today = today(row)
    let first: Day
    switch unit {
    case .minutes: return .span(from: end - Int64(count) * 60_000_000, before: end)
    case .hours: return .span(from: end - Int64(count) * 3_600_000_000, before: end)
    case .days: first = today - count + 1
    case .months: first = today.adding(months: -count) + 1
    }
    if name == "birthday" {
      return .span(from: Int64(first.number), before: Int64(today.number) + 1)
    }
    return .span(from: Customers.zone.midnight(first).microseconds, before: end)
  }

  // MARK: Texts

  private static func lower(_ value: Plain) -> Plain {
    guard case .text(let bytes) = value else { return value }
    return .text(Array(String(decoding: bytes, as: UTF8.self).lowercased().utf8))
  }

  private static func lower(_ operand: PlainOperand) -> PlainOperand {
    switch operand {
    case .value(let value): .value(lower(value))
    case .pattern(let pattern): .pattern(pattern.lowercased)
    case .span, .back: operand
    }
  }

  /// A comparable form; of a day among instants the first or the last microsecond.
  static func key(_ operand: PlainOperand, upper: Bool) -> [Int64] {
    switch operand {
    case .value(let value): key(value)
    case .span(let from, let before): [upper ? before - 1 : from]
    case .back, .pattern: []
    }
  }

  private static func key(_ value: Plain) -> [Int64] {
    switch value {
    case .number(let number): [number]
    case .text(let bytes): bytes.map { Int64($0) }
    case .boolean(let value): [value ? 1 : 0]
    case .time(let time): [time]
    }
  }

  private static func holds(_ plain: Plain, _ op: Operator, _ operands: [PlainOperand]) -> Bool {
    let value = key(plain)
    func below(_ left: [Int64], _ right: [Int64]) -> Bool { left.lexicographicallyPrecedes(right) }
    func equals(_ operand: PlainOperand) -> Bool {
      !below(value, key(operand, upper: false)) && !below(key(operand, upper: true), value)
    }
    let part = operands.first.map { key($0, upper: false) } ?? []
    switch op {
    case .equal, .withinLast: return equals(operands[0])
    case .notEqual, .notWithinLast: return !equals(operands[0])
    case .greater, .after: return below(key(operands[0], upper: true), value)
    case .greaterOrEqual: return !below(value, key(operands[0], upper: false))
    case .less, .before: return below(value, key(operands[0], upper: false))
    case .lessOrEqual: return !below(key(operands[0], upper: true), value)
    case .between:
      return !below(value, key(operands[0], upper: false))
        && !below(key(operands[1], upper: true), value)
    case .isIn: return operands.contains(where: equals)
    case .notIn: return !operands.contains(where: equals)
    case .contains:
      return value.indices.contains { value[$0...].starts(with: part) }
    case .startsWith: return value.starts(with: part)
    case .endsWith: return value.suffix(part.count).elementsEqual(part)
    case .matches:
      guard case .pattern(let pattern) = operands[0], case .text(let bytes) = plain else {
        return false
      }
      return pattern.isFound(in: Array(String(decoding: bytes, as: UTF8.self).unicodeScalars))
    case .isMissing: return false
    case .isPresent: return true
    case .topPercent, .bottomPercent, .topCount, .bottomCount, .memberOf, .notMemberOf,
      .wasMemberOf:
      return false
    }
  }
}

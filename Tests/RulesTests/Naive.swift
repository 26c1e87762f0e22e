import Rules

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
    case .test(let name, let op, let operands, let orMissing, _):
      guard let value = row[name] else {
        if op == .isMissing { return .true }
        if op == .isPresent { return .false }
        return orMissing ? .true : .unknown
      }
      return holds(value, op, operands) ? .true : .false
    }
  }

  /// A comparable form; of a day among instants the first or the last microsecond.
  static func key(_ operand: PlainOperand, upper: Bool) -> [Int64] {
    switch operand {
    case .value(let value): key(value)
    case .span(let from, let before): [upper ? before - 1 : from]
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

  private static func holds(_ value: Plain, _ op: Operator, _ operands: [PlainOperand]) -> Bool {
    let value = key(value)
    func below(_ left: [Int64], _ right: [Int64]) -> Bool { left.lexicographicallyPrecedes(right) }
    func equals(_ operand: PlainOperand) -> Bool {
      !below(value, key(operand, upper: false)) && !below(key(operand, upper: true), value)
    }
    let part = operands.first.map { key($0, upper: false) } ?? []
    switch op {
    case .equal: return equals(operands[0])
    case .notEqual: return !equals(operands[0])
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
    case .isMissing: return false
    case .isPresent: return true
    case .topPercent, .bottomPercent, .topCount, .memberOf, .notMemberOf: return false
    }
  }
}

import Columns
import Schedules

/// Features that are computed from features.
extension FeatureTable {
  // MARK: Bands and scores

  func band(
    _ operand: String, _ bands: [FeatureDefinition.Band], missing: String?
  ) throws -> Column {
    // Labels may repeat; a column's dictionary has each text once.
    var labels: [String] = []
    func code(_ label: String) -> Int32 {
      if let place = labels.firstIndex(of: label) { return Int32(place) }
      labels.append(label)
      return Int32(labels.count - 1)
    }
    let bounds = bands.map { (from: $0.from, code: code($0.label)) }
    let absent = missing.map { code($0) }
    var codes = [Int32](repeating: 0, count: index.count)
    var present = Bitset(count: index.count)
    func set(_ row: Int, _ code: Int32?) {
      guard let code else { return }
      codes[row] = code
      present[row] = true
    }
    switch try column(named: operand) {
    case .integer(let values, let scale):
      for row in 0..<index.count {
        guard let value = values[row] else {
          set(row, absent)
          continue
        }
        let tested = fault == .bandExclusive ? value - 1 : value
        set(row, bounds.last { Self.atLeast(tested, scale, $0.from) }?.code)
      }
    case .real(let values):
      for row in 0..<index.count {
        guard let value = values[row] else {
          set(row, absent)
          continue
        }
        set(row, bounds.last { value >= Double($0.from) / 10_000 }?.code)
      }
    case .text, .boolean, .instant, .day: throw notANumber(operand)
    }
    return .text(Dense(codes, present: present), dictionary: labels)
  }

  /// Whether `value / 10^scale >= bound / 10^4`, exactly.
  private static func atLeast(_ value: Int64, _ scale: Int, _ bound: Int64) -> Bool {
    guard scale == 0 else { return value >= bound }
    // value * 10^4 >= bound; bound / 10^4 rounded up keeps it in 64 bits.
    let (quotient, rest) = bound.quotientAndRemainder(dividingBy: 10_000)
    return value >= (rest > 0 ? quotient + 1 : quotient)
  }

  private func notANumber(_ name: String) -> FeatureError {
    FeatureError(
      code: "features.operand_type", message: "expected numbers of '\(name)', found other values")
  }

  /// The numbers of a feature as doubles, in the feature's own unit.
  func reals(_ name: String) throws -> Dense<Double> {
    switch try column(named: name) {
    case .integer(let values, let scale):
      let unit = scale == 4 ? 10_000.0 : 1
      return Dense(values.values.map { Double($0) / unit }, present: values.present)
    case .real(let values): return values
    case .text, .boolean, .instant, .day: throw notANumber(name)
    }
  }

  func weighted(_ weights: [FeatureDefinition.Weight]) throws -> Column {
    var totals = [Double](repeating: 0, count: index.count)
    for part in weights {
      let values = try reals(part.feature)
      let (weight, full) = (Double(part.weight) / 10_000, Double(part.full) / 10_000)
      for row in totals.indices {
        guard let value = values[row] else { continue }
        totals[row] += weight * min(max(value / full, 0), 1)
      }
    }
    let all = weights.reduce(0.0) { $0 + Double($1.weight) / 10_000 }
    return .real(Dense(totals.map { $0 / all * 100 }))
  }

  // MARK: Ranks

  /// The ranks of a population-relative feature among the customers of this table.
  func ranks(_ feature: FeatureDefinition) throws -> Dense<Int64> {
    switch feature.expression {
    case .rank(let operand, let bins, let best): return try rank(operand, bins: bins, best)
    case .rfm(let recency, let frequency, let monetary, let bins):
      let parts = [
        try rank(recency, bins: bins, .low), try rank(frequency, bins: bins, .high),
        try rank(monetary, bins: bins, .high),
      ]
      var values = [Int64](repeating: 0, count: index.count)
      let present = Bitset(count: index.count) { row in
        guard let r = parts[0][row], let f = parts[1][row], let m = parts[2][row] else {
          return false
        }
        values[row] = r * 100 + f * 10 + m
        return true
      }
      return Dense(values, present: present)
    default:
      throw FeatureError(
        code: "features.not_a_rank", message: "expected a rank, found '\(feature.name)'")
    }
  }

  /// `ceil(bins * k / n)`, where k of the n values are not better: `cume_dist` in bins.
  private func rank(
    _ operand: String, bins: Int, _ best: FeatureDefinition.Best
  ) throws -> Dense<Int64> {
    let values = try reals(operand)
    var rows = (0..<index.count).filter { values[$0] != nil }
    rows.sort { left, right in
      best == .high
        ? values.values[left] < values.values[right] : values.values[left] > values.values[right]
    }
    var ranks = [Int64](repeating: 0, count: index.count)
    var first = 0
    while first < rows.count {
      var end = first + 1
      while end < rows.count, values.values[rows[end]] == values.values[rows[first]] { end += 1 }
      let notBetter = fault == .ranksBelow ? first + 1 : end
      let rank = (bins * notBetter + rows.count - 1) / rows.count
      for position in first..<end { ranks[rows[position]] = Int64(rank) }
      first = end
    }
    return Dense(ranks, present: Bitset(count: index.count) { values[$0] != nil })
  }

  // MARK: Formulas

  private enum Numbers {
    case exact(Dense<Int64>, scale: Int)
    case real(Dense<Double>)
  }

  func formula(_ formula: Formula, _ feature: FeatureDefinition) throws -> Column {
    switch try numbers(formula, feature) {
    case .exact(let values, let scale): return .integer(values, scale: scale)
    case .real(let values): return .real(values)
    }
  }

  private func numbers(_ formula: Formula, _ feature: FeatureDefinition) throws -> Numbers {
    switch formula {
    case .number(let value, let scale):
      return .exact(Dense(Array(repeating: value, count: index.count)), scale: scale)
    case .feature(let name):
      switch try column(named: name) {
      case .integer(let values, let scale): return .exact(values, scale: scale)
      case .real(let values): return .real(values)
      case .text, .boolean, .instant, .day: throw notANumber(name)
      }
    case .negative(let part):
      return try map([try numbers(part, feature)], feature, exact: { Int64(0).subtracted($0[0]) }) {
        -$0[0]
      }
    case .binary(let sign, let left, let right):
      let pair = [try numbers(left, feature), try numbers(right, feature)]
      switch fault == .formulaAdds && sign == .subtract ? .add : sign {
      case .add: return try map(pair, feature, exact: { $0[0].added($0[1]) }) { $0[0] + $0[1] }
      case .subtract:
        return try map(pair, feature, exact: { $0[0].subtracted($0[1]) }) { $0[0] - $0[1] }
      case .multiply: return try product(pair, feature)
      case .divide: return try quotient(pair, feature)
      }
    case .call(.coalesce, let parts):
      return try coalesce(try parts.map { try numbers($0, feature) }, feature)
    case .call(let function, let parts):
      let operands = try parts.map { try numbers($0, feature) }
      switch function {
      case .abs:
        return try map(
          operands, feature, exact: { $0[0] < 0 ? Int64(0).subtracted($0[0]) : $0[0] }
        ) { $0[0].magnitude }
      case .min:
        return try map(operands, feature, exact: { $0.min() }) { $0.reduce(.infinity, Swift.min) }
      case .max:
        return try map(operands, feature, exact: { $0.max() }) { $0.reduce(-.infinity, Swift.max) }
      case .coalesce: return try coalesce(operands, feature)
      }
    }
  }

  /// Applies an operation: exact where all operands are, at their widest scale, else real.
  private func map(
    _ operands: [Numbers], _ feature: FeatureDefinition, exact: ([Int64]) -> Int64?,
    real: ([Double]) -> Double
  ) throws -> Numbers {
    guard let scale = Self.scale(of: operands) else {
      return try self.real(operands, feature) { real($0) }
    }
    var values = [Int64](repeating: 0, count: index.count)
    let columns = operands.compactMap { operand in
      if case .exact(let column, let own) = operand { (column, scale > own) } else { nil }
    }
    let present = try Bitset(count: index.count) { row in
      var numbers: [Int64] = []
      for (column, widens) in columns {
        guard let value = column[row] else { return false }
        let (wide, overflow) = value.multipliedReportingOverflow(by: widens ? 10_000 : 1)
        if overflow { throw FeatureError.overflow(feature.name, customer: index.ids[row]) }
        numbers.append(wide)
      }
      guard let value = exact(numbers) else {
        throw FeatureError.overflow(feature.name, customer: index.ids[row])
      }
      values[row] = value
      return true
    }
    return .exact(Dense(values, present: present), scale: scale)
  }

  private static func scale(of operands: [Numbers]) -> Int? {
    var widest = 0
    for operand in operands {
      guard case .exact(_, let scale) = operand else { return nil }
      widest = max(widest, scale)
    }
    return widest
  }

  private func product(_ pair: [Numbers], _ feature: FeatureDefinition) throws -> Numbers {
    guard case .exact(let left, let leftScale) = pair[0],
      case .exact(let right, let rightScale) = pair[1], leftScale + rightScale <= 4
    else { return try real(pair, feature) { $0[0] * $0[1] } }
    var values = [Int64](repeating: 0, count: index.count)
    let present = try Bitset(count: index.count) { row in
      guard let one = left[row], let other = right[row] else { return false }
      let (product, overflow) = one.multipliedReportingOverflow(by: other)
      if overflow { throw FeatureError.overflow(feature.name, customer: index.ids[row]) }
      values[row] = product
      return true
    }
    return .exact(Dense(values, present: present), scale: leftScale + rightScale)
  }

  /// A quotient; null where the divisor is zero. Exact operands are divided as whole numbers.
  private func quotient(_ pair: [Numbers], _ feature: FeatureDefinition) throws -> Numbers {
    guard case .exact(let left, let leftScale) = pair[0],
      case .exact(let right, let rightScale) = pair[1]
    else { return try real(pair, feature) { $0[1] == 0 ? nil : $0[0] / $0[1] } }
    let (widensLeft, widensRight) = Self.factors(leftScale, rightScale)
    var values = [Double](repeating: 0, count: index.count)
    let present = Bitset(count: index.count) { row in
      guard let one = left[row], let other = right[row], other != 0 else { return false }
      values[row] = (Double(one) * widensLeft) / (Double(other) * widensRight)
      return true
    }
    return .real(Dense(values, present: present))
  }

  /// Applies a real operation; nil gives null, and what is not finite is an overflow.
  private func real(
    _ operands: [Numbers], _ feature: FeatureDefinition, _ body: ([Double]) -> Double?
  ) throws -> Numbers {
    let columns = operands.map(Self.reals)
    var values = [Double](repeating: 0, count: index.count)
    let present = try Bitset(count: index.count) { row in
      var numbers: [Double] = []
      for column in columns {
        guard let value = column[row] else { return false }
        numbers.append(value)
      }
      guard let value = body(numbers) else { return false }
      guard value.isFinite else {
        throw FeatureError.overflow(feature.name, customer: index.ids[row])
      }
      values[row] = value
      return true
    }
    return .real(Dense(values, present: present))
  }

  private static func reals(_ numbers: Numbers) -> Dense<Double> {
    switch numbers {
    case .exact(let values, let scale):
      let unit = scale == 4 ? 10_000.0 : 1
      return Dense(values.values.map { Double($0) / unit }, present: values.present)
    case .real(let values): return values
    }
  }

  private func coalesce(
    _ operands: [Numbers], _ feature: FeatureDefinition
  ) throws -> Numbers {
    guard let scale = Self.scale(of: operands) else {
      let columns = operands.map(Self.reals)
      var values = [Double](repeating: 0, count: index.count)
      let present = Bitset(count: index.count) { row in
        guard let value = columns.lazy.compactMap({ $0[row] }).first else { return false }
        values[row] = value
        return true
      }
      return .real(Dense(values, present: present))
    }
    var values = [Int64](repeating: 0, count: index.count)
    let present = try Bitset(count: index.count) { row in
      for operand in operands {
        guard case .exact(let column, let own) = operand, let value = column[row] else { continue }
        let (wide, overflow) = value.multipliedReportingOverflow(by: own < scale ? 10_000 : 1)
        if overflow { throw FeatureError.overflow(feature.name, customer: index.ids[row]) }
        values[row] = wide
        return true
      }
      return false
    }
    return .exact(Dense(values, present: present), scale: scale)
  }
}

extension Int64 {
  /// The sum; nil beyond 64 bits.
  fileprivate func added(_ other: Int64) -> Int64? {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? nil : sum
  }

  /// The difference; nil beyond 64 bits.
  fileprivate func subtracted(_ other: Int64) -> Int64? {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? nil : difference
  }
}

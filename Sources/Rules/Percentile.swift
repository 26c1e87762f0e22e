import Columns

/// Finds the cuts of percentile operators; sorts each attribute's values once.
struct Percentiles {
  /// By the attribute and the population, as they are written.
  private var sorted: [String: [Int64]] = [:]
  private(set) var found: [Condition: (cut: Cut, report: PercentileCut)] = [:]

  /// - Parameter known: cuts that were found already.
  init(known: PopulationCuts? = nil) { found = known?.found ?? [:] }

  /// The cuts in the order of their conditions.
  var reports: [PercentileCut] {
    found.values.map(\.report).sorted { $0.condition < $1.condition }
  }

  /// The values that a condition selects in a column.
  ///
  /// The cut is the value at rank ceil(N · n / 100) of the n values; all that tie with it are in.
  /// A cut on the extreme value (the least for top, the greatest for bottom) selects only values
  /// beyond it, so that a feature that is mostly 0 never selects everyone.
  ///
  /// - Parameter members: gives the rows of the condition's population, where it has one.
  mutating func cut(
    _ condition: Condition, column: Column, representation: Representation,
    population members: (Expression) throws -> Bitset
  ) rethrows -> Cut {
    if let known = found[condition] { return known.cut }
    let name =
      condition.attribute.name + (condition.population.map { " where \($0)" } ?? "")
    let keys =
      try sorted[name]
      ?? Self.sortedKeys(column, among: condition.population.map { try members($0) })
    sorted[name] = keys
    let isTop = condition.operator == .topPercent || condition.operator == .topCount
    guard let least = keys.first, let most = keys.last else {
      return record(condition, .none, "none", keys, false)
    }
    let rank = Self.rank(condition, of: keys.count)
    let value = isTop ? keys[keys.count - rank] : keys[rank - 1]
    let isCount = condition.operator == .topCount || condition.operator == .bottomCount
    let isWhole = isCount && rank == keys.count
    let isDegenerate = !isWhole && value == (isTop ? least : most)
    let beyond = isDegenerate ? Int128(1) : 0
    let cut =
      isTop
      ? Cut(from: Int128(value) + beyond, to: Int128(Int64.max))
      : Cut(from: Int128(Int64.min), to: Int128(value) - beyond)
    let words = Self.words(value, condition.attribute, representation)
    return record(condition, cut, words, keys, isDegenerate)
  }

  private mutating func record(
    _ condition: Condition, _ cut: Cut, _ words: String, _ keys: [Int64], _ isDegenerate: Bool
  ) -> Cut {
    let report = PercentileCut(
      condition: condition.description, cut: words, population: keys.count,
      members: keys.count { cut.contains($0) }, isDegenerate: isDegenerate)
    found[condition] = (cut, report)
    return cut
  }

  /// The rank of the cut among `count` values, 1 to `count`.
  static func rank(_ condition: Condition, of count: Int) -> Int {
    switch condition.operands.first {
    case .percent(let share):
      var whole: Int128 = 100
      for _ in 0..<share.scale { whole *= 10 }
      let rank = (share.digits * Int128(count) + whole - 1) / whole
      return max(1, min(count, Int(rank)))
    case .number(let number):
      guard case .within(let value, _) = number.position(scale: 0) else { return count }
      return max(1, Int(min(Int64(count), value)))
    case .text, .boolean, .day, .instant, .localDay, .span, nil: return count
    }
  }

  private static func sortedKeys(_ column: Column, among population: Bitset?) -> [Int64] {
    func keys<T>(_ dense: Dense<T>, _ key: (T) -> Int64) -> [Int64] {
      var result: [Int64] = []
      result.reserveCapacity(dense.count)
      for row in 0..<dense.count where population?[row] ?? true {
        if let value = dense[row] { result.append(key(value)) }
      }
      result.sort()
      return result
    }
    return switch column {
    case .integer(let dense, _): keys(dense) { $0 }
    case .instant(let dense): keys(dense) { $0 }
    case .day(let dense): keys(dense) { Int64($0) }
    case .real(let dense): keys(dense, RealKey.key)
    case .text, .boolean: []
    }
  }

  /// A key as it is written in a rule.
  static func words(
    _ key: Int64, _ attribute: Attribute, _ representation: Representation
  ) -> String {
    ColumnValue(key: key, representation).text(unit: attribute.unit)
  }
}

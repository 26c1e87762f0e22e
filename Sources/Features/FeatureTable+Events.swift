import Columns
import Schedules

/// Features that are read from the state: sums of slots, folds over rings.
extension FeatureTable {
  func total(
    _ feature: FeatureDefinition, _ terms: [FeatureDefinition.Term], _ window: Window
  ) throws -> Column {
    var total: [Int64]?
    for term in terms {
      let values = try sum(term.measure, window, of: feature)
      let negative = term.negative && fault != .addsNegativeTerms
      total = try combine(total, values, negative: negative, feature)
    }
    return .integer(
      Dense(total ?? Array(repeating: 0, count: index.count)), scale: feature.scale ?? 0)
  }

  func quotient(
    _ feature: FeatureDefinition, _ part: Measure, _ whole: Measure, _ window: Window,
    minimum: Int64
  ) throws -> Column {
    let over = (Dense(try sum(part, window, of: feature)), part.scale)
    let under = (Dense(try sum(whole, window, of: feature)), whole.scale)
    let least = fault == .ratioMinimumExclusive ? minimum + 1 : minimum
    return .real(ratio(over, over: under, minimum: least))
  }

  func trend(
    _ feature: FeatureDefinition, _ measure: Measure, _ window: Window,
    _ trend: FeatureDefinition.Trend
  ) throws -> Column {
    let columns = try trend.windows(of: window).map { try sum(measure, $0, of: feature) }
    switch trend {
    case .difference:
      return .integer(
        Dense(try combine(columns[0], columns[1], negative: fault != .trendAdds, feature)),
        scale: measure.scale)
    case .ratio(let minimum):
      let (over, under) = (Dense(columns[0]), Dense(columns[1]))
      let least = fault == .ratioMinimumExclusive ? minimum + 1 : minimum
      return .real(ratio((over, measure.scale), over: (under, measure.scale), minimum: least))
    case .slope(let count):
      // The least-squares slope of y(0) … y(n-1), oldest first, is 6 Σ (2i - n + 1) y / (n (n² - 1)).
      let divisor = Double(count * (count * count - 1)) * (measure.scale == 4 ? 10_000 : 1)
      let slopes = try (0..<index.count).map { row in
        var sum: Int64 = 0
        for (back, column) in columns.enumerated() {
          let factor = Int64(count - 1 - 2 * back) * (fault == .slopeFalls ? -1 : 1)
          let (product, tooLarge) = column[row].multipliedReportingOverflow(by: factor)
          let (next, overflow) = sum.addingReportingOverflow(product)
          if tooLarge || overflow {
            throw FeatureError.overflow(feature.name, customer: index.ids[row])
          }
          sum = next
        }
        return Double(sum) * 6 / divisor
      }
      return .real(Dense(slopes))
    }
  }

  /// Local days since the first or last event.
  func distance(
    _ feature: FeatureDefinition, _ measure: Measure, _ fold: StateSlot.Fold
  ) throws -> Dense<Int64> {
    let days = try slot(StateSlot(measure, fold), of: feature)
    let today = Int64(day.number) + (fault == .recencyOneMore ? 1 : 0)
    let values = days.map { $0 == FeatureState.never ? 0 : today - $0 }
    return Dense(values, present: Bitset(count: days.count) { days[$0] != FeatureState.never })
  }

  // MARK: Rings

  func aggregate(
    _ feature: FeatureDefinition, _ slot: RingSlot, _ window: Window
  ) throws -> Column {
    var values = [Int64](repeating: 0, count: index.count)
    var present = Bitset(count: index.count)
    let cell = slot.cell
    try fold(slot, window, of: feature) { row, entries in
      switch cell {
      case .sum: values[row] = try checkedSum(entries, feature, row)
      case .least:
        values[row] =
          fault == .leastIsGreatest
          ? entries.reduce(Int64.min) { max($0, $1.a) }
          : entries.reduce(Int64.max) { min($0, $1.a) }
      case .greatest: values[row] = entries.reduce(Int64.min) { max($0, $1.a) }
      case .first: values[row] = entries.min { ($0.a, $0.b) < ($1.a, $1.b) }?.b ?? 0
      case .last: values[row] = entries.max { ($0.a, $0.b) < ($1.a, $1.b) }?.b ?? 0
      case .day: values[row] = Int64(Set(entries.map(\.day)).count)
      case .keys:
        entries.sort { $0.a < $1.a }
        values[row] = Int64(
          entries.indices.count { $0 == 0 || entries[$0].a != entries[$0 - 1].a })
      case .sequence: values[row] = entries.reduce(0) { $0 + $1.a }
      }
      present[row] = true
    }
    switch cell {
    case .least, .greatest, .first, .last:
      return .integer(
        Dense(values, present: present.population == index.count ? nil : present),
        scale: feature.scale ?? 0)
    case .sum, .day, .keys, .sequence:
      return .integer(Dense(values), scale: feature.scale ?? 0)
    }
  }

  /// The furthest step, or the most events of one key.
  func peak(_ feature: FeatureDefinition, _ slot: RingSlot, _ window: Window) throws -> Column {
    var values = [Int64](repeating: 0, count: index.count)
    let isKeyed = if case .keys = slot.cell { true } else { false }
    try fold(slot, window, of: feature) { row, entries in
      guard isKeyed else {
        values[row] = entries.reduce(0) { max($0, $1.b) }
        return
      }
      entries.sort { $0.a < $1.a }
      var best: Int64 = 0
      var run: Int64 = 0
      for position in entries.indices {
        let isNew = position == 0 || entries[position].a != entries[position - 1].a
        run = (isNew ? 0 : run) + entries[position].b
        best = max(best, run)
      }
      values[row] = best
    }
    return .integer(Dense(values), scale: 0)
  }

  /// The sums of a measure over a window: a slot of the state, or for hours a fold of days.
  func sum(_ measure: Measure, _ window: Window, of feature: FeatureDefinition) throws -> [Int64] {
    if window.isOfDays { return try slot(StateSlot(measure, .sum(window)), of: feature) }
    var values = [Int64](repeating: 0, count: index.count)
    try fold(.sums(of: measure), window, of: feature) { row, entries in
      values[row] = try checkedSum(entries, feature, row)
    }
    return values
  }

  private func checkedSum(
    _ entries: [Ring.Entry], _ feature: FeatureDefinition, _ row: Int
  ) throws -> Int64 {
    try entries.reduce(0) { sum, entry in
      let (next, overflow) = sum.addingReportingOverflow(entry.a)
      if overflow { throw FeatureError.overflow(feature.name, customer: index.ids[row]) }
      return next
    }
  }

  /// Calls `body` with the entries of each customer that has some in the window.
  private func fold(
    _ slot: RingSlot, _ window: Window, of feature: FeatureDefinition,
    _ body: (Int, inout [Ring.Entry]) throws -> Void
  ) throws {
    guard let ring = state.ring(of: slot)?.ring else { throw notBuilt(slot.name, feature) }
    let parts = WindowParts(window, asOf: asOf, days: days)
    var (first, last) = (parts.days.first.number, parts.days.last.number)
    if fault == .edgesAreWholeDays, !parts.edges.isEmpty { first -= 1 }
    if fault == .windowEndsEarly { last -= 1 }
    // All time has no day before its first.
    if first != DaySpan.unbounded.number {
      if fault == .ringStartsEarly { first -= 1 }
      if fault == .ringStartsLate { first += 1 }
    }
    var edge: Ring?
    if !window.isOfDays, fault != .dropsEdges {
      edge = state.edges.first { $0.key.slot == slot && $0.key.window == window }?.ring
    }
    var entries: [Ring.Entry] = []
    for row in 0..<index.count {
      entries.removeAll(keepingCapacity: true)
      for entry in ring[row] where entry.day >= first && entry.day <= last {
        entries.append(entry)
      }
      if let edge { entries.append(contentsOf: edge[row]) }
      if !entries.isEmpty { try body(row, &entries) }
    }
  }

  // MARK: Slots

  private func slot(_ slot: StateSlot, of feature: FeatureDefinition) throws -> [Int64] {
    if let values = state.values(of: slot) { return values }
    throw notBuilt(slot.name, feature)
  }

  private func notBuilt(_ name: String, _ feature: FeatureDefinition) -> FeatureError {
    FeatureError(
      code: "features.not_built",
      message: "expected \(name) in the state for '\(feature.name)', found no such slot",
      hint: "build the features with a catalogue that holds this one")
  }

  private func combine(
    _ total: [Int64]?, _ values: [Int64], negative: Bool, _ feature: FeatureDefinition
  ) throws -> [Int64] {
    if total == nil, !negative { return values }
    var result = total ?? Array(repeating: 0, count: values.count)
    for row in values.indices {
      let (sum, overflow) =
        negative
        ? result[row].subtractingReportingOverflow(values[row])
        : result[row].addingReportingOverflow(values[row])
      if overflow { throw FeatureError.overflow(feature.name, customer: index.ids[row]) }
      result[row] = sum
    }
    return result
  }
}

import Columns
import Features
import Schedules

/// The definition of every feature, straight from raw events: slow and obvious.
package struct NaiveOracle {
  package let catalogue: FeatureCatalogue
  package let zone: Zone
  package let asOf: Instant
  /// The events known before `asOf`, by customer.
  package let events: [Int64: [ShopEvent]]
  private let known: [ShopEvent]
  private let population: [Int64]?
  private let today: Day

  /// - Parameter population: whom ranks are among; nil for everyone with an event before.
  package init(
    _ catalogue: FeatureCatalogue, zone: Zone, asOf: Instant, events: [ShopEvent],
    population: [Int64]? = nil
  ) {
    self.population = population
    self.catalogue = catalogue
    self.zone = zone
    self.asOf = asOf
    known = events
    self.events = Dictionary(grouping: events.filter { $0.at < asOf }, by: \.customer)
    // The last day that has begun before as_of.
    let around = zone.day(of: asOf)
    today = (-1...1).map { around + $0 }.last { zone.midnight($0) < asOf } ?? around - 2
  }

  /// A value: text for bands, else a number; integers are scaled, ratios are not.
  package enum Value: Equatable, CustomStringConvertible {
    case number(Double)
    case text(String)

    package var description: String {
      switch self {
      case .number(let number): "\(number)"
      case .text(let text): text
      }
    }

    /// Whether it is something else than zero.
    package var isTelling: Bool { self != .number(0) }
  }

  private func bounds(_ window: Window) -> (Instant, Instant) {
    let start: Day
    switch window.length {
    case .days(let n): start = today - n + 1
    case .months(let n): start = today.adding(months: -n) + 1
    case .lifetime: return (Instant(microseconds: .min), asOf)
    case .minutes(let n):
      let length = Duration.seconds(60 * n)
      let end = asOf - length * window.previous
      return (end - length, end)
    }
    let shift = window.previous * (today.number - start.number + 1).asInt
    return (
      zone.midnight(start - shift), shift == 0 ? asOf : zone.midnight(today - shift + 1)
    )
  }

  private func events(
    of customer: Int64, _ filter: EventFilter, _ window: Window
  ) -> [ShopEvent] {
    let (start, end) = bounds(window)
    return (events[customer] ?? []).filter {
      $0.at >= start && $0.at < end && $0.passes(filter)
    }
  }

  private func sum(_ measure: Measure, _ window: Window, _ customer: Int64) -> Int64 {
    events(of: customer, measure.filter, window).reduce(0) { total, event in
      total + (measure.value.number.map { event.number($0) ?? 0 } ?? 1)
    }
  }

  private func localDay(_ instant: Instant) -> Day {
    (0...4000).lazy.map { today - $0 }.first { zone.midnight($0) <= instant } ?? today - 4001
  }

  /// The values of a feature, one per customer.
  package func values(_ feature: FeatureDefinition, _ customers: [Int64]) throws -> [Value?] {
    if case .band(let operand, let bands, let missing) = feature.expression {
      let scale = try catalogue.resolve(operand).scale == 4 ? 1e4 : 1
      return try numbers(catalogue.resolve(operand), customers).map { value in
        guard let value else { return missing.map { .text($0) } }
        return bands.last { value / scale >= Double($0.from) / 1e4 }.map { .text($0.label) }
      }
    }
    return try numbers(feature, customers).map { $0.map { .number($0) } }
  }

  package func numbers(_ feature: FeatureDefinition, _ customers: [Int64]) throws -> [Double?] {
    switch feature.expression {
    case .total(let terms, let window):
      return customers.map { customer in
        Double(
          terms.reduce(Int64(0)) {
            $0 + ($1.negative ? -1 : 1) * sum($1.measure, window, customer)
          })
      }
    case .average(let measure, _, let window):
      return customers.map { customer in
        let numbers = events(of: customer, measure.filter, window).compactMap { event in
          measure.value.number.flatMap { event.number($0) }
        }
        guard !numbers.isEmpty else { return nil }
        let unit = measure.scale == 4 ? 1e4 : 1
        return Double(numbers.reduce(0, +)) / unit / Double(numbers.count)
      }
    case .rate(let part, let whole, let window, let minimum):
      return customers.map { customer in
        let all = sum(whole, window, customer)
        return all < minimum ? nil : Double(sum(part, window, customer)) / Double(all)
      }
    case .trend(let measure, let window, let trend):
      return customers.map { self.trend(measure, window, trend, $0) }
    case .aggregate(let slot, let window):
      return customers.map { aggregate(slot, window, $0) }
    case .most(let slot, let window):
      return customers.map { customer in
        var counts: [String: Int] = [:]
        for event in events(of: customer, slot.filter, window) {
          guard let key = slot.key.flatMap({ event.key($0) }) else { continue }
          counts[key, default: 0] += 1
        }
        return Double(counts.values.max() ?? 0)
      }
    case .funnel(let slot, let window):
      guard let plan = slot.plan else { return [] }
      return customers.map { customer in
        let begun = begun(plan, window, customer)
        return Double(begun.map { furthest(plan, 0, $0, customer) }.max() ?? 0)
      }
    case .recency(let measure), .tenure(let measure):
      return customers.map { customer in
        let times = events(of: customer, measure.filter, .lifetime).map(\.at)
        var day: Instant? = times.max()
        if case .tenure = feature.expression { day = times.min() }
        return day.map { Double(today.number - localDay($0).number) }
      }
    default: return try derived(feature, customers)
    }
  }

  private func trend(
    _ measure: Measure, _ window: Window, _ trend: FeatureDefinition.Trend, _ customer: Int64
  ) -> Double? {
    func sum(_ back: Int) -> Int64 {
      self.sum(measure, Window(window.length, previous: window.previous + back), customer)
    }
    let unit = measure.scale == 4 ? 1e4 : 1
    switch trend {
    case .difference: return Double(sum(0) - sum(1))
    case .ratio(let minimum):
      return sum(1) < minimum ? nil : Double(sum(0)) / unit / (Double(sum(1)) / unit)
    case .slope(let count):
      // Least squares from the textbook: Σ (x - x̄)(y - ȳ) / Σ (x - x̄)².
      let points = (0..<count).map { (x: Double(count - 1 - $0), y: Double(sum($0)) / unit) }
      let meanX = points.reduce(0) { $0 + $1.x } / Double(count)
      let meanY = points.reduce(0) { $0 + $1.y } / Double(count)
      return points.reduce(0) { $0 + ($1.x - meanX) * ($1.y - meanY) }
        / points.reduce(0) { $0 + ($1.x - meanX) * ($1.x - meanX) }
    }
  }

  private func aggregate(_ slot: RingSlot, _ window: Window, _ customer: Int64) -> Double? {
    if let plan = slot.plan {
      return Double(begun(plan, window, customer).count { completes(plan, 0, $0, customer) })
    }
    let events = events(of: customer, slot.filter, window)
    let numbers = slot.number.map { number in
      events.compactMap { event in event.number(number).map { (at: event.at, value: $0) } }
    }
    switch slot.cell {
    case .sum(let value): return Double(sum(Measure(value, of: slot.filter), window, customer))
    case .least: return numbers?.map(\.value).min().map(Double.init)
    case .greatest: return numbers?.map(\.value).max().map(Double.init)
    case .first:
      return numbers?.min { ($0.at, $0.value) < ($1.at, $1.value) }.map { Double($0.value) }
    case .last:
      return numbers?.max { ($0.at, $0.value) < ($1.at, $1.value) }.map { Double($0.value) }
    case .day: return Double(Set(events.map { localDay($0.at) }).count)
    case .keys(let key): return Double(Set(events.compactMap { $0.key(key) }).count)
    case .sequence: return nil
    }
  }

  // MARK: Sequences

  private func begun(_ plan: SequencePlan, _ window: Window, _ customer: Int64) -> [ShopEvent] {
    events(of: customer, plan.steps[0].filter, window).filter { event in
      plan.same.map { event.key($0) != nil } ?? true
    }
  }

  private func next(
    _ plan: SequencePlan, _ step: Int, _ event: ShopEvent, _ customer: Int64
  ) -> [ShopEvent] {
    (events[customer] ?? []).filter { other in
      let gap = other.at.microseconds - event.at.microseconds
      return other.passes(plan.steps[step].filter) && gap > 0 && gap < plan.steps[step].within
        && (plan.same.map { other.key($0) == event.key($0) } ?? true)
    }
  }

  private func completes(
    _ plan: SequencePlan, _ step: Int, _ event: ShopEvent, _ customer: Int64
  ) -> Bool {
    guard step + 1 < plan.steps.count else { return true }
    let following = next(plan, step + 1, event, customer)
    guard plan.steps[step + 1].negated else {
      return following.contains { completes(plan, step + 1, $0, customer) }
    }
    return following.isEmpty
      && event.at.microseconds + plan.steps[step + 1].within <= asOf.microseconds
  }

  private func furthest(
    _ plan: SequencePlan, _ step: Int, _ event: ShopEvent, _ customer: Int64
  ) -> Int {
    guard step + 1 < plan.steps.count else { return step + 1 }
    return next(plan, step + 1, event, customer)
      .map { furthest(plan, step + 1, $0, customer) }.max() ?? step + 1
  }

  // MARK: Features of features

  private func derived(
    _ feature: FeatureDefinition, _ customers: [Int64]
  ) throws -> [Double?] {
    func unscaled(_ name: String) throws -> [Double?] {
      let operand = try catalogue.resolve(name)
      let unit = operand.scale == 4 ? 1e4 : 1
      return try numbers(operand, customers).map { $0.map { $0 / unit } }
    }
    switch feature.expression {
    case .ratio(let numerator, let denominator, let minimum):
      let under = try catalogue.resolve(denominator)
      let least = Double(minimum) / (under.scale == 4 ? 1e4 : 1)
      return zip(try unscaled(numerator), try unscaled(denominator)).map { pair in
        guard let top = pair.0, let bottom = pair.1, bottom >= least else { return nil }
        return top / bottom
      }
    case .weighted(let weights):
      let columns = try weights.map { try unscaled($0.feature) }
      let all = weights.reduce(0) { $0 + Double($1.weight) / 1e4 }
      return customers.indices.map { row in
        var total = 0.0
        for (part, column) in zip(weights, columns) {
          let share = (column[row] ?? 0) / (Double(part.full) / 1e4)
          total += Double(part.weight) / 1e4 * min(max(share, 0), 1)
        }
        return total / all * 100
      }
    case .formula(let formula):
      let scale = feature.scale == 4 ? 1e4 : 1
      let columns = Dictionary(
        uniqueKeysWithValues: try formula.features.map { ($0, try unscaled($0)) })
      return customers.indices.map { row in
        // Doubles come close enough to exact numbers to be rounded to them.
        evaluate(formula) { columns[$0]?[row] }.map {
          feature.scale == nil ? $0 : ($0 * scale).rounded()
        }
      }
    case .rank(let operand, let bins, let best):
      return try atMidnight(customers) { try $0.rank(operand, bins, best, $1) }
    case .rfm(let recency, let frequency, let monetary, let bins):
      return try atMidnight(customers) { oracle, everyone in
        let r = try oracle.rank(recency, bins, .low, everyone)
        let f = try oracle.rank(frequency, bins, .high, everyone)
        let m = try oracle.rank(monetary, bins, .high, everyone)
        return everyone.indices.map { row in
          guard let r = r[row], let f = f[row], let m = m[row] else { return nil }
          return r * 100 + f * 10 + m
        }
      }
    default: return customers.map { _ in nil }
    }
  }

  private func evaluate(_ formula: Formula, _ value: (String) -> Double?) -> Double? {
    switch formula {
    case .number(let number, let scale): return scale == 4 ? Double(number) / 1e4 : Double(number)
    case .feature(let name): return value(name)
    case .negative(let part): return evaluate(part, value).map { -$0 }
    case .binary(let sign, let left, let right):
      guard let left = evaluate(left, value), let right = evaluate(right, value) else {
        return nil
      }
      switch sign {
      case .add: return left + right
      case .subtract: return left - right
      case .multiply: return left * right
      case .divide: return right == 0 ? nil : left / right
      }
    case .call(let function, let parts):
      let values = parts.map { evaluate($0, value) }
      if function == .coalesce { return values.lazy.compactMap { $0 }.first }
      let present = values.compactMap { $0 }
      guard present.count == values.count else { return nil }
      switch function {
      case .min: return present.min()
      case .max: return present.max()
      case .abs: return present[0].magnitude
      case .coalesce: return nil
      }
    }
  }

  /// Values of everyone known at the last local midnight, for some customers.
  private func atMidnight(
    _ customers: [Int64], _ body: (NaiveOracle, [Int64]) throws -> [Double?]
  ) throws -> [Double?] {
    let midnight = zone.midnight(today + 1) == asOf ? asOf : zone.midnight(today)
    let oracle = NaiveOracle(
      catalogue, zone: zone, asOf: midnight, events: known, population: population)
    let everyone = population ?? oracle.events.keys.sorted()
    let values = try body(oracle, everyone)
    return customers.map { customer in
      everyone.firstIndex(of: customer).flatMap { values[$0] }
    }
  }

  /// 1 to `bins` by the share of customers that are not better.
  private func rank(
    _ operand: String, _ bins: Int, _ best: FeatureDefinition.Best, _ everyone: [Int64]
  ) throws -> [Double?] {
    let values = try numbers(catalogue.resolve(operand), everyone)
    let present = values.compactMap { $0 }
    return values.map { value in
      guard let value else { return nil }
      let notBetter = present.count { best == .high ? $0 <= value : $0 >= value }
      return Double((1...bins).first { $0 * present.count >= notBetter * bins } ?? bins)
    }
  }
}

extension Int32 {
  fileprivate var asInt: Int { Int(self) }
}

extension Column {
  /// Integers and reals as optional doubles; the sums of the tests stay far below 2^53.
  package func doubles() -> [Double?] {
    switch self {
    case .integer(let dense, _): (0..<count).map { dense[$0].map(Double.init) }
    case .real(let dense): (0..<count).map { dense[$0] }
    default: []
    }
  }

  /// The values as the oracle has them.
  package func oracleValues() -> [NaiveOracle.Value?] {
    if case .text(let dense, let dictionary) = self {
      return (0..<count).map { row in dense[row].map { .text(dictionary[Int($0)]) } }
    }
    return doubles().map { $0.map { .number($0) } }
  }
}

extension [NaiveOracle.Value?] {
  /// Whether the values are the same, real ones but for the last digits.
  package func agree(with other: [NaiveOracle.Value?], isReal: Bool) -> Bool {
    guard isReal else { return self == other }
    return count == other.count
      && zip(self, other).allSatisfy { left, right in
        guard case .number(let one) = left, case .number(let another) = right else {
          return left == right
        }
        return one == another
          || (one - another).magnitude <= 1e-9 * Swift.max(one.magnitude, another.magnitude, 1)
      }
  }
}

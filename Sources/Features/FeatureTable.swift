import Columns
import Schedules

/// The features of all customers at one instant: columns are computed from the state when asked.
public struct FeatureTable: Sendable {
  /// The customers, one row each.
  public let index: IDIndex
  /// The instant that the features are of; what happens at it or later does not exist.
  public let asOf: Instant
  /// The local day just before `asOf`, the last day of every window.
  public let day: Day
  /// The features that the table can compute.
  public let catalogue: FeatureCatalogue
  private let state: FeatureState
  private var supplied: [String: Column] = [:]
  private let fault: SweepFault?

  /// A table over a state and everyone in `population`, also those without events.
  ///
  /// Columns of profile attributes and scores are then given by ``supply(_:for:)``.
  public init(
    catalogue: FeatureCatalogue, asOf: Instant, zone: Zone, state: FeatureState,
    population: IDIndex
  ) {
    self.init(
      catalogue: catalogue, asOf: asOf, zone: zone, state: state, population: population,
      fault: nil)
  }

  init(
    catalogue: FeatureCatalogue, asOf: Instant, zone: Zone, state: FeatureState,
    population: IDIndex, fault: SweepFault?
  ) {
    self.catalogue = catalogue
    self.asOf = asOf
    day = LocalDays(zone: zone).lastDay(before: asOf)
    index = state.index.union(population)
    self.state = state.reindexed(to: index)
    self.fault = fault
  }

  /// A table of given columns only, for callers that have no catalogue; all of one length.
  public init(index: IDIndex, asOf: Instant, zone: Zone = .utc, columns: [String: Column]) {
    self.init(
      catalogue: .empty, asOf: asOf, zone: zone, state: FeatureState(slots: [], index: index),
      population: index)
    for (name, column) in columns {
      precondition(column.count == index.count, "column \(name) has \(column.count) rows")
      supplied[name] = column
    }
  }

  /// Whether the customer's rows exist, with the row number.
  public func row(of customer: Int64) -> Int? { index.row(of: customer) }

  /// Gives the column of a profile attribute or a score.
  ///
  /// - Throws: ``FeatureError`` `features.unknown_feature`, `features.not_external` for a feature
  ///   that is computed, `features.column_mismatch` for another length or type.
  public mutating func supply(_ column: Column, for name: String) throws {
    let feature = try catalogue.resolve(name)
    guard feature.isExternal else {
      throw FeatureError(
        code: "features.not_external",
        message: "expected a profile attribute or a score, found '\(feature.name)'",
        hint: "it is computed from events")
    }
    guard column.count == index.count, Self.fits(column, feature) else {
      throw FeatureError(
        code: "features.column_mismatch",
        message: "expected \(index.count) rows of type \(feature.type.rawValue) for "
          + "'\(feature.name)', found \(column.count) rows of another kind or length")
    }
    supplied[feature.name] = column
  }

  private static func fits(_ column: Column, _ feature: FeatureDefinition) -> Bool {
    switch (column, feature.type) {
    case (.integer(_, let scale), .integer), (.integer(_, let scale), .decimal):
      scale == feature.scale
    case (.real, .real), (.text, .text), (.boolean, .boolean), (.day, .date),
      (.instant, .timestamp):
      true
    default: false
    }
  }

  /// The column of a feature, by name or alias.
  ///
  /// Counts and sums are never null; see ``FeatureDefinition/Expression`` for the others.
  /// - Throws: ``FeatureError`` `features.unknown_feature`, `features.not_supplied`,
  ///   `features.not_built`, `features.overflow`.
  public func column(named name: String) throws -> Column {
    if let column = supplied[name] { return column }
    let feature = try catalogue.resolve(name)
    if let column = supplied[feature.name] { return column }
    switch feature.expression {
    case .total, .recency:
      return .integer(try numbers(feature), scale: feature.scale ?? 0)
    case .ratio(let numerator, let denominator, let minimum):
      return .real(
        ratio(
          try operand(numerator), over: try operand(denominator),
          minimum: fault == .ratioMinimumExclusive ? minimum + 1 : minimum))
    case .profile, .score:
      throw FeatureError(
        code: "features.not_supplied",
        message: "expected a column for '\(feature.name)' (\(feature.source)), found none",
        hint: "supply profile attributes and scores before the column is read")
    }
  }

  private func operand(_ name: String) throws -> (values: Dense<Int64>, scale: Int) {
    let feature = try catalogue.resolve(name)
    return (try numbers(feature), feature.scale ?? 0)
  }

  private func numbers(_ feature: FeatureDefinition) throws -> Dense<Int64> {
    switch feature.expression {
    case .total(let terms, let window):
      var total: [Int64]?
      for term in terms {
        let values = try slot(StateSlot(term.measure, .sum(window)), of: feature)
        let negative = term.negative && fault != .addsNegativeTerms
        total = try combine(total, values, negative: negative, feature)
      }
      return Dense(total ?? Array(repeating: 0, count: index.count))
    case .recency(let measure):
      let last = try slot(StateSlot(measure, .lastDay), of: feature)
      let today = Int64(day.number) + (fault == .recencyOneMore ? 1 : 0)
      let values = last.map { $0 == FeatureState.never ? 0 : today - $0 }
      return Dense(values, present: Bitset(count: last.count) { last[$0] != FeatureState.never })
    case .ratio, .profile, .score:
      throw FeatureError(
        code: "features.ratio_operand",
        message: "expected a count, sum or recency, found '\(feature.name)'")
    }
  }

  private func slot(_ slot: StateSlot, of feature: FeatureDefinition) throws -> [Int64] {
    if let values = state.values(of: slot) { return values }
    throw FeatureError(
      code: "features.not_built",
      message: "expected \(slot.name) in the state for '\(feature.name)', found no such slot",
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

  /// Real division of the unscaled values, as `numerator::float8 / denominator::float8` in SQL.
  private func ratio(
    _ over: (values: Dense<Int64>, scale: Int), over under: (values: Dense<Int64>, scale: Int),
    minimum: Int64
  ) -> Dense<Double> {
    let overUnit = over.scale == 4 ? 10_000.0 : 1
    let underUnit = under.scale == 4 ? 10_000.0 : 1
    var values = [Double](repeating: 0, count: index.count)
    let present = Bitset(count: index.count) { row in
      guard let numerator = over.values[row], let denominator = under.values[row],
        denominator >= minimum
      else { return false }
      values[row] = (Double(numerator) / overUnit) / (Double(denominator) / underUnit)
      return true
    }
    return Dense(values, present: present.population == index.count ? nil : present)
  }
}

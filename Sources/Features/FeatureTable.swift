import Columns
import Schedules
import Synchronization

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
  let state: FeatureState
  let days: LocalDays
  private var supplied: [String: Column] = [:]
  /// Everyone's ranks at the last local midnight.
  private var midnight: PopulationRanks?
  let fault: SweepFault?
  /// What a feature of features has computed on its way; nil outside.
  private var memo: ColumnMemo?

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
    days = LocalDays(zone: zone)
    day = days.lastDay(before: asOf)
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

  /// The project's zone.
  public var zone: Zone { days.zone }

  /// The last local midnight at `asOf` or before, whose population-relative values count.
  public var lastMidnight: Instant {
    days.isMidnight(asOf) ? asOf : days.zone.midnight(day)
  }

  /// Gives a table of an instant within a day the features of everyone at the day's midnight, from
  /// which ranks are taken; customers unknown then have none.
  ///
  /// - Throws: ``FeatureError`` `features.wrong_midnight` for a table of another instant.
  public mutating func fix(at table: FeatureTable) throws {
    try fix(at: try PopulationRanks(table))
  }

  /// Gives a table everyone's ranks at its last local midnight: one of an instant within a day, or of
  /// some of the customers only.
  ///
  /// - Throws: ``FeatureError`` `features.wrong_midnight` for ranks of another instant.
  public mutating func fix(at ranks: PopulationRanks) throws {
    guard ranks.asOf == lastMidnight else {
      throw FeatureError(
        code: "features.wrong_midnight",
        message: "expected features of \(lastMidnight), found features of \(ranks.asOf)")
    }
    midnight = ranks
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
    if let memo { return try memo.column(feature.name) { try value(of: feature) } }
    guard !feature.operands.isEmpty else { return try value(of: feature) }
    // Features of features that share operands: each is computed once, however many ways lead to it.
    var table = self
    table.memo = ColumnMemo()
    return try table.value(of: feature)
  }

  private func value(of feature: FeatureDefinition) throws -> Column {
    if feature.isPopulationRelative, fault != .ranksWithinTheDay {
      if let midnight {
        return .integer(try midnight.ranks(of: feature, for: index), scale: 0)
      }
      guard days.isMidnight(asOf) else {
        throw FeatureError(
          code: "features.no_midnight",
          message: "expected the features of \(lastMidnight) for '\(feature.name)', found none",
          hint: "population-relative values are those of the last local midnight: fix(at:)")
      }
    }
    return try compute(feature)
  }

  /// The column of a feature, from the state and from other features.
  private func compute(_ feature: FeatureDefinition) throws -> Column {
    switch feature.expression {
    case .total(let terms, let window): return try total(feature, terms, window)
    case .average(let sum, let count, let window):
      return try quotient(feature, sum, count, window, minimum: 1)
    case .rate(let part, let whole, let window, let minimum):
      return try quotient(feature, part, whole, window, minimum: minimum)
    case .trend(let measure, let window, let trend):
      return try self.trend(feature, measure, window, trend)
    case .aggregate(let slot, let window): return try aggregate(feature, slot, window)
    case .funnel(let slot, let window), .most(let slot, let window):
      return try peak(feature, slot, window)
    case .recency(let measure): return .integer(try distance(feature, measure, .lastDay), scale: 0)
    case .tenure(let measure): return .integer(try distance(feature, measure, .firstDay), scale: 0)
    case .ratio(let numerator, let denominator, let minimum):
      return .real(
        ratio(
          try exact(numerator), over: try exact(denominator),
          minimum: fault == .ratioMinimumExclusive ? minimum + 1 : minimum))
    case .band(let operand, let bands, let missing):
      return try band(operand, bands, missing: missing)
    case .rank, .rfm: return .integer(try ranks(feature), scale: 0)
    case .weighted(let weights): return try weighted(weights)
    case .formula(let formula): return try self.formula(formula, feature)
    case .profile, .score:
      throw FeatureError(
        code: "features.not_supplied",
        message: "expected a column for '\(feature.name)' (\(feature.source)), found none",
        hint: "supply profile attributes and scores before the column is read")
    }
  }

  /// The numbers of an exact feature with their decimal scale.
  func exact(_ name: String) throws -> (values: Dense<Int64>, scale: Int) {
    guard case .integer(let values, let scale) = try column(named: name) else {
      throw FeatureError(
        code: "features.ratio_operand",
        message: "expected a count, sum or recency, found '\(name)'")
    }
    return (values, scale)
  }

  /// The quotients, each the double nearest to the exact one: 525.60 / 350.40 is 1.5 and not more.
  ///
  /// Decimals are divided as whole numbers of their unit. One division rounds once; two doubles that
  /// were rounded before it may fall on the wrong side of a threshold.
  func ratio(
    _ over: (values: Dense<Int64>, scale: Int), over under: (values: Dense<Int64>, scale: Int),
    minimum: Int64
  ) -> Dense<Double> {
    let (widensOver, widensUnder) = Self.factors(over.scale, under.scale)
    var values = [Double](repeating: 0, count: index.count)
    let present = Bitset(count: index.count) { row in
      guard let numerator = over.values[row], let denominator = under.values[row],
        denominator >= minimum
      else { return false }
      values[row] = (Double(numerator) * widensOver) / (Double(denominator) * widensUnder)
      return true
    }
    return Dense(values, present: present.population == index.count ? nil : present)
  }

  /// What brings two numbers to one scale.
  static func factors(_ one: Int, _ other: Int) -> (Double, Double) {
    (one < other ? 10_000 : 1, other < one ? 10_000 : 1)
  }
}

/// The columns that one feature of features needs, while it is computed.
private final class ColumnMemo: Sendable {
  private let columns = Mutex<[String: Column]>([:])

  /// The column of a name, computed by `body` where it is asked for first.
  func column(_ name: String, _ body: () throws -> Column) throws -> Column {
    if let known = columns.withLock({ $0[name] }) { return known }
    let column = try body()
    columns.withLock { $0[name] = column }
    return column
  }
}

extension Dense<Int64> {
  /// The same values for other customers; null for those that `from` lacks.
  func rearranged(_ from: IDIndex, to index: IDIndex) -> Dense<Int64> {
    let rows = index.rows(in: from)
    return Dense(
      rows.map { $0 < 0 ? 0 : self[$0] ?? 0 },
      present: Bitset(count: rows.count) { rows[$0] >= 0 && self[rows[$0]] != nil })
  }
}

/// The type of a feature's column.
public enum FeatureType: String, Sendable, Hashable, CaseIterable {
  /// Whole numbers: `Column.integer` with scale 0.
  case integer
  /// Exact decimals: `Column.integer` with scale 4.
  case decimal
  /// Ratios, rates and scores: `Column.real`.
  case real
  /// `Column.text`.
  case text
  /// `Column.boolean`.
  case boolean
  /// `Column.day`.
  case date
  /// `Column.instant`.
  case timestamp
}

/// What a number means, for checks of rules (a ratio is not compared with 70) and for reading.
public enum FeatureUnit: String, Sendable, Hashable, CaseIterable {
  /// A number of events or pieces.
  case count
  /// The project's currency.
  case money
  /// A share or rate; 0.7 is 70 %.
  case ratio
  /// Local days.
  case days
  /// A model's probability or score.
  case score
  /// Another number.
  case number
  /// Not a number.
  case none
}

/// One feature as declared in `features.yaml`.
public struct FeatureDefinition: Sendable, Hashable {
  /// A measure with its sign in a total.
  public struct Term: Sendable, Hashable {
    /// What is added up.
    public let measure: Measure
    /// Whether it is taken away instead of added.
    public let negative: Bool
  }

  /// How the windows of a trend are compared.
  public enum Trend: Sendable, Hashable {
    /// This window less the one before.
    case difference
    /// This window over the one before; null where that is below the minimum, scaled.
    case ratio(minimum: Int64)
    /// The least-squares slope per window over so many windows, two or more.
    case slope(windows: Int)
  }

  /// A band of values, from its lower bound up to the next band's.
  public struct Band: Sendable, Hashable {
    /// The text of the column.
    public let label: String
    /// The lower bound times 10^4, inclusive.
    public let from: Int64
  }

  /// Which values rank highest.
  public enum Best: String, Sendable, Hashable, CaseIterable {
    /// Great values.
    case high
    /// Small values, as with recency.
    case low
  }

  /// A part of a weighted score.
  public struct Weight: Sendable, Hashable {
    /// The feature.
    public let feature: String
    /// How much it counts, times 10^4.
    public let weight: Int64
    /// The value that counts in full, times 10^4; more counts no more.
    public let full: Int64
  }

  /// How a value comes about.
  public enum Expression: Sendable, Hashable {
    /// Counts and sums over one window; 0 where there is no event.
    case total([Term], Window)
    /// A sum over the number of the events that have a value; null where none has.
    case average(sum: Measure, count: Measure, Window)
    /// One count over another; null where the denominator is below `minimum` (> 0).
    case rate(Measure, of: Measure, Window, minimum: Int64)
    /// A window against those before it.
    case trend(Measure, Window, Trend)
    /// What rings answer: least, greatest, first and last numbers (null over none), the number of
    /// days and of distinct keys, the number of completed sequences.
    case aggregate(RingSlot, Window)
    /// The furthest step that a sequence begun in the window has come to; 0 for none.
    case funnel(RingSlot, Window)
    /// The most events of one key: how often the favourite product was viewed; 0 for none.
    case most(RingSlot, Window)
    /// Local days since the last event that the measure counts; null if there never was one.
    case recency(Measure)
    /// Local days since the first event that the measure counts; null if there never was one.
    case tenure(Measure)
    /// One feature over another; null where the scaled denominator is below `minimum` (> 0) or an
    /// operand is null.
    case ratio(numerator: String, denominator: String, minimum: Int64)
    /// The label of the band that holds a feature's value, ascending; `missing` where the value is
    /// null, null below the first band.
    case band(of: String, [Band], missing: String?)
    /// 1 to `bins` by the share of customers that are not better, at the last local midnight; equal
    /// values rank equal, null stays null.
    case rank(of: String, bins: Int, best: Best)
    /// Three ranks as digits, 545 for instance; null where one is.
    case rfm(recency: String, frequency: String, monetary: String, bins: Int)
    /// 0 to 100: the weighted mean of features as shares of their full values; null counts as 0.
    case weighted([Weight])
    /// An expression over features.
    case formula(Formula)
    /// An attribute of the customer's profile; null where the profile lacks it.
    case profile(attribute: String)
    /// The score published by a model; null for customers it did not score.
    case score(model: String)
  }

  /// The feature's name: a lower-case identifier of at most 63 bytes.
  public let name: String
  /// Other names that resolve to the feature.
  public let aliases: [String]
  /// For analysts; may be empty.
  public let description: String
  /// Who answers for it; nil where not declared.
  public let owner: String?
  /// Where it comes from: declared, or derived from the expression.
  public let source: String
  /// The column's type.
  public let type: FeatureType
  /// The value's unit.
  public let unit: FeatureUnit
  /// How a value comes about.
  public let expression: Expression
  /// The line of the declaration, from 1.
  public let line: Int

  /// The window that the events are of; nil for other kinds.
  public var window: Window? {
    switch expression {
    case .total(_, let window), .average(_, _, let window), .rate(_, _, let window, _),
      .trend(_, let window, _), .aggregate(_, let window), .funnel(_, let window),
      .most(_, let window):
      window
    case .recency, .tenure, .ratio, .band, .rank, .rfm, .weighted, .formula, .profile, .score: nil
    }
  }

  /// The features that the value is computed from, by canonical name.
  public var operands: [String] {
    switch expression {
    case .ratio(let numerator, let denominator, _): [numerator, denominator]
    case .band(let feature, _, _), .rank(let feature, _, _): [feature]
    case .rfm(let recency, let frequency, let monetary, _): [recency, frequency, monetary]
    case .weighted(let parts): parts.map(\.feature)
    case .formula(let formula): formula.features
    case .total, .average, .rate, .trend, .aggregate, .funnel, .most, .recency, .tenure, .profile,
      .score:
      []
    }
  }

  /// Whether the value depends on other customers: it is that of the last local midnight.
  public var isPopulationRelative: Bool {
    switch expression {
    case .rank, .rfm: true
    case .total, .average, .rate, .trend, .aggregate, .funnel, .most, .recency, .tenure, .ratio,
      .band,
      .weighted, .formula, .profile, .score:
      false
    }
  }

  /// The decimal scale of an integer column; nil for other columns.
  public var scale: Int? {
    switch type {
    case .integer: 0
    case .decimal: 4
    case .real, .text, .boolean, .date, .timestamp: nil
    }
  }

  /// Whether the caller supplies the column: profile attributes and scores.
  public var isExternal: Bool {
    switch expression {
    case .profile, .score: true
    case .total, .average, .rate, .trend, .aggregate, .funnel, .most, .recency, .tenure, .ratio,
      .band,
      .rank, .rfm, .weighted, .formula:
      false
    }
  }
}

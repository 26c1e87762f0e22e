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

  /// How a value comes about.
  public enum Expression: Sendable, Hashable {
    /// Counts and sums over one window; 0 where there is no event.
    case total([Term], Window)
    /// Local days since the last event that the measure counts; null if there never was one.
    case recency(Measure)
    /// One feature over another; null where the scaled denominator is below `minimum` (> 0) or an
    /// operand is null.
    case ratio(numerator: String, denominator: String, minimum: Int64)
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

  /// The window of a total; nil for other kinds.
  public var window: Window? {
    switch expression {
    case .total(_, let window): window
    case .recency, .ratio, .profile, .score: nil
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
    case .total, .recency, .ratio: false
    }
  }
}

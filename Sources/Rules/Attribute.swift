import Columns

/// One attribute of a customer that rules may test: a feature, a profile field or a score.
public struct Attribute: Sendable, Hashable {
  /// What a value is, which decides the operators and the form of literals.
  public enum ValueType: String, Sendable, Hashable, Codable, CaseIterable {
    /// Whole numbers or exact decimals.
    case number
    /// Floating-point quotients, scores and averages.
    case real
    /// UTF-8 text, compared byte by byte.
    case text
    /// True or false.
    case boolean
    /// A calendar day.
    case day
    /// A point in time.
    case instant
  }

  /// What a number counts, so that 70 is not taken for 70 %.
  public enum Unit: String, Sendable, Hashable, Codable, CaseIterable {
    /// Things: orders, views, items.
    case count
    /// An amount in the project's currency.
    case money
    /// A share or quotient; literals are written `70%` or `0.7`.
    case ratio
    /// Days.
    case days
    /// A model's score in 0…1; literals are written `70%` or `0.7`.
    case score
    /// No unit.
    case none
  }

  /// The name of its column; aliases resolve to it.
  public let name: String
  /// What a value is.
  public let type: ValueType
  /// What a number counts; ``Unit/none`` for what is no number.
  public let unit: Unit
  /// The decimals of a ``ValueType/number``: 0 for whole numbers, 4 for money.
  public let scale: Int
  /// The question about events that it answers, in normal form; nil for what has a name of its own.
  public let question: EventQuestion?

  /// An attribute; `scale` matters for numbers only.
  public init(
    name: String, type: ValueType, unit: Unit = .none, scale: Int = 0,
    question: EventQuestion? = nil
  ) {
    self.name = name
    self.type = type
    self.unit = unit
    self.scale = scale
    self.question = question
  }
}

/// The attributes that a project defines: what rules know of features.
public protocol AttributeCatalogue: Sendable {
  /// The attribute of a name or alias, nil where there is none.
  func attribute(named name: String) -> Attribute?
  /// Every name and alias, for suggestions.
  var attributeNames: [String] { get }
  /// The attribute that answers a question about events, or what is wrong with it.
  func attribute(answering question: EventQuestion) -> Result<Attribute, EventFaults>
}

/// An attribute catalogue that is a list.
public struct AttributeList: AttributeCatalogue {
  /// The attributes.
  public let attributes: [Attribute]
  /// Alias to name.
  public let aliases: [String: String]
  private let byName: [String: Attribute]

  /// A list of attributes with other names for some; the first of equal names wins.
  public init(_ attributes: [Attribute], aliases: [String: String] = [:]) {
    self.attributes = attributes
    self.aliases = aliases
    byName = Dictionary(attributes.map { ($0.name, $0) }) { first, _ in first }
  }

  /// The attribute of a name or alias, nil where there is none.
  public func attribute(named name: String) -> Attribute? {
    byName[name] ?? aliases[name].flatMap { byName[$0] }
  }

  /// Every name and alias, sorted.
  public var attributeNames: [String] { (attributes.map(\.name) + aliases.keys).sorted() }
}

/// The values of attributes for a set of customers, one row each.
public protocol AttributeSource {
  /// The number of rows; every column has as many.
  var count: Int { get }
  /// The column of an attribute's canonical name.
  ///
  /// - Throws: whatever kept the column from being read; evaluation passes it on.
  func column(_ canonicalName: String) throws -> Column
  /// When the values are of; nil where it is not known, which rules that count back in time need.
  var moment: RuleMoment? { get }
  /// Who was a member before; nil where it is not known, which rules that ask about it need.
  var prior: PriorMembership? { get }
}

extension AttributeSource {
  /// Not known.
  public var moment: RuleMoment? { nil }
  /// Not known.
  public var prior: PriorMembership? { nil }
}

/// Who was a member of what at the last local midnight before the as-of, in the rows of a source.
public struct PriorMembership: Sendable, Equatable {
  /// Per segment with hysteresis, the members of that midnight.
  public var members: [String: Bitset]
  /// Per segment that `was_member_of` asks about, the number of the local day (as ``Day/number``) that
  /// began at the last midnight at which the customer was a member; null for never.
  public var lastDays: [String: Dense<Int32>]

  /// What was known of the segments.
  public init(members: [String: Bitset] = [:], lastDays: [String: Dense<Int32>] = [:]) {
    self.members = members
    self.lastDays = lastDays
  }
}

/// An attribute source that is a table in memory.
public struct ColumnTable: AttributeSource, Sendable {
  /// The number of rows.
  public let count: Int
  /// Name to column.
  public var columns: [String: Column]
  /// When the values are of.
  public var moment: RuleMoment?
  /// Who was a member before.
  public var prior: PriorMembership?

  /// A table of columns that all have `count` rows.
  public init(
    count: Int, columns: [String: Column], moment: RuleMoment? = nil,
    prior: PriorMembership? = nil
  ) {
    precondition(columns.values.allSatisfy { $0.count == count }, "a column of another length")
    self.count = count
    self.columns = columns
    self.moment = moment
    self.prior = prior
  }

  /// The column of a name.
  ///
  /// - Throws: ``RuleError`` `rules.column_missing`.
  public func column(_ canonicalName: String) throws -> Column {
    guard let column = columns[canonicalName] else {
      throw RuleError(
        code: "rules.column_missing",
        message: "expected a column '\(canonicalName)', found none",
        hint: "columns there are: \(columns.keys.sorted().joined(separator: ", "))")
    }
    return column
  }
}

import Columns
import Features
import Rules

/// The features of a project as the rules of its segments see them.
public struct FeatureAttributes: AttributeCatalogue {
  private let features: FeatureCatalogue

  /// The features of a catalogue.
  public init(_ features: FeatureCatalogue) { self.features = features }

  /// The feature of a name or alias, nil where there is none.
  public func attribute(named name: String) -> Attribute? {
    guard let feature = features.feature(named: name), !feature.isHidden else { return nil }
    let type: Attribute.ValueType =
      switch feature.type {
      case .integer, .decimal: .number
      case .real: .real
      case .text: .text
      case .boolean: .boolean
      case .date: .day
      case .timestamp: .instant
      }
    let unit: Attribute.Unit =
      switch feature.unit {
      case .count: .count
      case .money: .money
      case .ratio: .ratio
      case .days: .days
      // A model's score is a share; a rank, an RFM score or a weighted one is a plain number.
      case .score: if case .score = feature.expression { .score } else { .none }
      case .number, .none: .none
      }
    return Attribute(name: feature.name, type: type, unit: unit, scale: feature.scale ?? 0)
  }

  /// Every name and alias, sorted.
  public var attributeNames: [String] {
    features.declared.flatMap { [$0.name] + $0.aliases }.sorted()
  }

  /// The number that a hidden feature holds; the table must have it: see
  /// ``Features/FeatureCatalogue/answering(_:)``.
  public func attribute(answering question: EventQuestion) -> Result<Attribute, EventFaults> {
    do {
      let (feature, question) = try EventAnswers(features).answer(question)
      return .success(
        Attribute(name: feature.answer.name, type: .number, unit: .count, question: question))
    } catch {
      return .failure(error)
    }
  }
}

/// The columns of a feature table as rules read them; each is computed when it is asked for.
public struct FeatureColumns: AttributeSource {
  private let table: FeatureTable
  /// Who was a member before, in the rows of the table; nil where it is not known.
  public let prior: PriorMembership?

  /// The columns of a table, with who was a member before where rules ask about it.
  public init(_ table: FeatureTable, prior: PriorMembership? = nil) {
    self.table = table
    self.prior = prior
  }

  /// The as-of of the table.
  public var moment: RuleMoment? { RuleMoment(asOf: table.asOf, zone: table.zone) }

  /// The number of customers.
  public var count: Int { table.index.count }

  /// The column of a feature; throws what the table does.
  public func column(_ canonicalName: String) throws -> Column {
    try table.column(named: canonicalName)
  }
}

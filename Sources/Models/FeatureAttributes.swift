import Columns
import Features
import Rules

/// Features as rules see them.
struct FeatureAttributes: AttributeCatalogue {
  let features: FeatureCatalogue

  func attribute(named name: String) -> Attribute? {
    guard let feature = features.feature(named: name) else { return nil }
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
      case .score: .score
      case .number, .none: .none
      }
    return Attribute(name: feature.name, type: type, unit: unit, scale: feature.scale ?? 0)
  }

  var attributeNames: [String] { features.features.flatMap { [$0.name] + $0.aliases } }
}

/// The columns of a feature table as rules read them.
struct FeatureColumns: AttributeSource {
  let table: FeatureTable

  var count: Int { table.index.count }

  func column(_ canonicalName: String) throws -> Column {
    try table.column(named: canonicalName)
  }
}

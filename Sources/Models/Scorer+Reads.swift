import FeatureStore
import Features
import Rules
import Warehouse

extension Scorer {
  /// The features that a version reads, its own and those of its rules: a table that holds these
  /// can be scored.
  ///
  /// - Throws: `models.unknown_version`; `RuleErrors` where the catalogue lacks a feature.
  public func reads(
    of reference: ModelReference, in catalogue: FeatureCatalogue
  ) async throws -> [String] {
    let definition = try await registry.version(reference).lineage.definition
    let attributes = FeatureAttributes(catalogue)
    let rules = try [definition.population, definition.label].map {
      try Rule(parsing: $0, attributes: attributes, zone: zone)
    }
    return definition.features + rules.flatMap(\.attributes).map(\.name)
  }
}

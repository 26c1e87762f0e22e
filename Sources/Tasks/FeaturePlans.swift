import FeatureStore
import Features
import Models
import Segments
import Warehouse

extension Catalogues {
  /// What the feature catalogue changes against what was last built.
  ///
  /// - Parameter readers: the segments and models to look among; see ``readers(of:)``.
  /// - Throws: `FeatureError` with every problem of the catalogue; `WarehouseError`.
  public func featurePlan(
    _ file: String = File.features, readers: [FeaturePlan.Reader] = [], in pool: ConnectionPool
  ) async throws -> (plan: FeaturePlan, now: BuiltCatalogue, isRecorded: Bool) {
    let now = BuiltCatalogue(try features(file), attributes: try profileAttributes())
    let last = try await BuiltCatalogues(pool: pool).last(file)
    return (FeaturePlan(from: last, to: now, readers: readers), now, last == now)
  }

  /// The segments and models of the project with the features that they read.
  ///
  /// - Throws: `RuleErrors` and `ModelError` with every problem, such as a feature that is gone.
  public func readers(of features: FeatureCatalogue) throws -> [FeaturePlan.Reader] {
    let segments = try segments(features: features).segments.map { segment in
      FeaturePlan.Reader(
        kind: "segment", name: segment.name, features: Set(segment.attributes.map(\.name)).sorted())
    }
    let models = try models(features: features)?.models.map { model in
      FeaturePlan.Reader(kind: "model", name: model.definition.name, features: model.reads)
    }
    return segments + (models ?? [])
  }
}

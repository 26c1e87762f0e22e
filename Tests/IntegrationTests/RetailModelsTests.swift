import Features
import Foundation
import Models
import Testing

/// The model catalogues of the example projects fit their features.
@Suite struct RetailModelsTests {
  @Test func retailModelsLoad() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("dags/retail")
    let features = try FeatureCatalogue(
      contentsOf: folder.appendingPathComponent("features.yaml"))
    let models = try ModelCatalogue(
      contentsOf: folder.appendingPathComponent("models.yaml"), features: features)
    let churn = try models.resolve("churn").definition
    #expect(churn.horizonDays == 60 && churn.features.count > 20)
    #expect(!churn.description.isEmpty)
    // Every model that a feature names is declared.
    for feature in features.external {
      if case .score(let model) = feature.expression {
        #expect(throws: Never.self) { try models.resolve(model) }
      }
    }
  }
}

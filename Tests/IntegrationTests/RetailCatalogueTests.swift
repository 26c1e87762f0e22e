import FeatureStore
import Features
import Foundation
import Rules
import Schedules
import Testing

/// The catalogues of `dags/retail` load without a problem and fit each other.
@Suite struct RetailCatalogueTests {
  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("dags/retail")

  private func features() throws -> FeatureCatalogue {
    try FeatureCatalogue(contentsOf: Self.folder.appendingPathComponent("features.yaml"))
  }

  private func segments() throws -> SegmentCatalogue {
    try SegmentCatalogue.load(
      path: Self.folder.appendingPathComponent("segments.yaml").path,
      attributes: FeatureAttributes(try features()))
  }

  @Test func featuresLoad() throws {
    let catalogue = try features()
    #expect(catalogue.features.count >= 38)
    #expect(catalogue.features.allSatisfy { !$0.description.isEmpty })
    #expect(catalogue.feature(named: "LTV")?.name == "ltv_net")
  }

  @Test func segmentsLoadAndAreDescribed() throws {
    let catalogue = try segments()
    #expect(catalogue.segments.count == 28)
    #expect(catalogue.segments.allSatisfy { $0.title != $0.name })
    #expect(catalogue.segments.allSatisfy { $0.description?.isEmpty == false })
  }
}

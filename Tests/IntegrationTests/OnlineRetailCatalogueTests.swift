import FeatureStore
import Features
import Foundation
import Rules
import Segments
import Testing

/// The catalogues of `dags/online_retail` load without a problem and fit each other.
@Suite struct OnlineRetailCatalogueTests {
  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("dags/online_retail")

  @Test func segmentsFitTheFeatures() throws {
    let features = try FeatureCatalogue(
      contentsOf: Self.folder.appendingPathComponent("features.yaml"))
    let segments = try SegmentCatalogue.load(
      path: Self.folder.appendingPathComponent("segments.yaml").path,
      attributes: FeatureAttributes(features))
    #expect(segments.segments.count == 5)
    #expect(features.features.allSatisfy { !$0.description.isEmpty })
    // No feature needs what the project does not load: profiles or scores.
    #expect(features.external.isEmpty)
  }
}

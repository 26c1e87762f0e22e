import Demo
import FeatureStore
import Features
import Foundation
import Inputs
import Schedules
import Warehouse

/// The synthetic shop, generated into a folder of its own and loaded by the sources of `dags/retail`.
final class DemoShop: Sendable {
  /// The catalogues of the retail project.
  static let project = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("dags/retail")

  let home: URL
  let sources: SourceCatalogue
  let features: FeatureCatalogue
  let summary: DemoSummary
  var zone: Zone { sources.project.zone }
  /// The midnight after the last day of the shop.
  var end: Instant { zone.midnight(summary.lastDay + 1) }

  init(customers: Int, days: Int) throws {
    home = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-demo-\(UUID().uuidString)")
    summary = try Demo.generate(
      customers: customers, days: days, into: home.appendingPathComponent("demo"))
    sources = try SourceCatalogue.load(
      Self.project.appendingPathComponent("sources.yaml").path,
      environment: ["STRATA_HOME": home.path])
    features = try FeatureCatalogue(
      contentsOf: Self.project.appendingPathComponent("features.yaml"))
  }

  deinit { try? FileManager.default.removeItem(at: home) }

  /// Loads every source, as the night does.
  func load(into pool: ConnectionPool) async throws {
    let loader = Loader(pool: pool)
    try await loader.declare(sources)
    for source in sources.sources { _ = try await loader.load(source) }
  }
}

import Columns
import FeatureOracle
import FeatureStore
import Features
import Foundation
import Rules
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// Events that land long after the fact, and the night that comes after.
@Suite struct FeaturesLateTests {
  private static let segments = """
    version: 1
    segments:
      - {name: spenders, rule: "ltv_net > 300"}
      - {name: frequent, rule: "orders_30d >= 2"}
      - {name: lookers, rule: {all: ["most_viewed_60d >= 2", "orders_30d = 0"]}}
      - {name: leavers, rule: "cart_left >= 1"}
      - {name: converts, rule: "view_then_cart >= 1"}
      - {name: best, rule: "rfm >= 444"}
      - {name: recent, rule: {any: ["views_72h >= 1", "days_since_order <= 3"]}}
    """

  /// Folds, builds, evaluates and publishes the day's end; returns the features.
  private func night(
    _ database: FeaturesShop, _ catalogue: FeatureCatalogue, _ rules: SegmentCatalogue,
    _ day: Day
  ) async throws -> BuiltFeatures {
    let pool = database.pool
    try await database.tiles.fold(catalogue)
    let built = try await database.builder.build(catalogue, asOf: database.days.end(of: day))
    let evaluation = try EvaluateSegments(rules)(over: built.table).evaluation
    let id = try await EvaluationStore(pool: pool).save(evaluation, runID: nil)
    _ = try await Publisher(pool: pool).publish(evaluationID: id, runID: nil)
    return built
  }

  private func members(_ pool: ConnectionPool) async throws -> [String] {
    try await pool.query(
      "SELECT segment || ' ' || customer_id AS line FROM segments.membership ORDER BY 1"
    ).map { try $0.get("line") }
  }

  @Test("20,000 events dated across 400 days: the next night equals a build from scratch")
  func lateEventsCountWhereTheyBelong() async throws {
    let catalogue = try OracleCatalogue.catalogue()
    let shop = try RandomShop(seed: 4242, events: 104_000, customers: 1_500, length: 400)
    let last = shop.first + 400
    let end = LocalDays(zone: shop.zone).end(of: last)
    let all = shop.known(through: last + 1000).filter { $0.at < end }
    let yesterday = LocalDays(zone: shop.zone).end(of: last - 1)
    let late = all.filter { $0.eventID % 5 == 0 && $0.at < yesterday }
    try #require(late.count >= 20_000)
    let isLate = Set(late.map(\.eventID))
    let inTime = all.filter { !isLate.contains($0.eventID) }
    let days = Set(late.map { shop.zone.day(of: $0.at) })
    #expect(days.count >= 399)

    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-late-\(UUID().uuidString).yaml")
    defer { try? FileManager.default.removeItem(at: folder) }
    try Self.segments.write(to: folder, atomically: true, encoding: .utf8)
    let rules = try SegmentCatalogue.load(
      path: folder.path, attributes: FeatureAttributes(catalogue), zone: shop.zone)

    let (nightly, nightlyMembers) = try await withFreshDatabase { pool in
      let database = FeaturesShop(pool: pool, shop: shop)
      try await database.load(inTime.filter { $0.at < yesterday })
      let before = try await night(database, catalogue, rules, last - 1)
      #expect(before.from == nil)
      let membersBefore = try await members(pool)
      try await database.load(inTime.filter { $0.at >= yesterday })
      try await database.load(late)
      let after = try await night(database, catalogue, rules, last)
      #expect(after.from == last - 1)
      let members = try await members(pool)
      #expect(members != membersBefore)
      return (after.table, members)
    }
    let (scratch, scratchMembers) = try await withFreshDatabase { pool in
      let database = FeaturesShop(pool: pool, shop: shop)
      try await database.load(all)
      let built = try await night(database, catalogue, rules, last)
      #expect(built.from == nil)
      return (built.table, try await members(pool))
    }
    #expect(nightly.index == scratch.index && nightly.index.count > 1_400)
    for feature in catalogue.features {
      #expect(
        try nightly.column(named: feature.name).oracleValues()
          == scratch.column(named: feature.name).oracleValues(), "\(feature.name)")
    }
    #expect(nightlyMembers == scratchMembers)
    #expect(Set(scratchMembers.map { $0.prefix { $0 != " " } }).count == 7)
  }
}

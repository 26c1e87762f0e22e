import Columns
import FeatureOracle
import FeatureStore
import Features
import Schedules
import TestSupport
import Testing
import Warehouse

/// An edited catalogue rebuilds what its plan says, and nothing else.
@Suite struct FeaturesPlanBuildTests {
  /// What a state stores, by column.
  private func columns(_ pool: ConnectionPool) async throws -> [String: [UInt8]] {
    var columns: [String: [UInt8]] = [:]
    for row in try await pool.query("SELECT slot, bytes FROM features.state_column") {
      columns[try row.get("slot")] = try row.get("bytes", as: [UInt8].self)
    }
    return columns
  }

  @Test("only the slots of the plan are built anew, and the result equals a build from scratch")
  func buildsWhatThePlanSays() async throws {
    let yaml = OracleCatalogue.yaml
    let edited =
      yaml.replacing(
        "{name: revenue_90d, sum: purchase.amount, window: 90 days}",
        with: "{name: revenue_90d, sum: purchase.amount, window: 75 days}"
      ).replacing(
        "{name: max_order_90d, max: purchase.amount, window: 90 days}",
        with: "{name: max_order_90d, max: purchase.amount, where: quantity > 1, window: 90 days}"
      ).replacing("{name: active_2m,", with: "{name: active_two_months,") + """

          - {name: shop_orders, count: purchase, where: properties.channel = shop, window: 40 days}
        """
    let (before, after) = (try FeatureCatalogue(yaml: yaml), try FeatureCatalogue(yaml: edited))
    let plan = FeaturePlan(from: BuiltCatalogue(before), to: BuiltCatalogue(after))
    try await FeaturesShop.open(seed: 606) { database in
      let (pool, shop, builder) = (database.pool, database.shop, database.builder)
      try await database.arrive(shop.known(through: shop.first + 400), before)
      let asOf = database.end(ofDay: 110)
      _ = try await builder.build(before, asOf: asOf)
      let stored = try await columns(pool)

      try await database.tiles.fold(after)
      let built = try await builder.build(after, asOf: asOf)
      #expect(built.from == shop.first + 110)
      let again = try await columns(pool)
      let changed = again.filter { stored[$0.key] != $0.value }.keys.sorted()
      #expect(changed == plan.slotsToBuild.sorted())
      #expect(again.count == plan.slotsToBuild.count + plan.slotsKept)
      #expect(stored.keys.filter { again[$0] == nil }.sorted() == plan.slotsToDrop.sorted())
      #expect(plan.slotsToBuild.count == 3 && plan.slotsKept > 60)

      // What is read is what a catalogue of nothing but the new slots reads, and the parts of days
      // at the bounds of hour windows.
      let fresh = try after.restricted(to: ["revenue_90d", "max_order_90d", "shop_orders"])
      try await pool.execute("DELETE FROM features.state")
      let alone = try await builder.build(fresh, asOf: asOf, saving: false).rowsRead
      let scratch = try await builder.build(after, asOf: asOf)
      #expect(scratch.from == nil && built.rowsRead < scratch.rowsRead)
      let hours = try await builder.build(after, asOf: asOf, saving: false).rowsRead
      #expect(built.rowsRead == alone + hours)
      for feature in after.features {
        #expect(
          try built.table.column(named: feature.name).oracleValues()
            == scratch.table.column(named: feature.name).oracleValues(), "\(feature.name)")
      }
    }
  }

  @Test("a catalogue is compared with what was recorded when it was last built")
  func recordsWhatWasBuilt() async throws {
    let catalogue = BuiltCatalogue(try OracleCatalogue.catalogue())
    try await withFreshDatabase { pool in
      let store = BuiltCatalogues(pool: pool)
      #expect(try await store.last("features.yaml") == nil)
      let first = Instant(seconds: 100)
      try await store.record(catalogue, as: "features.yaml", asOf: first, at: first)
      #expect(try await store.last("features.yaml") == catalogue)
      // Another night by the same catalogue changes nothing.
      let second = Instant(seconds: 200)
      try await store.record(catalogue, as: "features.yaml", asOf: second, at: second)
      let row = try await pool.first("SELECT as_of FROM features.built_catalogue")
      #expect(try row?.get("as_of", as: Instant.self) == first)
      #expect(
        FeaturePlan(from: try await store.last("features.yaml"), to: catalogue).isEmpty)
    }
  }
}

import Columns
import FeatureOracle
import FeatureStore
import Features
import Rules
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// After some rules changed, only these and what rests on them are evaluated, to the same end.
@Suite("Changed rules are evaluated alone")
struct EvaluationReuseTests {
  private static func rules(_ orders: Int, title: String) -> String {
    """
    segments:
      - {name: buyers, title: \(title), rule: orders_30d >= \(orders)}
      - {name: viewers, rule: views_14d >= 2}
      - {name: not_buyers, rule: {not: member_of buyers}}
      - {name: top_money, rule: ltv_net top 30%}
      - {name: both, rule: {all: [member_of viewers, member_of buyers]}}
    """
  }

  @Test func reuse() async throws {
    try await withRefreshShop(seed: 2800) { shop in
      let day = shop.database.existing(shop.shop.first + 70)
      let asOf = shop.days.end(of: day)
      try await shop.database.load(shop.shop.known(through: day))
      try await TileStore(pool: shop.pool, zone: shop.zone).fold(shop.features)
      let (pool, zone, features) = (shop.pool, shop.zone, shop.features)
      let builder = FeatureBuilder(pool: pool, zone: zone)
      let store = EvaluationStore(pool: pool, clock: shop.clock)
      func catalogue(_ orders: Int, title: String = "Buyers") throws -> SegmentCatalogue {
        try SegmentCatalogue.parse(
          Self.rules(orders, title: title), attributes: FeatureAttributes(features), zone: zone)
      }
      func inputs(_ segments: SegmentCatalogue) async throws -> EvaluationInputs {
        try await EvaluationInputs.read(
          segments, features, asOf: asOf,
          tileVersion: TileStore(pool: pool, zone: zone).version(), zone: zone, from: pool)
      }
      let first = try catalogue(1)
      #expect(try await store.reusable(for: inputs(first)) == nil)
      let whole = try await EvaluateSegments(first)(everyoneFrom: builder, features, asOf: asOf)
      let id = try await store.save(whole.evaluation, runID: nil)
      try await store.note(inputs(first), of: id)

      // Nothing but a title is another.
      let renamed = try catalogue(1, title: "Those Who Buy")
      let all = try #require(try await store.reusable(for: inputs(renamed)))
      #expect(all.unchanged.count == 5)
      let same = try #require(
        try await EvaluateSegments(renamed)(
          reusing: all, everyoneFrom: builder, features, asOf: asOf))
      #expect(same.distinctParts == 0)
      #expect(same.evaluation.members == whole.evaluation.members)
      #expect(same.evaluation.segments.first?.title == "Those Who Buy")

      let second = try catalogue(3)
      let some = try #require(try await store.reusable(for: inputs(second)))
      #expect(some.unchanged == ["viewers", "top_money"])
      let part = try #require(
        try await EvaluateSegments(second)(
          reusing: some, everyoneFrom: builder, features, asOf: asOf))
      let expected = try await EvaluateSegments(second)(
        everyoneFrom: builder, features, asOf: asOf)
      #expect(part.evaluation == expected.evaluation)
      #expect(part.evaluation != whole.evaluation)
      #expect(part.cuts.isEmpty && expected.cuts.count == 1)

      // Other facts: nothing is taken over.
      try await shop.database.load([
        shop.purchase(by: 1, at: Instant(microseconds: asOf.microseconds - 60_000_000), 1)
      ])
      try await TileStore(pool: pool, zone: zone).fold(features)
      #expect(try await store.reusable(for: inputs(second)) == nil)
    }
  }
}

import FeatureOracle
import FeatureStore
import Features
import Schedules
import Segments
import Tasks
import TestSupport
import Testing
import Warehouse

/// Explanations of what refreshes publish within a day, over random shops and rules of every kind.
@Suite("Explaining what every road publishes")
struct SegmentsExplainRoadsTests {
  @Test("within a day the verdicts of everyone are the memberships of the step", arguments: 0..<2)
  func withinTheDay(_ seed: Int) async throws {
    try await withRefreshShop(seed: 2700 + seed) { shop in
      var dice = Dice(seed: seed)
      var day = shop.shop.first + 60
      while shop.days.lastDay(before: shop.days.end(of: day)) != day { day = day + 1 }
      var asOf = shop.days.end(of: day)
      try await shop.database.load(shop.shop.known(through: day + 1))
      try await shop.pool.execute(
        """
        INSERT INTO landing.identity (customer_id, customer_key)
        SELECT customer_id, customer_key FROM facts.customers
        """)
      var compared = 0
      for _ in 0..<4 {
        asOf = asOf + .microseconds(1 + (1 + dice.below(5)) * 3_600_000_000)
        shop.clock.advance(by: .seconds(60))
        _ = try await shop.refresher.step(to: asOf)
        let seen = try await shop.seen()
        let explain = SegmentExplainer(
          pool: shop.pool, zone: shop.zone, features: shop.features, segments: shop.segments,
          clock: shop.clock)
        for customer in shop.shop.customers {
          let found: CustomerExplanation
          do { found = try await explain(SegmentExplainer.Question("c\(customer)")) } catch {
            // Who has no event yet is in no segment.
            #expect((error as? SegmentError)?.code == "segments.unknown_customer")
            #expect(seen.values.allSatisfy { !$0.contains(customer) })
            continue
          }
          for segment in found.segments {
            let isMember = seen[segment.segment]?.contains(customer) == true
            #expect(segment.isMember == isMember, "\(customer) \(segment.segment) \(asOf)")
            #expect(
              (segment.verdict == .true) == isMember,
              "\(customer) \(segment.segment) \(asOf): \(segment.reasons)")
            compared += 1
          }
        }
      }
      #expect(compared > 300)
    }
  }
}

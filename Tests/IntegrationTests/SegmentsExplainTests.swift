import FeatureStore
import Foundation
import Rules
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// Why a customer is in a segment: now, on a past date, as known then and as known now.
@Suite("Explaining memberships")
struct SegmentsExplainTests {
  @Test("the clause tree shows values, thresholds, the events behind them and since when")
  func tree() async throws {
    try await ExplainedShop.open { shop in
      try await shop.publish("2024-03-07")
      try await shop.publish("2024-03-10")
      let found = try await shop.explain("ana", "high_value")
      try GoldenText.expect(found.text(zone: shop.zone), "explain-tree")
      let segment = try #require(found.segments.first)
      #expect(segment.isMember == true && segment.verdict == .true)
      #expect(segment.decidedBy == .rule)
      #expect(segment.stay?.since == Instant(rfc3339: "2024-03-07T00:00:00Z"))
      let clauses = try #require(segment.clauses)
      #expect(clauses.children.map(\.clause).count == 2)
      let ltv = try #require(clauses.children.first { $0.attribute == "ltv" })
      #expect(ltv.actual == "180.5" && ltv.threshold == "100" && ltv.verdict == .true)
      // The value is what its events make of it.
      #expect(ltv.evidence.map(\.total) == [2, 1])
      #expect(ltv.evidence.flatMap(\.events).map(\.eventID) == ["o2", "o1", "r1"])
      let recency = try #require(clauses.children.last?.children.first)
      #expect(recency.actual == "4 days" && recency.evidence.first?.events.first?.eventID == "o2")
      let profile = try await shop.explain("ana", "portuguese")
      #expect(profile.segments.first?.clauses?.source?.contains("since 2024-01-05") == true)
    }
  }

  @Test("every segment in short, with the clauses that decided")
  func overview() async throws {
    try await ExplainedShop.open { shop in
      try await shop.publish("2024-03-10")
      let found = try await shop.explain("ben")
      try GoldenText.expect(found.text(zone: shop.zone), "explain-overview")
      // Ranks and shares are those of everyone, as the night found them.
      #expect(found.segments.first { $0.segment == "best" }?.verdict == .false)
      #expect(found.notes.isEmpty)
      let dora = try await shop.explain("dora")
      #expect(dora.segments.first { $0.segment == "portuguese" }?.verdict == .unknown)
      #expect(dora.segments.first { $0.segment == "lookers" }?.isMember == true)
    }
  }

  @Test("the verdicts of every customer are the published memberships")
  func agreesWithPublication() async throws {
    try await ExplainedShop.open { shop in
      for day in ["2024-03-07", "2024-03-08", "2024-03-10"] { try await shop.publish(day) }
      for day in ["2024-03-07", "2024-03-08", "2024-03-10"] {
        let asOf = try #require(Instant(rfc3339: "\(day)T00:00:00Z"))
        for customer in ["ana", "ben", "cleo", "dora"] {
          let found = try await shop.explain(customer, nil, day)
          #expect(found.asOf == asOf)
          for segment in found.segments {
            let rows = try await shop.pool.query(
              """
              SELECT customer_key FROM segments.members_at(\(segment.segment), \(asOf))
              WHERE customer_key = \(customer)
              """)
            #expect(segment.isMember == !rows.isEmpty, "\(customer) \(segment.segment) \(day)")
            #expect(
              (segment.verdict == .true) == !rows.isEmpty, "\(customer) \(segment.segment) \(day)")
          }
        }
      }
    }
  }

  @Test("a late event: explained as it was believed then, and as it is known now")
  func lateEvent() async throws {
    try await ExplainedShop.open { shop in
      try await shop.publish("2024-03-10")
      shop.clock.advance(by: .seconds(86_400))
      try await shop.load(
        "web",
        """
        id,who,at,type,amount,item
        o9,ben,2024-03-04T18:00:00Z,purchase,500.00,C9
        """)
      // Landed, and in no tile yet: now is what has landed.
      let early = try await shop.explain("ben", "loyal", "2024-03-10", knowledge: .now)
      #expect(early.segments.first?.clauses?.actual == "2")
      try await shop.publish("2024-03-11")
      let then = try await shop.explain("ben", "loyal", "2024-03-10")
      #expect(then.segments.first?.verdict == .false)
      #expect(then.segments.first?.isMember == false)
      #expect(then.segments.first?.clauses?.actual == "1")
      #expect(then.segments.first?.clauses?.evidence.first?.total == 1)
      try GoldenText.expect(then.text(zone: shop.zone), "explain-late-then")
      let now = try await shop.explain("ben", "loyal", "2024-03-10", knowledge: .now)
      #expect(now.segments.first?.verdict == .true)
      #expect(now.segments.first?.clauses?.evidence.first?.events.first?.eventID == "o9")
      // Ranks and cuts of then come from then: ben's late 500 make nobody else leave the top.
      let ana = try await shop.explain("ana", "best", "2024-03-10")
      #expect(ana.segments.first?.clauses?.cut == "180.5")
      // Nobody else is touched by the late event: what is known now serves.
      let cleo = try await shop.explain("cleo", "high_value", "2024-03-10")
      #expect(cleo.segments.first?.isMember == true)
    }
  }

  @Test("a past date is explained by the rules of that date")
  func rulesOfThen() async throws {
    let stricter = ExplainedShop.segments.replacing("orders_30d >= 2", with: "orders_30d >= 1")
    try await ExplainedShop.open { shop in
      try await shop.publish("2024-03-09")
      try await shop.publish("2024-03-10", stricter)
      let then = try await shop.explain("ben", "loyal", "2024-03-09", stricter)
      #expect(then.segments.first?.rule.text == "orders_30d >= 2")
      #expect(then.segments.first?.isMember == false && then.segments.first?.verdict == .false)
      let now = try await shop.explain("ben", "loyal", nil, stricter)
      #expect(now.segments.first?.rule.text == "orders_30d >= 1")
      #expect(now.segments.first?.isMember == true && now.segments.first?.verdict == .true)
      #expect(now.segments.first?.stay?.enteredCause == "rule")
      // Going back to a rule: the change is told, not the first time that it was used.
      try await shop.publish("2024-03-11")
      let back = try await shop.explain("ben", "loyal")
      #expect(back.segments.first?.rule.since == Instant(rfc3339: "2024-03-11T00:00:00Z"))
      let between = try await shop.explain("ben", "loyal", "2024-03-20", stricter)
      #expect(between.notes.first?.contains("published as of 2024-03-11") == true)
      let groups = try await shop.explain("ana", "high_value", "2024-03-10")
      #expect(groups.segments.first?.verdict == .true)
    }
  }

  @Test("cuts that were not kept are computed, and said so")
  func cutsComputed() async throws {
    try await ExplainedShop.open { shop in
      try await shop.publish("2024-03-10")
      try await shop.pool.execute("DELETE FROM segments.population_cut")
      let found = try await shop.explain("ana", "best")
      #expect(found.segments.first?.clauses?.cut == "180.5")
      #expect(found.notes.contains { $0.contains("computed now") })
    }
  }

  @Test("unknown customers and segments are told apart, with a suggestion")
  func unknown() async throws {
    try await ExplainedShop.open { shop in
      try await shop.publish("2024-03-10")
      func fault(_ customer: String, _ segment: String? = nil, _ day: String? = nil) async
        -> SegmentError?
      {
        do { _ = try await shop.explain(customer, segment, day) } catch {
          return error as? SegmentError
        }
        return nil
      }
      let customer = await fault("anna")
      #expect(customer?.code == "segments.unknown_customer")
      #expect(customer?.hint == "did you mean 'ana'?")
      let shouted = await fault("BEN")
      #expect(shouted?.hint == "did you mean 'ben'?")
      let segment = await fault("ana", "loyl")
      #expect(segment?.code == "segments.unknown_segment")
      #expect(segment?.hint == "did you mean 'loyal'?")
      let early = try await shop.explain("ana", "loyal", "2024-02-01")
      #expect(early.publication == nil && early.segments.first?.isMember == nil)
      let unborn = await fault("ana", "loyal", "2024-01-01")
      #expect(unborn?.message.contains("not known yet") == true)
    }
  }

  private static let tiers = """
    version: 1
    default: {segment: rest}
    segments:
      - {name: rest}
      - {name: vip, rule: "ltv > 150", group: tier, priority: 1}
      - {name: regular, rule: "ltv > 50", group: tier, priority: 2}
      - {name: spanish, rule: "country = ES"}
    """

  @Test("overrides, exclusive groups and the default segment are told as what decided")
  func decided() async throws {
    try await ExplainedShop.open { shop in
      let catalogue = try shop.rules(Self.tiers)
      let store = OverrideStore(pool: shop.pool, clock: shop.clock)
      let start = try #require(Instant(rfc3339: "2024-03-01T00:00:00Z"))
      let order = OverrideStore.Order(
        customerKey: "ana", segment: "spanish", direction: .in, validFrom: start,
        expires: Instant(rfc3339: "2024-04-01T00:00:00Z"), author: "maria", reason: "moved to Vigo")
      _ = try await store.add(order, catalogue: catalogue)
      try await shop.publish("2024-03-10", Self.tiers)
      let pinned = try await shop.explain("ana", "spanish", nil, Self.tiers)
      try GoldenText.expect(pinned.text(zone: shop.zone), "explain-override")
      #expect(pinned.segments.first?.decidedBy == .override)
      #expect(pinned.segments.first?.verdict == .false && pinned.segments.first?.isMember == true)
      let lost = try await shop.explain("ana", "regular", nil, Self.tiers)
      try GoldenText.expect(lost.text(zone: shop.zone), "explain-group")
      #expect(lost.segments.first?.decidedBy == .conflict)
      #expect(lost.segments.first?.decider?.winner == "vip")
      let all = try await shop.explain("dora", nil, nil, Self.tiers)
      #expect(all.segments.first { $0.segment == "rest" }?.isMember == true)
      #expect(all.segments.allSatisfy { $0.decidedBy == .rule })
      let fallback = try await shop.explain("dora", "rest", nil, Self.tiers)
      #expect(fallback.segments.first?.rule.text == "customers in no other segment")
      // A month later the override has expired.
      try await shop.publish("2024-04-02", Self.tiers)
      let over = try await shop.explain("ana", "spanish", nil, Self.tiers)
      #expect(over.segments.first?.isMember == false && over.segments.first?.decidedBy == .rule)
    }
  }

  @Test("questions about events, and scores that are easier to stay in than to enter")
  func eventsAndPrior() async throws {
    let rules = """
      version: 1
      segments:
        - {name: big_buyers, rule: "did purchase (amount > 100) in 30 days"}
        - name: warm
          rule:
            score: [{when: orders_30d >= 1, weight: 2}, {when: views_7d >= 1}]
            threshold: 3
            leave_below: 2
      """
    try await ExplainedShop.open { shop in
      try await shop.publish("2024-03-10", rules)
      try await shop.publish("2024-03-17", rules)
      let asked = try await shop.explain("ana", "big_buyers", "2024-03-10", rules)
      try GoldenText.expect(asked.text(zone: shop.zone), "explain-events")
      #expect(asked.segments.first?.isMember == true && asked.segments.first?.verdict == .true)
      // One event counts: the other purchases were smaller.
      let evidence = asked.segments.first?.clauses?.evidence ?? []
      #expect(evidence.flatMap(\.events).map(\.eventID) == ["o2"])
      for (customer, day) in [("ben", "2024-03-10"), ("ben", "2024-03-17"), ("ana", "2024-03-17")] {
        let found = try await shop.explain(customer, "warm", day, rules)
        #expect(found.segments.first?.decidedBy == .rule, "\(customer) \(day)")
      }
      let stays = try await shop.explain("ben", "warm", "2024-03-17", rules)
      #expect(stays.segments.first?.isMember == true)
      #expect(stays.segments.first?.clauses?.threshold?.contains("was a member") == true)
    }
  }
}

import Columns
import FeatureStore
import Features
import Foundation
import Rules
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// What publishing an edited catalogue would change, before it is published.
@Suite("Planning before publishing")
struct SegmentsPlanTests {
  static let edited =
    ExplainedShop.segments
    .replacing("orders_30d >= 2", with: "orders_30d >= 1")
    .replacing("  - {name: portuguese, rule: \"country = PT\"}\n", with: "")
    .replacing("title: High-Value Customers", with: "title: Big Spenders")
      + """

        - {name: spanish, rule: "country = ES"}
      """.replacing("    - {", with: "- {")

  @Test("changed, affected, new and removed segments with members, movers, reasons and days")
  func plan() async throws {
    try await ExplainedShop.open { shop in
      for day in ["2024-03-05", "2024-03-06", "2024-03-07", "2024-03-08", "2024-03-10"] {
        try await shop.publish(day)
      }
      let before = try await Self.contents(shop)
      let plan = try await shop.planner(Self.edited)(SegmentPlanner.Options(days: 4))
      try GoldenText.expect(plan.text(zone: shop.zone), "plan")
      let kinds = Dictionary(plan.changes.map { ($0.segment, $0.kind) }) { first, _ in first }
      #expect(
        kinds == [
          "loyal": .changed, "lookers": .affected, "spanish": .added, "portuguese": .removed,
        ])
      #expect(plan.unchanged == 2)
      #expect(plan.described.map(\.segment) == ["high_value"])
      // Only what the changed rules read.
      #expect(plan.featuresRead == 3)
      let loyal = try #require(plan.changes.first { $0.segment == "loyal" })
      #expect((loyal.membersNow, loyal.membersThen) == (1, 2))
      #expect((loyal.entering, loyal.leaving, loyal.byData) == (1, 0, 0))
      #expect(loyal.share == 1)
      #expect(loyal.sampleEntering.map(\.customerKey) == ["ben"])
      #expect(loyal.sampleEntering.first?.reasonsNow == ["orders_30d >= 1 (is 1)"])
      #expect(loyal.days.map(\.planned) == [2, 2, 2])
      let lookers = try #require(plan.changes.first { $0.segment == "lookers" })
      #expect(lookers.because == ["loyal"])
      #expect(lookers.sampleLeaving.map(\.customerKey) == ["ben"])
      #expect(
        plan.changes(beyond: 0.2).map(\.segment).sorted() == ["lookers", "loyal", "portuguese"])
      #expect(plan.changes(beyond: 1.5).isEmpty)
      // Nothing is published, nothing is written.
      #expect(try await Self.contents(shop) == before)
      // And what is planned is what publishing does.
      let published = try await shop.publish("2024-03-11", Self.edited)
      #expect(published.segments.first { $0.name == "loyal" }?.members == 2)
    }
  }

  @Test("nothing published: all is new; nothing edited: nothing changes and nothing is read")
  func unchanged() async throws {
    try await ExplainedShop.open { shop in
      let first = try await shop.planner(ExplainedShop.segments)()
      #expect(first.publicationID == nil && first.changes.count == 5)
      #expect(first.changes.allSatisfy { $0.kind == .added && $0.share == nil })
      #expect(first.changes.first { $0.segment == "loyal" }?.membersThen == 1)
      try await shop.publish("2024-03-10")
      let plan = try await shop.planner(ExplainedShop.segments)()
      #expect(plan.changes.isEmpty && plan.featuresRead == 0 && plan.unchanged == 5)
      #expect(plan.text(zone: shop.zone).contains("no rule changes: 5 segments as published"))
    }
  }

  @Test("what facts have moved since the publication is told from what the edit moves")
  func movedByData() async throws {
    try await ExplainedShop.open { shop in
      try await shop.publish("2024-03-10")
      try await shop.load(
        "web",
        """
        id,who,at,type,amount,item
        o8,ben,2024-03-02T18:00:00Z,purchase,10.00,A1
        o9,cleo,2024-03-04T18:00:00Z,purchase,5.00,C9
        """)
      try await TileStore(pool: shop.pool, zone: shop.zone).fold(shop.catalogue)
      let plan = try await shop.planner(Self.edited)(SegmentPlanner.Options(days: 0))
      let loyal = try #require(plan.changes.first { $0.segment == "loyal" })
      #expect(loyal.entering == 2 && loyal.byData == 1)
      // What facts move is no change of the edit's.
      #expect(loyal.share == 1)
    }
  }

  @Test(
    "rules over what no night has built yet are judged by the events; other features move segments")
  func unbuilt() async throws {
    try await ExplainedShop.open { shop in
      try await shop.publish("2024-03-10")
      let wider = try FeatureCatalogue(
        yaml: ExplainedShop.features + "\n"
          + "  - {name: refunds_90d, count: refund, window: 90 days, description: Refunds}")
      let text =
        ExplainedShop.segments + "\n"
          + """
            - {name: refunders, rule: "refunds_90d >= 1"}
            - {name: big_buyers, rule: "did purchase (amount > 100) in 30 days"}
          """
      let planner = SegmentPlanner(
        pool: shop.pool, zone: shop.zone, features: wider,
        segments: try SegmentCatalogue.parse(
          text, attributes: FeatureAttributes(wider), zone: shop.zone), clock: shop.clock)
      let plan = try await planner(SegmentPlanner.Options(changedFeatures: ["country"]))
      #expect(plan.notes.contains { $0.contains("no day tile yet") })
      let kinds = Dictionary(plan.changes.map { ($0.segment, $0.kind) }) { first, _ in first }
      #expect(kinds == ["portuguese": .affected, "refunders": .added, "big_buyers": .added])
      for name in ["refunders", "big_buyers"] {
        let change = try #require(plan.changes.first { $0.segment == name })
        #expect(change.membersThen == 1 && change.sampleEntering.map(\.customerKey) == ["ana"])
        let preview = try await planner.preview(segment: name, sample: 10, shown: 3)
        #expect(preview.members == 1 && preview.shown.map(\.customerKey) == ["ana"])
      }
      let asked = try await planner.preview(
        rule: "did purchase >= 2 in 90 days", sample: 10, shown: 3)
      #expect(asked.shown.map(\.customerKey) == ["ana"])
    }
  }

  @Test("segments that only compete with an edited one move, too")
  func competition() async throws {
    let tiers = """
      version: 1
      segments:
        - {name: vip, rule: "ltv > 200", group: tier, priority: 1}
        - {name: regular, rule: "ltv > 50", group: tier, priority: 2}
      """
    try await ExplainedShop.open { shop in
      try await shop.publish("2024-03-10", tiers)
      let edited = tiers.replacing("ltv > 200", with: "ltv > 150")
      let plan = try await shop.planner(edited)(SegmentPlanner.Options(days: 3))
      let vip = try #require(plan.changes.first { $0.segment == "vip" })
      let regular = try #require(plan.changes.first { $0.segment == "regular" })
      #expect((vip.membersNow, vip.membersThen) == (1, 2))
      #expect(regular.kind == .affected && (regular.entering, regular.leaving) == (0, 1))
      #expect(regular.sampleLeaving.map(\.customerKey) == ["ana"])
      let published = try await shop.publish("2024-03-11", edited)
      #expect(published.segments.first { $0.name == "regular" }?.members == regular.membersThen)
    }
  }

  @Test("members then are those of a fresh evaluation, for random edits of thresholds")
  func agreesWithEvaluation() async throws {
    try await ExplainedShop.open { shop in
      for day in ["2024-03-08", "2024-03-10"] { try await shop.publish(day) }
      var dice = SplitMix64(seed: 41)
      for _ in 0..<6 {
        let orders = Int(dice.next() % 4)
        let money = [50, 100, 150, 180, 300][Int(dice.next() % 5)]
        let share = [20, 40, 60][Int(dice.next() % 3)]
        let text = ExplainedShop.segments
          .replacing("orders_30d >= 2", with: "orders_30d >= \(orders)")
          .replacing("ltv > 100", with: "ltv > \(money)")
          .replacing("ltv top 40%", with: "ltv top \(share)%")
        let plan = try await shop.planner(text)(SegmentPlanner.Options(days: 3))
        let asOf = try #require(Instant(rfc3339: "2024-03-10T00:00:00Z"))
        let table = try await FeatureBuilder(pool: shop.pool, zone: shop.zone).build(
          shop.catalogue, asOf: asOf, saving: false
        ).table
        let fresh = try EvaluateSegments(try shop.rules(text))(over: table).evaluation
        for change in plan.changes {
          let members = fresh.members(of: change.segment)?.population
          #expect(change.membersThen == members, "\(change.segment): \(text)")
          #expect(change.membersNow + change.entering - change.leaving == change.membersThen)
          #expect(change.days.last?.planned == members)
        }
      }
    }
  }

  @Test("a preview tells the members of a sample, and of all customers the exact number")
  func preview() async throws {
    try await ExplainedShop.open { shop in
      try await shop.publish("2024-03-10")
      let planner = try shop.planner(ExplainedShop.segments)
      let all = try await planner.preview(
        rule: "all: [orders_30d >= 1, not_member_of best]", sample: 100, shown: 5)
      #expect(all.sample == 4 && all.population == 4)
      #expect(all.members == 1 && all.low == 1 && all.high == 1)
      #expect(all.shown.map(\.customerKey) == ["ben"])
      try GoldenText.expect(all.text(zone: shop.zone), "preview")
      let some = try await planner.preview(segment: "high_value", sample: 2, shown: 5)
      #expect(some.sample == 2 && some.low <= some.estimate && some.estimate <= some.high)
      #expect(some == (try await planner.preview(segment: "high_value", sample: 2, shown: 5)))
      await #expect(throws: RuleErrors.self) {
        try await planner.preview(rule: "order_30d >= 1", sample: 10, shown: 1)
      }
      await #expect {
        try await planner.preview(segment: "loyall", sample: 10, shown: 1)
      } throws: { ($0 as? SegmentError)?.hint == "did you mean 'loyal'?" }
    }
  }

  @Test("differences between dates, segments and versions of a rule")
  func differences() async throws {
    let stricter = ExplainedShop.segments.replacing("orders_30d >= 2", with: "orders_30d >= 1")
    try await ExplainedShop.open { shop in
      try await shop.publish("2024-03-05")
      try await shop.publish("2024-03-10")
      let difference = SegmentDifference(pool: shop.pool)
      let first = try #require(Instant(rfc3339: "2024-03-05T00:00:00Z"))
      let last = try #require(Instant(rfc3339: "2024-03-10T00:00:00Z"))
      let dates = try await difference.between(first, last, sample: 3)
      try GoldenText.expect(dates.text(zone: shop.zone), "diff-dates")
      let loyal = try #require(dates.segments.first { $0.segment == "loyal" })
      #expect((loyal.membersThen, loyal.membersNow) == (0, 1))
      #expect(loyal.sampleEntered == ["ana"])
      let segments = try await difference.of("best", "portuguese", sample: 3)
      try GoldenText.expect(segments.text(zone: shop.zone), "diff-segments")
      #expect(segments.inBoth + segments.inFirst == 2 && segments.inBoth + segments.inSecond == 2)
      try await shop.publish("2024-03-11", stricter)
      let versions = try await SegmentReader(pool: shop.pool).show("loyal").versions
      let planner = try shop.planner(stricter)
      let rules = try await planner.versions(
        of: "loyal", String(versions[1].ruleVersion.prefix(8)), "file", sample: 3)
      #expect((rules.membersWas, rules.membersNow, rules.entering, rules.leaving) == (1, 2, 1, 0))
      #expect(rules.sampleEntering.map(\.customerKey) == ["ben"])
      try GoldenText.expect(rules.text(zone: shop.zone), "diff-versions")
      await #expect {
        try await planner.versions(of: "loyal", "zz", "file", sample: 1)
      } throws: { ($0 as? SegmentError)?.code == "segments.unknown_version" }
      await #expect {
        try await difference.of("best", "portugese", sample: 1)
      } throws: { ($0 as? SegmentError)?.hint == "did you mean 'portuguese'?" }
    }
  }

  @Test("the printed SQL of a segment runs as it is and gives the engine's members")
  func printedSQL() async throws {
    try await ExplainedShop.open { shop in
      let catalogue = try shop.rules(
        ExplainedShop.segments
          + """

            - {name: ranked, rule: {any: ["money_rank >= 4", "country is_missing"]}}
            - {name: nested, rule: {all: ["not_member_of lookers", "member_of best"]}}
          """.replacing("    - {", with: "  - {").replacing("\n  - ", with: "\n  - "))
      for instant in ["2024-03-10T00:00:00Z", "2024-03-09T15:30:00Z"] {
        let asOf = try #require(Instant(rfc3339: instant))
        try await TileStore(pool: shop.pool, zone: shop.zone).fold(shop.catalogue)
        let found = try await EvaluateSegments(catalogue)(
          everyoneFrom: FeatureBuilder(pool: shop.pool, zone: shop.zone), shop.catalogue, asOf: asOf
        ).evaluation
        for segment in catalogue.segments
        where instant.hasSuffix("T00:00:00Z") || !segment.isRelative {
          let sql = try SegmentSQL.text(
            of: segment, in: catalogue, features: shop.catalogue, asOf: asOf, zone: shop.zone)
          let rows = try await shop.pool.query(SQL(unsafeText: sql))
          let ids = try rows.map { try $0.get("customer_id", as: Int64.self) }
          let members = found.members(of: segment.name)?.rows.map { found.customers.ids[$0] }
          #expect(ids == members, "\(segment.name) at \(instant):\n\(sql)")
        }
      }
    }
  }

  @Test("scores are read as rows, to the last bit")
  func scoresInSQL() async throws {
    try await withFreshDatabase { pool in
      let scores: [(Int64, Float)] = [
        (1, 0), (3, 0.7), (200, 0.123_456_79), (70_000, 1), (70_001, Float(bitPattern: 71_362)),
      ]
      var bytes: [UInt8] = [1, UInt8(scores.count)]
      var last: Int64 = 0
      for (id, _) in scores {
        var rest = UInt64(id - last)
        while rest >= 128 {
          bytes.append(UInt8(rest & 127) | 128)
          rest >>= 7
        }
        bytes.append(UInt8(rest))
        last = id
      }
      for (_, score) in scores {
        withUnsafeBytes(of: score.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
      }
      try await pool.execute("ALTER TABLE models.score DROP CONSTRAINT score_model_version_fkey")
      try await pool.execute(
        """
        INSERT INTO models.score (model, as_of, version, customers, payload, scored_at)
        VALUES ('churn', \(Instant(seconds: 0)), 1, 5, \(bytes), \(Instant(seconds: 1)))
        """)
      let rows = try await pool.query(
        "SELECT * FROM models.scores_at('churn', \(Instant(seconds: 0)))")
      let found = try rows.map {
        (try $0.get("customer_id", as: Int64.self), try $0.get("score", as: Double.self))
      }
      #expect(found.map(\.0) == scores.map(\.0))
      #expect(found.map(\.1) == scores.map { Double($0.1) })
      #expect(
        try await pool.query("SELECT * FROM models.scores_at('none', \(Instant(seconds: 0)))")
          .isEmpty)
    }
  }

  /// Everything that a plan could have written.
  private static func contents(_ shop: ExplainedShop) async throws -> String {
    try await shop.pool.first(
      """
      SELECT md5(string_agg(row, ',' ORDER BY row)) AS hash FROM (
        SELECT 'o' || o::text AS row FROM segments.open_spell o
        UNION ALL SELECT 'p' || p.publication_id FROM segments.publication_record p
        UNION ALL SELECT 'e' || e.evaluation_id FROM segments.evaluation e
        UNION ALL SELECT 's' || s.state_id FROM features.state s
        UNION ALL SELECT 't' || t::text FROM facts.customer_day t
      ) everything
      """)?.get("hash", as: String?.self) ?? ""
  }
}

extension Rules.Segment {
  /// Whether its rule cuts among everyone: within a day that is done at midnight, not by one query.
  fileprivate var isRelative: Bool { rule.description.contains("top") }
}

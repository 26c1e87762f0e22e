import Foundation
import TestSupport
import Testing
import Warehouse

/// Explaining, planning, previewing and comparing segments of the retail project through the binary.
@Suite("The commands segments explain, plan, preview, diff and sql", .timeLimit(.minutes(5)))
struct SegmentsExplainCommandTests {
  private struct Explained: Decodable {
    struct Segment: Decodable {
      let segment: String
      let isMember: Bool?
      let verdict: String
      let decidedBy: String
    }
    let customerKey: String
    let knowledge: String
    let segments: [Segment]
  }

  private struct Plan: Decodable {
    struct Change: Decodable {
      let segment: String
      let kind: String
      let membersNow: Int
      let membersThen: Int
      let entering: Int
      let leaving: Int
    }
    let changes: [Change]
    let featuresRead: Int
  }

  @Test("a night by somebody with a reason, then an edit: planned, refused by CI, published, told")
  func story() async throws {
    try await Shop.open { shop in
      let night = try await shop(
        "run", "nightly_segments", "--date", Shop.lastDay, "--message", "the first night",
        "--quiet")
      #expect(night.code == 0, "\(night.error)")
      try await explains(shop)
      try await printsSQL(shop)

      let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("strata-plan-\(UUID().uuidString)")
      try FileManager.default.copyItem(
        at: Binary.root.appendingPathComponent("dags/retail"), to: folder)
      defer { try? FileManager.default.removeItem(at: folder) }
      let file = folder.appendingPathComponent("segments.yaml")
      let text = try String(contentsOf: file, encoding: .utf8)
      try text.replacing("\"orders_30d >= 3\"", with: "\"orders_30d >= 1\"")
        .write(to: file, atomically: true, encoding: .utf8)
      let edited = Shop(
        strata: shop.strata, pool: shop.pool, database: shop.database, project: folder.path)

      let plan = try await edited("segments", "plan", "--json").json(Plan.self)
      let loyal = try #require(plan.changes.first { $0.segment == "loyal" })
      #expect(loyal.kind == "changed")
      #expect(plan.changes.allSatisfy { $0.segment == "loyal" || $0.kind == "affected" })
      #expect(loyal.membersThen == loyal.membersNow + loyal.entering - loyal.leaving)
      #expect(loyal.entering > 0 && plan.featuresRead < 10)
      let strict = try await edited("segments", "plan", "--fail-if-change", "5%")
      #expect(strict.code == 5 && strict.error.contains("more than 5%"))
      #expect(strict.output.contains("orders_30d >= 3"))
      #expect(try await edited("segments", "plan", "--fail-if-change", "100000%").code == 0)
      #expect(try await edited("segments", "plan", "--fail-if-change", "much").code == 2)

      let preview = try await edited("segments", "preview", "loyal", "--sample", "50")
      #expect(preview.code == 0 && preview.output.contains("95 % confidence"))
      let versions = try await edited("segments", "diff", "loyal@file", "loyal@zzz")
      #expect(versions.code == 2 && versions.error.contains("segments.unknown_version"))
      let both = try await edited("segments", "diff", "loyal", "high_value")
      #expect(both.code == 0 && both.output.contains("in both"))

      let next = try await edited(
        "run", "nightly_segments", "--date", "2025-02-04", "--message", "one order is loyal enough",
        "--quiet")
      #expect(next.code == 0, "\(next.error)")
      let shown = try await edited("segments", "show", "loyal")
      #expect(shown.output.contains("one order is loyal enough"))
      #expect(shown.output.contains("the first night"))
      let told = try await shop.pool.first(
        "SELECT rule_author, rule_message FROM segments.catalog WHERE segment = 'loyal'")
      #expect(try told?.get("rule_message", as: String.self) == "one order is loyal enough")
      #expect(try told?.get("rule_author", as: String.self).contains("@") == true)
      let dates = try await edited("segments", "diff", "2025-02-03", "2025-02-04")
      #expect(dates.code == 0 && dates.output.contains("loyal"))
    }
  }

  private func explains(_ shop: Shop) async throws {
    let row = try await shop.pool.first(
      "SELECT customer_key FROM segments.membership WHERE segment = 'loyal' ORDER BY 1 LIMIT 1")
    let key = try #require(try row?.get("customer_key", as: String.self))
    let all = try await shop("segments", "explain", key, "--json").json(Explained.self)
    #expect(all.customerKey == key && all.knowledge == "publication")
    // Rules over features, profiles and scores: none of them is left unexplained.
    #expect(all.segments.allSatisfy { $0.decidedBy == "rule" }, "\(all.segments)")
    #expect(all.segments.first { $0.segment == "loyal" }?.isMember == true)
    let tree = try await shop("segments", "explain", key, "loyal")
    #expect(tree.code == 0 && tree.output.contains("a member since 2025-02-04"), "\(tree.error)")
    #expect(tree.output.contains("purchase from 2025-01-05 to 2025-02-04"))
    let score = try await shop("segments", "explain", key, "churn_risk_low", "--known-at", "now")
    #expect(score.output.contains("model churn"), "\(score.error)")
    let nobody = try await shop("segments", "explain", "nobody-at-all")
    #expect(nobody.code == 2 && nobody.error.contains("segments.unknown_customer"))
    let nowhere = try await shop("segments", "explain", key, "loyl")
    #expect(nowhere.code == 2 && nowhere.error.contains("did you mean 'loyal'?"))
  }

  /// The printed query of every segment, as psql would run it, gives the published members.
  private func printsSQL(_ shop: Shop) async throws {
    for segment in ["high_value", "engaged_buyers", "churn_risk_medium", "urban_high_income"] {
      let sql = try await shop("segments", "sql", segment, "--as-of", "2025-02-03")
      #expect(sql.code == 0, "\(sql.error)")
      let query = sql.output.split(separator: ";").first.map(String.init) ?? ""
      let differing = try await shop.pool.first(
        SQL(
          unsafeText: """
            SELECT count(*) AS count FROM (\(query)) AS q
            FULL JOIN (SELECT customer_id FROM segments.membership WHERE segment = '\(segment)') AS m
              USING (customer_id)
            WHERE q.customer_id IS NULL OR m.customer_id IS NULL
            """))
      #expect(try differing?.get("count", as: Int64.self) == 0, "\(segment)")
    }
  }
}

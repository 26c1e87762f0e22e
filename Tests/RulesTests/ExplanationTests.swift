import Columns
import Foundation
import Rules
import Testing

@Suite("Explanations and SQL: golden texts")
struct ExplanationTests {
  static let catalogue = """
    version: 1
    segments:
      - name: engaged
        title: High-Value Engaged
        rule:
          all:
            - orders_45d > 3
            - page_views_14d > 5
            - email_open_rate_30d > 70%
      - name: worth_it
        rule: {any: [LTV > 500.25, {not: "country in [PT, 'it''s']"}]}
      - name: both
        rule:
          all:
            - member_of engaged
            - not_member_of worth_it
            - days_since_order between 10 and 60
            - country != 'FR' or_missing
            - any: ["country contains 'a%'", country starts_with b, country ends_with é]
            - any: [joined_on after 2011-01-31, newsletter = true, last_login is_missing]
            - any: [last_login before 2011-07-09, last_login = 2011-07-10,
                last_login >= 2011-07-09T12:00:00Z]
      - name: best
        rule: {any: [churn_score bottom 20%, orders_45d top 100, LTV top 2.5%]}
    """

  static func source() -> ColumnTable {
    func mask(_ null: Int) -> Bitset { Bitset(count: 2) { $0 != null } }
    return ColumnTable(
      count: 2,
      columns: [
        "orders_45d": .integer(Dense([4, 3]), scale: 0),
        "page_views_14d": .integer(Dense([9, 9]), scale: 0),
        "email_open_rate_30d": .real(Dense([0.75, 0], present: mask(1))),
        "ltv_net": .integer(Dense([5_002_500, 5_002_501]), scale: 4),
        "days_since_order": .integer(Dense([12, 70]), scale: 0),
        "country": .text(Dense([0, 0], present: mask(1)), dictionary: ["it's"]),
        "newsletter": .boolean(Dense([true, false])),
        "joined_on": .day(Dense([15_000, 14_000])),
        "last_login": .instant(Dense([1_310_000_000_000_000, 0])),
        "churn_score": .real(Dense([0.1, 0.9])),
      ])
  }

  @Test("the clause tree with actual value, threshold and verdict", arguments: [0, 1])
  func tree(_ row: Int) throws {
    let catalogue = try SegmentCatalogue.parse(
      Self.catalogue, attributes: shop, zone: .init("Europe/Lisbon"))
    let source = Self.source()
    let evaluation = try catalogue.evaluate(source)
    var text = ""
    var explainer = Explainer(source, catalogue: catalogue)
    for segment in catalogue.segments {
      let explanation = try explainer.explain(segment.rule, row: row)
      #expect(explanation.verdict == evaluation.verdicts[segment.name]?[row])
      let data = try JSONEncoder().encode(explanation)
      #expect(try JSONDecoder().decode(Explanation.self, from: data) == explanation)
      text += "\(segment.name)\n\(explanation)\n\n"
    }
    try expectGolden(
      text, in: GoldenErrorTests.folder.appendingPathComponent("explain_\(row).golden"))
  }

  @Test("the SELECT that an analyst can run")
  func sql() throws {
    let catalogue = try SegmentCatalogue.parse(
      Self.catalogue, attributes: shop, zone: .init("Europe/Lisbon"))
    let translator = RuleSQL(relation: "customer_features") { $0.name }
    var text = ""
    for segment in catalogue.segments {
      text += "-- \(segment.name)\n\(try translator.select(segment, of: catalogue));\n\n"
    }
    try expectGolden(text, in: GoldenErrorTests.folder.appendingPathComponent("select.golden"))
  }
}

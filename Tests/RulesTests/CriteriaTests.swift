import Columns
import Rules
import Schedules
import Testing

/// A shop's attributes, as a feature catalogue would give them.
let shop = AttributeList(
  [
    Attribute(name: "orders_45d", type: .number, unit: .count),
    Attribute(name: "orders_30d", type: .number, unit: .count),
    Attribute(name: "page_views_14d", type: .number, unit: .count),
    Attribute(name: "ltv_net", type: .number, unit: .money, scale: 4),
    Attribute(name: "days_since_order", type: .number, unit: .days),
    Attribute(name: "email_open_rate_30d", type: .real, unit: .ratio),
    Attribute(name: "churn_score", type: .real, unit: .score),
    Attribute(name: "aov_90d", type: .real, unit: .money),
    Attribute(name: "country", type: .text),
    Attribute(name: "newsletter", type: .boolean),
    Attribute(name: "joined_on", type: .day),
    Attribute(name: "last_login", type: .instant),
  ], aliases: ["LTV": "ltv_net", "Average Order Value": "aov_90d"])

@Suite("One tree behind YAML, JSON and short strings")
struct CriteriaTests {
  @Test("the criteria form of SEMANTICS §3, word for word")
  func criteriaForm() throws {
    let json = """
      {"segment": "High-Value Customers", "criteria": [
        {"attribute": "LTV", "operator": ">", "value": 500},
        {"attribute": "orders_30d", "operator": ">=", "value": 1}]}
      """
    let yaml = """
      version: 1
      segments:
        - name: High-Value Customers
          rule: {all: ["LTV > 500", "orders_30d >= 1"]}
      """
    let one = try SegmentCatalogue.parse(json, format: .json, attributes: shop)
    let same = try SegmentCatalogue.parse(json, format: .yaml, attributes: shop)
    let two = try SegmentCatalogue.parse(yaml, attributes: shop)
    let segment = try #require(one.segment(named: "High-Value Customers"))
    #expect(segment.slug == "high_value_customers")
    #expect(segment.title == "High-Value Customers")
    #expect(segment.rule.description == "all(ltv_net > 500, orders_30d >= 1)")
    #expect(segment.attributes.map(\.name) == ["ltv_net", "orders_30d"])
    #expect(one.segment(named: "high_value_customers") == segment)
    #expect(two.segments[0].rule == segment.rule)
    #expect(same.segments[0].rule == segment.rule)

    let source = ColumnTable(
      count: 4,
      columns: [
        "ltv_net": .integer(Dense([5_000_001, 5_000_000, 9_000_000, 9_000_000]), scale: 4),
        "orders_30d": .integer(
          Dense([1, 1, 0, 1], present: Bitset(count: 4) { $0 != 3 }), scale: 0),
      ])
    let verdict = try #require(try one.evaluate(source).verdicts["High-Value Customers"])
    #expect((0..<4).map { verdict[$0] } == [.true, .false, .false, .unknown])
  }

  @Test("a list of criteria forms, and forms mixed in one catalogue")
  func lists() throws {
    let json = """
      [{"segment": "A", "criteria": [{"attribute": "country", "operator": "in",
          "value": ["PT", "ES"]}], "group": "tier"},
       {"name": "B", "rule": {"all": [{"member_of": "A"}, {"not": "orders_45d > 3"},
          {"attribute": "email_open_rate_30d", "operator": ">", "value": "70%"},
          {"attribute": "aov_90d", "operator": "between", "value": [10, 20.5]},
          {"attribute": "last_login", "operator": "is_missing"},
          {"attribute": "churn_score", "operator": "top", "value": "20%"},
          {"attribute": "country", "operator": "!=", "value": "FR", "or_missing": true},
          {"operator": "not_member_of", "value": "A"}]},
        "priority": 2, "group": "tier", "weight": 1.5, "channels": ["email", "sms"],
        "promotion": "ten_off", "title": "Bee", "description": "Both."}]
      """
    let catalogue = try SegmentCatalogue.parse(json, format: .json, attributes: shop)
    let b = try #require(catalogue.segment(named: "B"))
    #expect(
      b.rule.description
        == "all(member_of A, not(orders_45d > 3), email_open_rate_30d > 70%, "
        + "aov_90d between 10 and 20.5, last_login is_missing, churn_score top 20%, "
        + "country != 'FR' or_missing, not_member_of A)")
    #expect(b.priority == 2 && b.group == "tier" && b.weight == 1.5)
    #expect(b.promotion == "ten_off" && catalogue.segment(named: "A")?.promotion == nil)
    #expect(b.channels == ["email", "sms"] && b.title == "Bee" && b.description == "Both.")
    #expect(b.dependencies == ["A"])
    #expect(catalogue.evaluationOrder == ["A", "B"])
  }

  @Test(
    "short strings",
    arguments: [
      ("orders_45d > 3", "orders_45d > 3"),
      ("orders_45d>3", "orders_45d > 3"),
      ("  orders_45d  ≥ 3 ", "orders_45d >= 3"),
      ("orders_45d == 3", "orders_45d = 3"),
      ("orders_45d <> 3", "orders_45d != 3"),
      ("orders_45d = 1e2", "orders_45d = 100"),
      ("LTV > -0.50", "ltv_net > -0.5"),
      ("'Average Order Value' > 12.50", "aov_90d > 12.5"),
      ("country in [PT, ES]", "country in ['PT', 'ES']"),
      (
        "country not in (United Kingdom, 'Côte d''Ivoire')",
        "country not_in ['United Kingdom', 'Côte d''Ivoire']"
      ),
      ("country NOT_IN [PT]", "country not_in ['PT']"),
      ("email_open_rate_30d > 70%", "email_open_rate_30d > 70%"),
      ("email_open_rate_30d > 70 %", "email_open_rate_30d > 70%"),
      ("email_open_rate_30d > 0.7", "email_open_rate_30d > 70%"),
      ("email_open_rate_30d > 250%", "email_open_rate_30d > 250%"),
      ("churn_score >= 1", "churn_score >= 100%"),
      ("days_since_order > 60 days", "days_since_order > 60 days"),
      ("days_since_order <= 2 weeks", "days_since_order <= 14 days"),
      ("days_since_order between 30 and 60", "days_since_order between 30 days and 60 days"),
      ("days_since_order between [30, 60]", "days_since_order between 30 days and 60 days"),
      ("country contains 'a b'", "country contains 'a b'"),
      ("country starts_with P", "country starts_with 'P'"),
      ("country ends with \"t\"\"x\"", "country ends_with 't\"x'"),
      ("country is missing", "country is_missing"),
      ("country is_present", "country is_present"),
      ("country != PT or_missing", "country != 'PT' or_missing"),
      ("country != PT or missing", "country != 'PT' or_missing"),
      ("newsletter = true", "newsletter = true"),
      ("joined_on after 2011-12-09", "joined_on after 2011-12-09"),
      (
        "joined_on between 2011-01-01 and 2011-12-31",
        "joined_on between 2011-01-01 and 2011-12-31"
      ),
      ("last_login before 2011-12-09", "last_login before 2011-12-09"),
      ("last_login < 2011-12-09T10:00:00+02:00", "last_login < 2011-12-09T08:00:00Z"),
      ("churn_score top 20%", "churn_score top 20%"),
      ("orders_45d bottom 2.5%", "orders_45d bottom 2.5%"),
      ("orders_45d top 100", "orders_45d top 100"),
      ("orders_45d bottom 100", "orders_45d bottom 100"),
      ("LTV top 20% where newsletter = true", "ltv_net top 20% where newsletter = true"),
      (
        "LTV top 5 or_missing where country = pt ci",
        "ltv_net top 5 or_missing where country = 'pt' ci"
      ),
      ("country = pt ci", "country = 'pt' ci"),
      ("country not in [pt, ES] CI or missing", "country not_in ['pt', 'ES'] ci or_missing"),
      ("country matches '^P[a-z]+$'", "country matches '^P[a-z]+$'"),
      ("last_login within_last 7 days", "last_login within_last 7 days"),
      ("last_login WITHIN LAST 2 weeks", "last_login within_last 14 days"),
      ("last_login not within last 3 hours", "last_login not_within_last 3 hours"),
      ("joined_on within_last 1 month or_missing", "joined_on within_last 1 month or_missing"),
    ])
  func shortStrings(_ written: String, _ expected: String) throws {
    let rule = try Rule(parsing: written, attributes: shop, zone: .utc)
    #expect(rule.description == expected)
    // What a rule prints reads as the same rule.
    #expect(try Rule(parsing: rule.description, attributes: shop, zone: .utc) == rule)
  }

  @Test("scores, membership of the past and windows in YAML, JSON and short strings are one tree")
  func pastAndScores() throws {
    let yaml = """
      segments:
        - name: warm
          rule:
            all:
              - score: [{when: orders_45d > 3, weight: 2}, {when: country = pt ci}]
                threshold: 2.5
                leave_below: 1
              - was_member_of warm within 2 weeks
              - last_login within_last 7 days
              - LTV top 20% where orders_30d > 0
      """
    let json = """
      {"segment": "warm", "criteria": [
        {"score": [
          {"when": {"attribute": "orders_45d", "operator": ">", "value": 3}, "weight": 2},
          {"when": {"attribute": "country", "operator": "=", "value": "pt", "ci": true}, "weight": 1}],
         "threshold": 2.5, "leave_below": 1},
        {"operator": "was_member_of", "value": "warm", "within": "14 days"},
        {"attribute": "last_login", "operator": "within_last", "value": "7 days"},
        {"attribute": "LTV", "operator": "top", "value": "20%", "where": "orders_30d > 0"}]}
      """
    let one = try SegmentCatalogue.parse(yaml, attributes: shop)
    let two = try SegmentCatalogue.parse(json, format: .json, attributes: shop)
    #expect(one.segments[0].rule == two.segments[0].rule)
    #expect(
      one.segments[0].rule.description
        == "all(score(2 x orders_45d > 3, 1 x country = 'pt' ci) >= 2.5, leave below 1, "
        + "was_member_of warm within 14 days, last_login within_last 7 days, "
        + "ltv_net top 20% where orders_30d > 0)")
    #expect(
      one.segments[0].attributes.map(\.name)
        == ["country", "last_login", "ltv_net", "orders_30d", "orders_45d"])
    #expect(one.segments[0].dependencies.isEmpty)
    let needs = try #require(one.priorNeeds)
    #expect(needs.members == ["warm"] && needs.lastDays == ["warm"] && needs.segments == ["warm"])
  }

  @Test("segments may ask about each other's past in a circle, which the present may not be")
  func pastCircles() throws {
    let catalogue = try SegmentCatalogue.parse(
      """
      segments:
        - {name: a, rule: {any: [was_member_of b within 3 days, orders_45d > 3]}}
        - {name: b, rule: {all: [member_of a, was_member_of c within 1 month]}}
        - {name: c, rule: {not: was_member_of a within 2 days}}
        - {name: d, rule: orders_30d > 3}
      """, attributes: shop)
    let needs = try #require(catalogue.priorNeeds)
    #expect(needs.members.isEmpty && needs.lastDays == ["a", "b", "c"])
    #expect(needs.segments == ["a", "b", "c"])
    let meanings = catalogue.meanings { $0.name }
    let other = try SegmentCatalogue.parse(
      """
      segments:
        - {name: a, rule: {any: [was_member_of b within 3 days, orders_45d > 4]}}
        - {name: b, rule: {all: [member_of a, was_member_of c within 1 month]}}
        - {name: c, rule: {not: was_member_of a within 2 days}}
        - {name: d, rule: orders_30d > 3}
      """, attributes: shop
    ).meanings { $0.name }
    // What rests on the edited rule, today or in the past, means something else.
    #expect(["a", "b", "c", "d"].map { meanings[$0] == other[$0] } == [false, false, false, true])
  }

  @Test("a rule that stands alone may be a group")
  func groups() throws {
    let rule = try Rule(
      parsing: "all:\n  - orders_45d > 3\n  - any: [country = PT, newsletter = true]\n",
      attributes: shop)
    #expect(rule.description == "all(orders_45d > 3, any(country = 'PT', newsletter = true))")
  }

  @Test("rules of one meaning in writing share a version, others do not")
  func versions() throws {
    func version(_ text: String) throws -> String {
      try Rule(parsing: text, attributes: shop).version
    }
    let one = try version(
      "{all: [orders_45d > 3, {all: [country = PT, {not: {not: LTV > 5}}]}]}")
    let two = try version("{all: [LTV > 5.00, 'country in [PT]', orders_45d > 3, LTV > 5]}")
    #expect(one == two)
    #expect(one.count == 64)
    #expect(try version("orders_45d > 3") != version("orders_45d >= 3"))
    #expect(try version("country = 'é'") != version("country = 'e\u{301}'"))
    // A version must not change between releases: published history refers to it.
    #expect(
      try version("orders_45d > 3")
        == "0128eb82642795ae68542826fc000c5e9d6d01b938883e5cffe842a159220570")
  }

  @Test("days against instants are local days of the zone")
  func localDays() throws {
    let lisbon = try Zone("Europe/Lisbon")
    let source = ColumnTable(
      count: 4,
      columns: [
        "last_login": .instant(
          Dense(
            [
              "2011-07-08T22:59:59Z", "2011-07-08T23:00:00Z", "2011-07-09T22:59:59Z",
              "2011-07-09T23:00:00Z",
            ].compactMap { Instant(rfc3339: $0)?.microseconds }))
      ])
    for (op, expected) in [
      ("=", [1, 2]), ("!=", [0, 3]), ("<", [0]), ("<=", [0, 1, 2]), (">", [3]), (">=", [1, 2, 3]),
      ("before", [0]), ("after", [3]),
    ] {
      let rule = try Rule(
        parsing: "last_login \(op) 2011-07-09", attributes: shop, zone: lisbon)
      #expect(try rule.evaluate(source).isTrue.rows == expected, "\(op)")
    }
  }
}

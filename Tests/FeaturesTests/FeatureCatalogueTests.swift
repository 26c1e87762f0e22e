import Testing

@testable import Features

struct FeatureCatalogueTests {
  private func problems(_ yaml: String) -> [String] {
    do {
      _ = try FeatureCatalogue(yaml: yaml)
      return []
    } catch let error as FeatureError {
      return error.problems.map(\.description)
    } catch { return ["\(error)"] }
  }

  /// A catalogue of one feature on line 3; the feature begins in column 5.
  private func one(_ entry: String) -> String {
    "version: 1\nfeatures:\n  - {\(entry)}\n"
  }

  @Test func readsEveryKind() throws {
    let catalogue = try FeatureCatalogue(
      yaml: """
        version: 1
        features:
          - {name: orders_30d, count: purchase, window: 30 days, aliases: [Orders], owner: crm}
          - name: ltv_net
            sum: purchase.amount
            minus: refund.amount
            window: lifetime
            description: Paid minus returned.
            aliases: LTV
          - {name: days_since_order, recency: purchase}
          - {name: revenue_30d, sum: purchase.amount, window: 30 days}
          - {name: aov_30d, ratio: revenue_30d, to: Orders, min_denominator: 2}
          - {name: country, profile: country, type: text}
          - {name: age, profile: age, type: integer}
          - {name: churn_score, score: churn}
        """)
    let orders = try catalogue.resolve("Orders")
    #expect(orders.name == "orders_30d" && orders.owner == "crm" && orders.line == 3)
    #expect(orders.type == .integer && orders.unit == .count && orders.window == Window(.days(30)))
    let ltv = try catalogue.resolve("LTV")
    #expect(ltv.type == .decimal && ltv.unit == .money && ltv.description == "Paid minus returned.")
    #expect(ltv.source == "events: purchase, refund")
    #expect(try catalogue.resolve("days_since_order").unit == .days)
    let aov = try catalogue.resolve("aov_30d")
    #expect(aov.unit == .money && aov.type == .real)
    #expect(
      aov.expression
        == .ratio(numerator: "revenue_30d", denominator: "orders_30d", minimum: 2))
    #expect(catalogue.external.map(\.name) == ["country", "age", "churn_score"])
    #expect(
      catalogue.measures.map(\.columnName)
        == ["purchase_amount", "purchase_count", "refund_amount"])
    #expect(
      catalogue.slots.map(\.name) == [
        "purchase_amount@30d", "purchase_amount@all", "purchase_count@30d", "purchase_count@last",
        "refund_amount@all",
      ])
    #expect(
      try catalogue.restricted(to: ["aov_30d"]).features.map(\.name)
        == ["orders_30d", "revenue_30d", "aov_30d"])
    #expect(catalogue.suggestion(for: "orders_30") == "did you mean 'orders_30d'?")
  }

  @Test func reportsAllProblemsAtOnce() {
    let found = problems(
      """
      version: 2
      features:
        - {name: a, count: purchas, window: 30 days}
        - {name: a, count: purchase, window: 30 dys}
        - {name: Big, sum: purchase.amont, windw: 1 day}
        - {name: r, ratio: aa, to: a}
      """)
    #expect(
      found == [
        "features.yaml:1:10: expected version from 1 to 1, found '2'",
        "features.yaml:3:22: expected an event kind, found 'purchas'; did you mean 'purchase'?",
        "features.yaml:4:12: expected a new name, found 'a' again; it stands on line 3 already",
        "features.yaml:4:40: expected days, weeks or months, found 'dys'; did you mean 'days'?",
        "features.yaml:5:5: expected a window, found none; "
          + "write window: 30 days, or window: lifetime",
        "features.yaml:5:12: expected a name of lower-case letters, digits and _ with at most "
          + "63 bytes, found 'Big'; other spellings can be aliases",
        "features.yaml:5:22: expected the field amount or quantity, found 'amont'; "
          + "did you mean 'amount'?",
        "features.yaml:5:38: expected a key of a feature, found 'windw'; did you mean 'window'?",
        "features.yaml:6:22: expected a feature, found 'aa'; did you mean 'a'?",
      ])
  }

  @Test(arguments: [
    ("name: x, count: purchase", "expected a window, found none"),
    ("name: x, count: purchase, window: 0 days", "expected a window of 1 to 36500 days"),
    ("name: x, count: purchase, window: 40000 days", "expected a window of 1 to 36500 days"),
    ("name: x, count: purchase, window: 6000 weeks", "expected a window of at most 36500 days"),
    ("name: x, count: purchase, window: 9601 hours", "expected a window of at most 400 days"),
    ("name: x, count: purchase, window: 1 day, where: amount", "expected one of = != > >="),
    ("name: x, count: purchase, window: 1 day, where: amont > 3", "did you mean 'amount'?"),
    ("name: x, count: purchase, window: 1 day, where: amount > web", "expected a number to"),
    ("name: x, count: purchase, window: 1 day, where: item > web", "only numbers have an order"),
    ("name: x, count: purchase, window: 1 day, where: \"item in []\"", "nothing is in an empty"),
    ("name: x, count: purchase, window: 1 day, where: quantity > 1.5", "at most 0 decimals"),
    ("name: x, distinct: purchase, window: 1 day", "expected a kind and a field"),
    ("name: x, distinct: purchase.amount, window: 1 day", "expected the field item or properties"),
    ("name: x, min: purchase.item, window: 1 day", "expected the field amount or quantity"),
    ("name: x, rate: purchase, window: 1 day", "expected of: with the events to divide by"),
    ("name: x, trend: purchase, window: lifetime", "expected a window with one before it"),
    ("name: x, trend: purchase, window: 1 week, as: slop", "did you mean 'slope'?"),
    ("name: x, trend: purchase, window: 1 week, as: slope", "expected periods:"),
    ("name: x, trend: purchase, window: 1 week, periods: 3", "only beside 'as: slope'"),
    ("name: x, sequence: [purchase], window: 1 day", "expected a list of 2 to 16 steps"),
    ("name: x, sequence: [purchase, refund], window: 1 day", "expected a step with within:"),
    (
      "name: x, sequence: [purchase, {event: refund, within: 3 fortnights}], window: 1 day",
      "expected a time such as 10 minutes"
    ),
    (
      "name: x, sequence: [purchase, {not: refund, within: 1 day}, {event: login, within: 1 day}], "
        + "window: 1 day", "expected a step that happens before the last"
    ),
    (
      "name: x, funnel: [purchase, {not: refund, within: 1 day}], window: 1 day",
      "expected steps that happen"
    ),
    ("name: x, band: x, bands: {a: 1}", "expected features without a circle, found x → x"),
    ("name: x, band: y, bands: {a: 1, b: 1}", "expected more than 1, where 'a' begins, found 1"),
    ("name: x, weighted: [{feature: y, weight: 0, full: 1}]", "expected a weight above 0"),
    ("name: x, rfm: {recency: y, frequency: y}", "expected monetary: with a feature"),
    ("name: x, formula: 1 + 2", "expected a feature in the formula"),
    ("name: x, formula: (y", "expected ')', found the end"),
    ("name: x, formula: \"maxx(y, 2)\"", "did you mean 'max'?"),
    ("name: x, formula: \"abs(y, 2)\"", "expected one operand of abs, found 2"),
    ("name: x, count: purchase, window: soon", "expected a window, found 'soon'"),
    ("name: x, count: purchase, window: [1]", "expected a window, found a list"),
    ("name: x, count: [], window: 1 day", "expected an event kind, found an empty list"),
    ("name: x, count: purchase.amount, window: 1 day", "expected an event kind"),
    ("name: x, sum: purchase, window: 1 day", "expected a kind and a field, found 'purchase'"),
    ("name: x, sum: purchase.count, window: 1 day", "expected the field amount or quantity"),
    (
      "name: x, sum: [purchase.amount, refund.quantity], window: 1 day",
      "expected one field, found amount and quantity"
    ),
    (
      "name: x, sum: purchase.amount, minus: refund.quantity, window: 1 day",
      "expected the same field on both sides"
    ),
    (
      "name: x, count: purchase, window: lifetime, previous: 1",
      "expected no previous window of a lifetime"
    ),
    (
      "name: x, count: purchase, window: 1000 days, previous: 36",
      "expected windows within 36500 days"
    ),
    ("name: x, count: purchase, window: 1 day, previous: -1", "expected previous from 0"),
    ("name: x, count: purchase, recency: purchase, window: 1 day", "found count and recency"),
    ("name: x", "found none of them"),
    ("count: purchase, window: 1 day", "expected a name, found a feature without one"),
    ("name: x, recency: purchase, window: 1 day", "expected no 'window' beside 'recency'"),
    ("name: x, ratio: y", "expected to: with the denominator"),
    ("name: x, profile: p, type: txt", "found 'txt'; did you mean 'text'?"),
    ("name: x, score: m, kind: mony", "found 'mony'; did you mean 'money'?"),
  ])
  func reportsTheProblem(_ entry: String, _ message: String) throws {
    let found = problems(one(entry))
    #expect(found.contains { $0.contains(message) }, "\(found)")
    #expect(found.allSatisfy { $0.hasPrefix("features.yaml:3:") }, "\(found)")
  }

  @Test func checksTheOperandsOfRatios() {
    let yaml = """
      version: 1
      features:
        - {name: country, profile: country}
        - {name: orders, count: purchase, window: lifetime}
        - {name: x, ratio: country, to: orders}
        - {name: y, ratio: orders, to: orders, min_denominator: 0.5}
        - {name: z, ratio: orders, to: orders, min_denominator: 0}
      """
    let found = problems(yaml)
    #expect(found.count == 3)
    #expect(found.first?.contains("expected a count, sum or recency, found 'country'") == true)
    #expect(found.last?.contains("expected a positive number with at most 0 decimals") == true)
  }

  @Test func pointsIntoFormulasAndConditions() {
    let deep = String(repeating: "(", count: 65) + "orders" + String(repeating: ")", count: 65)
    let found = problems(
      """
      version: 1
      features:
        - {name: orders, count: purchase, window: lifetime}
        - {name: money, sum: purchase.amount, window: lifetime}
        - {name: country, profile: country}
        - {name: a, formula: orders + 2 * oders}
        - {name: b, formula: money + orders}
        - {name: c, formula: "money * (money)"}
        - {name: d, formula: orders + country}
        - {name: e, count: purchase, where: amount > 1 and itm = x, window: 1 day}
        - {name: f, formula: h + 1}
        - {name: h, formula: orders - f}
        - {name: g, formula: "\(deep)"}
      """)
    #expect(
      found == [
        "features.yaml:6:37: expected a feature, found 'oders'; did you mean 'orders'?",
        "features.yaml:7:24: expected one unit on both sides of '+', found money and count; "
          + "divide by something of the same unit first, which makes it a ratio",
        "features.yaml:8:24: expected at most one factor of money, found two; "
          + "money times money has no meaning",
        "features.yaml:9:33: expected a number, found 'country', which is text",
        "features.yaml:10:54: expected one of item, quantity, amount, properties.NAME, "
          + "found 'itm'; did you mean 'item'?",
        "features.yaml:12:33: expected features without a circle, found f → h → f",
        "features.yaml:13:90: expected at most 64 levels of nesting, found more; "
          + "name a part of it as a feature of its own",
      ])
  }

  @Test func conditionsAreWhatTheySay() throws {
    for text in [
      "amount > 12.5", "item in ['a', 'it''s']", "not (properties.promo = true)",
      "(quantity is missing) and (amount <= -3)", "(item = 'x') or (properties.a.b != 2)",
    ] {
      let condition = try ConditionParser.parse(text)
      #expect("\(condition)" == text)
      #expect(try ConditionParser.parse("\(condition)") == condition)
    }
    let plain = Measure(.count, of: ["purchase"])
    let big = Measure(.count, of: ["purchase"], where: try ConditionParser.parse("amount > 5"))
    let bigger = Measure(.count, of: ["purchase"], where: try ConditionParser.parse("amount > 6"))
    #expect(Set([plain, big, bigger].map(\.columnName)).count == 3)
    #expect(big.columnName.hasPrefix("purchase_") && big.columnName.hasSuffix("_count"))
  }

  @Test(arguments: [
    ("version: 1\nfeatures:\n  - {name: x", "features.yaml:4:1: expected YAML"),
    ("version: 1\nfeatures:\n\t- a\n", "features.yaml:3:1: expected YAML"),
    ("", "features.yaml:1:1: expected version and features, found an empty file"),
    ("- a", "features.yaml:1:1: expected a catalogue as a mapping, found a list"),
    ("version: 1", "features.yaml:1:1: expected features: with a list, found none"),
    ("version: 1\nfeatures: 3", "features.yaml:2:11: expected a list of features, found '3'"),
    ("version: 1\nversion: 1\nfeatures: []", "the same key twice: version"),
  ])
  func reportsBrokenFiles(_ yaml: String, _ message: String) {
    let found = problems(yaml)
    #expect(found.contains { $0.contains(message) }, "\(found)")
  }

  @Test func longMeasuresGetShortDistinctColumns() {
    let many = Measure(.count, of: EventKind.names)
    let fewer = Measure(.count, of: Array(EventKind.names.dropLast()))
    #expect(many.columnName.utf8.count <= 63 && fewer.columnName.utf8.count <= 63)
    #expect(many.columnName != fewer.columnName && many.columnName.hasSuffix("_count"))
    #expect(Measure(.count, of: ["b", "a", "b"]) == Measure(.count, of: ["a", "b"]))
  }

  @Test func sixtyFourLevelsAreEnough() throws {
    func chain(_ count: Int) -> String {
      "version: 1\nfeatures:\n  - {name: f1, count: purchase, window: lifetime}\n"
        + (2...count).map { "  - {name: f\($0), formula: f\($0 - 1) + 1}\n" }.joined()
    }
    #expect(try FeatureCatalogue(yaml: chain(64)).features.count == 64)
    let found = problems(chain(65))
    #expect(
      found.count == 1
        && found[0].contains("expected at most 64 features upon each other, found"), "\(found)")
    // Thousands too many are one problem for each, and no crash.
    #expect(problems(chain(3000)).allSatisfy { $0.contains("expected at most 64") })
    let deep =
      String(repeating: "not (", count: 70) + "amount > 1" + String(repeating: ")", count: 70)
    let conditions = problems(one("name: x, count: purchase, window: 1 day, where: \"\(deep)\""))
    #expect(conditions.count == 1 && conditions[0].contains("at most 64 levels"), "\(conditions)")
  }

  @Test func ownKindsAreKnownWhereTheyAreDeclared() throws {
    let yaml = "version: 1\nfeatures:\n  - {name: x, count: wishlist_add, window: 1 day}"
    #expect(
      problems(yaml) == [
        "features.yaml:3:22: expected an event kind, found 'wishlist_add'; "
          + "kinds of your own are declared in 'kinds:' of sources.yaml"
      ])
    let kinds = EventKind.names + ["wishlist_add"]
    #expect(try FeatureCatalogue(yaml: yaml, eventKinds: kinds).measures.count == 1)
    #expect {
      try FeatureCatalogue(
        yaml: yaml.replacing("wishlist_add", with: "wishlist_ad"), eventKinds: kinds)
    } throws: { "\($0)".contains("did you mean 'wishlist_add'?") }
  }

  @Test func threeThousandFeaturesAreRead() throws {
    let entries = (1...3000).map { "  - {name: f\($0), count: purchase, window: \($0) days}\n" }
    let catalogue = try FeatureCatalogue(yaml: "version: 1\nfeatures:\n" + entries.joined())
    #expect(catalogue.slots.count == 3000 && catalogue.measures.count == 1)
  }
}

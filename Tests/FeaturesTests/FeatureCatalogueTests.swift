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
    ("name: x, count: purchase, window: 3 hours", "expected a window of whole days"),
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

  @Test func threeThousandFeaturesAreRead() throws {
    let entries = (1...3000).map { "  - {name: f\($0), count: purchase, window: \($0) days}\n" }
    let catalogue = try FeatureCatalogue(yaml: "version: 1\nfeatures:\n" + entries.joined())
    #expect(catalogue.slots.count == 3000 && catalogue.measures.count == 1)
  }
}

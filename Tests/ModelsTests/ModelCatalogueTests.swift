import Features
import Foundation
import Models
import Testing

@Suite("models.yaml")
struct ModelCatalogueTests {
  static let features = """
    version: 1
    features:
      - {name: orders_60d, count: purchase, window: 60 days}
      - {name: orders_180d, count: purchase, window: 180 days, aliases: [half_year]}
      - {name: revenue_90d, sum: purchase.amount, window: 90 days}
      - {name: days_since_order, recency: purchase}
      - {name: country, profile: country, type: text}
      - {name: churn_score, score: churn}
    """

  private func read(_ yaml: String) throws -> ModelCatalogue {
    try ModelCatalogue(yaml: yaml, features: FeatureCatalogue(yaml: Self.features))
  }

  static let good = """
    version: 1
    models:
      - name: churn
        description: Who buys nothing for two months
        learner: gradient_boosting
        population: "half_year >= 1"
        label: "orders_60d = 0"
        horizon: 60 days
        cuts: 6
        every: 2 weeks
        features: [half_year, revenue_90d, days_since_order]
        parameters: {max_depth: 5, eta: 0.1}
    """

  @Test("a declaration becomes a checked model, aliases resolved, defaults filled in")
  func good() throws {
    let model = try read(Self.good).resolve("churn")
    let definition = model.definition
    #expect(definition.features == ["orders_180d", "revenue_90d", "days_since_order"])
    #expect(definition.horizonDays == 60 && definition.everyDays == 14 && definition.cuts == 6)
    #expect(definition.parameters == ["max_depth": 5, "eta": 0.1] && definition.seed == 1)
    #expect(
      model.reads == ["days_since_order", "orders_180d", "orders_60d", "revenue_90d"])
    #expect(model.hash.count == 64)
  }

  @Test("the hash changes with the declaration and with what a feature means, not with others")
  func hash() throws {
    let hash = try read(Self.good).resolve("churn").hash
    #expect(try read(Self.good).resolve("churn").hash == hash)
    let changed = Self.good.replacingOccurrences(of: "eta: 0.1", with: "eta: 0.2")
    #expect(try read(changed).resolve("churn").hash != hash)
    func hashed(_ features: String) throws -> String {
      try ModelCatalogue(yaml: Self.good, features: FeatureCatalogue(yaml: features))
        .resolve("churn").hash
    }
    let words = Self.good.replacingOccurrences(of: "two months", with: "60 days")
    #expect(try read(words).resolve("churn").hash == hash)
    #expect(try read(words).resolve("churn").definition.description.contains("60 days"))
    let other = Self.features + "\n  - {name: views_7d, count: product_view, window: 7 days}"
    #expect(try hashed(other) == hash)
    let meaning = Self.features.replacingOccurrences(of: "90 days", with: "91 days")
    #expect(try hashed(meaning) != hash)
  }

  @Test("every problem at once, each at its place, with suggestions")
  func problems() throws {
    let yaml = """
      version: 1
      models:
        - name: Churn
          learner: gradient_bosting
          population: "orders_180 >= 1"
          label: "revenue_90d = 0"
          horizon: 60
          features: [orders_18d, churn_score, revenue_90d, revenue_90d]
          depth: 4
        - name: value
          learner: gradient_boosting
          population: "orders_180d >= 1"
          label: "revenue_90d > 100"
          horizon: 60 days
          cuts: 2
          features: []
          parameters: {max_deph: 3, eta: fast}
        - name: value
      """
    let error = #expect(throws: ModelError.self) { try read(yaml) }
    let problems = try #require(error?.problems)
    let expected: [(line: Int, code: String, text: String)] = [
      (3, "models.bad_name", "Churn"),
      (4, "learning.unknown_learner", "gradient_bosting"),
      (5, "rules.unknown_attribute", "orders_180"),
      (7, "models.bad_value", "60 days"),
      (8, "models.unknown_feature", "orders_18d"),
      (8, "models.not_point_in_time", "churn_score"),
      (8, "models.duplicate_feature", "revenue_90d"),
      (9, "models.unknown_key", "depth"),
      (13, "models.label_reaches_back", "last 90 days"),
      (15, "models.bad_value", "cuts"),
      (16, "models.bad_value", "an empty list"),
      (17, "learning.unknown_parameter", "max_deph"),
      (17, "models.bad_value", "fast"),
      (18, "models.missing_key", "learner"),
      (18, "models.duplicate_name", "value"),
    ]
    for (line, code, text) in expected {
      #expect(
        problems.contains {
          $0.line == line && $0.code == code && $0.description.contains(text)
        }, "line \(line): \(code) with \(text)")
    }
    #expect(problems.first?.description.hasPrefix("models.yaml:3:") == true)
    #expect(error?.description.split(separator: "\n").count == problems.count + 1)
    #expect(
      problems.first { $0.code == "models.unknown_feature" }?.hint?.contains("did you mean")
        == true)
  }

  @Test("what is no catalogue at all", arguments: ["", "models: [", "version: 2\nmodels: []", "x"])
  func unreadable(_ yaml: String) {
    let error = #expect(throws: ModelError.self) { try read(yaml) }
    #expect(error?.code == "models.invalid_catalogue")
    #expect(error?.problems.isEmpty == false)
  }

  @Test("an unknown model and a missing file")
  func unknown() throws {
    let catalogue = try read(Self.good)
    let error = #expect(throws: ModelError.self) { try catalogue.resolve("chrun") }
    #expect(error?.hint == "did you mean 'churn'?")
    let features = try FeatureCatalogue(yaml: Self.features)
    let missing = #expect(throws: ModelError.self) {
      try ModelCatalogue(
        contentsOf: URL(fileURLWithPath: "/nonexistent/models.yaml"), features: features)
    }
    #expect(missing?.code == "models.unreadable_catalogue")
  }
}

import Foundation
import Schedules
import Testing

@testable import Features

/// The SQL of every kind of feature against files in `Golden/`.
///
/// With STRATA_UPDATE_GOLDEN=1 in the environment the files are written anew instead.
struct FeatureSQLTests {
  private static let yaml = """
    version: 1
    features:
      - {name: orders_30d, count: purchase, window: 30 days}
      - {name: views_7d, count: [product_view, page_view], window: 7 days}
      - {name: orders_prev_1m, count: purchase, window: 1 month, previous: 1}
      - {name: revenue_90d, sum: purchase.amount, window: 90 days}
      - {name: ltv_net, sum: purchase.amount, minus: refund.amount, window: lifetime}
      - {name: days_since_order, recency: purchase}
      - {name: aov_90d, ratio: revenue_90d, to: orders_30d, min_denominator: 2}
      - {name: orders_per_money, ratio: orders_30d, to: revenue_90d, min_denominator: 12.5}
      - {name: country, profile: "it's country"}
      - {name: income, profile: income, type: integer}
      - {name: age, profile: age, type: integer}
      - {name: age_band, profile: age_band}
      - {name: region, profile: region}
      - {name: churn_score, score: churn}
    """
  private static let names = [
    "orders_30d", "views_7d", "orders_prev_1m", "revenue_90d", "ltv_net", "days_since_order",
    "aov_90d", "orders_per_money", "country", "income", "age", "age_band", "region",
  ]
  private static let attributes: ProfileAttributes = {
    var age = ProfileAttributes.Definition()
    (age.from, age.derive, age.min, age.max) = ("birth_date", "age", 0, 120)
    var band = ProfileAttributes.Definition()
    (band.from, band.derive, band.bands, band.fallback) = ("age", "band", [18, 65], "unknown")
    var region = ProfileAttributes.Definition()
    (region.from, region.derive, region.values) = ("zip", "lookup", ["1": "north", "2": "l'est"])
    (region.accepted, region.fallback) = (["north", "l'est"], "elsewhere")
    return ProfileAttributes(["age": age, "age_band": band, "region": region])
  }()
  private static let golden = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Golden")

  @Test(arguments: names)
  func equalsTheGoldenFile(_ name: String) throws {
    let zone = try Zone("Europe/Lisbon")
    // Half past ten on the day the clocks went forward.
    let asOf = try #require(Instant(rfc3339: "2024-03-31T10:30:00+01:00"))
    let text = try FeatureSQL.text(
      of: name, in: try FeatureCatalogue(yaml: Self.yaml), asOf: asOf, zone: zone,
      attributes: Self.attributes)
    let file = Self.golden.appending(path: "\(name).sql")
    if ProcessInfo.processInfo.environment["STRATA_UPDATE_GOLDEN"] == "1" {
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(text == (try String(contentsOf: file, encoding: .utf8)))
  }

  @Test func scoresAreRead() throws {
    let catalogue = try FeatureCatalogue(yaml: Self.yaml)
    let noon = try #require(Instant(rfc3339: "2024-03-31T12:00:00Z"))
    let text = try FeatureSQL.text(of: "churn_score", in: catalogue, asOf: noon, zone: .utc)
    #expect(text.contains("models.scores_at('churn', timestamptz '2024-03-31T00:00:00Z')"))
  }
}

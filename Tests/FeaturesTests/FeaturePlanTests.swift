import Schedules
import Testing

@testable import Features

/// What an edited catalogue changes, decided from two catalogues alone.
struct FeaturePlanTests {
  private static let base = """
    version: 1
    features:
      - {name: orders_30d, count: purchase, window: 30 days, description: Orders}
      - {name: revenue_30d, sum: purchase.amount, window: 30 days}
      - {name: aov_30d, ratio: revenue_30d, to: orders_30d, kind: money}
      - {name: aov_band, band: aov_30d, bands: {low: 0, high: 100}}
      - {name: best, max: purchase.amount, window: 30 days}
      - {name: country, profile: country}
    """

  private func plan(
    _ edit: (String) -> String, attributes: (ProfileAttributes, ProfileAttributes) = (.none, .none),
    readers: [FeaturePlan.Reader] = []
  ) throws -> FeaturePlan {
    let before = BuiltCatalogue(try FeatureCatalogue(yaml: Self.base), attributes: attributes.0)
    let after = BuiltCatalogue(
      try FeatureCatalogue(yaml: edit(Self.base)), attributes: attributes.1)
    return FeaturePlan(from: before, to: after, readers: readers)
  }

  private func categories(_ plan: FeaturePlan) -> [String: FeaturePlan.Category] {
    Dictionary(
      plan.features.filter { $0.category != .unchanged }.map { ($0.feature, $0.category) },
      uniquingKeysWith: { first, _ in first })
  }

  @Test func whatStaysIsNotBuilt() throws {
    let plan = try plan { $0 }
    #expect(plan.isEmpty && plan.summary.isEmpty && plan.slotsToBuild.isEmpty)
    #expect(plan.slotsKept == 3 && plan.measuresToFill.isEmpty)
  }

  @Test func whatPeopleReadBuildsNothing() throws {
    let plan = try plan {
      $0.replacing("description: Orders", with: "description: All orders, aliases: [buys]")
    }
    #expect(categories(plan) == ["orders_30d": .metadata])
    #expect(plan.slotsToBuild.isEmpty && plan.slotsKept == 3 && plan.readers.isEmpty)
    #expect(
      plan.summary == ["metadata: orders_30d", "state: 0 columns built, 3 kept"])
  }

  @Test func anotherNameKeepsTheValues() throws {
    let plan = try plan { $0.replacing("name: best", with: "name: greatest_order") }
    #expect(categories(plan) == ["greatest_order": .renamed])
    #expect(plan.features.first { $0.category == .renamed }?.was == "best")
    #expect(plan.slotsToBuild.isEmpty && plan.slotsToDrop.isEmpty)
  }

  @Test func aChangeReachesWhatIsComputedFromIt() throws {
    let segment = FeaturePlan.Reader(
      kind: "segment", name: "rich", features: ["aov_band", "orders_30d"])
    let model = FeaturePlan.Reader(kind: "model", name: "churn", features: ["orders_30d"])
    let plan = try plan(
      {
        $0.replacing("sum: purchase.amount, window: 30", with: "sum: purchase.amount, window: 60")
      },
      readers: [segment, model])
    #expect(
      categories(plan) == [
        "revenue_30d": .changed, "aov_30d": .affected, "aov_band": .affected,
      ])
    #expect(plan.features.first { $0.feature == "aov_band" }?.because == ["aov_30d"])
    let changed = try #require(plan.features.first { $0.category == .changed })
    #expect(changed.was == "+ amount of purchase over 30d: decimal")
    #expect(changed.now == "+ amount of purchase over 60d: decimal")
    #expect(plan.slotsToBuild == ["purchase_amount@60d"])
    #expect(plan.slotsToDrop == ["purchase_amount@30d"] && plan.slotsKept == 2)
    // The tiles have the measure: nothing is to be filled.
    #expect(plan.measuresToFill.isEmpty)
    #expect(
      plan.readers == [FeaturePlan.Reader(kind: "segment", name: "rich", features: ["aov_band"])])
  }

  @Test func aNewFeatureFillsItsOwnMeasureOnly() throws {
    let plan = try plan {
      $0 + "\n  - {name: web, count: purchase, where: properties.channel = web, window: 7 days}"
    }
    #expect(categories(plan) == ["web": .added])
    #expect(plan.measuresToFill.count == 1 && plan.slotsToBuild.count == 1)
    #expect(plan.slotsKept == 3)
  }

  @Test func aFeatureThatIsGoneIsNamedWithItsReaders() throws {
    let reader = FeaturePlan.Reader(kind: "segment", name: "best", features: ["best"])
    let plan = try plan(
      { $0.replacing("  - {name: best, max: purchase.amount, window: 30 days}\n", with: "") },
      readers: [reader])
    #expect(categories(plan) == ["best": .removed])
    #expect(plan.readers == [reader])
    #expect(plan.slotsToDrop == ["ring: greatest amount of purchase"])
  }

  @Test(arguments: [("30 days", "20 days", 0), ("30 days", "31 days", 1)])
  func aRingThatReachesFurtherIsBuilt(_ from: String, _ to: String, _ built: Int) throws {
    let plan = try plan {
      $0.replacing(
        "max: purchase.amount, window: \(from)", with: "max: purchase.amount, window: \(to)")
    }
    #expect(categories(plan) == ["best": .changed])
    #expect(plan.slotsToBuild.count == built && plan.slotsKept == 3 - built)
  }

  @Test func whatAProfileAttributeIsDerivedFromCounts() throws {
    var country = ProfileAttributes.Definition()
    country.fallback = "unknown"
    let plan = try plan({ $0 }, attributes: (.none, ProfileAttributes(["country": country])))
    #expect(categories(plan) == ["country": .changed])
    #expect(plan.slotsToBuild.isEmpty)
  }

  @Test func theFirstBuildMakesEverything() throws {
    let plan = FeaturePlan(
      from: nil, to: BuiltCatalogue(try FeatureCatalogue(yaml: Self.base)))
    #expect(plan.isFirst && plan.features.allSatisfy { $0.category == .added })
    #expect(plan.slotsToBuild.count == 3 && plan.slotsKept == 0)
    #expect(plan.summary == ["first build: 6 features"])
  }

  /// Every kind of feature has a meaning of its own, which does not change from run to run.
  @Test func meaningsTellFeaturesApart() throws {
    let catalogue = try FeatureCatalogue(yaml: Self.base)
    let meanings = catalogue.features.map { $0.meaning() }
    #expect(Set(meanings).count == meanings.count)
    #expect(
      meanings == [
        "+ count of purchase over 30d: integer", "+ amount of purchase over 30d: decimal",
        "revenue_30d / orders_30d, at least 1: real",
        "band of aov_30d: low from 0, high from 100: text",
        "greatest amount of purchase over 30d: decimal", "profile: country: text",
      ])
  }
}

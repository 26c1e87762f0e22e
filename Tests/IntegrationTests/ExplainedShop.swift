import FeatureStore
import Features
import Foundation
import Rules
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

@testable import Inputs

/// A small shop with a clock, loaded from files as a night does, whose memberships are published,
/// explained and planned.
struct ExplainedShop: Sendable {
  static let sources = """
    version: 1
    sources:
      - name: crm
        file: crm.csv
        zone: UTC
        into: customers
        columns: {who: text, since: timestamp, country: text}
        map: {customer: who, first_seen_at: since, valid_from: since, profile: {country: country}}
      - name: web
        file: web.csv
        zone: UTC
        columns: {id: text, who: text, at: timestamp, type: text, amount: decimal, item: text}
        map: {event_id: id, kind: type, customer: who, occurred_at: at, amount: amount, item: item}
    """
  static let features = """
    version: 1
    features:
      - {name: orders_30d, count: purchase, window: 30 days}
      - {name: views_7d, count: product_view, window: 7 days}
      - {name: ltv, sum: purchase.amount, minus: refund.amount, window: lifetime}
      - {name: days_since_order, recency: purchase}
      - {name: biggest_90d, max: purchase.amount, window: 90 days}
      - {name: country, profile: country}
      - {name: money_rank, rank: ltv, bins: 5}
    """
  static let segments = """
    version: 1
    segments:
      - {name: loyal, title: Loyal Customers, rule: "orders_30d >= 2"}
      - name: high_value
        title: High-Value Customers
        rule: {all: ["ltv > 100", any: ["days_since_order <= 5", "biggest_90d >= 200"]]}
      - {name: portuguese, rule: "country = PT"}
      - {name: best, rule: "ltv top 40%"}
      - {name: lookers, rule: {all: ["views_7d >= 1", not: "member_of loyal"]}}
    """

  let pool: ConnectionPool
  let folder: InputsFolder
  let clock: ManualClock
  let catalogue: FeatureCatalogue
  let sources: SourceCatalogue
  let zone = Zone.utc

  /// Opens a shop in March 2024 with the customers ana, ben, cleo, dora and eve.
  static func open<T: Sendable>(
    _ body: nonisolated(nonsending) (ExplainedShop) async throws -> T
  ) async throws -> T {
    try await withFreshDatabase { pool in
      let shop = try ExplainedShop(pool)
      try await Loader(pool: pool, clock: shop.clock).declare(shop.sources)
      try await shop.load(
        "crm",
        """
        who,since,country
        ana,2024-01-05T00:00:00Z,PT
        ben,2024-01-05T00:00:00Z,ES
        cleo,2024-01-05T00:00:00Z,PT
        dora,2024-02-01T00:00:00Z,
        """)
      try await shop.load(
        "web",
        """
        id,who,at,type,amount,item
        o1,ana,2024-02-20T10:00:00Z,purchase,80.00,A1
        o2,ana,2024-03-05T11:30:00Z,purchase,120.50,B3
        r1,ana,2024-03-06T09:00:00Z,refund,20.00,B3
        o3,ben,2024-03-01T08:15:00Z,purchase,60.00,A1
        v1,ben,2024-03-08T20:00:00Z,product_view,,A2
        o4,cleo,2023-12-30T12:00:00Z,purchase,250.00,C9
        v2,dora,2024-03-09T07:00:00Z,product_view,,A1
        """)
      return try await body(shop)
    }
  }

  private init(_ pool: ConnectionPool) throws {
    self.pool = pool
    folder = try InputsFolder()
    clock = ManualClock(try #require(Instant(rfc3339: "2024-03-10T03:00:00Z")))
    _ = try folder.write("project.yaml", "name: test\nzone: UTC\ncurrency: EUR\n")
    sources = try SourceCatalogue.load(
      try folder.write("sources.yaml", Self.sources), environment: [:])
    catalogue = try FeatureCatalogue(yaml: Self.features)
  }

  func load(_ source: String, _ text: String) async throws {
    clock.advance(by: .seconds(60))
    _ = try folder.write("\(source).csv", text + "\n")
    _ = try await Loader(pool: pool, clock: clock).load(try sources.source(source))
  }

  /// The catalogue of a text.
  func rules(_ text: String = Self.segments) throws -> SegmentCatalogue {
    try SegmentCatalogue.parse(text, attributes: FeatureAttributes(catalogue), zone: zone)
  }

  /// Publishes everyone at an instant, as a night does.
  @discardableResult
  func publish(
    _ day: String, _ text: String = Self.segments, runID: Int64? = nil
  ) async throws -> PublicationResult {
    clock.advance(by: .seconds(60))
    let asOf = try #require(Instant(rfc3339: "\(day)T00:00:00Z"))
    let rules = try rules(text)
    let features = catalogue(for: rules)
    try await TileStore(pool: pool, zone: zone).fold(features)
    let table = try await FeatureBuilder(pool: pool, zone: zone).build(features, asOf: asOf).table
    let prior = try await PriorStates(rules, features, pool: pool, zone: zone, clock: clock)?
      .before(asOf) { _ in }
    let outcome = try EvaluateSegments(rules)(over: table, prior: prior)
    let conflicts = ConflictResolution(
      rules, overrides: try await OverrideStore(pool: pool, clock: clock).load())
    let id = try await EvaluationStore(pool: pool, clock: clock).save(
      conflicts(outcome.evaluation), runID: runID, cuts: outcome.cuts)
    clock.advance(by: .seconds(60))
    return try await Publisher(pool: pool, clock: clock).publish(evaluationID: id, runID: runID)
  }

  /// The features with the answers to what rules ask about events.
  func catalogue(for rules: SegmentCatalogue) -> FeatureCatalogue {
    catalogue.answering(rules.attributes.compactMap(\.question))
  }

  func explain(
    _ customer: String, _ segment: String? = nil, _ day: String? = nil,
    knowledge: CustomerExplanation.Knowledge = .publication, _ text: String = Self.segments
  ) async throws -> CustomerExplanation {
    let asOf = try day.map { try #require(Instant(rfc3339: "\($0)T00:00:00Z")) }
    let explain = SegmentExplainer(
      pool: pool, zone: zone, features: catalogue, segments: try rules(text), clock: clock)
    return try await explain(
      SegmentExplainer.Question(customer, segment: segment, asOf: asOf, knowledge: knowledge))
  }

  func planner(_ text: String) throws -> SegmentPlanner {
    SegmentPlanner(
      pool: pool, zone: zone, features: catalogue, segments: try rules(text), clock: clock)
  }
}

/// Texts that stand in files beside the tests.
enum GoldenText {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Golden")

  /// Expects a text to be that of the file; writes it where `STRATA_UPDATE_GOLDEN` is 1.
  static func expect(
    _ text: String, _ name: String, _ location: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let file = folder.appending(path: "\(name).txt")
    if ProcessInfo.processInfo.environment["STRATA_UPDATE_GOLDEN"] == "1" {
      try (text + "\n").write(to: file, atomically: true, encoding: .utf8)
    }
    let golden = try String(contentsOf: file, encoding: .utf8)
    #expect(text + "\n" == golden, sourceLocation: location)
  }
}

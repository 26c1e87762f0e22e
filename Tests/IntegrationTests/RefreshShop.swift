import Columns
import FeatureOracle
import FeatureStore
import Features
import Foundation
import Orchestrator
import Pipeline
import Rules
import Schedules
import Segments
import Tasks
import TestSupport
import Warehouse

/// A project over a random shop, refreshed between the nights, and what a build of everyone from
/// nothing says at the same instants.
struct RefreshShop: Sendable {
  static let rules = """
    version: 1
    segments:
      - {name: buyers, rule: "orders_30d >= 1"}
      - {name: viewers_24h, rule: "views_24h >= 1"}
      - {name: quiet_72h, rule: "views_72h = 0"}
      - {name: once_active, rule: "events_prev_48h >= 1"}
      - {name: cart_left_now, rule: "cart_left_500h >= 1"}
      - {name: cart_left, rule: "cart_left >= 1"}
      - {name: viewed_then_cart, rule: "view_then_cart >= 1"}
      - {name: quick, rule: "quick_views >= 2"}
      - {name: recent, rule: "recency_band = recent"}
      - {name: never, rule: "days_since_order is_missing"}
      - {name: few_items, rule: "items_60d < 2"}
      - {name: engaged, rule: "engagement > 20"}
      - {name: asked_today, rule: "did product_view (properties.channel = web) in 30 hours"}
      - {name: no_event_2d, rule: "did_not [product_view, page_view, purchase] in 50 hours"}
      - {name: left_cart, rule: "sequence cart_add then not purchase within 5 hours in 20 days"}
      - {name: one_item, rule: "did product_view >= 2 same item in 40 hours"}
      - {name: back_again, rule: "restarted purchase in 300 hours"}
      - {name: steady, rule: "regularly page_view in 2 of 3 weeks"}
      - {name: net_positive, rule: {all: ["member_of buyers", {not: "refund_rate > 20%"}]}}
    """
  /// Rules that depend on everybody else, as of midnight.
  static let relativeRules = """

      - {name: top_money, rule: "ltv_net top 30%"}
      - {name: bottom_views, rule: "views_14d bottom 40%"}
      - {name: best_orders, rule: "avg_order_60d top 50%"}
      - {name: frequent, rule: "frequency_rank >= 4"}
      - {name: good_rfm, rule: "rfm >= 333"}
    """

  let pool: ConnectionPool
  let shop: RandomShop
  let database: FeaturesShop
  let project: Project
  let features: FeatureCatalogue
  let segments: SegmentCatalogue
  let clock: ManualClock
  var refresher: SegmentRefresher

  var days: LocalDays { LocalDays(zone: shop.zone) }
  var zone: Zone { shop.zone }

  /// - Parameters:
  ///   - isRelative: whether rules depend on everybody else.
  ///   - rules: the catalogue of segments; nil for the usual one.
  init(
    _ pool: ConnectionPool, _ shop: RandomShop, isRelative: Bool = true, rules: String? = nil
  ) throws {
    self.pool = pool
    self.shop = shop
    database = FeaturesShop(pool: pool, shop: shop)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "strata-refresh-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let rules = rules ?? Self.rules + (isRelative ? Self.relativeRules : "")
    for (name, text) in [
      ("project.yaml", "name: shop\nzone: \(shop.zone.name)\ncurrency: EUR\n"),
      ("features.yaml", OracleCatalogue.yaml), ("segments.yaml", rules),
    ] {
      try text.write(
        to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }
    project = try Project(directory: folder)
    let catalogues = Catalogues(project: project)
    features = try catalogues.features()
    segments = try catalogues.segments(features: features)
    clock = ManualClock()
    refresher = try Self.refresher(project, pool, clock)
  }

  /// Another process with the same project.
  static func refresher(
    _ project: Project, _ pool: ConnectionPool, _ clock: ManualClock
  ) throws -> SegmentRefresher {
    SegmentRefresher(
      project, pool: pool, clock: clock,
      recording: .steps(try StepRuns(of: RefreshShop.dag)))
  }

  static let dag = DAG("segment_refresh") { dag in dag.task("refresh", RefreshSegments()) }

  /// Forgets the folder.
  func close() throws { try FileManager.default.removeItem(at: project.directory) }

  /// The members of every segment, by everyone built from nothing.
  func expected(_ asOf: Instant) async throws -> [String: Set<Int64>] {
    let found = try await evaluated(asOf)
    var sets: [String: Set<Int64>] = [:]
    for (segment, members) in zip(found.segments, found.members) {
      sets[segment.name] = Set(members.rows.map { found.customers.ids[$0] })
    }
    return sets
  }

  /// What the rules find of everyone built from nothing.
  func evaluated(_ asOf: Instant) async throws -> SegmentEvaluation {
    let builder = FeatureBuilder(pool: pool, zone: zone)
    let table = try await builder.advance(nil, to: asOf, features).built.table
    var cuts: PopulationCuts?
    if table.lastMidnight != asOf {
      let midnight = try await builder.advance(nil, to: table.lastMidnight, features).built.table
      cuts = try EvaluateSegments(segments).cuts(over: midnight)
    }
    return try EvaluateSegments(segments)(over: table, cuts: cuts).evaluation
  }

  /// The members of every segment that readers see now.
  func seen() async throws -> [String: Set<Int64>] {
    var sets = Dictionary(uniqueKeysWithValues: segments.segments.map { ($0.name, Set<Int64>()) })
    for row in try await pool.query("SELECT segment, customer_id FROM segments.membership") {
      sets[try row.get("segment"), default: []].insert(try row.get("customer_id", as: Int64.self))
    }
    return sets
  }

  /// Publishes everyone at a midnight, as a night does.
  @discardableResult
  func night(_ asOf: Instant) async throws -> PublicationResult {
    try await TileStore(pool: pool, zone: zone).fold(features)
    let table = try await FeatureBuilder(pool: pool, zone: zone).build(features, asOf: asOf).table
    let evaluation = try EvaluateSegments(segments)(over: table).evaluation
    let id = try await EvaluationStore(pool: pool, clock: clock).save(evaluation, runID: nil)
    return try await Publisher(pool: pool, clock: clock).publish(evaluationID: id, runID: nil)
  }

  /// Doubles the amounts of a customer's purchases, the way a correction comes.
  func correct(_ customer: Int64) async throws {
    let load = try await database.load([])
    try await pool.execute(
      """
      INSERT INTO facts.touched (customer_id, load_id, first_at, last_at, recorded_at, cause)
      SELECT customer_id, \(load), min(occurred_at), max(occurred_at), now(), 'correction'
      FROM facts.events WHERE customer_id = \(customer) GROUP BY customer_id
      """)
    try await pool.execute(
      """
      UPDATE facts.events AS e SET amount = amount * 2, load_id = \(load)
      FROM facts.event_kind AS k
      WHERE k.kind_id = e.kind_id AND k.name = 'purchase' AND e.customer_id = \(customer)
      """)
    try await pool.execute(
      """
      UPDATE landing.load SET (first_occurred_at, last_occurred_at) = (
        SELECT min(first_at), max(last_at) FROM facts.touched WHERE load_id = \(load))
      WHERE load_id = \(load)
      """)
  }

  /// Gives all events of one customer to another, the way a merge comes.
  func merge(_ from: Int64, into to: Int64) async throws {
    let load = try await database.load([])
    try await pool.execute(
      """
      INSERT INTO facts.touched (customer_id, load_id, first_at, last_at, recorded_at, cause)
      SELECT w.customer_id, \(load), min(occurred_at), max(occurred_at), now(), 'merge'
      FROM facts.events CROSS JOIN (VALUES (\(from)), (\(to))) AS w (customer_id)
      WHERE facts.events.customer_id = \(from) GROUP BY w.customer_id
      """)
    try await pool.execute(
      "UPDATE facts.events SET customer_id = \(to) WHERE customer_id = \(from)")
    try await pool.execute(
      """
      UPDATE facts.customers AS k SET first_seen_at = least(k.first_seen_at, g.first_seen_at)
      FROM facts.customers AS g WHERE k.customer_id = \(to) AND g.customer_id = \(from)
      """)
    try await pool.execute("DELETE FROM facts.customers WHERE customer_id = \(from)")
    try await pool.execute(
      """
      UPDATE landing.load SET (first_occurred_at, last_occurred_at) = (
        SELECT min(first_at), max(last_at) FROM facts.touched WHERE load_id = \(load))
      WHERE load_id = \(load)
      """)
  }

  /// One integer.
  func count(_ sql: SQL) async throws -> Int64 {
    try await pool.first(sql)?.get(0, as: Int64.self) ?? -1
  }

  /// A hash of the tiles.
  func tiles() async throws -> String {
    try await pool.first(
      "SELECT md5(string_agg(t::text, ',' ORDER BY customer_id, day)) FROM facts.customer_day AS t")?
      .get(0, as: String?.self) ?? ""
  }

  /// Stays of one customer and segment that overlap or touch the one before: there must be none.
  func overlaps() async throws -> Int64 {
    try await count(
      """
      SELECT count(*) FROM (
        SELECT valid_from, lag(coalesce(valid_to, 'infinity')) OVER (
          PARTITION BY customer_id, segment ORDER BY valid_from, valid_to) AS before
        FROM segments.history
      ) h WHERE valid_from <= before
      """)
  }
}

/// Runs `body` on a random shop in a database and a project of its own.
func withRefreshShop(
  seed: Int, isRelative: Bool = true, rules: String? = nil,
  _ body: (inout RefreshShop) async throws -> Void
) async throws {
  let random = try RandomShop(seed: seed)
  try await withFreshDatabase { pool in
    var shop = try RefreshShop(pool, random, isRelative: isRelative, rules: rules)
    do {
      try await body(&shop)
      try shop.close()
    } catch {
      try? shop.close()
      throw error
    }
  }
}

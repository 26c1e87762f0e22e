import Columns
import FeatureOracle
import FeatureStore
import Features
import Schedules
import TestSupport
import Testing
import Warehouse

/// The SQL of every feature, run on the synthetic shop, against the engine's columns.
@Suite struct FeaturesDemoSQLTests {
  /// What the catalogue of the oracle's random histories has not: indicators of churn, and profile
  /// attributes of every type.
  private static let more = """
    version: 1
    features:
      - {name: logins_trend, trend: login, window: 30 days}
      - {name: logins_growth, trend: login, window: 30 days, as: ratio, min_denominator: 2}
      - {name: tickets_slope, trend: support_contact, window: 2 weeks, as: slope, periods: 4}
      - {name: less_content, trend: [content_view, product_view], window: 30 days}
      - {name: dwell_slope, trend: page_view.properties.seconds, window: 1 week, as: slope, periods: 5}
      - {name: stores, distinct: purchase.properties.shop, window: 120 days}
      - {name: in_store, rate: purchase, of: purchase, where: properties.channel = store, window: 90 days}
      - {name: most_viewed, most_of_one: product_view.item, window: 60 days}
      - name: abandoned
        sequence: [cart_add, {not: purchase, within: 3 days}]
        window: 30 days
      - {name: country, profile: country}
      - {name: urban, profile: urban, type: boolean}
      - {name: born, profile: birth_date, type: date}
      - {name: age, profile: age, type: integer}
      - {name: age_exact, profile: age, type: decimal}
      - {name: age_band, profile: age_band}
      - {name: side, profile: side}
      - {name: loyalty, band: logins_trend, bands: {waning: -1000, steady: 0, waxing: 2}, missing: unknown}
    """

  /// The attributes of the retail project and one that looks its value up.
  private static func attributes(_ pool: ConnectionPool) async throws -> ProfileAttributes {
    try await pool.execute(
      """
      INSERT INTO facts.profile_attribute (position, name, definition) VALUES (90, 'side', '{
        "from": "country", "derive": "lookup", "values": {"PT": "west", "ES": "we''st", "DE": "east"},
        "accepted": ["west", "we''st"], "fallback": "else"}')
      """)
    var side = ProfileAttributes.Definition()
    side.from = "country"
    side.derive = "lookup"
    side.values = ["PT": "west", "ES": "we'st", "DE": "east"]
    side.accepted = ["west", "we'st"]
    side.fallback = "else"
    var age = ProfileAttributes.Definition()
    age.from = "birth_date"
    age.derive = "age"
    (age.min, age.max) = (0, 120)
    var band = ProfileAttributes.Definition()
    band.from = "age"
    band.derive = "band"
    band.bands = [18, 25, 35, 45, 55, 65]
    band.fallback = "unknown"
    return ProfileAttributes([
      "birth_date": ProfileAttributes.Definition(), "age": age, "age_band": band, "side": side,
    ])
  }

  @Test("features.yaml of the shop and every kind of feature, at a midnight and inside a day")
  func sqlEqualsTheEngine() async throws {
    let demo = try DemoShop(customers: 2_000, days: 150)
    try await withFreshDatabase { pool in
      try await demo.load(into: pool)
      let attributes = try await Self.attributes(pool)
      // Sequences look for a customer's next events: without it each look reads a partition.
      try await pool.execute("CREATE INDEX ON facts.events (customer_id, occurred_at)")
      try await pool.execute("ANALYZE facts.events")
      let catalogues = [
        demo.features, try OracleCatalogue.catalogue(), try FeatureCatalogue(yaml: Self.more),
      ]
      var silent: Set<String> = []
      for catalogue in catalogues {
        try await TileStore(pool: pool, zone: demo.zone).fold(catalogue)
        let midnight = demo.zone.midnight(demo.summary.lastDay - 2)
        for asOf in [midnight, midnight + .seconds(15 * 3600 + 1234)] {
          silent.formUnion(
            try await differences(catalogue, asOf, attributes, demo.zone, pool))
        }
      }
      // What the shop does not know; everything else has values that tell something.
      #expect(silent == ["channels", "dwell_promo", "long_views", "some_items"])
    }
  }

  /// Compares every feature that has SQL; returns those whose values are all null or zero.
  private func differences(
    _ catalogue: FeatureCatalogue, _ asOf: Instant, _ attributes: ProfileAttributes,
    _ zone: Zone, _ pool: ConnectionPool
  ) async throws -> Set<String> {
    let table = try await FeatureBuilder(pool: pool, zone: zone)
      .build(catalogue, asOf: asOf, saving: false).table
    var silent: Set<String> = []
    for feature in catalogue.features {
      if case .score = feature.expression { continue }
      let text = try FeatureSQL.text(
        of: feature.name, in: catalogue, asOf: asOf, zone: zone, attributes: attributes)
      let sql = try await pool.values(ofSQL: text, type: feature.type)
      let column = try table.column(named: feature.name).unscaled()
      let rows = table.index.ids.map { sql[$0] ?? nil }
      #expect(sql.count == table.index.count, "customers of \(feature.name)")
      #expect(
        column.agree(with: rows, isReal: feature.type == .real),
        "\(feature.name) as of \(asOf): \(Self.first(column, rows, table)), \(text)")
      if !column.contains(where: { $0?.isTelling == true }) { silent.insert(feature.name) }
    }
    return silent
  }

  private static func first(
    _ column: [NaiveOracle.Value?], _ rows: [NaiveOracle.Value?], _ table: FeatureTable
  ) -> String {
    let place = column.indices.first { column[$0] != rows[$0] } ?? 0
    let (engine, sql) = (column[place], rows[place])
    return "customer \(table.index.ids[place]): engine \(String(describing: engine)), "
      + "SQL \(String(describing: sql))"
  }
}

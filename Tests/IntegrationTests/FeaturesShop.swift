import Columns
import FeatureOracle
import FeatureStore
import Features
import Schedules
import TestSupport
import Warehouse

/// A random shop in a database: loads events as the loader does, a load for each call.
struct FeaturesShop: Sendable {
  let pool: ConnectionPool
  let shop: RandomShop

  var days: LocalDays { LocalDays(zone: shop.zone) }
  var tiles: TileStore { TileStore(pool: pool, zone: shop.zone) }
  var builder: FeatureBuilder { FeatureBuilder(pool: pool, zone: shop.zone) }

  /// The end of the day so many days after the shop's first.
  func end(ofDay number: Int) -> Instant { days.end(of: shop.first + number) }

  /// The day, or the next where a zone left it out: Apia had no 30 December 2011.
  func existing(_ day: Day) -> Day {
    days.lastDay(before: days.end(of: day)) == day ? day : day + 1
  }

  /// A random shop with a database of its own, empty.
  static func open<T: Sendable>(
    seed: Int, _ body: nonisolated(nonsending) (FeaturesShop) async throws -> T
  ) async throws -> T {
    let shop = try RandomShop(seed: seed)
    return try await withFreshDatabase { pool in
      try await body(FeaturesShop(pool: pool, shop: shop))
    }
  }

  /// Loads events and folds them.
  @discardableResult
  func arrive(
    _ events: [ShopEvent], _ catalogue: FeatureCatalogue
  ) async throws -> FoldResult {
    try await load(events)
    return try await tiles.fold(catalogue)
  }

  /// Inserts one load of events, their customers and partitions; returns its id.
  @discardableResult
  func load(_ events: [ShopEvent]) async throws -> Int64 {
    try await pool.transaction { connection in
      try await connection.execute(
        """
        INSERT INTO landing.source (name, created_at) VALUES ('shop', \(Instant(seconds: 0)))
        ON CONFLICT DO NOTHING
        """)
      let times = events.map(\.at)
      let row = try await connection.first(
        """
        INSERT INTO landing.load (rows_accepted, started_at, finished_at, first_occurred_at,
          last_occurred_at, source_id, state, definition)
        SELECT \(Int64(events.count)), \(Instant(seconds: 0)), \(Instant(seconds: 1)),
          \(times.min() as Instant?), \(times.max() as Instant?), source_id, 'loaded', '' FROM landing.source
        WHERE name = 'shop'
        RETURNING load_id
        """)
      let load = try row?.get("load_id", as: Int64.self) ?? 0
      let months = Set(times.map { Zone.utc.day(of: $0) }).sorted()
      _ = try await connection.query("SELECT facts.ensure_months(\(months))")
      try await connection.execute(
        """
        INSERT INTO facts.customers (customer_id, customer_key, first_seen_at)
        SELECT id, 'c' || id, min(at) FROM unnest(\(events.map(\.customer)), \(times)) AS e (id, at)
        GROUP BY id
        ON CONFLICT (customer_id) DO UPDATE
        SET first_seen_at = least(customers.first_seen_at, excluded.first_seen_at)
        """)
      try await connection.execute(
        """
        INSERT INTO facts.events (customer_id, occurred_at, ingested_at, load_id, kind_id,
          source_id, quantity, amount, event_id, item, properties)
        SELECT e.id, e.at, e.at, \(load), k.kind_id, s.source_id, e.quantity, e.amount / 10000.0,
          'e' || e.number, e.item, e.properties::jsonb
        FROM unnest(\(events.map(\.customer)), \(times), \(events.map(\.kind)),
          \(events.map(\.quantity)), \(events.map(\.amount)),
          \(events.map { Int64($0.eventID) }), \(events.map(\.item)),
          \(events.map(\.json))) AS e (id, at, kind, quantity, amount, number, item, properties)
        JOIN facts.event_kind AS k ON k.name = e.kind
        JOIN landing.source AS s ON s.name = 'shop'
        """)
      return load
    }
  }

  /// The values of a feature's SQL by customer.
  func sql(
    _ feature: String, _ catalogue: FeatureCatalogue, asOf: Instant
  ) async throws -> [Int64: NaiveOracle.Value?] {
    try await pool.values(
      ofSQL: FeatureSQL.text(of: feature, in: catalogue, asOf: asOf, zone: shop.zone),
      type: catalogue.resolve(feature).type)
  }
}

extension ConnectionPool {
  /// The values by customer of a query as `FeatureSQL` writes it.
  func values(
    ofSQL text: String, type: FeatureType
  ) async throws -> [Int64: NaiveOracle.Value?] {
    let isNumber = [.integer, .decimal, .real].contains(type)
    let rows = try await query(
      """
      SELECT customer_id, value::\(unsafeText: isNumber ? "float8" : "text") AS value
      FROM (\(unsafeText: String(text.dropLast(2)))) AS q
      """)
    var values: [Int64: NaiveOracle.Value?] = [:]
    for row in rows {
      let value: NaiveOracle.Value? =
        isNumber
        ? try row.get("value", as: Double?.self).map { .number($0) }
        : try row.get("value", as: String?.self).map { .text($0) }
      values[try row.get("customer_id")] = .some(value)
    }
    return values
  }
}

extension Column {
  /// Values in the feature's own unit, as SQL has them.
  func unscaled() -> [NaiveOracle.Value?] {
    switch self {
    case .integer(_, scale: 4): doubles().map { $0.map { .number($0 / 10_000) } }
    case .integer, .real, .text: oracleValues()
    case .boolean(let dense): (0..<count).map { dense[$0].map { .text("\($0)") } }
    case .day(let dense): (0..<count).map { dense[$0].map { .text("\(Day(number: $0))") } }
    case .instant(let dense):
      (0..<count).map { dense[$0].map { .text("\(Instant(microseconds: $0))") } }
    }
  }
}

extension ShopEvent {
  /// The properties as JSON.
  var json: String {
    let parts = properties.sorted { $0.key < $1.key }.map { name, value in
      switch value {
      case .text(let text): "\"\(name)\": \"\(text)\""
      case .number(let number): "\"\(name)\": \(number / 10_000).\(number % 10_000 / 1000)"
      case .boolean(let flag): "\"\(name)\": \(flag)"
      }
    }
    return "{\(parts.joined(separator: ", "))}"
  }
}

import Columns
import Features
import Schedules
import Warehouse

/// Builds features as they were known at an instant, from the events themselves: late events,
/// corrections, merges and profile statements that were recorded later have not happened.
///
/// Neither the tiles nor the stored states serve: they hold what is believed now. The definitions
/// are those of today's catalogue. What was recorded at the instant itself is known.
public struct KnownFeatures: Sendable {
  private let pool: ConnectionPool
  private let tiles: TileStore
  private let days: LocalDays
  private let knowledge: Knowledge

  /// Features of a project whose days are those of `zone`, as known at `knownAt`.
  public init(pool: ConnectionPool, zone: Zone, knownAt: Instant) {
    self.pool = pool
    tiles = TileStore(pool: pool, zone: zone)
    days = LocalDays(zone: zone)
    knowledge = .at(knownAt)
  }

  /// The features of everyone known then, or of some customers, at `asOf`.
  ///
  /// Cost: as a build from nothing, from the events instead of the tiles; for some customers the
  /// same where the catalogue has population-relative features.
  /// - Throws: ``FeatureStoreError`` `feature_store.mixed_currencies`; ``FeatureError``;
  ///   ``WarehouseError``.
  public func build(
    _ catalogue: FeatureCatalogue, asOf: Instant, customers: [Int64]? = nil
  ) async throws -> BuiltFeatures {
    try await pool.transaction(.repeatableRead, readOnly: true) { connection in
      // The statements are few and large; compiling them costs more than it saves.
      try await connection.execute("SET LOCAL jit = off")
      try await CurrencyCheck.check(catalogue, knowledge, on: connection)
      let sql = try await tiles.tileSQL(on: connection)
      let choice = customers.map { CustomerChoice.only($0.sorted()) } ?? .everyone
      var built = try await built(catalogue, sql, asOf, choice, on: connection)
      let midnight = days.lastMidnight(at: asOf)
      if catalogue.isPopulationRelative, midnight != asOf || customers != nil {
        let ranks = try catalogue.restricted(
          to: catalogue.features.filter(\.isPopulationRelative).map(\.name))
        let everyone = try await self.built(ranks, sql, midnight, .everyone, on: connection)
        try built.table.fix(at: everyone.table)
        built.rows += everyone.rows
      }
      try await ProfileReader(catalogue).supply(
        &built.table, choice, knowledge, on: connection)
      return BuiltFeatures(
        table: built.table, tileVersion: try await tiles.version(on: connection), from: nil,
        rowsRead: built.rows)
    }
  }

  private func built(
    _ catalogue: FeatureCatalogue, _ sql: TileSQL, _ asOf: Instant, _ customers: CustomerChoice,
    on connection: Connection
  ) async throws -> (table: FeatureTable, rows: Int) {
    let population = try await ProfileReader.population(
      asOf: asOf, customers, knowledge, on: connection)
    let loader = TileLoader([
      try StateAdvance(nil, to: asOf, for: catalogue, days: days, index: population)
    ])
    let first = try await connection.first(SQL(file: "queries/features/find_first_event.sql"))?
      .get("first_occurred_at", as: Instant?.self)
    if let first {
      for read in loader.tileReads {
        try await load(read, into: loader, sql, from: first, asOf, customers, on: connection)
      }
    }
    for reads in [loader.streamReads, loader.streamFollowUps] {
      for read in reads.joined() where read.purpose != .late {
        try await loader.load(
          StreamSQL(sql, read, knowledge), read, for: 0, where: "true", customers,
          on: connection)
      }
    }
    let state = try loader.finish()[0]
    let table = FeatureTable(
      catalogue: catalogue, asOf: asOf, zone: days.zone, state: state, population: population)
    return (table, loader.rowCount)
  }

  /// What tiles would hold, added up from the events of then.
  private func load(
    _ read: TileRead, into loader: TileLoader, _ sql: TileSQL, from first: Instant,
    _ asOf: Instant, _ customers: CustomerChoice, on connection: Connection
  ) async throws {
    let lower =
      read.days.first == DaySpan.unbounded ? first : max(first, days.zone.midnight(read.days.first))
    let end = min(days.end(of: read.days.last), asOf)
    guard lower < end else { return }
    let day = sql.day(from: lower, through: Instant(microseconds: end.microseconds - 1))
    let events: SQL = "e.occurred_at >= \(lower) AND e.occurred_at < \(end)"
    try await loader.load(
      sql.copyEvents(
        read.measures, day: day, where: events, customers, knowledge),
      measures: read.measures, on: connection)
  }
}

extension FeatureBuilder {
  /// The id of the customer whose key it is; with `knownAt`, whose it was then, before merges that
  /// were recorded later.
  ///
  /// - Returns: nil for a key that nobody has heard of, or had by then.
  public static func customer(
    withKey key: String, knownAt: Instant? = nil, in pool: ConnectionPool
  ) async throws -> Int64? {
    try await pool.first(
      SQL(
        file: "queries/features/find_customer.sql", key, knownAt ?? Instant(microseconds: .max))
    )?.get("customer_id", as: Int64?.self)
  }
}

import Columns
import Features
import Schedules
import Warehouse

/// The day tiles in the database: `facts.customer_day` and the record of what is folded into it.
public struct TileStore: Sendable {
  let pool: ConnectionPool
  let days: LocalDays

  /// The most measures, those that no feature needs any more included: PostgreSQL has room for 1,600
  /// columns in a table.
  public static let maximumMeasures = 1500

  /// The tiles of a project whose days are those of `zone`.
  public init(pool: ConnectionPool, zone: Zone) {
    self.pool = pool
    days = LocalDays(zone: zone)
  }

  /// Folds every finished load that is not folded yet into the tiles, in one transaction.
  ///
  /// Measures that the tiles lack are added as columns and filled from the loads folded before.
  /// Measures that the catalogue no longer needs stay and are kept up to date; see
  /// ``dropUnused(_:)``. A change of the project's zone rebuilds all tiles.
  /// - Throws: ``WarehouseError``, also where a sum leaves 64 bits (SQLSTATE 22003);
  ///   ``FeatureStoreError`` `feature_store.unknown_kind`, `feature_store.too_many_measures`.
  @discardableResult
  public func fold(_ catalogue: FeatureCatalogue) async throws -> FoldResult {
    let result = try await foldAlone(catalogue)
    try await summarize(result)
    return result
  }

  /// Folds, and leaves it to the caller to ``summarize(_:)`` what was folded.
  public func foldAlone(_ catalogue: FeatureCatalogue) async throws -> FoldResult {
    let result = try await pool.transaction { connection in
      // Tiles come from events: where a crash takes them, their loads are unfolded still.
      try await connection.execute("SELECT set_config('synchronous_commit', 'off', true)")
      return try await fold(catalogue.measures, on: connection)
    }
    return result
  }

  /// Makes what was folded cheap to find by its days, where it is much.
  public func summarize(_ result: FoldResult) async throws {
    if result.rows >= 10_000 {
      _ = try await pool.query(SQL(file: "queries/features/summarize_blocks.sql"))
    }
    if result.rows >= 100_000 { try await pool.execute("ANALYZE facts.customer_day") }
  }

  private func fold(_ wanted: [Measure], on connection: Connection) async throws -> FoldResult {
    guard let tiles = try await connection.first(SQL(file: "queries/features/lock_tiles.sql"))
    else {
      throw FeatureStoreError(
        code: "feature_store.no_tiles",
        message: "expected one row in features.tiles, found none",
        hint: "the migration puts it there; restore it with version 0")
    }
    let version: Int64 = try tiles.get("version")
    let zone: String? = try tiles.get("zone")
    if let zone, zone != days.zone.name { try await clear(on: connection) }
    let known = try await measures(on: connection)
    let sql = try await tileSQL(on: connection)
    let added = wanted.filter { !known.contains($0) }
    guard known.count + added.count <= Self.maximumMeasures else {
      throw FeatureStoreError(
        code: "feature_store.too_many_measures",
        message: "expected at most \(Self.maximumMeasures) sums by day, found "
          + "\(known.count + added.count)",
        hint: "features share a sum where they count the same events under the same condition, "
          + "whatever their windows; name fewer kinds and conditions")
    }
    for measure in added { try await add(measure, on: connection) }

    var rows = 0
    if !added.isEmpty {
      let folded = try await loads(
        SQL(
          file: "queries/features/list_folded_loads.sql", Int64(0), Instant(microseconds: .max)),
        on: connection)
      rows += try await fold(folded, added, sql, on: connection)
    }
    let new = try await loads(SQL(file: "queries/features/list_unfolded_loads.sql"), on: connection)
    rows += try await fold(new, (known + added).sorted(), sql, on: connection)

    guard !new.isEmpty || !added.isEmpty || zone != days.zone.name else {
      return FoldResult(version: version, loads: [], rows: 0)
    }
    let next = version + 1
    if !new.isEmpty {
      try await connection.execute(
        SQL(file: "queries/features/record_folded_loads.sql", new.map(\.id), next))
    }
    rows += try await remake(new.map(\.id), (known + added).sorted(), sql, on: connection)
    try await connection.execute(
      SQL(file: "queries/features/set_tile_version.sql", next, days.zone.name))
    return FoldResult(version: next, loads: new.map(\.id), rows: rows)
  }

  /// A load with the span of its events; nil where it has none.
  struct Load {
    let id: Int64
    let span: (first: Instant, last: Instant)?
  }

  private func loads(_ sql: SQL, on connection: Connection) async throws -> [Load] {
    try Self.loads(try await connection.query(sql))
  }

  static func loads(_ rows: [Row]) throws -> [Load] {
    try rows.map { row in
      let first: Instant? = try row.get("first_occurred_at")
      let last: Instant? = try row.get("last_occurred_at")
      let span = first.flatMap { first in last.map { (first: first, last: $0) } }
      return Load(id: try row.get("load_id"), span: span)
    }
  }

  private func fold(
    _ loads: [Load], _ measures: [Measure], _ sql: TileSQL, on connection: Connection
  ) async throws -> Int {
    let filled = loads.filter { $0.span != nil }
    let spans = filled.compactMap(\.span)
    guard let first = spans.map(\.first).min(), let last = spans.map(\.last).max(),
      !measures.isEmpty
    else { return 0 }
    // The bounds on time let the server pass over partitions.
    let events: SQL = """
      e.load_id = ANY (\(filled.map(\.id)))
      AND e.occurred_at >= \(first) AND e.occurred_at <= \(last)
      """
    let day = sql.day(from: first, through: last)
    guard try await connection.first("SELECT FROM facts.customer_day LIMIT 1") == nil else {
      // Days that have no tiles, as those of a night: nothing to merge with, and half the work.
      let merging =
        try await connection.first(
          "SELECT FROM facts.customer_day WHERE day >= \(days.day(of: first)) LIMIT 1") != nil
      return try await connection.execute(
        sql.fold(measures, day: day, where: events, merging: merging))
    }
    // Into empty tiles the key is built once afterwards: less than half the work.
    try await connection.execute(
      "ALTER TABLE facts.customer_day DROP CONSTRAINT customer_day_pkey")
    let rows = try await connection.execute(
      sql.fold(measures, day: day, where: events, merging: false))
    try await connection.execute(
      """
      ALTER TABLE facts.customer_day
      ADD CONSTRAINT customer_day_pkey PRIMARY KEY (day, customer_id)
      """)
    return rows
  }

  /// Makes the tiles anew of customers whose past events some loads changed or took away.
  func remake(
    _ loads: [Int64], _ measures: [Measure], _ sql: TileSQL, on connection: Connection
  ) async throws -> Int {
    let touched = try await Self.touched(by: loads, on: connection)
    guard let first = touched.map(\.first).min(), let last = touched.map(\.last).max(),
      !measures.isEmpty
    else { return 0 }
    let span = (first: days.day(of: first), last: days.day(of: last))
    let customers = touched.map(\.customer)
    try await connection.execute(
      """
      DELETE FROM facts.customer_day
      WHERE customer_id = ANY (\(customers)) AND day >= \(span.first) AND day <= \(span.last)
      """)
    let start = days.zone.midnight(span.first)
    let end = days.end(of: span.last)
    let events: SQL = """
      e.customer_id = ANY (\(customers)) AND e.occurred_at >= \(start) AND e.occurred_at < \(end)
      AND EXISTS (SELECT FROM features.folded_load AS f WHERE f.load_id = e.load_id)
      """
    let day = sql.day(from: start, through: Instant(microseconds: end.microseconds - 1))
    return try await connection.execute(
      sql.fold(measures, day: day, where: events, merging: true))
  }

  /// The customers whose past events some loads changed or took away, with the events' span.
  static func touched(
    by loads: [Int64], on connection: Connection
  ) async throws -> [(customer: Int64, first: Instant, last: Instant)] {
    if loads.isEmpty { return [] }
    return try await connection.query(
      SQL(file: "queries/features/list_touched_spans.sql", loads)
    ).map {
      (
        customer: try $0.get("customer_id"), first: try $0.get("first_at"),
        last: try $0.get("last_at")
      )
    }
  }

  private func add(_ measure: Measure, on connection: Connection) async throws {
    try await connection.execute(
      """
      ALTER TABLE facts.customer_day
      ADD COLUMN \(identifier: measure.columnName) bigint
      """)
    let what = measure.scale == 4 ? "times 10^4" : "exact"
    try await connection.script(
      "COMMENT ON COLUMN facts.customer_day." + SQL.quoted(identifier: measure.columnName)
        + " IS " + SQL.quoted(literal: "Measure: \(measure), \(what); null for none."))
    try await connection.execute(
      SQL(
        file: "queries/features/record_measure.sql", measure.columnName, measure.value.rawValue,
        measure.kinds, measure.filter.condition.map { "\($0)" }))
  }

  /// Forgets all tiles and states: their days were those of another zone.
  private func clear(on connection: Connection) async throws {
    try await connection.script(
      """
      TRUNCATE facts.customer_day;
      DELETE FROM features.state;
      DELETE FROM features.folded_load;
      UPDATE landing.load SET is_folded = false WHERE is_folded;
      """)
  }

  /// Drops the columns that the catalogue does not need; returns their names.
  ///
  /// They are rebuilt from the events when a catalogue needs them again.
  @discardableResult
  public func dropUnused(_ catalogue: FeatureCatalogue) async throws -> [String] {
    try await pool.transaction { connection in
      _ = try await connection.first(SQL(file: "queries/features/lock_tiles.sql"))
      let unused = try await measures(on: connection).filter { !catalogue.measures.contains($0) }
      for measure in unused {
        try await connection.execute(
          "ALTER TABLE facts.customer_day DROP COLUMN \(identifier: measure.columnName)")
        try await connection.execute(
          "DELETE FROM features.measure WHERE column_name = \(measure.columnName)")
      }
      return unused.map(\.columnName)
    }
  }

  // MARK: What the tiles hold

  /// The measures that the tiles have.
  func measures(on connection: Connection) async throws -> [Measure] {
    try Self.measures(
      try await connection.query(SQL(file: "queries/features/list_measures.sql")))
  }

  static func measures(_ rows: [Row]) throws -> [Measure] {
    try rows.map { row in
      let value: String = try row.get("value")
      guard let value = Measure.Value(rawValue: value) else {
        throw FeatureStoreError(
          code: "feature_store.unknown_value",
          message: "expected a value of features.measure, found '\(value)'")
      }
      let condition: String? = try row.get("condition")
      return Measure(
        value, of: try row.get("kinds"), where: try condition.map { try Condition(parsing: $0) })
    }
  }

  func tileSQL(on connection: Connection) async throws -> TileSQL {
    var kinds: [String: Int16] = [:]
    for row in try await connection.query(SQL(file: "queries/features/list_kinds.sql")) {
      kinds[try row.get("name")] = try row.get("kind_id", as: Int16.self)
    }
    return TileSQL(kinds: kinds, days: days)
  }

  /// The version of the tiles: the number of folds so far.
  public func version() async throws -> Int64 {
    try await pool.withConnection { try await version(on: $0) }
  }

  func version(on connection: Connection) async throws -> Int64 {
    try await connection.first(SQL(file: "queries/features/read_tiles.sql"))?
      .get("version", as: Int64.self) ?? 0
  }

  // MARK: Customers

  /// The customers with events in these loads, for example those of a fold.
  public func customers(inLoads loads: [Int64]) async throws -> IDIndex {
    if loads.isEmpty { return IDIndex([]) }
    return try await customers(SQL(file: "queries/features/list_touched_customers.sql", loads))
  }

  /// The customers with events of any kind in `[from, to)`, among the loads folded.
  public func customersWithEvents(from: Instant, to: Instant) async throws -> IDIndex {
    try await customers(SQL(file: "queries/features/list_customers_with_events.sql", from, to))
  }

  private func customers(_ sql: SQL) async throws -> IDIndex {
    IDIndex(try await pool.query(sql).map { try $0.get(0, as: Int64.self) })
  }
}

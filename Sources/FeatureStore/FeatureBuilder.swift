import Columns
import Features
import Schedules
import Warehouse

/// The features of all customers at an instant, with how they were come by.
public struct BuiltFeatures: Sendable {
  /// The features; scores are yet to be supplied by the models.
  public let table: FeatureTable
  /// The version of the tiles that were read.
  public let tileVersion: Int64
  /// The day of the stored state that was advanced; nil for a build from nothing.
  public let from: Day?
  /// The tile and event rows read.
  public let rowsRead: Int
}

/// Builds features from the day tiles: a step from the newest stored state, or from nothing.
///
/// The loads must be folded first (``TileStore/fold(_:)``). Every build reads one snapshot of the
/// database.
public struct FeatureBuilder: Sendable {
  private let pool: ConnectionPool
  private let tiles: TileStore
  private let states: StateStore
  private let days: LocalDays
  private var zone: Zone { days.zone }

  /// How many days' states are kept when a state is saved.
  public static let keptStates = 3

  /// A builder for a project whose days are those of `zone`.
  public init(pool: ConnectionPool, zone: Zone) {
    self.pool = pool
    tiles = TileStore(pool: pool, zone: zone)
    states = StateStore(pool: pool, zone: zone)
    days = LocalDays(zone: zone)
  }

  /// The features at `asOf`, from the newest stored state that helps, else from nothing.
  ///
  /// Late events folded since the state was made are counted in exactly. Where `asOf` is inside a
  /// day, that day's beginning is aggregated from the events. At a local midnight the new state is
  /// stored for the next step, unless `saving` is false or it was stored already.
  /// - Throws: ``FeatureStoreError`` `feature_store.missing_measure` where the tiles lack a measure
  ///   of the catalogue; ``FeatureError``; ``WarehouseError``.
  public func build(
    _ catalogue: FeatureCatalogue, asOf: Instant, saving: Bool = true
  ) async throws -> BuiltFeatures {
    let slots = catalogue.slots
    let day = days.lastDay(before: asOf)
    let whole = days.isMidnight(asOf) ? day : day - 1
    let (built, state) = try await snapshot { connection in
      try await check(catalogue, on: connection)
      let version = try await tiles.version(on: connection)
      let population = try await ProfileReader.population(
        asOf: asOf, customer: nil, on: connection)
      let start = try await usable(
        states.newest(through: whole, slots: slots, range: 0, on: connection), on: connection)
      let sweep =
        try start.map { try Sweep(advancing: $0.stored.state, slots: slots, to: day) }
        ?? Sweep(building: slots, index: population, to: day)
      let loader = TileLoader([sweep])
      let late = start?.late ?? []
      try await read(loader, through: day, asOf: asOf, late: late, on: connection)
      let state = loader.finish()[0]
      var table = FeatureTable(
        catalogue: catalogue, asOf: asOf, zone: zone, state: state, population: population)
      try await ProfileReader(catalogue).supply(&table, customer: nil, on: connection)
      let built = BuiltFeatures(
        table: table, tileVersion: version, from: start?.stored.state.day,
        rowsRead: loader.rowCount)
      let stored = start.map { $0.stored.state.day == day && $0.stored.tileVersion == version }
      let complete = start.map { Set($0.stored.state.slots).isSuperset(of: slots) }
      return (built, stored == true && complete == true ? nil : state)
    }
    if saving, whole == day, let state {
      // One after the other: side by side, which states are left would depend on who commits first.
      try await states.save(state, tileVersion: built.tileVersion)
      try await states.prune(keeping: Self.keptStates)
    }
    return built
  }

  /// The features at the ends of several local days, from one pass over the tiles.
  ///
  /// Memory: one state per day; restrict the catalogue to the features needed.
  /// - Returns: one table per day, in the order given.
  public func build(
    _ catalogue: FeatureCatalogue, atEndsOf wanted: [Day]
  ) async throws -> [FeatureTable] {
    let slots = catalogue.slots
    return try await snapshot { connection in
      try await check(catalogue, on: connection)
      var populations: [IDIndex] = []
      var sweeps: [Sweep] = []
      for day in wanted {
        let population = try await ProfileReader.population(
          asOf: days.end(of: day), customer: nil, on: connection)
        populations.append(population)
        // Where a zone left out a date, its end is that of the day before.
        sweeps.append(
          Sweep(building: slots, index: population, to: days.lastDay(before: days.end(of: day))))
      }
      let loader = TileLoader(sweeps)
      for read in loader.reads {
        try await loader.load(
          try await tiles.tileSQL(on: connection).copyTiles(read, customer: nil),
          measures: read.measures, on: connection)
      }
      var tables: [FeatureTable] = []
      for (position, state) in loader.finish().enumerated() {
        var table = FeatureTable(
          catalogue: catalogue, asOf: days.end(of: wanted[position]), zone: zone, state: state,
          population: populations[position])
        try await ProfileReader(catalogue).supply(&table, customer: nil, on: connection)
        tables.append(table)
      }
      return tables
    }
  }

  /// The features of one customer at `asOf`: a table of one row, or of none for a customer unknown
  /// then.
  public func features(
    of customer: Int64, _ catalogue: FeatureCatalogue, asOf: Instant
  ) async throws -> FeatureTable {
    let day = days.lastDay(before: asOf)
    return try await snapshot { connection in
      try await check(catalogue, on: connection)
      let population = try await ProfileReader.population(
        asOf: asOf, customer: customer, on: connection)
      let loader = TileLoader([Sweep(building: catalogue.slots, index: population, to: day)])
      try await read(
        loader, through: day, asOf: asOf, late: [], customer: customer, on: connection)
      var table = FeatureTable(
        catalogue: catalogue, asOf: asOf, zone: zone, state: loader.finish()[0],
        population: population)
      try await ProfileReader(catalogue).supply(&table, customer: customer, on: connection)
      return table
    }
  }

  // MARK: Reading

  /// A stored state with the loads that brought events to its days since.
  private struct Start {
    let stored: StateStore.Stored
    let late: [TileStore.Load]
  }

  /// Whether advancing a state is cheaper than a build from nothing, judged by the late events.
  private func usable(
    _ stored: StateStore.Stored?, on connection: Connection
  ) async throws -> Start? {
    guard let stored, let day = stored.state.day else { return nil }
    let rows = try await connection.query(
      SQL(
        file: "queries/features/list_folded_loads.sql", stored.tileVersion, days.end(of: day)))
    let late = try rows.reduce(Int64(0)) { $0 + (try $1.get("rows_accepted", as: Int64.self)) }
    let all = try await connection.first(SQL(file: "queries/features/count_events.sql"))?
      .get("rows_accepted", as: Int64.self)
    // Events cost more to aggregate than tiles to read.
    guard late * 4 <= all ?? 0 else { return nil }
    return Start(stored: stored, late: try TileStore.loads(rows))
  }

  /// Reads what a sweep needs: tiles of whole days, late events, the beginning of the last day.
  private func read(
    _ loader: TileLoader, through day: Day, asOf: Instant, late: [TileStore.Load],
    customer: Int64? = nil, on connection: Connection
  ) async throws {
    let sql = try await tiles.tileSQL(on: connection)
    let whole = days.isMidnight(asOf) ? day : day - 1
    for read in loader.reads {
      if let tiles = read.through(whole) {
        try await loader.load(
          sql.copyTiles(tiles, customer: customer), measures: read.measures, on: connection)
      }
      if read.days.contains(day), whole < day {
        let first = zone.midnight(day)
        let events: SQL = """
          e.occurred_at >= \(first) AND e.occurred_at < \(asOf)
          AND EXISTS (SELECT FROM features.folded_load AS f WHERE f.load_id = e.load_id)
          """
        try await loader.load(
          sql.copyEvents(read.measures, day: "\(day)", where: events, customer: customer),
          measures: read.measures, on: connection)
      }
    }
    let measures = loader.lateMeasures
    let spans = late.compactMap(\.span)
    guard !measures.isEmpty, let first = spans.map(\.first).min(), let from = loader.from else {
      return
    }
    let end = days.end(of: from)
    let last = Instant(microseconds: end.microseconds - 1)
    let events: SQL = """
      e.load_id = ANY (\(late.map(\.id))) AND e.occurred_at >= \(first) AND e.occurred_at < \(end)
      """
    try await loader.load(
      sql.copyEvents(
        measures, day: sql.day(from: first, through: last), where: events, customer: customer),
      measures: measures, as: .late, on: connection)
  }

  private func check(_ catalogue: FeatureCatalogue, on connection: Connection) async throws {
    let known = Set(try await tiles.measures(on: connection))
    guard let missing = catalogue.measures.first(where: { !known.contains($0) }) else { return }
    throw FeatureStoreError(
      code: "feature_store.missing_measure",
      message: "expected the tiles to hold the \(missing), found no such column",
      hint: "fold the loads with this catalogue first")
  }

  private func snapshot<T: Sendable>(
    _ body: nonisolated(nonsending) (Connection) async throws -> T
  ) async throws -> T {
    try await pool.transaction(.repeatableRead, readOnly: true) { connection in
      // The statements are few and large; compiling them costs more than it saves.
      try await connection.execute("SET LOCAL jit = off")
      return try await body(connection)
    }
  }
}

extension TileRead {
  /// The part of the read up to a day, nil where there is none.
  func through(_ day: Day) -> TileRead? {
    guard days.first <= day else { return nil }
    return TileRead(
      days: DaySpan(first: days.first, last: min(days.last, day)), measures: measures)
  }
}

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
  /// Late events folded since the state was made are counted in exactly; customers whose past was
  /// corrected or merged are built from nothing. Where `asOf` is inside a day, that day's beginning
  /// is aggregated from the events, and population-relative features are those of its midnight. At a
  /// local midnight the new state is stored for the next step, unless `saving` is false or it was
  /// stored already.
  /// - Throws: ``FeatureStoreError`` `feature_store.missing_measure` where the tiles lack a measure
  ///   of the catalogue, `feature_store.mixed_currencies`; ``FeatureError``; ``WarehouseError``.
  public func build(
    _ catalogue: FeatureCatalogue, asOf: Instant, saving: Bool = true
  ) async throws -> BuiltFeatures {
    let day = days.lastDay(before: asOf)
    let whole = days.isMidnight(asOf) ? day : day - 1
    let (built, state) = try await snapshot { connection in
      let stored = try await states.newest(
        through: whole, slots: catalogue.slots, rings: catalogue.rings.map(\.slot), range: 0,
        on: connection)
      var (built, state) = try await self.built(stored, catalogue, asOf, on: connection)
      state = StateStore.Stored(state: state.state.withoutEdges, tileVersion: state.tileVersion)
      let isStored = stored?.tileVersion == state.tileVersion && stored?.state == state.state
      return (built, isStored ? nil : state)
    }
    if saving, whole == day, let state {
      // One after the other: side by side, which states are left would depend on who commits first.
      try await states.save(state.state, tileVersion: state.tileVersion)
      try await states.prune(keeping: Self.keptStates)
    }
    return built
  }

  /// Moves a state that the caller holds to `asOf`: by a day, by many days, or within a day; for
  /// everyone, or for `touched` customers only, whose rows alone are read and returned.
  ///
  /// At a midnight and for everyone the state that is returned can be advanced again. The loads must
  /// be folded first. `midnight` holds everyone's features at ``FeatureTable/lastMidnight`` and is
  /// needed where touched customers have population-relative features.
  /// - Throws: as ``build(_:asOf:saving:)``; ``FeatureError`` `features.not_later`.
  public func advance(
    _ stored: StateStore.Stored?, to asOf: Instant, touched: IDIndex? = nil,
    _ catalogue: FeatureCatalogue, midnight: FeatureTable? = nil
  ) async throws -> (built: BuiltFeatures, state: StateStore.Stored) {
    try await snapshot { connection in
      try await built(
        stored, catalogue, asOf, touched: touched, midnight: midnight, on: connection)
    }
  }

  /// The customers whose features time alone may change in `(from, to]` within a local day: events
  /// leave windows of hours, and times in which nothing came pass. With the customers of new loads
  /// they are those to give to ``advance(_:to:touched:_:midnight:)``; over a midnight everyone is.
  public func customersExpiring(
    from: Instant, to: Instant, _ catalogue: FeatureCatalogue
  ) async throws -> IDIndex {
    var all = IDIndex([])
    for expiry in catalogue.expiries {
      let found = try await tiles.customersWithEvents(
        from: Instant(microseconds: from.microseconds - expiry),
        to: Instant(microseconds: to.microseconds - expiry + 1))
      all = all.union(found)
    }
    return all
  }

  /// The features at the ends of several local days, from one pass over the tiles.
  ///
  /// Memory: one state per day; restrict the catalogue to the features needed.
  /// - Returns: one table per day, in the order given.
  public func build(
    _ catalogue: FeatureCatalogue, atEndsOf wanted: [Day]
  ) async throws -> [FeatureTable] {
    try await snapshot { connection in
      try await check(catalogue, on: connection)
      let sql = try await tiles.tileSQL(on: connection)
      var populations: [IDIndex] = []
      var advances: [StateAdvance] = []
      for day in wanted {
        // Where a zone left out a date, its end is that of the day before.
        let asOf = days.end(of: day)
        let population = try await ProfileReader.population(
          asOf: asOf, customer: nil, on: connection)
        populations.append(population)
        advances.append(
          try StateAdvance(nil, to: asOf, for: catalogue, days: days, index: population))
      }
      let loader = TileLoader(advances)
      for read in loader.tileReads {
        try await loader.load(
          sql.copyTiles(read, customers: nil), measures: read.measures, on: connection)
      }
      try await readStreams(loader, sql, late: [], customers: nil, on: connection)
      var tables: [FeatureTable] = []
      for (position, state) in try loader.finish().enumerated() {
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
  /// then. Ranks are among everyone at the last local midnight.
  public func features(
    of customer: Int64, _ catalogue: FeatureCatalogue, asOf: Instant
  ) async throws -> FeatureTable {
    try await snapshot { connection in
      var midnight: FeatureTable?
      if catalogue.isPopulationRelative {
        midnight = try await everyone(catalogue, asOf, nil, on: connection)
      }
      return try await built(
        nil, catalogue, asOf, touched: IDIndex([customer]), midnight: midnight, on: connection
      ).built.table
    }
  }

  // MARK: Building

  /// The population-relative features of everyone at the last local midnight.
  private func everyone(
    _ catalogue: FeatureCatalogue, _ asOf: Instant, _ stored: StateStore.Stored?,
    on connection: Connection
  ) async throws -> FeatureTable {
    let ranks = try catalogue.restricted(
      to: catalogue.features.filter(\.isPopulationRelative).map(\.name))
    let day = days.lastDay(before: asOf)
    let midnight = days.isMidnight(asOf) ? asOf : zone.midnight(day)
    return try await built(stored, ranks, midnight, on: connection).built.table
  }

  private func built(
    _ stored: StateStore.Stored?, _ catalogue: FeatureCatalogue, _ asOf: Instant,
    touched: IDIndex? = nil, midnight: FeatureTable? = nil, on connection: Connection
  ) async throws -> (built: BuiltFeatures, state: StateStore.Stored) {
    try await check(catalogue, on: connection)
    let version = try await tiles.version(on: connection)
    let known = try await ProfileReader.population(
      asOf: asOf, customer: touched?.ids.count == 1 ? touched?.ids.first : nil, on: connection)
    let population =
      touched.map { touched in IDIndex(sorted: known.ids.filter { touched.row(of: $0) != nil }) }
      ?? known
    let start = try await usable(stored, on: connection)
    var from = start?.stored.state
    if let touched { from = from?.restricted(to: touched) }

    // Customers whose past changed are left out of the advance and built from nothing beside it.
    var anew = start?.anew ?? []
    if let touched { anew.formIntersection(touched.ids) }
    let kept = from.map { state in
      anew.isEmpty
        ? state : state.restricted(to: IDIndex(state.index.ids.filter { !anew.contains($0) }))
    }
    let customers = touched?.ids
    let advance = try StateAdvance(
      kept, to: asOf, for: catalogue, days: days, index: population)
    let loader = TileLoader([advance], without: anew)
    try await read(loader, asOf, late: start?.late ?? [], customers: customers, on: connection)
    var rows = loader.rowCount
    var state = try loader.finish()[0]
    if !anew.isEmpty {
      let again = TileLoader([
        try StateAdvance(nil, to: asOf, for: catalogue, days: days, index: IDIndex(anew))
      ])
      try await read(again, asOf, late: [], customers: anew.sorted(), on: connection)
      rows += again.rowCount
      state = state.union(try again.finish()[0])
    }
    var table = FeatureTable(
      catalogue: catalogue, asOf: asOf, zone: zone,
      state: touched.map { state.restricted(to: $0) } ?? state, population: population)
    if let midnight {
      try table.fix(at: midnight)
    } else if catalogue.isPopulationRelative, touched == nil, !days.isMidnight(asOf) {
      try table.fix(at: try await everyone(catalogue, asOf, stored, on: connection))
    }
    try await ProfileReader(catalogue).supply(
      &table, customer: touched?.ids.count == 1 ? touched?.ids.first : nil, on: connection)
    let built = BuiltFeatures(
      table: table, tileVersion: version, from: start?.stored.state.day, rowsRead: rows)
    return (built, StateStore.Stored(state: state, tileVersion: version))
  }

  // MARK: Reading

  /// A stored state with the loads that brought events to its days since, and the customers whose
  /// past they changed.
  private struct Start {
    let stored: StateStore.Stored
    let late: [TileStore.Load]
    let anew: Set<Int64>
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
    let touched = try await connection.query(
      SQL(file: "queries/features/list_touched_since.sql", stored.tileVersion)
    ).map { try $0.get("customer_id", as: Int64.self) }
    let all = try await connection.first(SQL(file: "queries/features/count_events.sql"))?
      .get("rows_accepted", as: Int64.self)
    // Events cost more to aggregate than tiles to read.
    guard late * 4 <= all ?? 0, touched.count * 4 <= stored.state.index.count else { return nil }
    return Start(stored: stored, late: try TileStore.loads(rows), anew: Set(touched))
  }

  /// Reads what an advance needs: tiles of whole days, late events, the beginning of the last day,
  /// and the events of rings.
  private func read(
    _ loader: TileLoader, _ asOf: Instant, late: [TileStore.Load], customers: [Int64]?,
    on connection: Connection
  ) async throws {
    let sql = try await tiles.tileSQL(on: connection)
    let day = days.lastDay(before: asOf)
    let whole = days.isMidnight(asOf) ? day : day - 1
    for read in loader.tileReads {
      if let tiles = read.through(whole) {
        try await loader.load(
          sql.copyTiles(tiles, customers: customers), measures: read.measures, on: connection)
      }
      if read.days.contains(day), whole < day {
        let first = zone.midnight(day)
        let events: SQL = """
          e.occurred_at >= \(first) AND e.occurred_at < \(asOf) AND \(fragment: Self.folded)
          """
        try await loader.load(
          sql.copyEvents(read.measures, day: "\(day)", where: events, customers: customers),
          measures: read.measures, on: connection)
      }
    }
    try await readLate(loader, sql, late, customers, on: connection)
    try await readStreams(loader, sql, late: late, customers: customers, on: connection)
  }

  private static let folded: SQL =
    "EXISTS (SELECT FROM features.folded_load AS f WHERE f.load_id = e.load_id)"

  private func readLate(
    _ loader: TileLoader, _ sql: TileSQL, _ late: [TileStore.Load], _ customers: [Int64]?,
    on connection: Connection
  ) async throws {
    let measures = loader.lateMeasures
    guard !measures.isEmpty, let first = late.compactMap(\.span?.first).min(),
      let from = loader.from
    else { return }
    let end = days.end(of: from)
    let last = Instant(microseconds: end.microseconds - 1)
    let events: SQL = """
      e.load_id = ANY (\(late.map(\.id))) AND e.occurred_at >= \(first) AND e.occurred_at < \(end)
      """
    try await loader.load(
      sql.copyEvents(
        measures, day: sql.day(from: first, through: last), where: events, customers: customers),
      measures: measures, as: .late, on: connection)
  }

  private func readStreams(
    _ loader: TileLoader, _ sql: TileSQL, late: [TileStore.Load], customers: [Int64]?,
    on connection: Connection
  ) async throws {
    for round in 0..<2 {
      let reads = round == 0 ? loader.streamReads : loader.streamFollowUps
      for (advance, reads) in reads.enumerated() {
        for read in reads {
          var loads = Self.folded
          if read.purpose == .late {
            if late.isEmpty { continue }
            loads = "e.load_id = ANY (\(late.map(\.id)))"
          }
          try await loader.load(
            StreamSQL(sql, read), read, for: advance, where: loads, customers: customers,
            on: connection)
        }
      }
    }
  }

  private func check(_ catalogue: FeatureCatalogue, on connection: Connection) async throws {
    let known = Set(try await tiles.measures(on: connection))
    if let missing = catalogue.measures.first(where: { !known.contains($0) }) {
      throw FeatureStoreError(
        code: "feature_store.missing_measure",
        message: "expected the tiles to hold the \(missing), found no such column",
        hint: "fold the loads with this catalogue first")
    }
    // In the order of the catalogue, so that the same feature is named each time.
    var checked: Set<[String]> = [[]]
    for kinds in catalogue.features.map(\.amountKinds) where checked.insert(kinds).inserted {
      let row = try await connection.first(
        SQL(file: "queries/features/find_mixed_currencies.sql", kinds))
      guard let row else { continue }
      let currencies: [String] = try row.get("currencies")
      let feature = catalogue.features.first { $0.amountKinds == kinds }?.name ?? ""
      throw FeatureStoreError(
        code: "feature_store.mixed_currencies",
        message: "expected amounts of one currency for '\(feature)', found "
          + currencies.joined(separator: " and "),
        hint: "convert amounts where they are loaded, or make a feature for each kind of event")
    }
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

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
/// database; everyone's is made customer range by customer range, several at once, each on a
/// connection and a thread of its own.
public struct FeatureBuilder: Sendable {
  let pool: ConnectionPool
  let tiles: TileStore
  let states: StateStore
  let days: LocalDays
  let limits: ResourceLimits
  /// The zone of the project's days.
  public var zone: Zone { days.zone }

  /// How many days' states are kept when a state is saved.
  public static let keptStates = 3

  /// A builder for a project whose days are those of `zone`.
  ///
  /// - Parameter limits: how many ranges at once, and in how much memory.
  public init(pool: ConnectionPool, zone: Zone, limits: ResourceLimits = .process) {
    self.pool = pool
    self.limits = limits
    tiles = TileStore(pool: pool, zone: zone)
    states = StateStore(pool: pool, zone: zone, limits: limits)
    days = LocalDays(zone: zone)
  }

  /// The features of everyone at `asOf` in one table, from the newest stored states that help, else
  /// from nothing.
  ///
  /// Late events folded since the states were made are counted in exactly; customers whose past was
  /// corrected or merged are built from nothing. Where `asOf` is inside a day, that day's beginning
  /// is aggregated from the events, and population-relative features are those of its midnight. At a
  /// local midnight the new states are stored for the next step, unless `saving` is false or they were
  /// stored already.
  /// - Throws: ``FeatureStoreError`` `feature_store.missing_measure` where the tiles lack a measure
  ///   of the catalogue, `feature_store.mixed_currencies`, `feature_store.memory_limit`;
  ///   ``FeatureError``; ``WarehouseError``.
  public func build(
    _ catalogue: FeatureCatalogue, asOf: Instant, saving: Bool = true,
    by choice: RangeChoice = .automatic
  ) async throws -> BuiltFeatures {
    let built = try await SharedSnapshot.read(pool) { snapshot in
      let work = try await work(catalogue, asOf, by: choice, on: snapshot.connection)
      let swept = try await everyone(work, saving: saving, snapshot) { swept, _, _ in swept }
      return BuiltFeatures(
        table: try await table(work, swept.parts, snapshot), tileVersion: swept.tileVersion,
        from: swept.from, rowsRead: swept.rowsRead)
    }
    if saving { try await prune(asOf) }
    return built
  }

  /// Moves a state that the caller holds to `asOf`: by a day, by many days, or within a day; for the
  /// customers of a range, or for `touched` customers only, whose rows alone are read and returned.
  ///
  /// At a midnight and for a whole range the state that is returned can be advanced again. The loads
  /// must be folded first. `midnight` holds everyone's features at ``FeatureTable/lastMidnight`` and is
  /// needed where touched customers, or a range, have population-relative features.
  /// - Throws: as ``build(_:asOf:saving:by:)``; ``FeatureError`` `features.not_later`.
  public func advance(
    _ stored: StateStore.Stored?, to asOf: Instant, touched: IDIndex? = nil,
    of range: CustomerRange = .all, _ catalogue: FeatureCatalogue, midnight: FeatureTable? = nil
  ) async throws -> (built: BuiltFeatures, state: StateStore.Stored) {
    try await SharedSnapshot.read(pool) { snapshot in
      let connection = snapshot.connection
      let choice = touched.map { CustomerChoice.only($0.ids) } ?? .range(range)
      try await check(catalogue, on: connection)
      var start = stored
      let swept = try await swept(&start, catalogue, asOf, choice, on: connection)
      var table = swept.table(catalogue, asOf, zone)
      if let midnight {
        try table.fix(at: midnight)
      } else if catalogue.isPopulationRelative, touched == nil, range == .all,
        !days.isMidnight(asOf)
      {
        try table.fix(at: try await ranks(catalogue, asOf, stored, on: connection))
      }
      try await ProfileReader(catalogue).supply(&table, choice, on: connection)
      let built = BuiltFeatures(
        table: table, tileVersion: swept.tileVersion, from: swept.from, rowsRead: swept.rowsRead)
      return (
        built, StateStore.Stored(state: swept.state, tileVersion: swept.tileVersion)
      )
    }
  }

  /// The customers whose features time alone may change in `(from, to]` within a local day: events
  /// leave windows of hours, and times in which nothing came pass. With the customers of new loads
  /// they are those to give to ``advance(_:to:touched:of:_:midnight:)``; over a midnight everyone is.
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

  /// The features of one customer at `asOf`: a table of one row, or of none for a customer unknown
  /// then. Ranks are among everyone at the last local midnight.
  public func features(
    of customer: Int64, _ catalogue: FeatureCatalogue, asOf: Instant
  ) async throws -> FeatureTable {
    try await SharedSnapshot.read(pool) { snapshot in
      let choice = CustomerChoice.only([customer])
      try await check(catalogue, on: snapshot.connection)
      var nothing: StateStore.Stored?
      let swept = try await swept(&nothing, catalogue, asOf, choice, on: snapshot.connection)
      var table = swept.table(catalogue, asOf, zone)
      if catalogue.isPopulationRelative {
        try table.fix(at: try await ranks(catalogue, asOf, snapshot))
      }
      try await ProfileReader(catalogue).supply(&table, choice, on: snapshot.connection)
      return table
    }
  }

  /// Drops states of old days, once those of `asOf` are stored: that is, at a local midnight.
  func prune(_ asOf: Instant) async throws {
    if days.isMidnight(asOf) { try await states.prune(keeping: Self.keptStates) }
  }
}

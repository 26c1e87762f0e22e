import Columns
import Features
import Schedules
import Warehouse

/// Everyone's features within one local day, carried in memory from step to step.
///
/// A step adds the events of the loads that came, to the customers that have some, and computes again
/// those customers whom the passing of time concerns. What it reads is its own loads, not the past:
///
/// 1. *Sums and last days* are held as they stand now (``Features/CurrentState``): all windows of days
///    end today, so within the day they only grow.
/// 2. *Rings* are held as at midnight; a touched customer's events of the day are read again.
/// 3. *Who was corrected or merged* is built from nothing, in each step until the next midnight.
/// 4. *Population-relative features* are those of midnight, computed once.
///
/// The value is true for the tile version that it holds. A process that finds another version sees
/// which loads others have folded, and touches their customers: to do so twice changes nothing.
public struct DayFeatures: Sendable {
  /// The features.
  public let catalogue: FeatureCatalogue
  /// The midnight at which the day began.
  public let midnight: Instant
  /// The instant that the features are of.
  public internal(set) var asOf: Instant
  /// The version of the tiles whose loads are in the features.
  public internal(set) var tileVersion: Int64

  let pool: ConnectionPool
  let days: LocalDays
  let sql: TileSQL
  /// At midnight, with rings.
  let base: FeatureState
  let ranks: PopulationRanks?
  let hasProfiles: Bool
  var current: CurrentState
  /// Loads folded since the base that brought events to days before it.
  var lateLoads: [Int64]
  /// Customers whose base is wrong.
  var anew: Set<Int64>
  /// Everyone known; later ones beside, so that the index need not be made again.
  var known: IDIndex
  var knownLater: Set<Int64> = []
  /// The latest time of any event folded: at `asOf` or later where events came before their time.
  var latestEvent: Instant?

  /// Builds the features of everyone at `asOf`, and what the steps after it need.
  ///
  /// The loads that are there are folded. Costs a nightly step and the reading of today's events.
  /// - Returns: besides, the features of everyone at `asOf` and at its midnight.
  /// - Throws: as ``FeatureBuilder/build(_:asOf:saving:)``; ``FeatureStoreError``
  ///   `feature_store.midnight` for a midnight, whose windows are those of the day before.
  public static func open(
    _ catalogue: FeatureCatalogue, asOf: Instant, pool: ConnectionPool, zone: Zone
  ) async throws -> (day: DayFeatures, now: FeatureTable, midnight: FeatureTable) {
    let days = LocalDays(zone: zone)
    guard !days.isMidnight(asOf) else {
      throw FeatureStoreError(
        code: "feature_store.midnight", message: "expected an instant within a day, found \(asOf)")
    }
    let tiles = TileStore(pool: pool, zone: zone)
    try await tiles.fold(catalogue)
    let midnight = zone.midnight(days.lastDay(before: asOf))
    let builder = FeatureBuilder(pool: pool, zone: zone)
    let stored = try await StateStore(pool: pool, zone: zone).newest(
      through: days.lastDay(before: midnight), slots: catalogue.slots,
      rings: catalogue.rings.map(\.slot))
    let night = try await builder.advance(stored, to: midnight, catalogue)
    let now = try await builder.advance(
      night.state, to: asOf, catalogue, midnight: night.built.table)
    guard let current = CurrentState(now.state.state) else {
      throw FeatureStoreError(
        code: "feature_store.no_day", message: "expected a state within a day, found none")
    }
    let from = night.state.tileVersion
    let base = night.state.state
    let ringsOnly = try FeatureState(
      range: base.range, index: base.index, day: base.day ?? current.day, columns: [],
      rings: base.rings)
    let day = try await pool.withConnection { connection in
      let late = try await connection.query(
        SQL(file: "queries/features/list_folded_loads.sql", from, midnight))
      let touched = try await connection.query(
        SQL(file: "queries/features/list_touched_since.sql", from))
      let latest = try await connection.first(SQL(file: "queries/features/find_latest_event.sql"))
      return DayFeatures(
        catalogue: catalogue, midnight: midnight, asOf: asOf,
        tileVersion: now.state.tileVersion, pool: pool, days: days,
        sql: try await tiles.tileSQL(on: connection), base: ringsOnly,
        ranks: catalogue.isPopulationRelative ? try PopulationRanks(night.built.table) : nil,
        hasProfiles: !ProfileReader(catalogue).features.isEmpty, current: current,
        lateLoads: try late.map { try $0.get("load_id", as: Int64.self) },
        anew: Set(try touched.map { try $0.get("customer_id", as: Int64.self) }),
        known: now.built.table.index,
        latestEvent: try latest?.get("latest", as: Instant?.self))
    }
    return (day, now.built.table, night.built.table)
  }
}

/// What one step of ``DayFeatures`` found.
public struct DayStep: Sendable {
  /// The instant of the features.
  public let asOf: Instant
  /// Everyone whose features were computed again, also those that are no longer known.
  public let touched: IDIndex
  /// The features of those of them that are known; scores are yet to be supplied.
  public let table: FeatureTable
  /// The touched customers who had events, each with the latest of them.
  public let active: [Int64: Instant]
  /// The loads that were folded now.
  public let loads: [Int64]
  /// When the first and the last load came in that the step was the first to see; nil for none.
  public let arrived: (first: Instant, last: Instant)?
  /// The version of the tiles afterwards.
  public let tileVersion: Int64
  /// Whether loads were folded now.
  public let isFolded: Bool
  /// How many rows the events that were read make: one per customer and day.
  public let rows: Int
  /// Whether values at the day's midnight are others now: late events, corrections, merges, statements
  /// about the past, customers who were there unknown. Ranks and cuts then have to be taken again.
  public let changesMidnight: Bool

  let state: FeatureState
  let lateLoads: [Int64]
  let anew: Set<Int64>
  let appeared: [Int64]
  let gone: [Int64]
  let latestEvent: Instant?
}

extension DayFeatures {
  /// Takes over what a step found, once its transaction has committed.
  public mutating func take(_ step: DayStep) {
    current.take(step.state)
    asOf = step.asOf
    tileVersion = step.tileVersion
    lateLoads += step.lateLoads
    anew.formUnion(step.anew)
    knownLater.formUnion(step.appeared)
    if !step.gone.isEmpty {
      knownLater.subtract(step.gone)
      let gone = Set(step.gone)
      if gone.contains(where: { known.row(of: $0) != nil }) {
        known = IDIndex(sorted: known.ids.filter { !gone.contains($0) })
      }
    }
    latestEvent = [latestEvent, step.latestEvent].compactMap { $0 }.max()
  }

  /// Brings the block-range indexes up to date, by which steps find their events: blocks that are in
  /// none are read by every step. For the time between steps.
  public func summarizeBlocks() async throws {
    _ = try await pool.query(SQL(file: "queries/features/summarize_blocks.sql"))
  }

  /// Notes that until a later instant nothing concerned anybody.
  public mutating func pass(to instant: Instant) { asOf = max(asOf, instant) }

  func isKnown(_ id: Int64) -> Bool { known.row(of: id) != nil || knownLater.contains(id) }
}

import Columns
import Features
import Schedules
import Warehouse

/// What a step finds in the ledger of loads before it begins.
public struct Arrivals: Sendable {
  /// One load.
  struct Load {
    let load: TileStore.Load
    let finishedAt: Instant?
    let isFolded: Bool
  }

  let version: Int64
  let zone: String?
  let loads: [Load]
  let measures: [Measure]

  /// Whether there is a load that the features do not have.
  public var isEmpty: Bool { loads.isEmpty }

  /// The span of the events of all loads; nil where none has any.
  var span: (first: Instant, last: Instant)? {
    let spans = loads.compactMap(\.load.span)
    guard let first = spans.map(\.first).min(), let last = spans.map(\.last).max() else {
      return nil
    }
    return (first, last)
  }
}

extension DayFeatures {
  /// The statements whose rows ``arrivals(_:)`` reads; they hold off other folds until the
  /// transaction ends.
  public func opening() -> [SQL] {
    [
      SQL(file: "queries/features/lock_tiles.sql"),
      SQL(file: "queries/features/list_loads_since.sql", tileVersion),
      SQL(file: "queries/features/list_measures.sql"),
    ]
  }

  /// What came since the features were made.
  ///
  /// - Parameter rows: those of ``opening()``.
  /// - Throws: `feature_store.no_tiles`; `feature_store.other_zone` where the tiles were made anew for
  ///   another zone; `feature_store.missing_measure`.
  public func arrivals(_ rows: [[Row]]) throws -> Arrivals {
    guard rows.count == 3, let tiles = rows[0].first else {
      throw FeatureStoreError(
        code: "feature_store.no_tiles",
        message: "expected one row in features.tiles, found none",
        hint: "the migration puts it there; restore it with version 0")
    }
    let zone: String? = try tiles.get("zone")
    let measures = try TileStore.measures(rows[2])
    let known = Set(measures)
    if let missing = catalogue.measures.first(where: { !known.contains($0) }) {
      throw FeatureStoreError(
        code: "feature_store.missing_measure",
        message: "expected the tiles to hold the \(missing), found no such column",
        hint: "fold the loads with this catalogue first")
    }
    guard zone == days.zone.name else {
      throw FeatureStoreError(
        code: "feature_store.other_zone",
        message: "expected tiles of the days of \(days.zone.name), found those of \(zone ?? "none")"
      )
    }
    let spans = try TileStore.loads(rows[1])
    return Arrivals(
      version: try tiles.get("version"), zone: zone,
      loads: try zip(spans, rows[1]).map { load, row in
        Arrivals.Load(
          load: load, finishedAt: try row.get("finished_at"), isFolded: try row.get("is_folded"))
      }, measures: measures)
  }

  /// Folds what came and computes the features at `asOf` of everyone whom that, or time, concerns.
  ///
  /// Runs in the caller's transaction; ``take(_:)`` follows its commit.
  /// - Parameter waking: customers who are concerned whatever came.
  /// - Returns: nil where nothing concerns anybody; nothing is written then.
  /// - Throws: ``FeatureStoreError``; ``FeatureError``; ``WarehouseError``, also where a sum leaves 64
  ///   bits.
  public func step(
    to asOf: Instant, _ arrivals: Arrivals, waking: Set<Int64> = [], on connection: Connection
  ) async throws -> DayStep? {
    var found = try await found(to: asOf, arrivals, on: connection)
    found.touched.formUnion(waking)
    if found.touched.isEmpty, found.folded.isEmpty { return nil }
    var anew = anew.union(found.corrected)
    if !found.corrected.isEmpty, !found.folded.isEmpty {
      let tiles = TileStore(pool: pool, zone: days.zone)
      _ = try await tiles.remake(found.folded, arrivals.measures, sql, on: connection)
    }
    let population = try await population(found, asOf, on: connection)
    let touched = found.touched.union(population.appeared).union(population.gone)
    let here = touched.filter { id in
      population.appeared.contains(id) || (isKnown(id) && !population.gone.contains(id))
    }
    let rebuilt = anew.intersection(here)
    anew = found.corrected
    let carried = IDIndex(here.subtracting(rebuilt))
    let late =
      lateLoads
      + arrivals.loads.filter { $0.load.span.map { $0.first < midnight } ?? false }.map(\.load.id)
    var state = try current.advanced(carried, adding: found.increments(of: carried))
    state = try await rings(state, carried, asOf, late, on: connection)
    if !rebuilt.isEmpty {
      let ids = IDIndex(rebuilt)
      var nothing: StateStore.Stored?
      let swept = try await FeatureBuilder(pool: pool, zone: days.zone).swept(
        &nothing, catalogue, asOf, .only(ids.ids), on: connection)
      state = state.union(swept.state.reindexed(to: ids))
    }
    var table = FeatureTable(
      catalogue: catalogue, asOf: asOf, zone: days.zone, state: state, population: IDIndex(here))
    if let ranks { try table.fix(at: ranks) }
    try await ProfileReader(catalogue).supply(&table, .only(table.index.ids), on: connection)
    let arrived = arrivals.loads.compactMap(\.finishedAt)
    return DayStep(
      asOf: asOf, touched: IDIndex(touched), table: table, active: found.active,
      loads: found.folded,
      arrived: arrived.min().flatMap { first in arrived.max().map { (first, $0) } },
      tileVersion: found.version, isFolded: !found.folded.isEmpty,
      rows: found.batch.count,
      changesMidnight: found.changesPast || !population.gone.isEmpty
        || (found.mayChangePopulation && !population.appeared.isEmpty), state: state,
      lateLoads: late.filter { !lateLoads.contains($0) }, anew: anew,
      appeared: population.appeared.sorted(), gone: population.gone.sorted(),
      latestEvent: arrivals.span?.last)
  }

  // MARK: Rings

  /// Gives a state of the day its rings, from midnight's and the events since.
  private func rings(
    _ state: FeatureState, _ customers: IDIndex, _ asOf: Instant, _ late: [Int64],
    on connection: Connection
  ) async throws -> FeatureState {
    let needs = catalogue.rings
    if needs.isEmpty { return state }
    var sweep = RingSweep(
      from: base.restricted(to: customers), needs: needs, asOf: asOf, days: days)
    if customers.count > 0 {
      for round in 0..<2 {
        for read in round == 0 ? sweep.reads : sweep.followUps {
          var loads: SQL = """
            EXISTS (SELECT FROM features.folded_load AS f WHERE f.load_id = e.load_id)
            """
          if read.purpose == .late {
            if late.isEmpty { continue }
            loads = "e.load_id = ANY (\(late))"
          }
          let stream = StreamSQL(sql, read)
          let rows = try await connection.copyOut(
            stream.copy(where: loads, .only(customers.ids)),
            into: StreamDecoding(read.shape, kinds: try stream.kinds())
          ) { try $0.take($1, without: []) }
          sweep.apply(rows.batch, of: read)
        }
      }
    }
    return try sweep.finish(into: state)
  }

  // MARK: People

  /// Who became known since, and who is no longer there.
  private func population(
    _ found: Found, _ asOf: Instant, on connection: Connection
  ) async throws -> (appeared: Set<Int64>, gone: Set<Int64>) {
    if found.mayChangePopulation {
      // A load of customers or merges: everyone is looked at.
      let all = try await ProfileReader.population(asOf: asOf, .everyone, on: connection)
      var gone = Set(known.ids.filter { all.row(of: $0) == nil })
      gone.formUnion(knownLater.filter { all.row(of: $0) == nil })
      return (Set(all.ids.filter { !isKnown($0) }), gone)
    }
    let unknown = found.touched.filter { !isKnown($0) }.sorted()
    if unknown.isEmpty { return ([], []) }
    let rows = try await connection.query(
      SQL(file: "queries/features/list_known_customers.sql", unknown, asOf))
    return (Set(try rows.map { try $0.get(0, as: Int64.self) }), [])
  }
}

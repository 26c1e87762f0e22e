import Columns
import Features
import Schedules
import Warehouse

/// What a sweep over some customers gave.
struct SweptState: Sendable {
  /// The customers with events, and what is known of them.
  var state: FeatureState
  /// Everyone known at the instant, also without events.
  let population: IDIndex
  /// The version of the tiles that were read.
  let tileVersion: Int64
  /// The day of the state that was advanced; nil for a build from nothing.
  let from: Day?
  /// The tile and event rows read.
  let rowsRead: Int
}

/// The state of some customers at an instant, on one connection.
extension FeatureBuilder {
  /// Advances a state, nil for a build from nothing, to `asOf`, for some customers.
  ///
  /// - Parameters:
  ///   - stored: may hold more customers than are chosen; nil afterwards, so that numbers which
  ///     nobody else holds are changed where they are.
  ///   - everyone: how many customers the states have together of which `stored` is one.
  ///   - known: who was found in ranges before, in the same snapshot.
  func swept(
    _ stored: inout StateStore.Stored?, _ catalogue: FeatureCatalogue, _ asOf: Instant,
    _ choice: CustomerChoice, everyone: Int? = nil, known: KnownCustomers? = nil,
    on connection: Connection
  ) async throws -> SweptState {
    let version = try await tiles.version(on: connection)
    var range = 0
    if case .range(let part) = choice { range = part.number }
    let population: IDIndex
    if case .range(let range) = choice, let known {
      population = try await known(range, asOf) {
        try await ProfileReader.population(asOf: asOf, choice, on: connection)
      }
    } else {
      population = try await ProfileReader.population(asOf: asOf, choice, on: connection)
    }
    var start = try await start(
      &stored, everyone: everyone ?? stored?.state.index.count ?? 0, choice, on: connection)
    let (from, anew, late) = (start?.state.day, start?.anew ?? [], start?.late ?? [])
    // Customers whose past changed are left out of the advance and built from nothing beside it.
    let advance = try StateAdvance(
      start?.takeState(), to: asOf, for: catalogue, days: days, index: population, range: range)
    start = nil
    let loader = TileLoader([advance], without: anew)
    try await read(loader, asOf, late: late, choice, on: connection)
    var rows = loader.rowCount
    var state = try loader.finish()[0]
    if !anew.isEmpty {
      let again = TileLoader([
        try StateAdvance(
          nil, to: asOf, for: catalogue, days: days, index: IDIndex(anew), range: range)
      ])
      try await read(again, asOf, late: [], .only(anew.sorted()), on: connection)
      rows += again.rowCount
      state = state.union(try again.finish()[0])
    }
    if case .only(let customers) = choice {
      state = state.restricted(to: IDIndex(sorted: customers))
    }
    // Customers who were merged into others are no longer there.
    if state.index != population, !state.index.ids.allSatisfy({ population.row(of: $0) != nil }) {
      state = state.restricted(to: population)
    }
    return SweptState(
      state: state, population: population, tileVersion: version, from: from, rowsRead: rows)
  }

  /// A stored state with the loads that brought events to its days since, and the customers whose
  /// past they changed.
  struct Start {
    var state: FeatureState
    let late: [TileStore.Load]
    /// Of the customers who are chosen.
    let anew: Set<Int64>

    /// The state without those who are built anew, handed over: whoever changes it then must not
    /// copy it first.
    mutating func takeState() -> FeatureState {
      let taken =
        anew.isEmpty
        ? state
        : state.restricted(to: IDIndex(sorted: state.index.ids.filter { !anew.contains($0) }))
      state = FeatureState(slots: [], index: IDIndex([]))
      return taken
    }
  }

  /// Whether advancing a state is cheaper than a build from nothing, judged by the late events.
  ///
  /// The same for all ranges, so that a build's ranges have all the same road.
  func start(
    _ stored: inout StateStore.Stored?, everyone: Int, _ choice: CustomerChoice,
    on connection: Connection
  ) async throws -> Start? {
    guard let version = stored?.tileVersion, let day = stored?.state.day else { return nil }
    let rows = try await connection.query(
      SQL(file: "queries/features/list_folded_loads.sql", version, days.end(of: day)))
    let late = try rows.reduce(Int64(0)) { $0 + (try $1.get("rows_accepted", as: Int64.self)) }
    let touched = try await connection.query(
      SQL(file: "queries/features/list_touched_since.sql", version)
    ).map { try $0.get("customer_id", as: Int64.self) }
    let all = try await connection.first(SQL(file: "queries/features/count_events.sql"))?
      .get("rows_accepted", as: Int64.self)
    // Events cost more to aggregate than tiles to read.
    guard late * 4 <= all ?? 0, touched.count * 4 <= everyone, var state = stored?.state else {
      return nil
    }
    stored = nil
    if case .only(let customers) = choice {
      state = state.restricted(to: IDIndex(sorted: customers))
    }
    return Start(
      state: state, late: try TileStore.loads(rows), anew: choice.chosen(of: touched))
  }

  func check(_ catalogue: FeatureCatalogue, on connection: Connection) async throws {
    let known = Set(try await tiles.measures(on: connection))
    if let missing = catalogue.measures.first(where: { !known.contains($0) }) {
      throw FeatureStoreError(
        code: "feature_store.missing_measure",
        message: "expected the tiles to hold the \(missing), found no such column",
        hint: "fold the loads with this catalogue first")
    }
    try await CurrencyCheck.check(catalogue, on: connection)
  }
}

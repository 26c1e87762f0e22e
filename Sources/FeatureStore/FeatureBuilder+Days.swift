import Columns
import Features
import Schedules
import Warehouse

/// What a sweep over many days has done.
public struct DaysSwept: Sendable, Hashable {
  /// The version of the tiles that were read.
  public let tileVersion: Int64
  /// The day of the stored state that was advanced; nil for a build from nothing.
  public let from: Day?
  /// The tile and event rows read.
  public internal(set) var rowsRead: Int
}

extension FeatureBuilder {
  /// How much of the tiles of the days ahead is kept in memory, in bytes, about.
  static let libraryBytes = 1 << 30

  /// The features at many local midnights, one table after the other, from one snapshot.
  ///
  /// The first midnight is reached as ``build(_:asOf:saving:)`` reaches it, from the newest stored
  /// state that helps or from nothing. The tiles and events of the days after it are read once, a
  /// range of days at a time where they are many, and each next midnight is a step from the one
  /// before: the tables are those of so many nightly builds. Scores are yet to be supplied.
  ///
  /// - Parameters:
  ///   - midnights: ends of local days, ascending; days between them are passed over in one step.
  ///   - saving: whether the state of the last midnight is stored for the next step.
  ///   - body: is given the tables in their order; what it throws ends the sweep.
  /// - Throws: as ``build(_:asOf:saving:)``; ``FeatureError`` `features.not_midnights`.
  @discardableResult
  public nonisolated(nonsending) func sweep(
    _ catalogue: FeatureCatalogue, over midnights: [Instant], saving: Bool = false,
    _ body: nonisolated(nonsending) (FeatureTable) async throws -> Void
  ) async throws -> DaysSwept {
    guard let first = midnights.first, let last = midnights.last else {
      throw FeatureError(
        code: "features.not_midnights", message: "expected local midnights, found none")
    }
    // Tables that were given cannot be taken back.
    let (swept, end) = try await SharedSnapshot.read(pool, retries: 0) { snapshot in
      let connection = snapshot.connection
      var (swept, state, ranges) = try await open(catalogue, first, snapshot, body)
      var before = first
      var rest = midnights.dropFirst()
      if rest.isEmpty { return (swept, state.map { ($0, ranges) }) }
      let population = try await PopulationHistory.read(
        from: first, through: last, on: connection)
      let profiles = try await ProfileHistory.read(
        catalogue, from: first, through: last, on: connection)
      let sql = try await tiles.tileSQL(on: connection)
      let everyone = population.everyone
      let steps = try await steps(catalogue, through: last, on: connection)
      while !rest.isEmpty {
        let part = Array(rest.prefix(steps))
        rest = rest.dropFirst(steps)
        let loader = DayLoader(
          try DaySweep(
            state, through: [before] + part, for: catalogue, days: days, expected: everyone))
        // Held here too, its arrays would be copied at the first step.
        state = nil
        try await loader.read(sql, in: snapshot)
        // Where the state stands already.
        _ = try loader.next(joining: IDIndex([]))
        swept.rowsRead += loader.rowCount
        for asOf in part {
          try Task.checkCancellation()
          let known = population.known(at: asOf)
          guard let reached = try loader.next(joining: known) else { continue }
          if asOf == part.last { state = reached.withoutEdges }
          before = asOf
          var table = FeatureTable(
            catalogue: catalogue, asOf: asOf, zone: zone, state: reached, population: known)
          try profiles.supply(&table)
          try await body(table)
        }
      }
      return (swept, state.map { ($0, ranges) })
    }
    if saving, let (state, ranges) = end {
      for range in ranges {
        let part =
          ranges.count == 1
          ? state
          : state.restricted(to: IDIndex(sorted: state.index.ids.filter(range.contains)))
        try await states.save(part, of: range, tileVersion: swept.tileVersion)
      }
      try await prune(last)
    }
    return swept
  }

  /// The first midnight of a sweep, the state there, and the ranges by which it was built.
  private nonisolated(nonsending) func open(
    _ catalogue: FeatureCatalogue, _ asOf: Instant, _ snapshot: SharedSnapshot,
    _ body: nonisolated(nonsending) (FeatureTable) async throws -> Void
  ) async throws -> (DaysSwept, FeatureState?, [CustomerRange]) {
    // Everyone's numbers are held at once, in the state and in the table.
    let work = try await work(
      catalogue, asOf, by: .automatic, whole: 16 * catalogue.slots.count, on: snapshot.connection)
    let built = try await everyone(work, saving: false, snapshot) { swept, _, _ in swept }
    let state =
      try FeatureState.joined(built.parts.map(\.state))
      ?? FeatureState(slots: [], index: IDIndex([]))
    var table = FeatureTable(
      catalogue: catalogue, asOf: asOf, zone: zone, state: state,
      population: built.parts.reduce(IDIndex([])) { $0.union($1.population) })
    try await ProfileReader(catalogue).supply(&table, .everyone, on: snapshot.connection)
    try await body(table)
    let swept = DaysSwept(
      tileVersion: built.tileVersion, from: built.from, rowsRead: built.rowsRead)
    return (swept, state.withoutEdges, work.ranges)
  }

  /// How many customers have features at some midnights, in their order.
  public func populations(at midnights: [Instant]) async throws -> [Int] {
    guard let first = midnights.min(), let last = midnights.max() else { return [] }
    return try await pool.withConnection { connection in
      let population = try await PopulationHistory.read(
        from: first, through: last, on: connection)
      return midnights.map { population.known(at: $0).count }
    }
  }

  /// How many steps the memory for their tiles allows, judged by the last day: at least one.
  private func steps(
    _ catalogue: FeatureCatalogue, through last: Instant, on connection: Connection
  ) async throws -> Int {
    let row = try await connection.first(
      SQL(file: "queries/features/count_tiles_of_day.sql", days.lastDay(before: last)))
    let customers = max(1, Int(try row?.get("tiles", as: Int64.self) ?? 0))
    // A day enters and leaves each window once; of eight bytes each, about a third are there.
    let bytes = customers * max(1, catalogue.slots.count) * 2 * 8 / 3
    return max(1, Self.libraryBytes / bytes)
  }
}

import Features
import Schedules
import Warehouse

/// What an advance reads: tiles of whole days, late events, the beginning of the last day, and the
/// events of rings.
extension FeatureBuilder {
  func read(
    _ loader: TileLoader, _ asOf: Instant, late: [TileStore.Load], _ customers: CustomerChoice,
    on connection: Connection
  ) async throws {
    let sql = try await tiles.tileSQL(on: connection)
    let day = days.lastDay(before: asOf)
    let whole = days.isMidnight(asOf) ? day : day - 1
    for read in loader.tileReads {
      if let tiles = read.through(whole) {
        try await loader.load(
          sql.copyTiles(tiles, customers), measures: read.measures, on: connection)
      }
      if read.days.contains(day), whole < day {
        let first = zone.midnight(day)
        let events: SQL = """
          e.occurred_at >= \(first) AND e.occurred_at < \(asOf) AND \(fragment: Self.folded)
          """
        try await loader.load(
          sql.copyEvents(read.measures, day: "\(day)", where: events, customers),
          measures: read.measures, on: connection)
      }
    }
    try await readLate(loader, sql, late, customers, on: connection)
    try await readStreams(loader, sql, late: late, customers, on: connection)
  }

  static let folded: SQL =
    "EXISTS (SELECT FROM features.folded_load AS f WHERE f.load_id = e.load_id)"

  private func readLate(
    _ loader: TileLoader, _ sql: TileSQL, _ late: [TileStore.Load], _ customers: CustomerChoice,
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
        measures, day: sql.day(from: first, through: last), where: events, customers),
      measures: measures, as: .late, on: connection)
  }

  func readStreams(
    _ loader: TileLoader, _ sql: TileSQL, late: [TileStore.Load], _ customers: CustomerChoice,
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
            StreamSQL(sql, read), read, for: advance, where: loads, customers, on: connection)
        }
      }
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

import Columns
import Features
import Schedules
import Warehouse

extension FeatureBuilder {
  /// The features at the ends of several local days, from one pass over the tiles.
  ///
  /// Memory: one state per day; restrict the catalogue to the features needed.
  /// - Returns: one table per day, in the order given.
  public func build(
    _ catalogue: FeatureCatalogue, atEndsOf wanted: [Day]
  ) async throws -> [FeatureTable] {
    try await SharedSnapshot.read(pool) { snapshot in
      let connection = snapshot.connection
      try await check(catalogue, on: connection)
      let sql = try await tiles.tileSQL(on: connection)
      var populations: [IDIndex] = []
      var advances: [StateAdvance] = []
      for day in wanted {
        // Where a zone left out a date, its end is that of the day before.
        let asOf = days.end(of: day)
        let population = try await ProfileReader.population(
          asOf: asOf, .everyone, on: connection)
        populations.append(population)
        advances.append(
          try StateAdvance(nil, to: asOf, for: catalogue, days: days, index: population))
      }
      let loader = TileLoader(advances)
      for read in loader.tileReads {
        try await loader.load(
          sql.copyTiles(read, .everyone), measures: read.measures, on: connection)
      }
      try await readStreams(loader, sql, late: [], .everyone, on: connection)
      var tables: [FeatureTable] = []
      for (position, state) in try loader.finish().enumerated() {
        var table = FeatureTable(
          catalogue: catalogue, asOf: days.end(of: wanted[position]), zone: zone, state: state,
          population: populations[position])
        try await ProfileReader(catalogue).supply(&table, .everyone, on: connection)
        tables.append(table)
      }
      return tables
    }
  }
}

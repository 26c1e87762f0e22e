import Columns
import Features
import Schedules
import Warehouse

extension FeatureBuilder {
  /// The features of some customers at `asOf`, from the newest stored states that help, else from
  /// nothing; a row for each of them who was known then. Ranks are among everyone at the last local
  /// midnight. Scores are yet to be supplied.
  ///
  /// Of the stored states only what the catalogue needs is read.
  /// - Throws: as ``build(_:asOf:saving:by:)``.
  public func features(
    of customers: IDIndex, _ catalogue: FeatureCatalogue, asOf: Instant
  ) async throws -> FeatureTable {
    try await SharedSnapshot.read(pool) { snapshot in
      let connection = snapshot.connection
      let work = try await work(catalogue, asOf, by: .automatic, on: connection)
      var parts: [SweptState] = []
      for range in work.ranges {
        let some = customers.ids.filter(range.contains)
        if some.isEmpty { continue }
        var stored: StateStore.Stored?
        if let set = work.stored {
          stored = try await states.load(
            range, from: set, slots: catalogue.slots, rings: catalogue.rings.map(\.slot),
            on: connection)
        }
        parts.append(
          try await swept(
            &stored, catalogue, asOf, .only(some), everyone: work.stored?.customers,
            on: connection))
      }
      let state =
        try FeatureState.joined(parts.map(\.state)) ?? FeatureState(slots: [], index: IDIndex([]))
      var table = FeatureTable(
        catalogue: catalogue, asOf: asOf, zone: zone, state: state,
        population: parts.reduce(IDIndex([])) { $0.union($1.population) })
      if catalogue.isPopulationRelative {
        try table.fix(at: try await ranks(catalogue, asOf, snapshot))
      }
      try await ProfileReader(catalogue).supply(
        &table, .only(customers.ids), on: connection)
      return table
    }
  }
}

import Columns
import Features
import Schedules

/// The engine over events in memory: features of an instant by the same sweep as every road's.
package struct MemoryEngine {
  package let catalogue: FeatureCatalogue
  package let zone: Zone
  private var days: LocalDays { LocalDays(zone: zone) }

  package init(_ catalogue: FeatureCatalogue, zone: Zone) {
    self.catalogue = catalogue
    self.zone = zone
  }

  /// The state at an instant; from a state of an earlier midnight where one is given.
  package func state(
    _ base: FeatureState?, to asOf: Instant, _ events: [ShopEvent], _ population: [Int64]
  ) throws -> FeatureState {
    var advance = try StateAdvance(
      base, to: asOf, for: catalogue, days: days, index: IDIndex(population))
    let tiles = MemoryTiles(events, zone: zone, measures: catalogue.measures, before: asOf)
    for read in advance.tileReads { try advance.apply(tiles.batch(read)) }
    let streams = MemoryStreams(events, late: [])
    for read in advance.streamReads { advance.apply(streams.batch(read), of: read) }
    for read in advance.streamFollowUps { advance.apply(streams.batch(read), of: read) }
    return try advance.finish()
  }

  /// Everyone's features at an instant, built from nothing.
  package func table(
    _ events: [ShopEvent], asOf: Instant, population: [Int64]
  ) throws -> FeatureTable {
    FeatureTable(
      catalogue: catalogue, asOf: asOf, zone: zone,
      state: try state(nil, to: asOf, events, population), population: IDIndex(population))
  }

  /// The same from the state of the last midnight before, as the steps within a day do.
  package func stepped(
    _ events: [ShopEvent], asOf: Instant, population: [Int64]
  ) throws -> FeatureTable {
    let midnight = zone.midnight(days.lastDay(before: asOf))
    let night = try state(nil, to: midnight, events.filter { $0.at < midnight }, population)
    return FeatureTable(
      catalogue: catalogue, asOf: asOf, zone: zone,
      state: try state(night, to: asOf, events, population), population: IDIndex(population))
  }
}

extension ShopEvent {
  /// An event by hand.
  package init(
    _ number: Int, _ customer: Int64, _ kind: String, at: Instant, amount: Int64? = nil,
    quantity: Int64? = nil, item: String? = nil, properties: [String: ShopProperty] = [:]
  ) {
    self.init(
      eventID: number, customer: customer, kind: kind, at: at, amount: amount, quantity: quantity,
      arrives: Day(number: 0), item: item, properties: properties)
  }
}

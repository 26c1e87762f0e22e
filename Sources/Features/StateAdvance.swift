import Columns
import Schedules

/// Moves a state to an instant: the one way in which nightly steps, backfills and micro-batches
/// come to their features.
///
/// A caller gives the tiles of ``tileReads``, the late tiles of ``lateMeasures``, the events of
/// ``streamReads`` and then those of ``streamFollowUps``; all for the same customers, in any order.
/// At a local midnight the finished state can be kept and advanced again; within a day it serves to
/// read features and is thrown away.
public struct StateAdvance: Sendable {
  private var sweep: Sweep
  private var rings: RingSweep
  /// The instant of the features.
  public let asOf: Instant

  /// From a state, nil for a build from nothing, to `asOf`; the result holds what the catalogue
  /// needs and nothing else.
  ///
  /// - Parameters:
  ///   - index: the customers expected, where there is no state; others are added as they come.
  ///   - range: the number of the customer range, where there is no state.
  /// - Throws: ``FeatureError`` `features.not_later` where `asOf` is before the state's day.
  public init(
    _ state: FeatureState?, to asOf: Instant, for catalogue: FeatureCatalogue, days: LocalDays,
    index: IDIndex = IDIndex([]), range: Int = 0
  ) throws {
    try self.init(
      state, to: asOf, for: catalogue, days: days, index: index, range: range, fault: nil)
  }

  init(
    _ state: FeatureState?, to asOf: Instant, for catalogue: FeatureCatalogue, days: LocalDays,
    index: IDIndex, range: Int, fault: SweepFault?
  ) throws {
    self.asOf = asOf
    let day = days.lastDay(before: asOf)
    let slots = catalogue.slots
    sweep =
      if let state {
        try Sweep(advancing: state, slots: slots, to: day, fault: fault)
      } else {
        Sweep(
          FeatureState(slots: slots, index: index, range: range, values: slots.map { _ in [] }),
          to: day, fault: fault)
      }
    // Without the numbers: they would be copied when the first of them changes.
    rings = RingSweep(
      from: state?.withoutValues, needs: catalogue.rings, asOf: asOf, days: days, fault: fault)
  }

  /// The day whose end the state stood at; nil for a build from nothing.
  public var from: Day? { sweep.from }

  /// The tiles to give; see ``Sweep/reads``.
  public var tileReads: [TileRead] { sweep.reads }

  /// The tiles that several advances need together, each once.
  public static func tileReads(for advances: [StateAdvance]) -> [TileRead] {
    Sweep.reads(for: advances.map(\.sweep))
  }

  /// The measures whose late arrivals on days up to ``from`` are to be given.
  public var lateMeasures: [Measure] { sweep.lateMeasures }

  /// The events to give, first.
  public var streamReads: [StreamRead] { rings.reads }

  /// The events to give after all others: those of customers of late ones, again.
  public var streamFollowUps: [StreamRead] { rings.followUps }

  /// Counts tiles in.
  ///
  /// - Throws: ``FeatureError`` `features.overflow`.
  public mutating func apply(_ batch: TileBatch, as kind: Sweep.Rows = .tiles) throws {
    try sweep.apply(batch, as: kind)
  }

  /// Counts the kept tiles of one measure and day in; `rows` are the state's rows of their places.
  mutating func apply(
    _ cells: TileLibrary.Cells, of measure: Measure, on day: Int32, rows: [Int32]
  ) throws {
    try sweep.apply(cells, of: measure, on: day, rows: rows)
  }

  /// Counts events in.
  public mutating func apply(_ batch: StreamBatch, of read: StreamRead) {
    rings.apply(batch, of: read)
  }

  /// The state at `asOf`, once everything was given.
  ///
  /// - Throws: ``FeatureError`` `features.overflow`.
  public consuming func finish() throws -> FeatureState {
    let swept = sweep.finish()
    return try rings.finish(into: swept)
  }
}

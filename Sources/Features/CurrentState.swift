import Columns
import Schedules

/// Everyone's state within a local day, carried from micro-batch to micro-batch.
///
/// Windows of days that end today only grow within the day, so a batch adds its own events and reads
/// nothing of the past: neither tiles nor the events of batches before it. Rings are not in it.
///
/// Memory: 8 bytes per customer and slot.
public struct CurrentState: Sendable {
  /// The local day on which every window ends.
  public let day: Day
  private let slots: [StateSlot]
  private let index: IDIndex
  /// Rows of customers who came after the index was made; they follow the index's.
  private var laterRows: [Int64: Int] = [:]
  private var values: [[Int64]]

  /// Carries on from a state at an instant of a day.
  ///
  /// - Returns: nil for a state before any day.
  public init?(_ state: FeatureState) {
    guard let day = state.day else { return nil }
    self.day = day
    slots = state.slots
    index = state.index
    values = state.values
  }

  /// The state of some customers, all of them; those not seen before have had no events.
  public func state(of customers: IDIndex) -> FeatureState {
    var state = FeatureState(slots: slots, index: customers)
    state.day = day
    let rows = customers.ids.map { row(of: $0) }
    for position in slots.indices {
      let initial = slots[position].initial
      state.values[position] = values[position].withUnsafeBufferPointer { column in
        rows.map { $0.map { column[$0] } ?? initial }
      }
    }
    return state
  }

  /// Takes over what became of some customers.
  ///
  /// - Precondition: a state of the same day and slots.
  public mutating func take(_ state: FeatureState) {
    precondition(state.day == day && state.slots == slots, "a state of another day or other slots")
    let rows = state.index.ids.map { id -> Int in
      if let known = row(of: id) { return known }
      let row = index.count + laterRows.count
      laterRows[id] = row
      for position in values.indices { values[position].append(slots[position].initial) }
      return row
    }
    for position in values.indices {
      let column = state.values[position]
      values[position].withUnsafeMutableBufferPointer { mine in
        for (place, row) in rows.enumerated() { mine[row] = column[place] }
      }
    }
  }

  /// The state of some customers with the events of a batch added.
  ///
  /// - Parameter batch: per customer and day what was added, of days up to ``day``.
  /// - Throws: ``FeatureError`` `features.overflow`.
  public func advanced(_ customers: IDIndex, adding batch: TileBatch) throws -> FeatureState {
    // What comes late to days of the state counts in the windows that hold them; so does what comes
    // to the day itself.
    var sweep = try Sweep(advancing: state(of: customers), slots: slots, to: day)
    try sweep.apply(batch, as: .late)
    return sweep.finish()
  }

  private func row(of id: Int64) -> Int? { index.row(of: id) ?? laterRows[id] }
}

import Columns
import Schedules

/// What is known of every customer at the end of one local day: one number per slot.
///
/// Features are pure functions of a state. Customers without tiles need not be in it.
public struct FeatureState: Sendable, Equatable {
  /// The value of a last-day slot where there was never a day.
  public static let never = Int64.min

  /// The number of the customer range that the state covers; 0 where there is one range.
  public let range: Int
  /// The customers, one row each.
  public internal(set) var index: IDIndex
  /// The last whole day inside; nil before any day.
  public internal(set) var day: Day?
  /// The slots, distinct.
  public let slots: [StateSlot]
  /// One array per slot, one element per customer, scaled by the slot's measure.
  public internal(set) var values: [[Int64]]

  /// A state before any day, for customers who may get tiles.
  public init(slots: [StateSlot], index: IDIndex, range: Int = 0) {
    self.range = range
    self.index = index
    self.slots = slots
    values = slots.map { Array(repeating: $0.initial, count: index.count) }
  }

  /// A state from its parts, as stored.
  ///
  /// - Throws: ``FeatureError`` `features.damaged_state` where the counts differ.
  public init(range: Int, index: IDIndex, day: Day, columns: [(slot: StateSlot, values: [Int64])])
    throws
  {
    for column in columns where column.values.count != index.count {
      throw FeatureError(
        code: "features.damaged_state",
        message: "expected \(index.count) values of \(column.slot.name), "
          + "found \(column.values.count)")
    }
    self.range = range
    self.index = index
    self.day = day
    slots = columns.map(\.slot)
    values = columns.map(\.values)
  }

  /// The values of a slot, nil where the state lacks it.
  public func values(of slot: StateSlot) -> [Int64]? {
    slots.firstIndex(of: slot).map { values[$0] }
  }

  /// The same values over more customers; new rows are those of customers without events.
  ///
  /// - Precondition: `other` holds every customer of the state.
  public func reindexed(to other: IDIndex) -> FeatureState {
    guard other != index else { return self }
    let rows = index.rows(in: other)
    precondition(!rows.contains(-1), "an index that lacks customers of the state")
    var result = self
    result.index = other
    for (position, slot) in slots.enumerated() {
      var column = Array(repeating: slot.initial, count: other.count)
      for (row, target) in rows.enumerated() { column[target] = values[position][row] }
      result.values[position] = column
    }
    return result
  }
}

extension IDIndex {
  /// The customers of either index.
  public func union(_ other: IDIndex) -> IDIndex {
    if self == other || other.count == 0 { return self }
    if count == 0 { return other }
    var merged: [Int64] = []
    merged.reserveCapacity(Swift.max(count, other.count))
    var left = 0
    var right = 0
    while left < ids.count || right < other.ids.count {
      if right == other.ids.count || (left < ids.count && ids[left] < other.ids[right]) {
        merged.append(ids[left])
        left += 1
      } else {
        if left < ids.count, ids[left] == other.ids[right] { left += 1 }
        merged.append(other.ids[right])
        right += 1
      }
    }
    return merged == ids ? self : IDIndex(sorted: merged)
  }
}

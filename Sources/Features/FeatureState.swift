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
  /// What is kept by day.
  public internal(set) var rings: [RingColumn] = []
  /// The partial days of hour windows at the instant of the state; not kept.
  var edges: [RingEdge] = []

  /// A state before any day, for customers who may get tiles.
  public init(slots: [StateSlot], index: IDIndex, range: Int = 0) {
    self.range = range
    self.index = index
    self.slots = slots
    values = slots.map { Array(repeating: $0.initial, count: index.count) }
  }

  /// A state before any day with values of as many slots.
  init(slots: [StateSlot], index: IDIndex, range: Int, values: [[Int64]]) {
    self.range = range
    self.index = index
    self.slots = slots
    self.values = values
  }

  /// A state from its parts, as stored.
  ///
  /// - Throws: ``FeatureError`` `features.damaged_state` where the counts differ.
  public init(
    range: Int, index: IDIndex, day: Day, columns: [(slot: StateSlot, values: [Int64])],
    rings: [RingColumn] = []
  ) throws {
    for column in rings where column.ring.rows != index.count {
      throw FeatureError(
        code: "features.damaged_state",
        message: "expected \(index.count) rows of \(column.slot.name), found \(column.ring.rows)")
    }
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
    self.rings = rings
  }

  /// The values of a slot, nil where the state lacks it.
  public func values(of slot: StateSlot) -> [Int64]? {
    slots.firstIndex(of: slot).map { values[$0] }
  }

  /// The state as it is kept: without what belongs to one instant only.
  public var withoutEdges: FeatureState {
    var result = self
    result.edges = []
    return result
  }

  /// The ring of a slot, nil where the state lacks it.
  public func ring(of slot: RingSlot) -> RingColumn? { rings.first { $0.slot == slot } }

  /// The same values of some customers only; those that the state lacks are left out.
  public func restricted(to customers: IDIndex) -> FeatureState {
    let sources = customers.ids.compactMap { index.row(of: $0) }
    var result = self
    result.index = IDIndex(sorted: sources.map { index.ids[$0] })
    result.values = values.map { column in sources.map { column[$0] } }
    for position in rings.indices {
      result.rings[position].ring = rings[position].ring.rearranged(sources)
    }
    for position in edges.indices {
      result.edges[position].ring = edges[position].ring.rearranged(sources)
    }
    return result
  }

  /// The values of both states, which have the same slots and no customer in common.
  ///
  /// - Precondition: equal slots, rings and days.
  public func union(_ other: FeatureState) -> FeatureState {
    precondition(
      slots == other.slots && day == other.day && rings.map(\.slot) == other.rings.map(\.slot),
      "states of different slots or days")
    let all = index.union(other.index)
    var result = reindexed(to: all)
    let rows = other.index.rows(in: all)
    let theirs = other.reindexed(to: all)
    for position in slots.indices {
      for row in rows { result.values[position][row] = theirs.values[position][row] }
    }
    for position in rings.indices {
      result.rings[position].ring = result.rings[position].ring.union(
        theirs.rings[position].ring, mine: index.rows(of: all))
    }
    let keys =
      edges.map(\.key)
      + other.edges.map(\.key).filter { key in
        !edges.contains { $0.key == key }
      }
    let ours = reindexed(to: all).edges
    result.edges = keys.map { key in
      let empty = Ring(rows: all.count)
      let one = ours.first { $0.key == key }?.ring ?? empty
      let another = theirs.edges.first { $0.key == key }?.ring ?? empty
      return RingEdge(key: key, ring: one.union(another, mine: index.rows(of: all)))
    }
    return result
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
    let sources = other.rows(in: index)
    for position in rings.indices {
      result.rings[position].ring = rings[position].ring.rearranged(sources)
    }
    for position in edges.indices {
      result.edges[position].ring = edges[position].ring.rearranged(sources)
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

import Columns

/// The cells of a slot for every customer: per customer ascending in day, then in `a` for keys.
///
/// `starts[row] ..< starts[row + 1]` are a customer's entries.
public struct Ring: Sendable, Equatable {
  /// One entry's numbers; their meaning is the cell's.
  public struct Entry: Sendable, Equatable {
    /// Days since 1970-01-01; ``anyDay`` where days are given up.
    public var day: Int32
    /// The first number.
    public var a: Int64
    /// The second number.
    public var b: Int64
  }

  /// The day of entries that stand for all time.
  public static let anyDay = Int32.min

  /// `rows + 1` positions.
  public internal(set) var starts: [Int32]
  /// All entries.
  public internal(set) var entries: [Entry]

  /// A ring from its parts.
  ///
  /// - Throws: ``FeatureError`` `features.damaged_state` where they do not fit each other.
  public init(counts: [Int64], days: [Int64], a: [Int64], b: [Int64]) throws {
    var starts: [Int32] = [0]
    starts.reserveCapacity(counts.count + 1)
    for count in counts {
      guard let next = Int32(exactly: Int64(starts[starts.count - 1]) + count), count >= 0 else {
        throw Self.damaged
      }
      starts.append(next)
    }
    let total = Int(starts[starts.count - 1])
    guard days.count == total, a.count == total, b.count == total else { throw Self.damaged }
    self.starts = starts
    entries = try (0..<total).map { place in
      guard let day = Int32(exactly: days[place]) else { throw Self.damaged }
      return Entry(day: day, a: a[place], b: b[place])
    }
  }

  private static let damaged = FeatureError(
    code: "features.damaged_state", message: "expected a ring whose parts fit, found another",
    hint: "delete the stored state: it is rebuilt from the events")

  /// How many entries each customer has.
  public var counts: [Int64] {
    (0..<rows).map { Int64(starts[$0 + 1] - starts[$0]) }
  }

  /// A ring without entries.
  public init(rows: Int) {
    starts = Array(repeating: 0, count: rows + 1)
    entries = []
  }

  /// The number of customers.
  public var rows: Int { starts.count - 1 }

  /// The entries of a customer.
  @inline(__always)
  subscript(row: Int) -> ArraySlice<Entry> { entries[Int(starts[row])..<Int(starts[row + 1])] }

  /// The entries of rows that `mine` has (0 or more) from here, of the others from `other`.
  func union(_ other: Ring, mine: [Int]) -> Ring {
    var ring = Ring(rows: rows)
    for row in 0..<rows {
      ring.entries.append(contentsOf: mine[row] >= 0 ? self[row] : other[row])
      ring.starts[row + 1] = Int32(ring.entries.count)
    }
    return ring
  }

  /// The same entries over other rows: `sources[row]` is the old row, -1 for none.
  func rearranged(_ sources: [Int]) -> Ring {
    var ring = Ring(rows: sources.count)
    ring.entries.reserveCapacity(entries.count)
    for (row, source) in sources.enumerated() {
      if source >= 0 { ring.entries.append(contentsOf: self[source]) }
      ring.starts[row + 1] = Int32(ring.entries.count)
    }
    return ring
  }
}

/// A ring as it is kept in a state.
public struct RingColumn: Sendable, Equatable {
  /// What the entries are of.
  public let slot: RingSlot
  /// How many days up to the state's are covered; nil for all time.
  public let reach: Int?
  /// The entries.
  public internal(set) var ring: Ring

  /// A column from its parts.
  public init(slot: RingSlot, reach: Int?, ring: Ring) {
    self.slot = slot
    self.reach = reach
    self.ring = ring
  }

  /// The same entries over other rows: `sources[row]` is the old row, -1 for none.
  public func rearranged(_ sources: [Int]) -> RingColumn {
    RingColumn(slot: slot, reach: reach, ring: ring.rearranged(sources))
  }
}

/// An entry with its customer's row, before it is merged into a ring.
struct RingAddition {
  var row: Int32
  var entry: Ring.Entry
}

extension RingSlot {
  /// Whether entries of one day are told apart by `a`.
  private var hasKeys: Bool { if case .keys = cell { true } else { false } }

  /// Whether `left` comes before `right` in a ring, and not in its place.
  @inline(__always)
  private func precedes(_ left: Ring.Entry, _ right: Ring.Entry, _ hasKeys: Bool) -> Bool {
    if left.day != right.day { return left.day < right.day }
    return hasKeys && left.a < right.a
  }

  /// Two cells of one customer and day (and key) as one; nil where a sum leaves 64 bits.
  func combined(_ left: Ring.Entry, _ right: Ring.Entry) -> Ring.Entry? {
    var result = left
    switch cell {
    case .sum:
      let (sum, overflow) = left.a.addingReportingOverflow(right.a)
      if overflow { return nil }
      result.a = sum
    case .least: result.a = min(left.a, right.a)
    case .greatest: result.a = max(left.a, right.a)
    case .first: if (right.a, right.b) < (left.a, left.b) { result = right }
    case .last: if (right.a, right.b) > (left.a, left.b) { result = right }
    case .day: break
    case .keys: result.b += right.b
    case .sequence:
      result.a += right.a
      result.b = max(left.b, right.b)
    }
    return result
  }

  /// Merges additions into a ring, keeping of the ring what `keeps` says.
  ///
  /// - Parameter additions: of rows of the ring, in any order.
  /// - Throws: ``FeatureError`` `features.overflow`.
  func merge(
    _ ring: Ring, _ additions: inout [RingAddition], index: IDIndex,
    keeps: (Int, Ring.Entry) -> Bool
  ) throws -> Ring {
    let hasKeys = hasKeys
    if collapsesDays {
      for position in additions.indices { additions[position].entry.day = Ring.anyDay }
    }
    additions.sort { left, right in
      left.row != right.row ? left.row < right.row : precedes(left.entry, right.entry, hasKeys)
    }
    var result = Ring(rows: ring.rows)
    result.entries.reserveCapacity(ring.entries.count + additions.count)
    func append(_ entry: Ring.Entry, _ row: Int, _ start: Int) throws {
      guard result.entries.count > start, let last = result.entries.last,
        !precedes(last, entry, hasKeys)
      else { return result.entries.append(entry) }
      guard let sum = combined(last, entry) else {
        throw FeatureError.overflow("the \(name)", customer: index.ids[row])
      }
      result.entries[result.entries.count - 1] = sum
    }
    var next = 0
    for row in 0..<ring.rows {
      let start = result.entries.count
      for old in ring[row] where keeps(row, old) {
        while next < additions.count, Int(additions[next].row) == row,
          precedes(additions[next].entry, old, hasKeys)
        {
          try append(additions[next].entry, row, start)
          next += 1
        }
        try append(old, row, start)
      }
      while next < additions.count, Int(additions[next].row) == row {
        try append(additions[next].entry, row, start)
        next += 1
      }
      guard let end = Int32(exactly: result.entries.count) else {
        throw FeatureError(
          code: "features.ring_too_large",
          message: "expected fewer than 2^31 entries of \(name), found more",
          hint: "build by more customer ranges")
      }
      result.starts[row + 1] = end
    }
    return result
  }
}

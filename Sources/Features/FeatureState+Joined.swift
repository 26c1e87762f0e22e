import Columns

extension FeatureState {
  /// Several states of one instant and of distinct customers as one; nil of none.
  ///
  /// - Precondition: equal slots, rings and days; no customer is in two of them.
  /// - Throws: ``FeatureError`` `features.ring_too_large`.
  public static func joined(_ parts: [FeatureState]) throws -> FeatureState? {
    guard let first = parts.first else { return nil }
    if parts.count == 1 { return first }
    for part in parts {
      precondition(
        part.slots == first.slots && part.day == first.day
          && part.rings.map(\.slot) == first.rings.map(\.slot), "states of different slots or days")
    }
    // Spans of ids follow each other; what is cut by hashes has to be brought in order.
    let ids = parts.flatMap(\.index.ids)
    let order = isAscending(ids) ? nil : ids.indices.sorted { ids[$0] < ids[$1] }
    var result = FeatureState(
      slots: first.slots, index: IDIndex(sorted: order?.map { ids[$0] } ?? ids), range: 0,
      values: first.slots.indices.map { slot in
        let column = parts.flatMap { $0.values[slot] }
        return order?.map { column[$0] } ?? column
      })
    result.day = first.day
    result.rings = try first.rings.indices.map { place in
      let ring = try Ring.joined(parts.map { $0.rings[place].ring }, first.rings[place].slot)
      return RingColumn(
        slot: first.rings[place].slot, reach: first.rings[place].reach,
        ring: order.map { ring.rearranged($0) } ?? ring)
    }
    var keys: [RingEdge.Key] = []
    for edge in parts.flatMap(\.edges) where !keys.contains(edge.key) { keys.append(edge.key) }
    result.edges = try keys.map { key in
      let ring = try Ring.joined(
        parts.map { part in
          part.edges.first { $0.key == key }?.ring ?? Ring(rows: part.index.count)
        }, key.slot)
      return RingEdge(key: key, ring: order.map { ring.rearranged($0) } ?? ring)
    }
    return result
  }

  /// Only some of the slots and rings, in this order; those that the state lacks are left out.
  public func with(slots wanted: [StateSlot], rings wantedRings: [RingSlot]) -> FeatureState {
    let kept = wanted.filter(slots.contains)
    var result = FeatureState(
      slots: kept, index: index, range: range, values: kept.compactMap { values(of: $0) })
    result.day = day
    result.rings = wantedRings.compactMap { ring(of: $0) }
    result.edges = edges
    return result
  }

  private static func isAscending(_ ids: [Int64]) -> Bool {
    ids.indices.dropFirst().allSatisfy { ids[$0 - 1] < ids[$0] }
  }

  /// A state of the same customers without its numbers: what rings are moved from.
  var withoutValues: FeatureState {
    var result = FeatureState(slots: [], index: index, range: range, values: [])
    result.day = day
    result.rings = rings
    return result
  }

  /// About how much memory the state takes, in bytes.
  public var byteCount: Int {
    let rings = rings.map(\.ring) + edges.map(\.ring)
    return index.count * 8 * (slots.count + 1)
      + rings.reduce(0) {
        $0 + $1.starts.count * 4 + $1.entries.count * MemoryLayout<Ring.Entry>.stride
      }
  }
}

extension Ring {
  /// The rows of several rings, one after the other.
  static func joined(_ parts: [Ring], _ slot: RingSlot) throws -> Ring {
    var ring = Ring(rows: 0)
    ring.starts.reserveCapacity(parts.reduce(1) { $0 + $1.rows })
    ring.entries.reserveCapacity(parts.reduce(0) { $0 + $1.entries.count })
    for part in parts {
      guard let offset = Int32(exactly: ring.entries.count),
        !offset.addingReportingOverflow(part.starts[part.rows]).overflow
      else {
        throw FeatureError(
          code: "features.ring_too_large",
          message: "expected fewer than 2^31 entries of \(slot.name), found more",
          hint: "build by more customer ranges")
      }
      ring.entries.append(contentsOf: part.entries)
      ring.starts.append(contentsOf: part.starts.dropFirst().lazy.map { offset + $0 })
    }
    return ring
  }
}

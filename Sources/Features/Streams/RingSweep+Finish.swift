import Columns
import Schedules

/// What was read becomes rings.
extension RingSweep {
  /// Gives a state of the same instant its rings; customers that only they have are added.
  ///
  /// - Throws: ``FeatureError`` `features.overflow`.
  public consuming func finish(into swept: FeatureState) throws -> FeatureState {
    var found: Set<Int64> = []
    for move in moves {
      found.formUnion(move.additions.customers)
      found.formUnion(move.again.customers)
    }
    for pending in edges.values { found.formUnion(pending.customers) }
    let new = found.filter { swept.index.row(of: $0) == nil }
    var state = swept.reindexed(to: new.isEmpty ? swept.index : swept.index.union(IDIndex(new)))
    let index = state.index
    let sources = self.state.map { $0.index.rows(of: index) }
    state.rings = try moves.map { move in
      let ring = try ring(move, index, sources)
      return RingColumn(slot: move.need.slot, reach: move.need.reach, ring: ring)
    }
    state.edges = try edgeRings(index)
    return state
  }

  private func ring(_ move: Move, _ index: IDIndex, _ sources: [Int]?) throws -> Ring {
    let slot = move.need.slot
    let old =
      move.old.flatMap { column in sources.map { column.ring.rearranged($0) } }
      ?? Ring(rows: index.count)
    let first = move.start.number + (fault == .dropsFirstDay ? 1 : 0)
    guard slot.plan != nil else {
      var additions: [RingAddition] = []
      additions.reserveCapacity(move.additions.entries.count)
      for (position, entry) in move.additions.entries.enumerated() where entry.day >= first {
        additions.append(addition(move.additions.customers[position], entry, index))
      }
      return try slot.merge(old, &additions, index: index) { _, entry in
        slot.collapsesDays || (entry.day >= first && entry.day <= move.keeps.number)
      }
    }
    let late = Set(move.late.compactMap { index.row(of: $0) })
    let fresh = max(first, move.old == nil ? first : move.keeps.number + 1)
    var additions = sequences(move.additions, slot, index, skipping: move.late) {
      $0 >= fresh
    }
    additions += sequences(move.again, slot, index, skipping: []) { $0 >= first }
    return try slot.merge(old, &additions, index: index) { row, entry in
      entry.day >= first && entry.day <= move.keeps.number && !late.contains(row)
    }
  }

  private func addition(_ customer: Int64, _ entry: Ring.Entry, _ index: IDIndex) -> RingAddition {
    RingAddition(row: Int32(index.row(of: customer) ?? 0), entry: entry)
  }

  /// The sequences in pending events, as cells of the days that `wants` wants.
  private func sequences(
    _ pending: Pending, _ slot: RingSlot, _ index: IDIndex, skipping: Set<Int64>,
    within bounds: (from: Int64, to: Int64)? = nil, wants: (Int32) -> Bool
  ) -> [RingAddition] {
    guard let plan = slot.plan else { return [] }
    var byCustomer: [Int64: [SequenceSearch.Event]] = [:]
    for (position, customer) in pending.customers.enumerated() where !skipping.contains(customer) {
      byCustomer[customer, default: []].append(pending.events[position])
    }
    let search = SequenceSearch(plan: plan, asOf: asOf.microseconds, fault: fault)
    var additions: [RingAddition] = []
    for (customer, events) in byCustomer {
      var events = events
      var found = search(&events)
      if let bounds { found.removeAll { $0.at < bounds.from || $0.at >= bounds.to } }
      for (one, day) in zip(found, zone.numbers(of: found.map(\.at))) where wants(day) {
        let entry = Ring.Entry(day: day, a: one.isComplete ? 1 : 0, b: one.depth)
        additions.append(addition(customer, entry, index))
      }
    }
    return additions
  }

  private func edgeRings(_ index: IDIndex) throws -> [RingEdge] {
    var additions: [RingEdge.Key: [RingAddition]] = [:]
    for (edge, pending) in edges {
      let key = RingEdge.Key(slot: edge.slot, window: edge.window)
      if edge.slot.plan != nil {
        additions[key, default: []] += sequences(
          pending, edge.slot, index, skipping: [],
          within: (edge.from.microseconds, edge.to.microseconds)
        ) { _ in true }
      } else {
        additions[key, default: []] += zip(pending.customers, pending.entries).map {
          addition($0, $1, index)
        }
      }
    }
    return try additions.map { key, additions in
      var additions = additions
      let ring = try key.slot.merge(Ring(rows: index.count), &additions, index: index) { _, _ in
        true
      }
      return RingEdge(key: key, ring: ring)
    }
  }
}

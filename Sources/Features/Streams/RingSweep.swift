import Columns
import Schedules

/// Moves the rings of a state to an instant, from events.
///
/// 1. A ring that the state has, and that covers the days still needed, is kept up to the day from
///    which something can have changed: its last day, or for a sequence the day on which one that
///    was open at the state's end can have begun. Other rings start from nothing.
/// 2. Events after that are read once and reduced to cells: a day, ninety days and a day's
///    beginning are one path. Days before the longest window are dropped.
/// 3. What came late to days that are kept is merged into their cells; sequences are searched again
///    over all days of the customers concerned (``followUps``, after the other reads).
/// 4. The partial days of hour windows are read for themselves and are not kept.
public struct RingSweep: Sendable {
  /// What becomes of one ring.
  private struct Move {
    let need: RingNeed
    /// The state's ring; nil for a build from nothing.
    let old: RingColumn?
    /// The first day that a window needs; ``DaySpan/unbounded`` for all time.
    let start: Day
    /// The last day taken over from the old ring.
    let keeps: Day
    /// Cells that were read.
    var additions = Pending()
    /// For a sequence: customers to whom something came late.
    var late: Set<Int64> = []
    /// For a sequence: the events of those customers, all of them.
    var again = Pending()
  }

  /// What was read for one slot, by customer.
  private struct Pending {
    var customers: [Int64] = []
    var entries: [Ring.Entry] = []
    var events: [SequenceSearch.Event] = []
  }

  private struct Edge: Hashable {
    let slot: RingSlot
    let window: Window
    let from: Instant
    let to: Instant
  }

  private var moves: [Move]
  private var edges: [Edge: Pending] = [:]
  private let state: FeatureState?
  private let asOf: Instant
  private let zone: LocalDays
  private let target: Day
  private let fault: SweepFault?

  /// A sweep that takes the rings of a state, nil for none, to `asOf`.
  public init(from state: FeatureState?, needs: [RingNeed], asOf: Instant, days: LocalDays) {
    self.init(from: state, needs: needs, asOf: asOf, days: days, fault: nil)
  }

  init(
    from state: FeatureState?, needs: [RingNeed], asOf: Instant, days: LocalDays,
    fault: SweepFault?
  ) {
    self.state = state
    self.asOf = asOf
    self.fault = fault
    zone = days
    target = days.lastDay(before: asOf)
    let target = target
    moves = needs.map { need in
      let start = need.reach.map { target - ($0 - 1) } ?? DaySpan.unbounded
      guard let state, let last = state.day, let old = state.ring(of: need.slot),
        start > last || old.reach.map({ last - ($0 - 1) <= start }) ?? true
      else {
        return Move(need: need, old: nil, start: start, keeps: DaySpan.unbounded)
      }
      var keeps = last
      if let plan = need.slot.plan, days.end(of: last) != asOf, fault != .forgetsOpenSequences {
        let open = Instant(microseconds: days.end(of: last).microseconds - plan.horizon)
        keeps = min(last, days.day(of: open) - 1)
      }

      return Move(need: need, old: old, start: start, keeps: keeps)
    }
  }

  // MARK: What to read

  /// The events that the sweep needs, without those of ``followUps``.
  public var reads: [StreamRead] {
    var groups: [StreamRead: [RingSlot]] = [:]
    func add(_ slot: RingSlot, _ from: Instant?, _ to: Instant, _ purpose: StreamRead.Purpose) {
      if let from, from >= to { return }
      groups[StreamRead(from: from, to: to, slots: [], purpose: purpose), default: []].append(slot)
    }
    for move in moves {
      let slot = move.need.slot
      let next = fault == .keepsOneDayMore ? move.keeps : move.keeps + 1
      let first = move.old == nil ? move.start : max(move.start, next)
      add(slot, first == DaySpan.unbounded ? nil : zone.zone.midnight(first), asOf, .entering)
      if move.old != nil, move.start <= move.keeps, let last = state?.day {
        add(
          slot, move.start == DaySpan.unbounded ? nil : zone.zone.midnight(move.start),
          slot.plan == nil ? zone.end(of: move.keeps) : zone.end(of: last), .late)
      }
      for window in move.need.windows {
        for edge in WindowParts(window, asOf: asOf, days: zone).edges {
          let horizon = slot.plan?.horizon ?? 0
          let late: Int64 = fault == .edgeTakesItsEnd ? 1 : 0
          let early: Int64 = fault == .edgeLosesItsStart ? 1 : 0
          let from = Instant(microseconds: edge.from.microseconds + early)
          let until = Instant(microseconds: edge.to.microseconds + late)
          let to = Instant(microseconds: until.microseconds + horizon)
          add(slot, from, min(to, asOf), .edge(window, until: until))
        }
      }
    }
    return Self.ordered(groups)
  }

  /// The events that are to be read again for customers of late ones; known after ``reads``.
  public var followUps: [StreamRead] {
    var groups: [StreamRead: [RingSlot]] = [:]
    for move in moves where !move.late.isEmpty {
      let from = move.start == DaySpan.unbounded ? nil : zone.zone.midnight(move.start)
      let read = StreamRead(
        from: from, to: asOf, slots: [], purpose: .again(customers: move.late.sorted()))
      groups[read, default: []].append(move.need.slot)
    }
    return Self.ordered(groups)
  }

  private static func ordered(_ groups: [StreamRead: [RingSlot]]) -> [StreamRead] {
    groups.map { read, slots in
      StreamRead(from: read.from, to: read.to, slots: slots, purpose: read.purpose)
    }.sorted { left, right in
      let (one, other) = (left.from?.microseconds ?? .min, right.from?.microseconds ?? .min)
      if one != other { return one < other }
      if left.to != right.to { return left.to < right.to }
      return left.slots[0].name < right.slots[0].name
    }
  }

  // MARK: Rows

  /// Counts the rows of a read in.
  public mutating func apply(_ batch: StreamBatch, of read: StreamRead) {
    if batch.count == 0 || (fault == .dropsLate && read.purpose == .late) { return }
    let days = zone.numbers(of: batch.times)
    for slot in read.slots {
      guard let position = moves.firstIndex(where: { $0.need.slot == slot }) else { continue }
      let cells = CellReader(slot, batch.shape, fault)
      switch read.purpose {
      case .entering: cells.read(batch, days, &moves[position].additions)
      case .late:
        if slot.plan == nil {
          cells.read(batch, days, &moves[position].additions)
        } else {
          var found = Pending()
          cells.read(batch, days, &found)
          moves[position].late.formUnion(found.customers)
        }
      case .again: cells.read(batch, days, &moves[position].again)
      case .edge(let window, let until):
        guard let from = read.from else { continue }
        let edge = Edge(slot: slot, window: window, from: from, to: until)
        cells.read(batch, days, &edges[edge, default: Pending()])
      }
    }
  }

  /// Turns the rows of a batch into cells of a slot, or into events of a sequence.
  private struct CellReader {
    let slot: RingSlot
    let filters: [RowFilter]
    let number: Int?
    let key: Int?
    /// 1, but for a deliberate fault.
    let sign: Int64

    init(_ slot: RingSlot, _ shape: StreamShape, _ fault: SweepFault?) {
      self.slot = slot
      sign = fault == .ringSubtracts ? -1 : 1
      filters = slot.filters.map { RowFilter($0, shape) }
      number = slot.number.flatMap { shape.numbers.firstIndex(of: $0) }
      key = slot.key.flatMap { shape.keys.firstIndex(of: $0) }
    }

    func read(_ batch: StreamBatch, _ days: [Int32], _ pending: inout Pending) {
      let words = batch.shape.words
      for row in 0..<batch.count {
        var key: Int64 = 0
        if let column = self.key {
          key = batch.keys[row * batch.shape.keys.count + column]
          if key == 0 { continue }
        }
        if slot.plan != nil {
          var steps: UInt32 = 0
          for step in filters.indices where filters[step].passes(batch, row, words) {
            steps |= 1 << UInt32(step)
          }
          if steps == 0 { continue }
          pending.customers.append(batch.customers[row])
          pending.events.append(
            SequenceSearch.Event(at: batch.times[row], steps: steps, key: key))
          continue
        }
        guard filters[0].passes(batch, row, words) else { continue }
        var value: Int64 = 0
        if let number {
          value = batch.numbers[row * batch.shape.numbers.count + number]
          if value == StreamBatch.absent { continue }
        }
        let day = days[row]
        let entry: Ring.Entry
        switch slot.cell {
        case .sum(let what):
          entry = Ring.Entry(day: day, a: sign * (what == .count ? 1 : value), b: 0)
        case .least, .greatest: entry = Ring.Entry(day: day, a: value, b: 0)
        case .first, .last: entry = Ring.Entry(day: day, a: batch.times[row], b: value)
        case .day: entry = Ring.Entry(day: day, a: 0, b: 0)
        case .keys: entry = Ring.Entry(day: day, a: key, b: 1)
        case .sequence: continue
        }
        pending.customers.append(batch.customers[row])
        pending.entries.append(entry)
      }
    }
  }

  // MARK: The end

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

/// The cells of the partial days of a window of hours; not kept.
struct RingEdge: Sendable, Equatable {
  struct Key: Hashable, Sendable {
    let slot: RingSlot
    let window: Window
  }
  let key: Key
  var ring: Ring
}

extension IDIndex {
  /// For each row of `other`, its row in `self`, or -1.
  func rows(of other: IDIndex) -> [Int] { other.rows(in: self) }
}

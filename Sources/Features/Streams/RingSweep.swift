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
  struct Move {
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
  struct Pending {
    var customers: [Int64] = []
    var entries: [Ring.Entry] = []
    var events: [SequenceSearch.Event] = []
  }

  struct Edge: Hashable {
    let slot: RingSlot
    let window: Window
    let from: Instant
    let to: Instant
  }

  var moves: [Move]
  var edges: [Edge: Pending] = [:]
  let state: FeatureState?
  let asOf: Instant
  let zone: LocalDays
  private let target: Day
  let fault: SweepFault?

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

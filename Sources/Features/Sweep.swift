import Columns
import Schedules

/// Moves a state from the end of one day to the end of a later one.
///
/// 1. Each slot has an old window and a new one. A slot the state lacks, and one whose windows
///    overlap too little, starts from nothing: its old window is empty.
/// 2. A tile on day d counts `+1` where only the new window holds d (it entered), `-1` where only
///    the old one does (it left), else 0. So a full build, a nightly step and a jump are one path.
/// 3. What arrived late, on days of the state that lie in a slot's old window, counts `+1`.
///
/// All three are sums, so rows may come in any order. A last day is a running maximum, a first one
/// a running minimum.
public struct Sweep: Sendable {
  /// What a batch of rows holds.
  public enum Rows: Sendable {
    /// Whole tiles, as they stand now, each (customer, day, measure) that ``reads`` asks for once.
    case tiles
    /// Only what was added to tiles of days up to the state's day since the state was made.
    case late
  }

  /// One slot's windows.
  struct Move: Sendable {
    var old: DaySpan
    var new: DaySpan

    @inline(__always)
    func holds(_ span: DaySpan, _ day: Int32) -> Bool {
      span.first.number <= day && day <= span.last.number
    }
    @inline(__always)
    func sign(_ day: Int32) -> Int { (holds(new, day) ? 1 : 0) - (holds(old, day) ? 1 : 0) }
  }

  private var state: FeatureState
  let moves: [Move]
  private let target: Day
  private let fault: SweepFault?
  /// Customers found in tiles but not in the state's index: their rows follow the index's.
  private var extraRows: [Int64: Int] = [:]
  private var extraIDs: [Int64] = []

  /// A sweep that builds slots from nothing up to the end of `day`.
  ///
  /// `index` holds the customers expected in the tiles; others are added as they come.
  public init(building slots: [StateSlot], index: IDIndex, to day: Day, range: Int = 0) {
    self.init(FeatureState(slots: slots, index: index, range: range), to: day, fault: nil)
  }

  /// A sweep that takes a state to the end of `day` and holds exactly `slots` there: slots that the
  /// state lacks are built, slots it has besides are dropped.
  ///
  /// - Throws: ``FeatureError`` `features.not_later` where `day` is before the state's.
  public init(advancing state: FeatureState, slots: [StateSlot], to day: Day) throws {
    try self.init(advancing: state, slots: slots, to: day, fault: nil)
  }

  init(advancing state: FeatureState, slots: [StateSlot], to day: Day, fault: SweepFault?) throws {
    if let from = state.day, day < from {
      throw FeatureError(
        code: "features.not_later",
        message: "expected a day from \(from), where the state stands, found \(day)",
        hint: "start from an earlier state or from nothing")
    }
    // What the state lacks is filled in below.
    var start = FeatureState(
      slots: slots, index: state.index, range: state.range, values: slots.map { _ in [] })
    start.day = state.day
    var known: Set<StateSlot> = []
    for (position, slot) in slots.enumerated() {
      guard let values = state.values(of: slot) else { continue }
      start.values[position] = values
      known.insert(slot)
    }
    self.init(start, known: known, to: day, fault: fault)
  }

  init(_ state: FeatureState, known: Set<StateSlot> = [], to day: Day, fault: SweepFault?) {
    self.fault = fault
    target = day
    var state = state
    var moves: [Move] = []
    for (position, slot) in state.slots.enumerated() {
      let new = Self.span(slot, day, fault)
      guard let from = state.day, known.contains(slot),
        !Self.restarts(slot, from: from, to: day)
      else {
        state.values[position] = Array(repeating: slot.initial, count: state.index.count)
        moves.append(Move(old: .empty, new: new))
        continue
      }
      var old = Self.span(slot, from, fault)
      if slot.window.length != .lifetime, day > from {
        if fault == .keepsFirstLeavingDay { old = DaySpan(first: old.first + 1, last: old.last) }
        if fault == .leavesOneDayMore { old = DaySpan(first: old.first - 1, last: old.last) }
      }
      moves.append(Move(old: old, new: new))
    }
    self.moves = moves
    self.state = state
  }

  /// Whether a slot is cheaper built from nothing than moved: what enters and leaves is no less
  /// than the window.
  private static func restarts(_ slot: StateSlot, from: Day, to: Day) -> Bool {
    guard slot.window.length != .lifetime else { return false }
    // Only windows of days have slots here; those of minutes are read from rings.
    let old = slot.window.span(endingOn: from)
    let new = slot.window.span(endingOn: to)
    let moved = old.symmetricDifference(new).reduce(0) { $0 + $1.first.distance(to: $1.last) + 1 }
    return moved > new.first.distance(to: new.last) + 1
  }

  private static func span(_ slot: StateSlot, _ day: Day, _ fault: SweepFault?) -> DaySpan {
    let span = slot.window.span(endingOn: day)
    switch fault {
    case .windowStartsEarly where slot.window.length != .lifetime:
      return DaySpan(first: span.first - 1, last: span.last)
    case .windowStartsLate where slot.window.length != .lifetime:
      return DaySpan(first: span.first + 1, last: span.last)
    case .windowEndsEarly: return DaySpan(first: span.first, last: span.last - 1)
    case .previousEndsLate where slot.window.previous > 0:
      return DaySpan(first: span.first, last: span.last + 1)
    default: return span
    }
  }

  // MARK: What to read

  /// The tiles that the sweep needs: disjoint in days, ascending.
  public var reads: [TileRead] { Self.reads(for: [self]) }

  /// The tiles that several sweeps need together, each once.
  public static func reads(for sweeps: [Sweep]) -> [TileRead] {
    var needed: [TileRead] = []
    for sweep in sweeps {
      for (slot, move) in zip(sweep.state.slots, sweep.moves) {
        for span in move.old.symmetricDifference(move.new) {
          needed.append(TileRead(days: span, measures: [slot.measure]))
        }
      }
    }
    return TileRead.united(needed)
  }

  /// The measures whose late arrivals the sweep needs; empty for a build from nothing.
  public var lateMeasures: [Measure] {
    Set(zip(state.slots, moves).filter { !$0.1.old.isEmpty }.map(\.0.measure)).sorted()
  }

  /// The day whose end the state stood at; nil for a build from nothing.
  public var from: Day? { state.day }

  // MARK: Rows

  /// Counts rows in; measures and days that no slot needs are passed over.
  ///
  /// - Throws: ``FeatureError`` `features.overflow` where a total leaves 64 bits.
  public mutating func apply(_ batch: TileBatch, as kind: Rows = .tiles) throws {
    if kind == .late, fault == .dropsLate { return }
    let rows = rowNumbers(of: batch.ids)
    let width = batch.measures.count
    for position in state.slots.indices {
      let slot = state.slots[position]
      guard let column = batch.measures.firstIndex(of: slot.measure) else { continue }
      let move = kind == .tiles ? moves[position] : late(moves[position])
      let failed = state.values[position].withUnsafeMutableBufferPointer { target in
        switch slot.fold {
        case .sum: Self.add(batch, column, width, rows, move, into: target, fault, kind)
        case .lastDay:
          Self.extend(batch, column, width, rows, move, into: target, first: fault == .firstDay)
        case .firstDay:
          Self.extend(batch, column, width, rows, move, into: target, first: fault != .firstDay)
        }
      }
      if let failed {
        throw FeatureError.overflow("the \(slot.measure)", customer: batch.ids[failed])
      }
    }
  }

  /// The move that counts a late row: `+1` on the days of the old window.
  private func late(_ move: Move) -> Move {
    if fault == .subtractsLate { return Move(old: move.old, new: .empty) }
    return Move(old: .empty, new: fault == .lateIntoNewWindow ? move.new : move.old)
  }

  /// Adds and subtracts one column; returns the first batch row whose total overflowed.
  @inline(__always)
  private static func add(
    _ batch: TileBatch, _ column: Int, _ width: Int, _ rows: [Int32], _ move: Move,
    into target: UnsafeMutableBufferPointer<Int64>, _ fault: SweepFault?, _ kind: Rows
  ) -> Int? {
    let addsLeaving = fault == .addsLeavingDays && kind == .tiles
    let subtractsEntering = fault == .subtractsEnteringDays && kind == .tiles
    return batch.values.withUnsafeBufferPointer { values in
      var at = column
      for row in rows.indices {
        let value = values[at]
        at += width
        if value == 0 { continue }
        var sign = move.sign(batch.days[row])
        if sign == 0 { continue }
        if addsLeaving { sign = 1 }
        if subtractsEntering { sign = -1 }
        let place = Int(rows[row])
        let (sum, overflow) =
          sign > 0
          ? target[place].addingReportingOverflow(value)
          : target[place].subtractingReportingOverflow(value)
        if overflow { return row }
        target[place] = sum
      }
      return nil
    }
  }

  /// Moves one column to the last or first day with a positive value; never fails.
  @inline(__always)
  private static func extend(
    _ batch: TileBatch, _ column: Int, _ width: Int, _ rows: [Int32], _ move: Move,
    into target: UnsafeMutableBufferPointer<Int64>, first: Bool
  ) -> Int? {
    for row in rows.indices where batch.values[row * width + column] > 0 {
      let day = batch.days[row]
      guard move.sign(day) > 0 else { continue }
      let place = Int(rows[row])
      if first, target[place] != FeatureState.never {
        target[place] = min(target[place], Int64(day))
      } else {
        target[place] = max(target[place], Int64(day))
      }
    }
    return nil
  }

  private mutating func rowNumbers(of ids: [Int64]) -> [Int32] {
    var rows = [Int32](repeating: 0, count: ids.count)
    for position in ids.indices {
      let id = ids[position]
      if let row = state.index.row(of: id) {
        rows[position] = Int32(row)
      } else {
        rows[position] = Int32(extraRow(id))
      }
    }
    return rows
  }

  private mutating func extraRow(_ id: Int64) -> Int {
    if let row = extraRows[id] { return row }
    let row = state.index.count + extraIDs.count
    extraRows[id] = row
    extraIDs.append(id)
    for position in state.slots.indices {
      state.values[position].append(state.slots[position].initial)
    }
    return row
  }

  /// Counts the kept tiles of one measure and day in; `rows` are the state's rows of their places.
  ///
  /// - Throws: ``FeatureError`` `features.overflow` where a total leaves 64 bits.
  mutating func apply(
    _ cells: TileLibrary.Cells, of measure: Measure, on day: Int32, rows: [Int32]
  ) throws {
    for position in state.slots.indices where state.slots[position].measure == measure {
      let slot = state.slots[position]
      let sign = moves[position].sign(day)
      if sign == 0 { continue }
      let failed = state.values[position].withUnsafeMutableBufferPointer { target -> Int32? in
        switch slot.fold {
        case .sum where sign > 0:
          return cells.first { place, value in
            let row = Int(rows[Int(place)])
            let (sum, overflow) = target[row].addingReportingOverflow(value)
            if !overflow { target[row] = sum }
            return overflow
          }
        case .sum:
          return cells.first { place, value in
            let row = Int(rows[Int(place)])
            let (sum, overflow) = target[row].subtractingReportingOverflow(value)
            if !overflow { target[row] = sum }
            return overflow
          }
        case .lastDay, .firstDay:
          if sign < 0 { return nil }
          let isFirst = slot.fold == .firstDay
          return cells.first { place, value in
            let row = Int(rows[Int(place)])
            if value > 0 {
              let isEarlier = isFirst && target[row] != FeatureState.never
              target[row] =
                isEarlier ? min(target[row], Int64(day)) : max(target[row], Int64(day))
            }
            return false
          }
        }
      }
      if let failed {
        throw FeatureError.overflow(
          "the \(measure)", customer: state.index.ids[Int(rows[Int(failed)])])
      }
    }
  }

  // MARK: The end

  /// The state at the end of the target day, once every row was applied.
  public consuming func finish() -> FeatureState {
    var state = self.state
    state.day = target
    guard !extraIDs.isEmpty else { return state }
    let merged = state.index.union(IDIndex(extraIDs))
    let order = merged.ids.map { state.index.row(of: $0) ?? extraRows[$0] ?? 0 }
    state.index = merged
    for position in state.slots.indices {
      let old = state.values[position]
      state.values[position] = order.map { old[$0] }
    }
    return state
  }
}

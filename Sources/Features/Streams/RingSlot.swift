import Schedules

/// What is kept of each customer's days because it cannot be added and subtracted: the greatest
/// amount of each day, which products, which sequences began.
///
/// A slot is a filter and a cell. A *ring* holds, for every customer, the cells of the days that
/// the longest window reaches; any window over the slot is a fold over some of them, so a day that
/// leaves needs no search. All-time slots without days of their own hold one cell per customer and
/// key. The cells of the beginnings of hour windows ("edges") are made from events and not kept.
public struct RingSlot: Sendable, Hashable {
  /// What a day is reduced to; `a` and `b` are the two numbers of an ``Ring``'s entry.
  public enum Cell: Sendable, Hashable {
    /// `a`: the count or sum, for windows of hours.
    case sum(Measure.Value)
    /// `a`: the least number.
    case least(EventNumber)
    /// `a`: the greatest number.
    case greatest(EventNumber)
    /// `a`: when, `b`: the number of the first event that has one; the least where two tie.
    case first(EventNumber)
    /// `a`: when, `b`: the number of the last event that has one; the greatest where two tie.
    case last(EventNumber)
    /// That there was an event.
    case day
    /// An entry per key: `a` the key's hash, `b` the number of events.
    case keys(EventKey)
    /// `a`: how many sequences that began on the day were completed; `b`: the furthest step.
    case sequence(SequencePlan)
  }

  /// The events that count; of a sequence those of the first step.
  public let filter: EventFilter
  /// What a day is reduced to.
  public let cell: Cell
  /// Whether all time is kept, else the reach of the longest window.
  public let isLifetime: Bool

  /// A slot.
  public init(_ filter: EventFilter, _ cell: Cell, isLifetime: Bool) {
    self.filter = filter
    self.cell = cell
    self.isLifetime = isLifetime
  }

  /// The slot of a sequence.
  init(_ plan: SequencePlan, isLifetime: Bool) {
    self.init(plan.steps[0].filter, .sequence(plan), isLifetime: isLifetime)
  }

  /// The steps of a sequence; nil for other cells.
  public var plan: SequencePlan? {
    if case .sequence(let plan) = cell { plan } else { nil }
  }

  /// The filters of the events that the slot reads: several for a sequence.
  public var filters: [EventFilter] { plan?.steps.map(\.filter) ?? [filter] }

  /// The number that the slot reads; nil where it reads none.
  public var number: EventNumber? {
    switch cell {
    case .sum(let value): value.number
    case .least(let number), .greatest(let number), .first(let number), .last(let number): number
    case .day, .keys, .sequence: nil
    }
  }

  /// The key that the slot reads; nil where it reads none.
  public var key: EventKey? {
    switch cell {
    case .keys(let key): key
    case .sequence(let plan): plan.same
    case .sum, .least, .greatest, .first, .last, .day: nil
    }
  }

  /// Whether days are given up: an all-time slot that needs only one cell per customer and key.
  var collapsesDays: Bool {
    guard isLifetime else { return false }
    switch cell {
    case .sum, .least, .greatest, .first, .last, .keys: return true
    case .day, .sequence: return false
    }
  }

  /// A stable name, the key of the stored column.
  public var name: String {
    let text = "\(cell.name) of \(filter)\(isLifetime ? ", all time" : "")"
    guard text.utf8.count > 180 else { return "ring: \(text)" }
    let hash = String(Checksum.of(Array(text.utf8)), radix: 16)
    return "ring: \(text.prefix(120)) \(hash)"
  }
}

extension RingSlot.Cell {
  /// A stable name that tells cells apart.
  var name: String {
    switch self {
    case .sum(let value): "sum \(value.rawValue)"
    case .least(let number): "least \(number.name)"
    case .greatest(let number): "greatest \(number.name)"
    case .first(let number): "first \(number.name)"
    case .last(let number): "last \(number.name)"
    case .day: "days"
    case .keys(let key): "keys \(key.name)"
    case .sequence(let plan): "sequence \(plan)"
    }
  }
}

/// Events that follow each other.
///
/// A step's event comes strictly later than the one of the step before it and less than `within`
/// after it. A negated last step is met where no such event comes, which is known, and true, only
/// once `within` has passed: an event exactly `within` later is too late to prevent it.
public struct SequencePlan: Sendable, Hashable, CustomStringConvertible {
  /// One step.
  public struct Step: Sendable, Hashable {
    /// The events that make the step.
    public let filter: EventFilter
    /// Microseconds after the step before; 0 for the first step.
    public let within: Int64
    /// Whether no such event may come; the last step only.
    public let negated: Bool

    /// A step.
    public init(_ filter: EventFilter, within: Int64, negated: Bool = false) {
      self.filter = filter
      self.within = within
      self.negated = negated
    }
  }

  /// Two steps or more.
  public let steps: [Step]
  /// What all events must share; nil where any will do. Events without it make no step.
  public let same: EventKey?

  /// A plan.
  public init(_ steps: [Step], same: EventKey? = nil) {
    self.steps = steps
    self.same = same
  }

  /// How long after its beginning a sequence can still change, in microseconds.
  public var horizon: Int64 { steps.reduce(0) { $0 + $1.within } }

  /// A stable text.
  public var description: String {
    steps.map { step in
      let gap = step.within > 0 ? " within \(step.within)" : ""
      return "\(step.negated ? "not " : "")\(step.filter)\(gap)"
    }.joined(separator: " then ") + (same.map { " same \($0.name)" } ?? "")
  }
}

/// A slot with what the features of a catalogue need of it.
public struct RingNeed: Sendable, Hashable {
  /// The slot.
  public let slot: RingSlot
  /// The most local days that a window touches, today included; nil for all time.
  public let reach: Int?
  /// The windows of minutes and hours, whose partial days are read from events.
  public let windows: [Window]

  /// A need.
  public init(_ slot: RingSlot, reach: Int?, windows: [Window] = []) {
    self.slot = slot
    self.reach = reach
    self.windows = windows
  }
}

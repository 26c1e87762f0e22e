import Schedules

/// Which columns rows of events must have for some slots.
public struct StreamShape: Sendable, Hashable {
  /// The event kinds, sorted.
  public let kinds: [String]
  /// The conditions, each a bit of a row.
  public let conditions: [Condition]
  /// The numbers.
  public let numbers: [EventNumber]
  /// The keys.
  public let keys: [EventKey]

  /// What the slots read.
  public init(_ slots: [RingSlot]) {
    let filters = slots.flatMap(\.filters)
    kinds = Set(filters.flatMap(\.kinds)).sorted()
    conditions = Set(filters.compactMap(\.condition)).map { (text: "\($0)", condition: $0) }
      .sorted { $0.text < $1.text }.map(\.condition)
    numbers = Set(slots.compactMap(\.number)).sorted()
    keys = Set(slots.compactMap(\.key)).sorted()
  }

  /// How many words of 62 bits hold the conditions.
  public var words: Int { (conditions.count + 61) / 62 }
}

/// Rows of events with what their slots read.
public struct StreamBatch: Sendable {
  /// The columns.
  public let shape: StreamShape
  /// One customer per row.
  public var customers: [Int64] = []
  /// Microseconds since 1970.
  public var times: [Int64] = []
  /// The position of the kind in the shape.
  public var kinds: [Int32] = []
  /// `rows x words`: the conditions that are true.
  public var bits: [Int64] = []
  /// `rows x numbers`, scaled; ``absent`` where there is none.
  public var numbers: [Int64] = []
  /// `rows x keys`: ``EventKey/hash(_:)``; 0 where there is none.
  public var keys: [Int64] = []

  /// A number that an event lacks.
  public static let absent = Int64.min

  /// An empty batch.
  public init(shape: StreamShape) { self.shape = shape }

  /// The number of rows.
  public var count: Int { customers.count }

  /// Drops the rows and keeps the memory.
  public mutating func removeAll() {
    customers.removeAll(keepingCapacity: true)
    times.removeAll(keepingCapacity: true)
    kinds.removeAll(keepingCapacity: true)
    bits.removeAll(keepingCapacity: true)
    numbers.removeAll(keepingCapacity: true)
    keys.removeAll(keepingCapacity: true)
  }
}

/// Events that a sweep must be given: `[from, to)`, of the kinds and conditions of the slots.
public struct StreamRead: Sendable, Hashable {
  /// What the events are for.
  public enum Purpose: Sendable, Hashable {
    /// Days that enter, from all events known.
    case entering
    /// Days of the state, from the loads that came since only.
    case late
    /// The part of a day at a bound of a window of hours; sequences begin before `until`.
    case edge(Window, until: Instant)
    /// All the days of sequences again, for customers to whom something came late.
    case again(customers: [Int64])
  }

  /// The first instant; nil for the first event.
  public let from: Instant?
  /// The end, exclusive.
  public let to: Instant
  /// The slots that read them.
  public let slots: [RingSlot]
  /// What for.
  public let purpose: Purpose

  /// The columns to give.
  public var shape: StreamShape { StreamShape(slots) }
}

/// Finds the rows of a batch that pass a filter.
struct RowFilter {
  private var kinds: [Bool]
  private var word = -1
  private var bit: Int64 = 0

  init(_ filter: EventFilter, _ shape: StreamShape) {
    kinds = shape.kinds.map { filter.kinds.contains($0) }
    if let condition = filter.condition, let place = shape.conditions.firstIndex(of: condition) {
      word = place / 62
      bit = 1 << Int64(place % 62)
    }
  }

  @inline(__always)
  func passes(_ batch: StreamBatch, _ row: Int, _ words: Int) -> Bool {
    guard kinds[Int(batch.kinds[row])] else { return false }
    return word < 0 || batch.bits[row * words + word] & bit != 0
  }
}

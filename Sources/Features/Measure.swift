/// One additive number per customer and local day: a column of `facts.customer_day`.
public struct Measure: Sendable, Hashable {
  /// What is added up.
  public enum Value: Sendable, Hashable {
    /// Events; scale 0.
    case count
    /// The events' `amount`; scale 4, absent counts as nothing.
    case amount
    /// The events' `quantity`; scale 0, absent counts as nothing.
    case quantity
    /// A numeric property; scale 4, absent counts as nothing.
    case property(String)

    /// A stable name: `count`, `amount`, `quantity`, `properties.seconds`.
    public var rawValue: String { number?.name ?? "count" }

    /// The value of a stable name; nil for another.
    public init?(rawValue: String) {
      if rawValue == "count" {
        self = .count
      } else {
        guard let number = EventNumber(name: rawValue) else { return nil }
        self.init(number)
      }
    }

    /// The sum of a number.
    public init(_ number: EventNumber) {
      switch number {
      case .amount: self = .amount
      case .quantity: self = .quantity
      case .property(let name): self = .property(name)
      }
    }

    /// What is summed up; nil where events are counted.
    public var number: EventNumber? {
      switch self {
      case .count: nil
      case .amount: .amount
      case .quantity: .quantity
      case .property(let name): .property(name)
      }
    }
  }

  /// The events that count.
  public let filter: EventFilter
  /// What is added up.
  public let value: Value

  /// A measure over events of any of the kinds.
  public init(_ value: Value, of kinds: [String], where condition: Condition? = nil) {
    self.init(value, of: EventFilter(kinds, where: condition))
  }

  /// A measure over the events of a filter.
  public init(_ value: Value, of filter: EventFilter) {
    self.value = value
    self.filter = filter
  }

  /// The event kinds that count, sorted, distinct, at least one.
  public var kinds: [String] { filter.kinds }

  /// The decimal scale: values are stored as `value * 10^scale`.
  public var scale: Int { value.number?.scale ?? 0 }

  /// The column in `facts.customer_day`: the definition itself; with a condition, over 63 bytes or
  /// with other letters it is shortened with a hash.
  public var columnName: String {
    let value = value.rawValue
    let full = kinds.joined(separator: "_or_") + "_" + value
    let plain = value.utf8.allSatisfy { $0 == 95 || (97...122).contains($0) }
    guard full.utf8.count > 63 || filter.condition != nil || !plain else { return full }
    let exact = full + (filter.condition.map { " where \($0)" } ?? "")
    let hash = String(Checksum.of(Array(exact.utf8)), radix: 16)
    let padded = String(repeating: "0", count: 16 - hash.count) + hash
    let end = plain ? value : "property"
    let start = plain ? full : kinds.joined(separator: "_or_") + "_" + end
    // A plain name with a condition keeps its value at the end, after the hash.
    let head = full.utf8.count > 63 || !plain ? start : kinds.joined(separator: "_or_")
    return String(head.prefix(63 - 17 - end.utf8.count - 1)) + "_\(padded)_\(end)"
  }
}

extension Measure: Comparable {
  /// By column name, so that every listing has one order.
  public static func < (left: Measure, right: Measure) -> Bool {
    left.columnName < right.columnName
  }
}

extension Measure: CustomStringConvertible {
  /// In words: `count of purchase`, `amount of purchase or refund where quantity > 1`.
  public var description: String { "\(value.rawValue) of \(filter)" }
}

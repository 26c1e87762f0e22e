/// One additive number per customer and local day: a column of `facts.customer_day`.
public struct Measure: Sendable, Hashable {
  /// What is added up.
  public enum Value: String, Sendable, Hashable, CaseIterable {
    /// Events; scale 0.
    case count
    /// The events' `amount`; scale 4, absent counts as nothing.
    case amount
    /// The events' `quantity`; scale 0, absent counts as nothing.
    case quantity
  }

  /// The event kinds that count, sorted, distinct, at least one.
  public let kinds: [String]
  /// What is added up.
  public let value: Value

  /// A measure over events of any of the kinds.
  public init(_ value: Value, of kinds: [String]) {
    self.value = value
    self.kinds = Array(Set(kinds)).sorted()
  }

  /// The decimal scale: values are stored as `value * 10^scale`.
  public var scale: Int { value == .amount ? 4 : 0 }

  /// The column in `facts.customer_day`: the definition itself, shortened with a hash over 63 bytes.
  public var columnName: String {
    let full = kinds.joined(separator: "_or_") + "_" + value.rawValue
    guard full.utf8.count > 63 else { return full }
    let hash = String(Checksum.of(Array(full.utf8)), radix: 16)
    let padded = String(repeating: "0", count: 16 - hash.count) + hash
    return String(full.prefix(63 - 17 - value.rawValue.count - 1)) + "_\(padded)_\(value.rawValue)"
  }
}

extension Measure: Comparable {
  /// By column name, so that every listing has one order.
  public static func < (left: Measure, right: Measure) -> Bool {
    left.columnName < right.columnName
  }
}

extension Measure: CustomStringConvertible {
  /// In words: `count of purchase`, `amount of purchase or refund`.
  public var description: String { "\(value.rawValue) of \(kinds.joined(separator: " or "))" }
}

/// A number that an event carries.
public enum EventNumber: Sendable, Hashable, Comparable {
  /// The event's `amount`, money of scale 4.
  case amount
  /// The event's `quantity`, whole.
  case quantity
  /// A property that is a JSON number, rounded to 4 decimals; other values count as absent.
  case property(String)

  /// As it is written: `amount`, `quantity`, `properties.seconds`.
  public var name: String {
    switch self {
    case .amount: "amount"
    case .quantity: "quantity"
    case .property(let name): "properties.\(name)"
    }
  }

  /// The number of that name; nil for another.
  public init?(name: String) {
    switch name {
    case "amount": self = .amount
    case "quantity": self = .quantity
    default:
      guard let property = EventKey.property(of: name) else { return nil }
      self = .property(property)
    }
  }

  /// The decimal scale: values are kept as `value * 10^scale`.
  public var scale: Int { self == .quantity ? 0 : 4 }

  /// By name.
  public static func < (left: EventNumber, right: EventNumber) -> Bool { left.name < right.name }
}

/// A text by which events are told apart: which product, which page.
public enum EventKey: Sendable, Hashable, Comparable {
  /// The event's `item`.
  case item
  /// A property, whatever its type, as text; JSON null counts as absent.
  case property(String)

  /// As it is written: `item`, `properties.page`.
  public var name: String {
    switch self {
    case .item: "item"
    case .property(let name): "properties.\(name)"
    }
  }

  /// The key of that name; nil for another.
  public init?(name: String) {
    if name == "item" {
      self = .item
    } else {
      guard let property = Self.property(of: name) else { return nil }
      self = .property(property)
    }
  }

  static func property(of name: String) -> String? {
    let prefix = "properties."
    guard name.hasPrefix(prefix), name.count > prefix.count else { return nil }
    return String(name.dropFirst(prefix.count))
  }

  /// By name.
  public static func < (left: EventKey, right: EventKey) -> Bool { left.name < right.name }

  /// The 64-bit hash by which the engine tells keys apart; never 0, which stands for none.
  ///
  /// Two of a customer's thousand keys collide with a chance below one in 10^13.
  public static func hash(_ bytes: some Collection<UInt8>) -> Int64 {
    let hash = Int64(bitPattern: Checksum.of(bytes))
    return hash == 0 ? 1 : hash
  }
}

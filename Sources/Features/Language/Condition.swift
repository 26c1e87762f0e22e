/// What events must be like to count; three-valued, and only what is true counts.
///
/// A test of something absent is unknown, and so is its negation: `is missing` asks for it.
public indirect enum Condition: Sendable, Hashable {
  /// All hold.
  case all([Condition])
  /// At least one holds.
  case any([Condition])
  /// The other one is false.
  case not(Condition)
  /// A field compares so with a value of its type.
  case test(Field, Comparison, Literal)
  /// A field equals one of the values.
  case among(Field, [Literal])
  /// A field is absent.
  case missing(Field)

  /// What an event has.
  public enum Field: Sendable, Hashable {
    /// `quantity`.
    case quantity
    /// `amount`.
    case amount
    /// `item`.
    case item
    /// `properties.NAME`.
    case property(String)

    /// As it is written.
    public var name: String {
      switch self {
      case .quantity: "quantity"
      case .amount: "amount"
      case .item: "item"
      case .property(let name): "properties.\(name)"
      }
    }

    static let plain = ["item", "quantity", "amount", "properties.NAME"]
  }

  /// How a field compares with a value.
  public enum Comparison: String, Sendable, Hashable, CaseIterable {
    /// The same.
    case equal = "="
    /// Another.
    case unequal = "!="
    /// More.
    case greater = ">"
    /// As much or more.
    case atLeast = ">="
    /// Less.
    case less = "<"
    /// As much or less.
    case atMost = "<="
  }

  /// A value; a property of another type than the value's is unknown.
  public enum Literal: Sendable, Hashable {
    /// A text; compared as bytes.
    case text(String)
    /// A number times 10^4.
    case number(Int64)
    /// `true` or `false`.
    case boolean(Bool)
  }
}

extension Condition: CustomStringConvertible {
  /// The condition as ``ConditionParser`` reads it; equal conditions have equal texts.
  public var description: String {
    switch self {
    case .all(let parts): parts.map { "(\($0))" }.joined(separator: " and ")
    case .any(let parts): parts.map { "(\($0))" }.joined(separator: " or ")
    case .not(let part): "not (\(part))"
    case .test(let field, let comparison, let literal):
      "\(field.name) \(comparison.rawValue) \(literal)"
    case .among(let field, let literals):
      "\(field.name) in [\(literals.map(\.description).joined(separator: ", "))]"
    case .missing(let field): "\(field.name) is missing"
    }
  }
}

extension Condition.Literal: CustomStringConvertible {
  /// The value as it is written.
  public var description: String {
    switch self {
    case .text(let text):
      "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        + "'"
    case .number(let value): Decimal4.text(value)
    case .boolean(let value): value ? "true" : "false"
    }
  }
}

/// Decimals of scale 4 and their texts.
public enum Decimal4 {
  /// `12.5` as 125000; nil for anything but a plain decimal with at most four decimals.
  public static func parse(_ text: String) -> Int64? {
    let negative = text.hasPrefix("-")
    let parts = text.dropFirst(negative ? 1 : 0)
      .split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = parts.count == 2 ? parts[1] : ""
    guard let whole = parts.first, !whole.isEmpty, fraction.count <= 4,
      (whole + fraction).utf8.allSatisfy({ 48...57 ~= $0 }), parts.count == 1 || !fraction.isEmpty
    else { return nil }
    let digits = whole + fraction + String(repeating: "0", count: 4 - fraction.count)
    return Int64((negative ? "-" : "") + digits)
  }

  /// `12.5` for 125000.
  static func text(_ value: Int64) -> String {
    let digits = String(value.magnitude)
    let padded = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    var text = padded.dropLast(4) + "." + padded.suffix(4)
    while text.hasSuffix("0") { text = text.dropLast() }
    if text.hasSuffix(".") { text = text.dropLast() }
    return (value < 0 ? "-" : "") + text
  }
}

/// The events that something is about: of any of the kinds, and like the condition.
public struct EventFilter: Sendable, Hashable {
  /// Sorted, distinct, at least one.
  public let kinds: [String]
  /// What else must hold; nil where the kind is enough.
  public let condition: Condition?

  /// The events of any of the kinds, as far as they are like the condition.
  public init(_ kinds: [String], where condition: Condition? = nil) {
    self.kinds = Array(Set(kinds)).sorted()
    self.condition = condition
  }
}

extension EventFilter: CustomStringConvertible {
  /// In words: `purchase or refund where amount > 5`.
  public var description: String {
    kinds.joined(separator: " or ") + (condition.map { " where \($0)" } ?? "")
  }
}

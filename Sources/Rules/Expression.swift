import Schedules

/// Text that is equal to another only byte by byte (`String`'s `==` takes NFC and NFD for equal).
public struct ByteText: Sendable, Hashable, Comparable {
  /// The text.
  public let string: String

  /// A text.
  public init(_ string: String) { self.string = string }

  /// Equal bytes.
  public static func == (left: ByteText, right: ByteText) -> Bool {
    RuleText.same(left.string, right.string)
  }

  /// Hashes the bytes.
  public func hash(into hasher: inout Hasher) {
    var string = string
    string.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    hasher.combine(UInt8(0xFF))
  }

  /// Order of the bytes, as `COLLATE "C"`.
  public static func < (left: ByteText, right: ByteText) -> Bool {
    RuleText.precedes(left.string, right.string)
  }
}

/// An operand whose type fits its attribute.
public enum RuleValue: Sendable, Hashable {
  /// A number in the attribute's own unit: a ratio of 70 % is 0.7.
  case number(ExactDecimal)
  /// A percentage for top and bottom: 20 for 20 %.
  case percent(ExactDecimal)
  /// Text.
  case text(ByteText)
  /// A truth value.
  case boolean(Bool)
  /// A day.
  case day(Day)
  /// An instant.
  case instant(Instant)
  /// A local day against an instant: `[start, end)`.
  case localDay(Day, start: Instant, end: Instant)
}

/// One checked comparison of an attribute.
public struct Condition: Sendable, Hashable {
  /// The attribute.
  public let attribute: Attribute
  /// What is asked.
  public let `operator`: Operator
  /// The operands, as many as the operator takes.
  public let operands: [RuleValue]
  /// Whether null counts as true in place of unknown.
  public let orMissing: Bool
}

/// A checked rule: one tree behind YAML, JSON and short strings.
public indirect enum Expression: Sendable, Hashable {
  /// True where every part is true; never empty.
  case all([Expression])
  /// True where a part is true; never empty.
  case any([Expression])
  /// True where the part is false, unknown where it is unknown.
  case not(Expression)
  /// A comparison.
  case condition(Condition)
  /// The verdict of another segment's rule, turned round for `not_member_of`.
  case segment(String, isMember: Bool)
}

extension Expression {
  /// Calls `body` with every part, outermost first.
  func visit(_ body: (Expression) -> Void) {
    body(self)
    switch self {
    case .all(let parts), .any(let parts): for part in parts { part.visit(body) }
    case .not(let part): part.visit(body)
    case .condition, .segment: break
    }
  }

  /// The attributes it tests, each once, by name.
  public var attributes: [Attribute] {
    var found: [String: Attribute] = [:]
    visit {
      if case .condition(let condition) = $0 {
        found[condition.attribute.name] = condition.attribute
      }
    }
    return found.values.sorted { $0.name < $1.name }
  }

  /// The segments it refers to, each once, by name.
  public var references: [String] {
    var found: Set<String> = []
    visit { if case .segment(let name, _) = $0 { found.insert(name) } }
    return found.sorted()
  }
}

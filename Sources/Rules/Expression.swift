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
  /// A length of time before the as-of.
  case span(TimeSpan)
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
  /// Whether texts are compared with their case folded.
  public let foldsCase: Bool
  /// Among whom `top` and `bottom` count; nil for everyone. Who is outside is not a member.
  public let population: Expression?

  init(
    attribute: Attribute, operator: Operator, operands: [RuleValue], orMissing: Bool = false,
    foldsCase: Bool = false, population: Expression? = nil
  ) {
    self.attribute = attribute
    self.operator = `operator`
    self.operands = operands
    self.orMissing = orMissing
    self.foldsCase = foldsCase
    self.population = population
  }
}

/// A weighted sum of conditions against a threshold.
///
/// A true part adds its weight, a false one nothing. Where parts are unknown, the score is true if the
/// least possible sum reaches the threshold, false if the greatest does not, else unknown.
public struct Score: Sendable, Hashable {
  /// One condition and what it adds.
  public struct Part: Sendable, Hashable {
    /// The condition.
    public let condition: Expression
    /// What it adds where it is true; not zero, may be negative.
    public let weight: ExactDecimal

    /// A condition and what it adds.
    public init(condition: Expression, weight: ExactDecimal) {
      self.condition = condition
      self.weight = weight
    }
  }

  /// The parts; never empty.
  public let parts: [Part]
  /// The sum from which it is true.
  public let threshold: ExactDecimal
  /// For members of the last midnight, the lower sum from which it stays true; nil for none.
  public let leaveBelow: ExactDecimal?

  /// A sum of at least one part.
  public init(parts: [Part], threshold: ExactDecimal, leaveBelow: ExactDecimal? = nil) {
    self.parts = parts
    self.threshold = threshold
    self.leaveBelow = leaveBelow
  }
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
  /// A weighted sum of conditions.
  case score(Score)
  /// Whether the rule of a segment was true at one of the midnights of a window that ends before the
  /// as-of; never unknown.
  case wasMember(String, within: TimeSpan)
}

extension Expression {
  /// Calls `body` with every part, outermost first.
  func visit(_ body: (Expression) -> Void) {
    body(self)
    switch self {
    case .all(let parts), .any(let parts): for part in parts { part.visit(body) }
    case .not(let part): part.visit(body)
    case .score(let score): for part in score.parts { part.condition.visit(body) }
    case .condition(let condition): condition.population?.visit(body)
    case .segment, .wasMember: break
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

  /// The segments whose past it asks about, each once, by name.
  public var pastReferences: [String] {
    var found: Set<String> = []
    visit { if case .wasMember(let name, _) = $0 { found.insert(name) } }
    return found.sorted()
  }

  /// Whether a score in it is easier to stay in than to enter, so that it asks who was a member.
  public var hasHysteresis: Bool {
    var found = false
    visit { if case .score(let score) = $0, score.leaveBelow != nil { found = true } }
    return found
  }
}

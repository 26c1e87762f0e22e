/// A pattern of `matches`: the regular expressions that one pass over a text decides.
///
/// - a character is itself; `\` before a sign takes its meaning away; `\t`, `\n`, `\r`, `\uXXXX`
/// - `.` is any character, a line's end too
/// - `[a-z_]`, `[^0-9]`: one of these characters, none of them; `\d` is `[0-9]`, `\w` `[A-Za-z0-9_]`,
///   `\s` a blank, tab or line's end, `\D`, `\W`, `\S` the others
/// - `( )` and `(?: )` group, `|` is or
/// - `*`, `+`, `?`, `{2}`, `{2,}`, `{2,5}` repeat, up to 255 times
/// - `^` and `$` are the ends of the whole text
///
/// A text matches where a part of it does. There are no back-references and no look-around, so that the
/// time is linear in the text, whatever the pattern. PostgreSQL's `~` says the same of ``sql``.
public struct TextPattern: Sendable, Hashable {
  /// The pattern as it was written.
  public let source: String
  let root: PatternNode

  /// The most states of the automaton, so that a small pattern cannot ask for much memory.
  static let limitOfStates = 5_000

  /// Reads a pattern.
  ///
  /// - Throws: ``PatternFault`` with the place in the pattern.
  public init(_ source: String) throws(PatternFault) {
    var reader = PatternReader(source)
    let root = try reader.pattern()
    self.init(source: source, root: root)
    guard let size = root.size, size <= Self.limitOfStates else {
      throw PatternFault(
        offset: 0,
        message: "expected a pattern of at most \(Self.limitOfStates) states, found more",
        hint: "repeat less, or write a shorter pattern")
    }
  }

  private init(source: String, root: PatternNode) {
    self.source = source
    self.root = root
  }

  /// The same pattern for PostgreSQL's `~`: only what both read alike.
  public var sql: String { root.text }

  /// The pattern for texts whose case is folded.
  var folded: TextPattern {
    let root = self.root.folded
    return TextPattern(source: root.text, root: root)
  }

  /// The automaton, which remembers what it has seen; not for several threads at once.
  func matcher() -> PatternMatcher { PatternMatcher(PatternProgram(root)) }

  /// Whether a part of the text is as the pattern says.
  public func matches(_ text: String) -> Bool { matcher().matches(text) }

  /// Equal as written.
  public static func == (left: TextPattern, right: TextPattern) -> Bool {
    RuleText.same(left.source, right.source)
  }

  /// Hashes what was written.
  public func hash(into hasher: inout Hasher) { hasher.combine(ByteText(source)) }
}

/// What is wrong with a pattern.
public struct PatternFault: Error, Sendable, Hashable {
  /// The scalar at which it stands, from 0.
  public let offset: Int
  /// What was expected and what was found.
  public let message: String
  /// What to do; nil where that is plain.
  public let hint: String?
}

/// A pattern as a tree.
indirect enum PatternNode: Sendable, Hashable {
  case empty
  /// One scalar out of a set.
  case set(ScalarSet)
  case sequence([PatternNode])
  case choice([PatternNode])
  /// `most` is nil for no bound.
  case repeated(PatternNode, least: Int, most: Int?)
  case start
  case end

  /// The states that it takes, nil beyond all measure.
  var size: Int? {
    switch self {
    case .empty, .start, .end: return 1
    case .set(let set): return set.size
    case .sequence(let parts), .choice(let parts):
      var total = parts.count
      for part in parts {
        guard let size = part.size else { return nil }
        total += size
        if total > TextPattern.limitOfStates { return nil }
      }
      return total
    case .repeated(let part, let least, let most):
      guard let size = part.size else { return nil }
      let times = max(1, most ?? least + 1)
      let (total, overflow) = (size + 1).multipliedReportingOverflow(by: times)
      return overflow || total > TextPattern.limitOfStates ? nil : total
    }
  }

  /// The pattern in a spelling that this reader and PostgreSQL's both know.
  var text: String {
    switch self {
    case .empty: return "(?:)"
    case .set(let set): return set.text
    case .sequence(let parts):
      return parts.map { part in
        if case .choice = part { return "(?:\(part.text))" }
        if case .sequence = part { return "(?:\(part.text))" }
        return part.text
      }.joined()
    case .choice(let parts):
      return parts.map { part in
        if case .choice = part { return "(?:\(part.text))" }
        return part.text
      }.joined(separator: "|")
    case .repeated(let part, let least, let most):
      let isOne = if case .set = part { true } else { false }
      let body = isOne ? part.text : "(?:\(part.text))"
      switch (least, most) {
      case (0, nil): return body + "*"
      case (1, nil): return body + "+"
      case (0, 1): return body + "?"
      case (let least, nil): return body + "{\(least),}"
      case (let least, let most?) where least == most: return body + "{\(least)}"
      case (let least, let most?): return body + "{\(least),\(most)}"
      }
    case .start: return "^"
    case .end: return "$"
    }
  }

  var folded: PatternNode {
    switch self {
    case .empty, .start, .end: self
    case .set(let set): .set(set.folded)
    case .sequence(let parts): .sequence(parts.map(\.folded))
    case .choice(let parts): .choice(parts.map(\.folded))
    case .repeated(let part, let least, let most):
      .repeated(part.folded, least: least, most: most)
    }
  }
}

/// A set of Unicode scalars as ranges; perhaps those outside them.
struct ScalarSet: Sendable, Hashable {
  /// Ascending, with gaps between them; without surrogates and NUL.
  let ranges: [ClosedRange<UInt32>]
  let isNegated: Bool

  static let any = ScalarSet([], isNegated: true)
  static let digits: [ClosedRange<UInt32>] = [48...57]
  static let word: [ClosedRange<UInt32>] = [48...57, 65...90, 95...95, 97...122]
  static let space: [ClosedRange<UInt32>] = [9...13, 32...32]
  private static let all: [ClosedRange<UInt32>] = [1...0xD7FF, 0xE000...0x10FFFF]

  init(_ ranges: [ClosedRange<UInt32>], isNegated: Bool = false) {
    self.ranges = Self.merged(ranges)
    self.isNegated = isNegated
  }

  private static func merged(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      for legal in all {
        let low = max(range.lowerBound, legal.lowerBound)
        let high = min(range.upperBound, legal.upperBound)
        guard low <= high else { continue }
        if let last = result.last, low <= last.upperBound + 1 {
          result[result.count - 1] = last.lowerBound...max(last.upperBound, high)
        } else {
          result.append(low...high)
        }
      }
    }
    return result
  }

  static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 1
    for range in merged(ranges) {
      if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
      next = range.upperBound + 1
    }
    if next <= 0x10FFFF { result.append(next...0x10FFFF) }
    return merged(result)
  }

  /// The scalars in it.
  var members: [ClosedRange<UInt32>] { isNegated ? Self.complement(ranges) : ranges }

  /// The states that its bytes take.
  var size: Int {
    let sequences = members.flatMap(UTF8Ranges.sequences)
    return sequences.reduce(max(1, sequences.count) - 1) { $0 + $1.count }
  }

  var text: String {
    if isNegated, ranges.isEmpty { return "." }
    if !isNegated, ranges.count == 1, let only = ranges.first, only.count == 1 {
      return Self.escaped(only.lowerBound)
    }
    let body = ranges.map { range in
      range.count == 1
        ? Self.escaped(range.lowerBound)
        : Self.escaped(range.lowerBound) + "-" + Self.escaped(range.upperBound)
    }.joined()
    return "[\(isNegated ? "^" : "")\(body)]"
  }

  private static func escaped(_ value: UInt32) -> String {
    guard let scalar = Unicode.Scalar(value) else { return "" }
    let isSign =
      scalar.isASCII && value > 32 && value < 127
      && !(scalar.properties.isAlphabetic || (value >= 48 && value <= 57))
    return (isSign ? "\\" : "") + String(Character(scalar))
  }

  /// The set with the lower-case forms of what it names: texts that are folded hold no others.
  var folded: ScalarSet {
    let lower = CaseFolding.pairs.filter { pair in ranges.contains { $0.contains(pair.upper) } }
    return ScalarSet(ranges + lower.map { $0.lower...$0.lower }, isNegated: isNegated)
  }
}

import Schedules

/// How a column holds its values as ordered Int64.
enum Representation: Hashable {
  /// Multiples of `10^-scale`.
  case scaled(Int)
  /// Keys of doubles (``RealKey``).
  case real
  /// Days since 1970.
  case day
  /// Microseconds since 1970.
  case instant
}

/// What is asked of one value that is not null; the positive form, see ``LoweredCondition``.
enum ValueTest: Hashable {
  /// The value's Int64 is in a set.
  case ranges(RangeSet)
  /// The text fulfils a test.
  case text(TextTest)
  /// The truth value is one of these.
  case boolean(Set<Bool>)
  /// There is no value.
  case missing
}

/// A condition as a positive test, so that `x = 3` and `x != 3` share their work.
struct LoweredCondition {
  var test: ValueTest
  var isNegated: Bool
}

/// The values that a percentile operator selects, once its cut is known.
typealias Cut = RangeSet

extension Condition {
  /// The condition over a column of a representation (nil for text and truth values).
  ///
  /// `cut` gives the selected values of the percentile operators, `moment` what the relative ones count
  /// back from; without it they select nothing.
  func lowered(
    _ representation: Representation?, cut: Cut? = nil, moment: RuleMoment? = nil
  ) -> LoweredCondition {
    switch `operator` {
    case .isMissing: return LoweredCondition(test: .missing, isNegated: false)
    case .isPresent: return LoweredCondition(test: .missing, isNegated: true)
    case .topPercent, .bottomPercent, .topCount, .bottomCount:
      return LoweredCondition(test: .ranges(cut ?? .none), isNegated: false)
    case .withinLast, .notWithinLast:
      return LoweredCondition(
        test: .ranges(moment.map { window(at: $0) } ?? .none),
        isNegated: `operator` == .notWithinLast)
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between, .isIn,
      .notIn, .contains, .startsWith, .endsWith, .matches, .before, .after, .memberOf,
      .notMemberOf, .wasMemberOf:
      break
    }
    let isNegated = `operator` == .notEqual || `operator` == .notIn
    switch attribute.type {
    case .boolean:
      return LoweredCondition(
        test: .boolean(Set(operands.map { $0 == .boolean(true) })), isNegated: isNegated)
    case .text:
      return LoweredCondition(test: .text(TextTest(self)), isNegated: isNegated)
    case .number, .real, .day, .instant:
      return LoweredCondition(
        test: .ranges(ranges(representation ?? attribute.representation ?? .scaled(0))),
        isNegated: isNegated)
    }
  }

  /// The days or instants of the time before a moment.
  private func window(at moment: RuleMoment) -> RangeSet {
    guard case .span(let span) = operands.first else { return .none }
    if attribute.type == .day {
      return RangeSet(
        from: Int128(span.firstDay(endingWith: moment.day).number), to: Int128(moment.day.number))
    }
    let (from, before) = moment.window(span)
    return RangeSet(from: Int128(from.microseconds), to: Int128(before.microseconds) - 1)
  }

  /// The values that fulfil the positive form of a comparison.
  private func ranges(_ representation: Representation) -> RangeSet {
    let spans = operands.map { $0.span(representation) }
    guard let first = spans.first, let last = spans.last else { return .none }
    let least = Int128(Int64.min)
    let most = Int128(Int64.max)
    switch `operator` {
    case .equal, .notEqual: return RangeSet(from: first.low, to: first.high)
    case .greater, .after: return RangeSet(from: first.high + 1, to: most)
    case .greaterOrEqual: return RangeSet(from: first.low, to: most)
    case .less, .before: return RangeSet(from: least, to: first.low - 1)
    case .lessOrEqual: return RangeSet(from: least, to: first.high)
    case .between: return RangeSet(from: first.low, to: last.high)
    case .isIn, .notIn:
      return RangeSet(
        union: spans.flatMap { RangeSet(from: $0.low, to: $0.high).ranges })
    case .contains, .startsWith, .endsWith, .matches, .isMissing, .isPresent, .withinLast,
      .notWithinLast, .topPercent, .bottomPercent, .topCount, .bottomCount, .memberOf,
      .notMemberOf, .wasMemberOf:
      return .none
    }
  }
}

extension Attribute {
  /// How its values are ordered, nil for text and truth values.
  var representation: Representation? {
    switch type {
    case .number: .scaled(scale)
    case .real: .real
    case .day: .day
    case .instant: .instant
    case .text, .boolean: nil
    }
  }

  /// The values it can have at all: counts and days are not negative, scores are in 0…1.
  var domain: RangeSet {
    guard let representation else { return .all }
    switch unit {
    case .count, .days:
      return RangeSet(from: 0, to: Int128(Int64.max))
    case .score:
      let one = RuleValue.number(ExactDecimal(1)).span(representation)
      return RangeSet(from: 0, to: one.high)
    case .money, .ratio, .none: return .all
    }
  }
}

extension RuleValue {
  /// The representable values that equal it, as `low … high`.
  ///
  /// A number between two of them has `low == high + 1`: nothing equals it, `low` is the next above
  /// and `high` the next below, so that each comparison is one formula.
  func span(_ representation: Representation) -> (low: Int128, high: Int128) {
    switch self {
    case .number(let number), .percent(let number):
      switch representation {
      case .real:
        let key = Int128(RealKey.key(number.double))
        return (key, key)
      case .scaled(let scale):
        switch number.position(scale: scale) {
        case .within(let value, let exact):
          return exact ? (Int128(value), Int128(value)) : (Int128(value) + 1, Int128(value))
        case .below: return (Int128(Int64.min), Int128(Int64.min) - 1)
        case .above: return (Int128(Int64.max) + 1, Int128(Int64.max))
        }
      case .day, .instant: return (1, 0)
      }
    case .day(let day): return (Int128(day.number), Int128(day.number))
    case .instant(let instant):
      return (Int128(instant.microseconds), Int128(instant.microseconds))
    case .localDay(_, let start, let end):
      return (Int128(start.microseconds), Int128(end.microseconds) - 1)
    case .text, .boolean, .span: return (1, 0)
    }
  }
}

/// A test of text, byte by byte.
enum TextTest: Hashable {
  case oneOf(Set<ByteText>)
  case contains(ByteText)
  case startsWith(ByteText)
  case endsWith(ByteText)
  /// Has a part that the pattern describes.
  case pattern(TextPattern)
  /// The same of the text with its case folded; the operands are folded already.
  indirect case folded(TextTest)
  /// At or above the low bound, at or below the high one; `isOpen` leaves the bounds out.
  case between(low: ByteText?, high: ByteText?, isOpen: Bool)

  /// The positive form of a comparison of text.
  init(_ condition: Condition) {
    if condition.foldsCase {
      self = .folded(TextTest(condition.folded))
      return
    }
    let texts: [ByteText] = condition.operands.compactMap {
      if case .text(let text) = $0 { text } else { nil }
    }
    let first = texts.first ?? ByteText("")
    switch condition.operator {
    case .greater, .after: self = .between(low: first, high: nil, isOpen: true)
    case .greaterOrEqual: self = .between(low: first, high: nil, isOpen: false)
    case .less, .before: self = .between(low: nil, high: first, isOpen: true)
    case .lessOrEqual: self = .between(low: nil, high: first, isOpen: false)
    case .between: self = .between(low: first, high: texts.last, isOpen: false)
    case .contains: self = .contains(first)
    case .startsWith: self = .startsWith(first)
    case .endsWith: self = .endsWith(first)
    case .matches:
      // The checks have let the pattern through.
      self = (try? TextPattern(first.string)).map { .pattern($0) } ?? .oneOf([])
    case .equal, .notEqual, .isIn, .notIn, .isMissing, .isPresent, .withinLast, .notWithinLast,
      .topPercent, .bottomPercent, .topCount, .bottomCount, .memberOf, .notMemberOf, .wasMemberOf:
      self = .oneOf(Set(texts))
    }
  }

  /// The test with what it needs for many texts made once.
  func prepared() -> (String) -> Bool {
    switch self {
    case .pattern(let pattern):
      let matcher = pattern.matcher()
      return { matcher.matches($0) }
    case .folded(let test):
      let inner = test.prepared()
      return { inner(CaseFolding.folded($0)) }
    case .oneOf, .contains, .startsWith, .endsWith, .between: return matches
    }
  }

  /// Whether a text fulfils the test.
  func matches(_ text: String) -> Bool {
    switch self {
    case .pattern(let pattern): return pattern.matcher().matches(text)
    case .folded(let test): return test.matches(CaseFolding.folded(text))
    case .oneOf(let texts): return texts.contains(ByteText(text))
    case .contains(let part): return Self.holds(text.utf8, part.string.utf8)
    case .startsWith(let part): return text.utf8.starts(with: part.string.utf8)
    case .endsWith(let part):
      return text.utf8.reversed().starts(with: part.string.utf8.reversed())
    case .between(let low, let high, let isOpen):
      let text = ByteText(text)
      if let low, isOpen ? text <= low : text < low { return false }
      if let high, isOpen ? text >= high : text > high { return false }
      return true
    }
  }

  private static func holds(_ text: String.UTF8View, _ part: String.UTF8View) -> Bool {
    let text = Array(text)
    let part = Array(part)
    guard let first = part.first else { return true }
    guard text.count >= part.count else { return false }
    for start in 0...(text.count - part.count) where text[start] == first {
      if text[start..<(start + part.count)].elementsEqual(part) { return true }
    }
    return false
  }
}

/// Reads one condition from a short string: `orders_45d > 3`, `country in [PT, ES]`,
/// `email_open_rate_30d > 70%`, `aov between 10 and 20`, `engagement top 20%`,
/// `member_of loyal`, `email is_missing`, `country != PT or_missing`, `country = pt ci`,
/// `last_login within_last 7 days`, `email matches '@example\\.com$'`,
/// `engagement top 20% where orders_30d > 0`, `was_member_of loyal within 30 days`.
struct ShortStringParser {
  private struct Token {
    enum Kind { case word, quoted, symbol }
    var kind: Kind
    var text: String
    /// The position of its first scalar and the one after its last.
    var start: Int
    var end: Int
  }

  private let scalars: [Unicode.Scalar]
  private let base: SourceLocation
  private let keepsColumns: Bool
  private let faults: FaultList
  private var tokens: [Token] = []
  private var index = 0

  init(_ scalar: Document.Scalar, at location: SourceLocation, faults: FaultList) {
    scalars = Array(scalar.text.unicodeScalars)
    keepsColumns = scalar.keepsColumns && !scalar.text.contains("\n")
    base = keepsColumns ? location.advanced(by: scalar.offset) : location
    self.faults = faults
  }

  // MARK: Tokens

  private func location(_ position: Int) -> SourceLocation {
    keepsColumns ? base.advanced(by: position) : base
  }

  private static let symbols: Set<Unicode.Scalar> = [
    "=", "!", "<", ">", "≠", "≥", "≤", "[", "]", "(", ")", ",",
  ]

  /// Splits the text; false after a fault was noted.
  private mutating func tokenize() -> Bool {
    var position = 0
    while position < scalars.count {
      let scalar = scalars[position]
      let start = position
      if scalar.properties.isWhitespace {
        position += 1
      } else if scalar == "'" || scalar == "\"" {
        guard let text = Self.quoted(scalars, &position) else {
          faults.add("syntax", "the quote that begins here has no end", at: location(start))
          return false
        }
        tokens.append(Token(kind: .quoted, text: text, start: start, end: position))
      } else if Self.symbols.contains(scalar) {
        position += 1
        var text = String(Character(scalar))
        if position < scalars.count, ["=", "!", "<", ">"].contains(scalar),
          scalars[position] == "=" || (scalar == "<" && scalars[position] == ">")
        {
          text.unicodeScalars.append(scalars[position])
          position += 1
        }
        tokens.append(Token(kind: .symbol, text: text, start: start, end: position))
      } else {
        var text = ""
        while position < scalars.count, !scalars[position].properties.isWhitespace,
          !Self.symbols.contains(scalars[position]), scalars[position] != "'",
          scalars[position] != "\""
        {
          text.unicodeScalars.append(scalars[position])
          position += 1
        }
        tokens.append(Token(kind: .word, text: text, start: start, end: position))
      }
    }
    return true
  }

  /// The text of a quoted part; its quote is written twice within it. Nil without an end.
  static func quoted(_ scalars: [Unicode.Scalar], _ position: inout Int) -> String? {
    let quote = scalars[position]
    var text = ""
    position += 1
    while position < scalars.count {
      if scalars[position] == quote {
        position += 1
        guard position < scalars.count, scalars[position] == quote else { return text }
      }
      text.unicodeScalars.append(scalars[position])
      position += 1
    }
    return nil
  }

  private var next: Token? { index < tokens.count ? tokens[index] : nil }

  private func word(_ offset: Int) -> String? {
    guard index + offset < tokens.count, tokens[index + offset].kind == .word else { return nil }
    return tokens[index + offset].text.lowercased()
  }

  private var endLocation: SourceLocation { location(tokens.last?.end ?? 0) }
  private var here: SourceLocation { next.map { location($0.start) } ?? endLocation }
  private var found: String {
    next.map { "'\(RuleText.visible($0.text))'" } ?? "the end of the condition"
  }

  // MARK: The condition

  /// The condition, nil after a fault was noted.
  mutating func condition() -> ParsedCondition? {
    guard tokenize() else { return nil }
    let start = here
    guard let first = next else {
      faults.add("empty", "expected a condition, found an empty text", at: base)
      return nil
    }
    if first.kind == .word, let op = takeOperator(references: true) {
      guard let operand = reference(op) else { return nil }
      var condition = ParsedCondition(
        attribute: nil, operator: op, operands: [operand], location: start)
      if word(0) == "within" {
        index += 1
        guard let within = literal() else { return nil }
        condition.within = within
      }
      return ended() ? condition : nil
    }
    guard first.kind != .symbol else {
      faults.add(
        "syntax", "expected an attribute's name, found \(found)",
        hint: "write a condition such as orders_45d > 3", at: start)
      return nil
    }
    index += 1
    guard let (op, operands) = comparison() else { return nil }
    var condition = ParsedCondition(
      attribute: (first.text, location(first.start)), operator: op, operands: operands,
      location: start)
    guard modifiers(&condition) else { return nil }
    return ended() ? condition : nil
  }

  /// `ci`, `or_missing`, `where …`, `within …`; false after a fault was noted.
  private mutating func modifiers(_ condition: inout ParsedCondition) -> Bool {
    while true {
      if word(0) == "or_missing" {
        index += 1
        condition.orMissing = true
      } else if word(0) == "or", word(1) == "missing" {
        index += 2
        condition.orMissing = true
      } else if word(0) == "ci" {
        index += 1
        condition.foldsCase = true
      } else if word(0) == "within" {
        index += 1
        guard let within = literal() else { return false }
        condition.within = within
      } else if word(0) == "where" {
        index += 1
        // The rest is one condition of its own; `where` within it would count among others.
        guard let rest = nested() else { return false }
        condition.population = .condition(rest)
        return true
      } else {
        return true
      }
    }
  }

  /// The condition that the rest of the text holds.
  private mutating func nested() -> ParsedCondition? {
    guard let token = next else {
      faults.add(
        "arity", "expected a condition after 'where', found the end of the condition",
        hint: "write top 20% where orders_30d > 0", at: here)
      return nil
    }
    let place = location(token.start)
    var inner = ShortStringParser(
      Document.Scalar(
        text: String(String.UnicodeScalarView(scalars[token.start...])), style: .quoted,
        keepsColumns: keepsColumns, offset: 0), at: place, faults: faults)
    index = tokens.count
    return inner.condition()
  }

  private mutating func comparison() -> (Operator, [Literal])? {
    if let name = word(0), name == "top" || name == "bottom" {
      index += 1
      guard let operand = literal() else { return nil }
      if case .percent = operand.form {
        return (name == "top" ? .topPercent : .bottomPercent, [operand])
      }
      return (name == "top" ? .topCount : .bottomCount, [operand])
    }
    guard let op = takeOperator(references: false) else {
      faults.add(
        "unknown_operator",
        next == nil
          ? "expected an operator, found the end of the condition"
          : OperatorWords.unknown(next?.text ?? ""),
        hint: next.map { OperatorWords.hint($0.text) }
          ?? "write a condition such as orders_45d > 3", at: here)
      return nil
    }
    guard let operands = operands(of: op) else { return nil }
    return (op, operands)
  }

  /// An operator of one symbol or of one to three words; moves on only where there is one.
  private mutating func takeOperator(references: Bool) -> Operator? {
    guard let first = next else { return nil }
    func accept(_ name: String) -> Operator? {
      Operator.spellings[name].flatMap { $0.isReference == references ? $0 : nil }
    }
    switch first.kind {
    case .quoted: return nil
    case .symbol:
      guard let op = accept(first.text) else { return nil }
      index += 1
      return op
    case .word:
      let words = (0..<3).map { word($0) }.prefix { $0 != nil }.compactMap { $0 }
      for count in stride(from: words.count, to: 0, by: -1) {
        if let op = accept(words.prefix(count).joined(separator: " ")) {
          // A lone attribute that is named like a reference would have an operator after it.
          if references, index + count < tokens.count, tokens[index + count].kind == .symbol {
            return nil
          }
          index += count
          return op
        }
      }
      return nil
    }
  }

  /// The segment after `member_of`: one token in quotes, or every word up to the end.
  private mutating func reference(_ op: Operator) -> Literal? {
    guard let first = next, first.kind != .symbol else {
      faults.add(
        "arity", "expected a segment's name after '\(op.rawValue)', found \(found)", at: here)
      return nil
    }
    if first.kind == .quoted {
      index += 1
      return Literal(quoted: first.text, at: location(first.start))
    }
    return Literal(
      quoted: words(before: op == .wasMemberOf ? ["within"] : []), at: location(first.start))
  }

  /// The words from here on, as they are spaced in the text.
  private mutating func words(before stops: Set<String> = []) -> String {
    let start = next?.start ?? 0
    var end = start
    while let token = next, token.kind == .word, !stops.contains(token.text.lowercased()) {
      end = token.end
      index += 1
    }
    return String(String.UnicodeScalarView(scalars[start..<end]))
  }

  private mutating func operands(of op: Operator) -> [Literal]? {
    switch op.arity {
    case .none: return []
    case .one: return literal().map { [$0] }
    case .two:
      let start = here
      if let token = next, token.text == "[", token.kind == .symbol {
        guard let values = list() else { return nil }
        return OperatorWords.counted(values, of: op, at: start, faults: faults)
      }
      guard let low = literal() else { return nil }
      guard word(0) == "and" else {
        faults.add(
          "syntax", "expected 'and' between the two values, found \(found)",
          hint: "write between 3 and 5", at: here)
        return nil
      }
      index += 1
      return literal().map { [low, $0] }
    case .list:
      let start = here
      guard let values = list() else { return nil }
      return OperatorWords.counted(values, of: op, at: start, faults: faults)
    }
  }

  /// One value: a token in quotes or a word; a number may have a unit after a space.
  private mutating func literal() -> Literal? {
    guard let token = next, token.kind != .symbol else {
      faults.add(
        "arity", "expected a value, found \(found)",
        hint: "put text with spaces or signs in single quotes", at: here)
      return nil
    }
    index += 1
    let place = location(token.start)
    if token.kind == .quoted { return Literal(quoted: token.text, at: place) }
    if let unit = word(0), Literal.units.contains(unit),
      ExactDecimal(token.text) != nil
    {
      index += 1
      return Literal(bare: "\(token.text) \(unit)", at: place)
    }
    return Literal(bare: token.text, at: place)
  }

  /// `[a, b]` or `(a, b)`; a value of several words needs no quotes here.
  private mutating func list() -> [Literal]? {
    guard let open = next, open.kind == .symbol, open.text == "[" || open.text == "(" else {
      faults.add(
        "arity", "expected a list, found \(found)", hint: "write [PT, ES]", at: here)
      return nil
    }
    let close = open.text == "[" ? "]" : ")"
    index += 1
    var values: [Literal] = []
    if let token = next, token.kind == .symbol, token.text == close {
      index += 1
      return values
    }
    while true {
      guard let token = next, token.kind != .symbol else {
        faults.add("syntax", "expected a value in the list, found \(found)", at: here)
        return nil
      }
      let place = location(token.start)
      if token.kind == .quoted {
        index += 1
        values.append(Literal(quoted: token.text, at: place))
      } else {
        values.append(Literal(bare: words(), at: place))
      }
      guard let after = next, after.kind == .symbol, after.text == "," || after.text == close
      else {
        faults.add("syntax", "expected ',' or '\(close)' in the list, found \(found)", at: here)
        return nil
      }
      index += 1
      if after.text == close { return values }
    }
  }

  /// Whether nothing is left; notes a fault otherwise.
  private func ended() -> Bool {
    guard let rest = next else { return true }
    let joins = ["and", "or", "&&", "||"].contains(rest.text.lowercased())
    faults.add(
      "syntax", "expected the end of the condition, found \(found)",
      hint: joins
        ? "a string holds one condition; write all: [ …, … ] or any: [ …, … ]"
        : "put text with spaces or signs in single quotes", at: location(rest.start))
    return false
  }
}

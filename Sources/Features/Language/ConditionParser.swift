import Diagnostics

/// Reads `amount > 100 and item in [A1, A2] and not properties.channel = web`.
enum ConditionParser {
  /// The condition of a text.
  ///
  /// - Throws: ``TextProblem``.
  static func parse(_ text: String) throws -> Condition {
    var reader = try TokenReader(text)
    let condition = try any(&reader)
    guard reader.next.kind == .end else { throw reader.unexpected("and, or, or the end") }
    return condition
  }

  private static func any(_ reader: inout TokenReader) throws -> Condition {
    try reader.nested { reader in
      var parts = [try all(&reader)]
      while reader.takes(word: "or") { parts.append(try all(&reader)) }
      return parts.count == 1 ? parts[0] : .any(parts)
    }
  }

  private static func all(_ reader: inout TokenReader) throws -> Condition {
    var parts = [try one(&reader)]
    while reader.takes(word: "and") { parts.append(try one(&reader)) }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  private static func one(_ reader: inout TokenReader) throws -> Condition {
    if reader.takes(word: "not") { return .not(try reader.nested { try one(&$0) }) }
    if reader.takes("(") != nil {
      let inner = try any(&reader)
      try reader.expect(")")
      return inner
    }
    return try comparison(&reader)
  }

  private static func comparison(_ reader: inout TokenReader) throws -> Condition {
    let field = try field(&reader)
    if reader.takes(word: "is") {
      let negative = reader.takes(word: "not")
      if reader.takes(word: "missing") { return negative ? .not(.missing(field)) : .missing(field) }
      guard !negative, reader.takes(word: "present") else {
        throw reader.unexpected("missing or present")
      }
      return .not(.missing(field))
    }
    let negative = reader.takes(word: "not")
    if reader.takes(word: "in") {
      let values = try list(&reader, field)
      return negative ? .not(.among(field, values)) : .among(field, values)
    }
    guard !negative else { throw reader.unexpected("in") }
    let place = reader.next.offset
    guard let sign = reader.takes("=", "!=", ">", ">=", "<", "<="),
      let comparison = Condition.Comparison(rawValue: sign)
    else {
      throw reader.unexpected("one of = != > >= < <= in, not in, is missing, is present")
    }
    let literal = try literal(&reader, field)
    if case .number = literal { return .test(field, comparison, literal) }
    guard comparison == .equal || comparison == .unequal else {
      throw TextProblem(
        offset: place, message: "expected = or != before \(literal), found '\(sign)'",
        hint: "only numbers have an order here")
    }
    return .test(field, comparison, literal)
  }

  private static func field(_ reader: inout TokenReader) throws -> Condition.Field {
    guard case .word(let name) = reader.next.kind else {
      throw reader.unexpected("one of \(Condition.Field.plain.joined(separator: ", "))")
    }
    let field: Condition.Field
    switch name {
    case "quantity": field = .quantity
    case "amount": field = .amount
    case "item": field = .item
    default:
      guard let property = EventKey.property(of: name) else {
        throw reader.unexpected(
          "one of \(Condition.Field.plain.joined(separator: ", "))",
          hint: Suggestion.hint(for: name, among: ["item", "quantity", "amount", "properties"])
            ?? "write properties.\(name)")
      }
      field = .property(property)
    }
    _ = reader.take()
    return field
  }

  private static func list(
    _ reader: inout TokenReader, _ field: Condition.Field
  ) throws -> [Condition.Literal] {
    try reader.expect("[")
    guard reader.next.kind != .symbol("]") else {
      throw reader.unexpected("at least one value", hint: "nothing is in an empty list")
    }
    var values = [try literal(&reader, field)]
    while reader.takes(",") != nil { values.append(try literal(&reader, field)) }
    try reader.expect("]")
    let kinds = Set(values.map(kind))
    guard kinds.count == 1 else {
      throw TextProblem(
        offset: reader.next.offset,
        message: "expected values of one type, found \(kinds.sorted().joined(separator: " and "))")
    }
    return values
  }

  private static func kind(_ literal: Condition.Literal) -> String {
    switch literal {
    case .text: "text"
    case .number: "numbers"
    case .boolean: "true or false"
    }
  }

  private static func literal(
    _ reader: inout TokenReader, _ field: Condition.Field
  ) throws -> Condition.Literal {
    let token = reader.next
    let negative = reader.takes("-") != nil
    let found = reader.take()
    let literal: Condition.Literal
    switch found.kind {
    case .number(let digits):
      if field == .item, !negative {
        literal = .text(digits)
        break
      }
      let scale = field == .quantity ? 0 : 4
      guard let value = FeatureChecker.decimal(digits, scale: scale),
        case let (scaled, overflow) = value.multipliedReportingOverflow(
          by: field == .quantity ? 10_000 : 1), !overflow
      else {
        throw TextProblem(
          offset: token.offset,
          message: "expected a number with at most \(scale) decimals, found '\(digits)'")
      }
      literal = .number(negative ? -scaled : scaled)
    case .quoted(let text) where !negative: literal = .text(text)
    case .word(let word) where !negative:
      literal = word == "true" || word == "false" ? .boolean(word == "true") : .text(word)
    case .word, .quoted, .symbol, .end:
      throw TextProblem(
        offset: token.offset, message: "expected a value, found \(found.text)")
    }
    try check(literal, field, token)
    return literal
  }

  private static func check(
    _ literal: Condition.Literal, _ field: Condition.Field, _ token: Token
  ) throws {
    let fits: Bool
    switch (field, literal) {
    case (.item, .text), (.quantity, .number), (.amount, .number), (.property, _): fits = true
    case (.item, _), (.quantity, _), (.amount, _): fits = false
    }
    guard fits else {
      let wanted = field == .item ? "a text" : "a number"
      throw TextProblem(
        offset: token.offset,
        message: "expected \(wanted) to compare \(field.name) with, found \(literal)")
    }
  }
}

extension Condition {
  /// The condition of a text, as ``description`` writes it.
  ///
  /// - Throws: ``FeatureError`` `features.bad_condition`.
  public init(parsing text: String) throws {
    do { self = try ConditionParser.parse(text) } catch {
      let problem = error as? TextProblem
      throw FeatureError(
        code: "features.bad_condition", message: problem?.message ?? "\(error)",
        hint: problem?.hint)
    }
  }
}

/// Parses mapping expressions: precedence climbing over the lexer's words.
struct ExpressionParser {
  private let tokens: [ExpressionToken]
  private var index = 0
  private var depth = 0

  private init(_ tokens: [ExpressionToken]) { self.tokens = tokens }

  /// The tree of an expression.
  static func parse(_ text: String) throws(ExpressionFault) -> Expression {
    var parser = ExpressionParser(try ExpressionLexer.tokens(text))
    let expression = try parser.expression(1)
    guard parser.token.kind == .end else { throw parser.unexpected("an operator or the end") }
    return expression
  }

  private var token: ExpressionToken { tokens[index] }

  private mutating func advance() { if index < tokens.count - 1 { index += 1 } }

  private func unexpected(_ wanted: String) -> ExpressionFault {
    let found =
      switch token.kind {
      case .end: "the end"
      case .name(let name), .quotedName(let name): "'\(name)'"
      case .text(let text): "the text '\(text)'"
      case .number: "a number"
      case .symbol(let symbol): "'\(symbol)'"
      }
    return ExpressionFault(message: "expected \(wanted), found \(found)", at: token.at)
  }

  private func isWord(_ word: String) -> Bool {
    if case .name(let name) = token.kind { return name.lowercased() == word }
    return false
  }

  private mutating func take(_ symbol: String) -> Bool {
    guard token.kind == .symbol(symbol) else { return false }
    advance()
    return true
  }

  private mutating func expect(_ symbol: String) throws(ExpressionFault) {
    guard take(symbol) else { throw unexpected("'\(symbol)'") }
  }

  private func operatorHere() -> Expression.Operator? {
    switch token.kind {
    case .symbol(let symbol): Expression.Operator(rawValue: symbol)
    case .name: isWord("and") ? .and : isWord("or") ? .or : nil
    default: nil
    }
  }

  private mutating func expression(_ strength: Int) throws(ExpressionFault) -> Expression {
    depth += 1
    defer { depth -= 1 }
    guard depth < 64 else {
      throw ExpressionFault(message: "expected at most 64 levels of nesting", at: token.at)
    }
    var left = try prefix()
    while true {
      if let tested = try postfix(left, strength) {
        left = tested
        continue
      }
      guard let sign = operatorHere(), sign.strength >= strength else { return left }
      let at = token.at
      advance()
      left = .binary(sign, left, try expression(sign.strength + 1), at: at)
    }
  }

  /// `is [not] null` and `[not] in (…)`, which bind as comparisons do.
  private mutating func postfix(
    _ left: Expression, _ strength: Int
  ) throws(ExpressionFault) -> Expression? {
    guard strength <= 4 else { return nil }
    let at = token.at
    if isWord("is") {
      advance()
      let negated = isWord("not")
      if negated { advance() }
      guard isWord("null") else { throw unexpected("'null'") }
      advance()
      return .isNull(left, negated: negated, at: at)
    }
    let negated = isWord("not")
    guard isWord("in") || negated else { return nil }
    if negated { advance() }
    guard isWord("in") else { throw unexpected("'in'") }
    advance()
    return .isOneOf(left, try list(), negated: negated, at: at)
  }

  private mutating func list() throws(ExpressionFault) -> [Expression] {
    try expect("(")
    var items: [Expression] = []
    if take(")") { return items }
    repeat { items.append(try expression(1)) } while take(",")
    try expect(")")
    return items
  }

  private mutating func prefix() throws(ExpressionFault) -> Expression {
    let at = token.at
    switch token.kind {
    case .text(let text):
      advance()
      return .text(text, at: at)
    case .number(let mantissa, let scale):
      advance()
      return .number(mantissa, scale: scale, at: at)
    case .quotedName(let name):
      advance()
      return .name(name, at: at)
    case .symbol("("):
      advance()
      let inner = try expression(1)
      try expect(")")
      return inner
    case .symbol("-"):
      advance()
      return .negate(try expression(8), at: at)
    case .name(let name):
      switch name.lowercased() {
      case "not":
        advance()
        return .not(try expression(3), at: at)
      case "true", "false":
        advance()
        return .boolean(name.lowercased() == "true", at: at)
      case "null":
        advance()
        return .null(at: at)
      case "and", "or", "in", "is": throw unexpected("a value")
      default: break
      }
      advance()
      guard token.kind == .symbol("(") else { return .name(name, at: at) }
      return .call(name, try list(), at: at)
    case .symbol, .end: throw unexpected("a value")
    }
  }
}

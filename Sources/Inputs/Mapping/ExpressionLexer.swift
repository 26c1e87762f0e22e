/// One word of an expression.
struct ExpressionToken: Equatable {
  enum Kind: Equatable {
    case name(String)
    case quotedName(String)
    case text(String)
    case number(Int64, scale: Int)
    case symbol(String)
    case end
  }
  var kind: Kind
  var at: Int
}

/// Cuts an expression's text into words.
struct ExpressionLexer {
  private let scalars: [Unicode.Scalar]
  private var at = 0

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  /// All words of a text, with an end mark.
  static func tokens(_ text: String) throws(ExpressionFault) -> [ExpressionToken] {
    var lexer = ExpressionLexer(text)
    var tokens: [ExpressionToken] = []
    repeat { tokens.append(try lexer.next()) } while tokens.last?.kind != .end
    return tokens
  }

  private mutating func next() throws(ExpressionFault) -> ExpressionToken {
    while at < scalars.count, scalars[at].properties.isWhitespace { at += 1 }
    let start = at
    guard at < scalars.count else { return ExpressionToken(kind: .end, at: start) }
    let scalar = scalars[at]
    switch scalar {
    case "'": return ExpressionToken(kind: .text(try quoted("'")), at: start)
    case "\"": return ExpressionToken(kind: .quotedName(try quoted("\"")), at: start)
    case "0"..."9": return ExpressionToken(kind: try number(), at: start)
    default: break
    }
    if Self.beginsName(scalar) {
      while at < scalars.count {
        if let end = placeEnd() {
          at = end
        } else if Self.continuesName(scalars[at]) {
          at += 1
        } else {
          break
        }
      }
      return ExpressionToken(kind: .name(text(from: start)), at: start)
    }
    for symbol in ["||", "<=", ">=", "!=", "<>", "==", "=", "<", ">", "+", "-", "*", "(", ")", ","]
    where scalars[at...].starts(with: symbol.unicodeScalars) {
      at += symbol.unicodeScalars.count
      let plain = symbol == "<>" ? "!=" : symbol == "==" ? "=" : symbol
      return ExpressionToken(kind: .symbol(plain), at: start)
    }
    throw ExpressionFault(
      message: "expected an expression, found '\(Character(scalar))'",
      hint: scalar == "/" ? "division is not exact and therefore absent" : nil, at: start)
  }

  /// Behind `[0]`, a place in a JSON array that belongs to a column's name; nil where none is here.
  private func placeEnd() -> Int? {
    guard scalars[at] == "[" else { return nil }
    var end = at + 1
    while end < scalars.count, ("0"..."9").contains(scalars[end]) { end += 1 }
    guard end > at + 1, end < scalars.count, scalars[end] == "]" else { return nil }
    return end + 1
  }

  private static func beginsName(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || scalar.properties.isAlphabetic
  }

  private static func continuesName(_ scalar: Unicode.Scalar) -> Bool {
    beginsName(scalar) || ("0"..."9").contains(scalar) || scalar == "."
  }

  private func text(from start: Int) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars[start..<at])
    return String(text)
  }

  /// Text between two marks; a doubled mark stands for itself.
  private mutating func quoted(_ mark: Unicode.Scalar) throws(ExpressionFault) -> String {
    let start = at
    var text = String.UnicodeScalarView()
    at += 1
    while at < scalars.count {
      if scalars[at] == mark {
        at += 1
        guard at < scalars.count, scalars[at] == mark else { return String(text) }
      }
      text.append(scalars[at])
      at += 1
    }
    throw ExpressionFault(message: "expected a closing \(mark), found the end", at: start)
  }

  private mutating func number() throws(ExpressionFault) -> ExpressionToken.Kind {
    let start = at
    while at < scalars.count, ("0"..."9").contains(scalars[at]) || scalars[at] == "." { at += 1 }
    let parts = text(from: start).split(separator: ".", omittingEmptySubsequences: false)
    let decimals = parts.count == 2 ? parts[1] : ""
    guard parts.count <= 2, parts.count == 1 || !decimals.isEmpty,
      let value = Int64(parts[0] + decimals)
    else {
      throw ExpressionFault(
        message: "expected a number such as 1.5 of at most 18 digits, found '\(text(from: start))'",
        at: start)
    }
    return .number(value, scale: decimals.count)
  }
}

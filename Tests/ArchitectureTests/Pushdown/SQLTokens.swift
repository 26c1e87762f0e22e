/// A word, literal or sign of SQL.
struct SQLToken: Equatable {
  enum Kind { case word, quoted, string, number, parameter, hole, sign }

  let kind: Kind
  /// Words in lower case; quoted names, strings and bodies without their quotes.
  let text: String

  /// Whether this is a key word or an unquoted name.
  func isWord(_ word: String) -> Bool { kind == .word && text == word }
  func isSign(_ sign: String) -> Bool { kind == .sign && text == sign }
  var isName: Bool { kind == .word || kind == .quoted }
}

/// A token, or what stands between parentheses or brackets.
indirect enum SQLNode {
  case token(SQLToken)
  case group([SQLNode])

  func isWord(_ word: String) -> Bool {
    if case .token(let token) = self { token.isWord(word) } else { false }
  }
  func isSign(_ sign: String) -> Bool {
    if case .token(let token) = self { token.isSign(sign) } else { false }
  }
  /// The name, where this is one.
  var name: String? {
    if case .token(let token) = self, token.isName { token.text } else { nil }
  }
  var isHole: Bool {
    if case .token(let token) = self { token.kind == .hole } else { false }
  }
  var nodes: [SQLNode]? {
    if case .group(let nodes) = self { nodes } else { nil }
  }
}

/// What stands in for an interpolated fragment of Swift, whose text is not known here.
let sqlHole = "__hole__"

/// Reads PostgreSQL's lexical rules as far as this project's statements use them.
struct SQLLexer {
  private let source: [Character]
  private var place = 0

  private init(_ text: String) { source = Array(text) }

  /// The tokens of a text, without comments.
  static func tokens(_ text: String) -> [SQLToken] {
    var lexer = SQLLexer(text)
    var tokens: [SQLToken] = []
    while let token = lexer.next() { tokens.append(token) }
    return tokens
  }

  /// The statements of a text, apart at semicolons, as trees.
  static func statements(_ text: String) -> [[SQLNode]] {
    tokens(text).split { $0.isSign(";") }.map { tree(Array($0)) }
  }

  private static func tree(_ tokens: [SQLToken]) -> [SQLNode] {
    var stack: [[SQLNode]] = [[]]
    for token in tokens {
      if token.kind == .sign, "([".contains(token.text) {
        stack.append([])
      } else if token.kind == .sign, ")]".contains(token.text), stack.count > 1 {
        let group = stack.removeLast()
        stack[stack.count - 1].append(.group(group))
      } else {
        stack[stack.count - 1].append(.token(token))
      }
    }
    while stack.count > 1 {
      let group = stack.removeLast()
      stack[stack.count - 1].append(.group(group))
    }
    return stack[0]
  }

  private func peek(_ ahead: Int = 0) -> Character? {
    place + ahead < source.count ? source[place + ahead] : nil
  }

  private mutating func next() -> SQLToken? {
    skip()
    guard let first = peek() else { return nil }
    if first == "'" { return SQLToken(kind: .string, text: quoted("'", escapes: false)) }
    if first == "e" || first == "E", peek(1) == "'" {
      place += 1
      return SQLToken(kind: .string, text: quoted("'", escapes: true))
    }
    if first == "\"" { return SQLToken(kind: .quoted, text: quoted("\"", escapes: false)) }
    if first == "$" { return dollar() }
    if first.isLetter || first == "_" {
      let word = take { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "$" }
      return SQLToken(kind: word == sqlHole ? .hole : .word, text: word.lowercased())
    }
    if first.isNumber {
      return SQLToken(kind: .number, text: take { $0.isNumber || $0 == "." || $0 == "_" })
    }
    place += 1
    if let second = peek(),
      ["::", "||", "<=", ">=", "<>", "!=", "->", "=>", ":="]
        .contains(String([first, second]))
    {
      place += 1
      return SQLToken(kind: .sign, text: String([first, second]))
    }
    return SQLToken(kind: .sign, text: String(first))
  }

  private mutating func skip() {
    while let character = peek() {
      if character.isWhitespace {
        place += 1
      } else if character == "-", peek(1) == "-" {
        while let next = peek(), !next.isNewline { place += 1; _ = next }
      } else if character == "/", peek(1) == "*" {
        var depth = 0
        repeat {
          if peek() == "/", peek(1) == "*" {
            depth += 1
            place += 2
          } else if peek() == "*", peek(1) == "/" {
            depth -= 1
            place += 2
          } else {
            place += 1
          }
        } while depth > 0 && place < source.count
      } else {
        return
      }
    }
  }

  private mutating func take(_ belongs: (Character) -> Bool) -> String {
    var text = ""
    while let character = peek(), belongs(character) {
      text.append(character)
      place += 1
    }
    return text
  }

  /// A quoted text: the quote is doubled inside it, or escaped by a backslash in E'…'.
  private mutating func quoted(_ quote: Character, escapes: Bool) -> String {
    place += 1
    var text = ""
    while let character = peek() {
      place += 1
      if escapes, character == "\\", let next = peek() {
        text.append(next)
        place += 1
      } else if character == quote {
        guard peek() == quote else { return text }
        text.append(quote)
        place += 1
      } else {
        text.append(character)
      }
    }
    return text
  }

  /// `$1`, or a body between `$tag$` and `$tag$`.
  private mutating func dollar() -> SQLToken {
    place += 1
    if let digit = peek(), digit.isNumber {
      return SQLToken(kind: .parameter, text: "$" + take { $0.isNumber })
    }
    let tag = "$" + take { $0.isLetter || $0.isNumber || $0 == "_" } + "$"
    guard peek() == "$" else { return SQLToken(kind: .sign, text: "$") }
    place += 1
    var body = ""
    while let character = peek() {
      place += 1
      body.append(character)
      if character == "$", body.hasSuffix(tag) {
        return SQLToken(kind: .string, text: String(body.dropLast(tag.count)))
      }
    }
    return SQLToken(kind: .string, text: body)
  }
}

/// A problem inside a text of the catalogue, at an offset from the text's first character.
struct TextProblem: Error, Equatable {
  let offset: Int
  let message: String
  var hint: String?
}

/// A piece of a condition or a formula, with its place.
struct Token: Equatable {
  enum Kind: Equatable {
    /// A name or keyword; dots belong to it: `properties.channel`.
    case word(String)
    /// Digits with an optional fraction.
    case number(String)
    /// A text between single or double quotes.
    case quoted(String)
    /// `+ - * / ( ) [ ] , = != > >= < <=`.
    case symbol(String)
    case end
  }

  let kind: Kind
  let offset: Int

  /// As messages show it.
  var text: String {
    switch kind {
    case .word(let text), .number(let text), .symbol(let text): "'\(text)'"
    case .quoted(let text): "the text '\(text)'"
    case .end: "the end"
    }
  }
}

/// Cuts conditions and formulas into tokens.
enum Lexer {
  private static let symbols: Set<Character> = [
    "+", "-", "*", "/", "(", ")", "[", "]", ",", "=", ">", "<",
  ]

  /// The tokens of a text, the end among them.
  ///
  /// - Throws: ``TextProblem``.
  static func tokens(_ text: String) throws -> [Token] {
    let characters = Array(text)
    var tokens: [Token] = []
    var at = 0
    func run(_ inside: (Character) -> Bool) -> String {
      let start = at
      while at < characters.count, inside(characters[at]) { at += 1 }
      return String(characters[start..<at])
    }
    while at < characters.count {
      let start = at
      let character = characters[at]
      if character.isWhitespace {
        at += 1
      } else if isLetter(character) {
        let word = run { isLetter($0) || isDigit($0) || $0 == "." }
        tokens.append(Token(kind: .word(word), offset: start))
      } else if isDigit(character) {
        let number = run { isDigit($0) || $0 == "." }
        tokens.append(Token(kind: .number(number), offset: start))
      } else if character == "'" || character == "\"" {
        tokens.append(Token(kind: .quoted(try quoted(characters, &at)), offset: start))
      } else if character == "!" || symbols.contains(character) {
        at += 1
        var symbol = String(character)
        if "!<>".contains(character), at < characters.count, characters[at] == "=" {
          symbol += "="
          at += 1
        }
        guard symbol != "!" else {
          throw TextProblem(offset: start, message: "expected '!=', found '!'", hint: "write not")
        }
        tokens.append(Token(kind: .symbol(symbol), offset: start))
      } else {
        throw TextProblem(
          offset: start, message: "expected a name, a number or a sign, found '\(character)'")
      }
    }
    tokens.append(Token(kind: .end, offset: characters.count))
    return tokens
  }

  /// A text up to its closing quote; a doubled quote is one.
  private static func quoted(_ characters: [Character], _ at: inout Int) throws -> String {
    let start = at
    let quote = characters[at]
    var text = ""
    at += 1
    while at < characters.count {
      if characters[at] == quote {
        guard at + 1 < characters.count, characters[at + 1] == quote else {
          at += 1
          return text
        }
        at += 1
      }
      text.append(characters[at])
      at += 1
    }
    throw TextProblem(offset: start, message: "expected a closing \(quote), found the end")
  }

  private static func isLetter(_ character: Character) -> Bool {
    character == "_" || character.isLetter
  }
  private static func isDigit(_ character: Character) -> Bool {
    character.isASCII && character.isNumber
  }
}

/// Tokens read from left to right.
struct TokenReader {
  private let tokens: [Token]
  private var position = 0
  private(set) var depth = 0

  /// How deep conditions and formulas may be nested.
  static let maximumDepth = 64

  init(_ text: String) throws { tokens = try Lexer.tokens(text) }

  var next: Token { tokens[position] }

  mutating func take() -> Token {
    defer { if position < tokens.count - 1 { position += 1 } }
    return tokens[position]
  }

  /// Takes the next token where it is this word.
  mutating func takes(word: String) -> Bool {
    guard next.kind == .word(word) else { return false }
    _ = take()
    return true
  }

  /// Takes the next token where it is one of these signs.
  mutating func takes(_ signs: String...) -> String? {
    guard case .symbol(let sign) = next.kind, signs.contains(sign) else { return nil }
    _ = take()
    return sign
  }

  mutating func expect(_ sign: String) throws {
    guard takes(sign) != nil else { throw unexpected("'\(sign)'") }
  }

  func unexpected(_ wanted: String, hint: String? = nil) -> TextProblem {
    TextProblem(
      offset: next.offset, message: "expected \(wanted), found \(next.text)", hint: hint)
  }

  /// Reads something nested one level deeper.
  mutating func nested<T>(_ body: (inout TokenReader) throws -> T) throws -> T {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else {
      throw TextProblem(
        offset: next.offset,
        message: "expected at most \(Self.maximumDepth) levels of nesting, found more",
        hint: "name a part of it as a feature of its own")
    }
    return try body(&self)
  }
}

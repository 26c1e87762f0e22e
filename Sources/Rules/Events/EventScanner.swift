import Diagnostics

/// Cuts the short string of a condition over events into words, and filters in parentheses.
struct EventScanner {
  struct Token: Equatable {
    enum Kind { case word, quoted, symbol, filter }
    var kind: Kind
    var text: String
    /// Positions of its first scalar and the one after its last; a filter's are those of its inner
    /// text.
    var start: Int
    var end: Int
  }

  let scalars: [Unicode.Scalar]
  private let base: SourceLocation
  let keepsColumns: Bool
  private(set) var tokens: [Token] = []
  private(set) var index = 0

  init(_ scalar: Document.Scalar, at location: SourceLocation) {
    scalars = Array(scalar.text.unicodeScalars)
    keepsColumns = scalar.keepsColumns && !scalar.text.contains("\n")
    base = keepsColumns ? location.advanced(by: scalar.offset) : location
  }

  func location(_ position: Int) -> SourceLocation {
    keepsColumns ? base.advanced(by: position) : base
  }

  private static let symbols: Set<Unicode.Scalar> = [
    "=", "!", "<", ">", "≠", "≥", "≤", "[", "]", ",",
  ]

  /// Splits the text; false after a fault was noted.
  mutating func tokenize(_ faults: FaultList) -> Bool {
    var position = 0
    while position < scalars.count {
      let scalar = scalars[position]
      let start = position
      if scalar.properties.isWhitespace {
        position += 1
      } else if scalar == "'" || scalar == "\"" {
        guard let text = ShortStringParser.quoted(scalars, &position) else {
          faults.add(
            "syntax", "the quote that begins here has no end", at: location(start))
          return false
        }
        tokens.append(Token(kind: .quoted, text: text, start: start, end: position))
      } else if scalar == "(" {
        guard let end = closing(from: start) else {
          faults.add(
            "syntax", "the parenthesis that begins here has no end", at: location(start))
          return false
        }
        tokens.append(
          Token(kind: .filter, text: text(start + 1, end), start: start + 1, end: end))
        position = end + 1
      } else if Self.symbols.contains(scalar) {
        position += 1
        if position < scalars.count, "=!<>".unicodeScalars.contains(scalar),
          scalars[position] == "=" || (scalar == "<" && scalars[position] == ">")
        {
          position += 1
        }
        tokens.append(
          Token(kind: .symbol, text: text(start, position), start: start, end: position))
      } else {
        position += 1
        while position < scalars.count, isInWord(scalars[position]) { position += 1 }
        tokens.append(
          Token(kind: .word, text: text(start, position), start: start, end: position))
      }
    }
    return true
  }

  private func isInWord(_ scalar: Unicode.Scalar) -> Bool {
    !scalar.properties.isWhitespace && !Self.symbols.contains(scalar) && scalar != "'"
      && scalar != "\"" && scalar != "("
  }

  func text(_ start: Int, _ end: Int) -> String {
    String(String.UnicodeScalarView(scalars[start..<end]))
  }

  /// The position of the parenthesis that closes the one at `start`; quotes hide those within.
  private func closing(from start: Int) -> Int? {
    var depth = 0
    var position = start
    while position < scalars.count {
      switch scalars[position] {
      case "(": depth += 1
      case ")":
        depth -= 1
        if depth == 0 { return position }
      case "'", "\"":
        guard ShortStringParser.quoted(scalars, &position) != nil else { return nil }
        continue
      default: break
      }
      position += 1
    }
    return nil
  }

  // MARK: Reading on

  var next: Token? { index < tokens.count ? tokens[index] : nil }

  var isAtEnd: Bool { index >= tokens.count }

  mutating func advance(by count: Int = 1) { index += count }

  /// The word `offset` tokens ahead in lower case, nil for anything else.
  func word(_ offset: Int = 0) -> String? {
    guard index + offset < tokens.count, tokens[index + offset].kind == .word else { return nil }
    return tokens[index + offset].text.lowercased()
  }

  func isSymbol(_ text: String) -> Bool { next?.kind == .symbol && next?.text == text }

  mutating func takes(_ word: String) -> Bool {
    guard self.word() == word else { return false }
    index += 1
    return true
  }

  /// What is left of the text from the next token on; takes all of it.
  mutating func rest() -> (text: String, start: Int)? {
    guard let first = next else { return nil }
    let start = first.kind == .filter ? first.start - 1 : first.start
    index = tokens.count
    return (text(start, scalars.count), start)
  }

  var here: SourceLocation { location(next?.start ?? tokens.last?.end ?? 0) }

  var found: String {
    next.map { "'\(RuleText.visible($0.text))'" } ?? "the end of the condition"
  }
}

extension Document {
  /// Parses one JSON text (RFC 8259), numbers kept as they are written.
  ///
  /// - Throws: ``RuleErrors`` with one `rules.syntax` that has the line and column.
  static func json(_ text: String, file: String?) throws(RuleErrors) -> Document {
    var reader = JSONReader(scalars: Array(text.unicodeScalars), file: file)
    let document = try reader.value(depth: 0)
    try reader.end()
    return document
  }
}

/// A recursive-descent reader; it exists because Foundation's gives no places and rounds numbers.
private struct JSONReader {
  let scalars: [Unicode.Scalar]
  let file: String?
  var index = 0
  var line = 1
  var lineStart = 0
  var parts = 0

  init(scalars: [Unicode.Scalar], file: String?) {
    self.scalars = scalars
    self.file = file
    if scalars.first == "\u{FEFF}" {
      index = 1
      lineStart = 1
    }
  }

  var location: SourceLocation {
    SourceLocation(file: file, line: line, column: index - lineStart + 1)
  }

  var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  func fault(_ message: String, _ place: SourceLocation? = nil) -> RuleErrors {
    RuleErrors([
      RuleError(
        code: "rules.syntax", message: "this is not JSON: \(message)",
        hint: "look at this line and the one above: commas, quotes, brackets",
        location: place ?? location)
    ])
  }

  var found: String { next.map { "'\(RuleText.visible(String($0)))'" } ?? "the end of the text" }

  mutating func skipSpace() {
    while let scalar = next, scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" {
      index += 1
      if scalar == "\n" {
        line += 1
        lineStart = index
      }
    }
  }

  mutating func end() throws(RuleErrors) {
    skipSpace()
    if next != nil { throw fault("expected the end of the text, found \(found)") }
  }

  mutating func value(depth: Int) throws(RuleErrors) -> Document {
    skipSpace()
    parts += 1
    let start = location
    if depth > Document.limitOfDepth || parts > Document.limitOfParts {
      throw Document.tooLarge(deep: depth > Document.limitOfDepth, at: start)
    }
    switch next {
    case "{": return Document(content: .map(try map(depth)), location: start)
    case "[": return Document(content: .list(try list(depth)), location: start)
    case "\"":
      let (text, plain) = try string()
      return Document(
        content: .scalar(.init(text: text, style: .quoted, keepsColumns: plain, offset: 1)),
        location: start)
    default:
      var word = ""
      while let scalar = next, scalar.isASCII,
        scalar.properties.isAlphabetic
          || scalar.properties.numericType != nil || scalar == "-" || scalar == "+" || scalar == "."
      {
        word.unicodeScalars.append(scalar)
        index += 1
      }
      guard ["true", "false", "null"].contains(word) || Self.isNumber(word) else {
        throw word.isEmpty
          ? fault("expected a value, found \(found)") : fault("'\(word)' is no value", start)
      }
      return Document(
        content: .scalar(.init(text: word, style: .plain, keepsColumns: true, offset: 0)),
        location: start)
    }
  }

  /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
  static func isNumber(_ word: String) -> Bool {
    var rest = Substring(word).utf8[...]
    func digits() -> Int {
      let run = rest.prefix { $0 >= 48 && $0 <= 57 }.count
      rest = rest.dropFirst(run)
      return run
    }
    if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
    let zero = rest.first == UInt8(ascii: "0")
    let whole = digits()
    guard whole > 0, !zero || whole == 1 else { return false }
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      guard digits() > 0 else { return false }
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") {
        rest = rest.dropFirst()
      }
      guard digits() > 0 else { return false }
    }
    return rest.isEmpty
  }

  mutating func list(_ depth: Int) throws(RuleErrors) -> [Document] {
    var items: [Document] = []
    index += 1
    skipSpace()
    if next == "]" {
      index += 1
      return items
    }
    while true {
      items.append(try value(depth: depth + 1))
      skipSpace()
      guard next == "," || next == "]" else { throw fault("expected ',' or ']', found \(found)") }
      index += 1
      if scalars[index - 1] == "]" { return items }
    }
  }

  mutating func map(_ depth: Int) throws(RuleErrors) -> [(key: Document, value: Document)] {
    var entries: [(key: Document, value: Document)] = []
    var names: Set<[UInt8]> = []
    index += 1
    skipSpace()
    if next == "}" {
      index += 1
      return entries
    }
    while true {
      skipSpace()
      guard next == "\"" else { throw fault("expected a key in quotes, found \(found)") }
      let key = try value(depth: depth + 1)
      if let name = key.scalar?.text, !names.insert(Array(name.utf8)).inserted {
        throw RuleErrors([
          RuleError(
            code: "rules.duplicate_key",
            message: "expected each key once in a map, found '\(RuleText.visible(name))' twice",
            location: key.location)
        ])
      }
      skipSpace()
      guard next == ":" else { throw fault("expected ':', found \(found)") }
      index += 1
      entries.append((key, try value(depth: depth + 1)))
      skipSpace()
      guard next == "," || next == "}" else { throw fault("expected ',' or '}', found \(found)") }
      index += 1
      if scalars[index - 1] == "}" { return entries }
    }
  }

  /// The text, and whether each of its scalars took one column.
  mutating func string() throws(RuleErrors) -> (String, Bool) {
    let start = location
    var text = ""
    var plain = true
    index += 1
    while let scalar = next {
      index += 1
      switch scalar {
      case "\"": return (text, plain)
      case "\\":
        plain = false
        text.unicodeScalars.append(try escape())
      default:
        guard scalar.value >= 32 else {
          index -= 1
          throw fault("a control character stands in a text")
        }
        text.unicodeScalars.append(scalar)
      }
    }
    throw fault("the text that begins here has no end", start)
  }

  mutating func escape() throws(RuleErrors) -> Unicode.Scalar {
    guard let scalar = next else { throw fault("expected an escape, found \(found)") }
    index += 1
    switch scalar {
    case "\"", "\\", "/": return scalar
    case "b": return "\u{8}"
    case "f": return "\u{C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "u":
      let unit = try hexadecimal()
      if let scalar = Unicode.Scalar(unit) { return scalar }
      if unit < 0xDC00, next == "\\", index + 1 < scalars.count, scalars[index + 1] == "u" {
        index += 2
        let low = try hexadecimal()
        if (0xDC00...0xDFFF).contains(low),
          let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
        {
          return scalar
        }
      }
      throw fault("half of a surrogate pair stands alone")
    default: throw fault("'\\\(RuleText.visible(String(scalar)))' is no escape")
    }
  }

  mutating func hexadecimal() throws(RuleErrors) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let scalar = next, scalar.isASCII, let digit = Character(scalar).hexDigitValue else {
        throw fault("expected four hexadecimal digits, found \(found)")
      }
      value = value * 16 + UInt32(digit)
      index += 1
    }
    return value
  }
}

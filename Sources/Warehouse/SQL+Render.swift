import SQLCatalog
import Synchronization

/// Texts of the SQL catalogue, read once in a process.
enum SQLTexts {
  private static let cache = Mutex<[String: String]>([:])

  static func text(_ file: String) throws -> String {
    if let known = cache.withLock({ $0[file] }) { return known }
    let text = try SQLCatalog.text(file)
    cache.withLock { $0[file] = text }
    return text
  }
}

extension SQL {
  /// The text with `$1` … and the values in that order.
  ///
  /// - Throws: the fault of putting the statement together, `warehouse.bad_identifier`,
  ///   `warehouse.nul_in_sql`, `warehouse.too_many_binds`.
  func rendered() throws -> (text: String, binds: [any Bindable]) {
    var text = ""
    var binds: [any Bindable] = []
    for part in try checkedParts() {
      switch part {
      case .text(let piece): text += piece
      case .bind(let value):
        binds.append(value)
        text += "$\(binds.count)"
      case .identifier(let names): text += try Self.path(names, in: name)
      case .numbered(let piece, let values):
        let offset = binds.count
        text += offset == 0 ? piece : Self.replacePlaceholders(in: piece) { "$\($0 + offset)" }
        binds += values
      }
    }
    try check(text)
    guard binds.count <= 65_535 else {
      throw WarehouseError(
        code: "warehouse.too_many_binds",
        message: "expected at most 65535 bind values, found \(binds.count)",
        hint: "bind arrays, or use COPY", queryName: name)
    }
    return (text, binds)
  }

  /// The text with every value as a quoted literal, for COPY, which takes no parameters.
  func inlined() throws -> String {
    var text = ""
    for part in try checkedParts() {
      switch part {
      case .text(let piece): text += piece
      case .bind(let value): text += value.sqlLiteral
      case .identifier(let names): text += try Self.path(names, in: name)
      case .numbered(let piece, let values):
        text += Self.replacePlaceholders(in: piece) { number in
          values.indices.contains(number - 1) ? values[number - 1].sqlLiteral : "$\(number)"
        }
      }
    }
    try check(text)
    return text
  }

  private func checkedParts() throws -> [Part] {
    if var fault {
      fault.queryName = fault.queryName ?? name
      throw fault
    }
    return parts
  }

  private func check(_ text: String) throws {
    // C strings end at NUL: the rest of the statement would be lost in silence.
    guard !text.utf8.contains(0) else {
      throw WarehouseError(
        code: "warehouse.nul_in_sql", message: "expected SQL text, found a NUL character in it",
        queryName: name)
    }
  }

  private static func path(_ names: [String], in query: String?) throws -> String {
    for name in names {
      // The server cuts longer names without a word, so that two of them could become one.
      guard !name.isEmpty, name.utf8.count <= 63, !name.utf8.contains(0) else {
        throw WarehouseError(
          code: "warehouse.bad_identifier",
          message: "expected a name of 1 to 63 bytes without NUL, found \(name.utf8.count) bytes",
          queryName: query)
      }
    }
    return names.map(quoted(identifier:)).joined(separator: ".")
  }

  /// Replaces `$n` outside of quotes, dollar quotes and comments.
  static func replacePlaceholders(in text: String, _ replacement: (Int) -> String) -> String {
    let source = Array(text.utf8)
    var result: [UInt8] = []
    result.reserveCapacity(source.count + 16)
    var scanner = SQLScanner(source)
    while let token = scanner.next() {
      switch token {
      case .placeholder(let number, _): result += replacement(number).utf8
      case .other(let range): result += source[range]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}

/// Cuts SQL into placeholders and everything else, as PostgreSQL's lexer does.
///
/// Manual: "SQL Syntax, Lexical Structure". Comments nest; dollar quotes have tags.
struct SQLScanner {
  enum Token {
    case placeholder(Int, Range<Int>)
    case other(Range<Int>)
  }

  private let source: [UInt8]
  private var position = 0

  init(_ source: [UInt8]) { self.source = source }

  mutating func next() -> Token? {
    guard position < source.count else { return nil }
    let start = position
    if let (number, end) = placeholder(at: position) {
      position = end
      return .placeholder(number, start..<end)
    }
    while position < source.count, placeholder(at: position) == nil { skip() }
    return .other(start..<position)
  }

  private func placeholder(at index: Int) -> (Int, Int)? {
    guard source[index] == UInt8(ascii: "$") else { return nil }
    if index > 0, isWord(source[index - 1]) { return nil }
    var end = index + 1
    var number = 0
    while end < source.count, source[end] >= 48, source[end] <= 57, number < 100_000 {
      number = number * 10 + Int(source[end] - 48)
      end += 1
    }
    return end > index + 1 ? (number, end) : nil
  }

  /// Steps over one byte, or over a whole quoted piece or comment.
  private mutating func skip() {
    let byte = source[position]
    let following = position + 1 < source.count ? source[position + 1] : 0
    switch (byte, following) {
    case (UInt8(ascii: "'"), _):
      let escapes =
        position > 0 && (source[position - 1] | 0x20) == UInt8(ascii: "e")
        && (position < 2 || !isWord(source[position - 2]))
      skipQuote(byte, escapes: escapes)
    case (UInt8(ascii: "\""), _): skipQuote(byte, escapes: false)
    case (UInt8(ascii: "-"), UInt8(ascii: "-")):
      while position < source.count, source[position] != UInt8(ascii: "\n") { position += 1 }
    case (UInt8(ascii: "/"), UInt8(ascii: "*")): skipComment()
    case (UInt8(ascii: "$"), _): skipDollarQuote()
    default: position += 1
    }
  }

  private mutating func skipQuote(_ quote: UInt8, escapes: Bool) {
    position += 1
    while position < source.count {
      if escapes, source[position] == UInt8(ascii: "\\") {
        position += 2
      } else if source[position] == quote {
        position += 1
        // A doubled quote begins what looks like another quoted piece: the same text goes on.
        guard position < source.count, source[position] == quote else { return }
        position += 1
      } else {
        position += 1
      }
    }
    position = min(position, source.count)
  }

  private mutating func skipComment() {
    var depth = 0
    while position < source.count {
      let pair = (source[position], position + 1 < source.count ? source[position + 1] : 0)
      switch pair {
      case (UInt8(ascii: "/"), UInt8(ascii: "*")):
        depth += 1
        position += 2
      case (UInt8(ascii: "*"), UInt8(ascii: "/")):
        depth -= 1
        position += 2
        if depth == 0 { return }
      default: position += 1
      }
    }
  }

  private mutating func skipDollarQuote() {
    var end = position + 1
    while end < source.count, isWord(source[end]) { end += 1 }
    guard end < source.count, source[end] == UInt8(ascii: "$"),
      position == 0 || !isWord(source[position - 1])
    else {
      position += 1
      return
    }
    let tag = source[position...end]
    position = end + 1
    while position < source.count {
      if source[position...].starts(with: tag) {
        position += tag.count
        return
      }
      position += 1
    }
  }

  private func isWord(_ byte: UInt8) -> Bool {
    (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122)
      || byte == 95 || byte >= 128
  }
}

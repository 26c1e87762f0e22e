/// The string literals of a Swift file, with placeholders for what is interpolated.
struct SwiftLiterals {
  private let source: [Character]
  private var place = 0
  private var found: [String] = []

  /// The literals of a source text, in order. Values become `$1`, names that are known keep their
  /// text, fragments become a hole.
  static func of(_ text: String) -> [String] {
    var reader = SwiftLiterals(source: Array(text))
    reader.read()
    return reader.found
  }

  private init(source: [Character]) { self.source = source }

  private func starts(_ text: String) -> Bool {
    place + text.count <= source.count && source[place..<(place + text.count)].elementsEqual(text)
  }

  private mutating func read() {
    while place < source.count {
      if starts("//") {
        while place < source.count, !source[place].isNewline { place += 1 }
      } else if starts("/*") {
        while place < source.count, !starts("*/") { place += 1 }
        place += 2
      } else if source[place] == "\"" || source[place] == "#" && isRaw {
        found.append(literal())
      } else {
        place += 1
      }
    }
  }

  private var isRaw: Bool {
    var end = place
    while end < source.count, source[end] == "#" { end += 1 }
    return end < source.count && source[end] == "\""
  }

  private mutating func literal() -> String {
    var hashes = ""
    while source[place] == "#" {
      hashes.append("#")
      place += 1
    }
    let quote = starts("\"\"\"") ? "\"\"\"" : "\""
    place += quote.count
    var text = ""
    while place < source.count, !starts(quote + hashes) {
      if starts("\\" + hashes + "(") {
        place += 2 + hashes.count
        text += interpolation()
      } else if source[place] == "\\", hashes.isEmpty {
        let escape = place + 1 < source.count ? source[place + 1] : " "
        text.append(escape == "n" || escape.isNewline ? " " : escape)
        place += 2
      } else {
        text.append(source[place])
        place += 1
      }
    }
    place += quote.count + hashes.count
    return text
  }

  /// After `\(`: reads through the matching parenthesis.
  private mutating func interpolation() -> String {
    let start = place
    var depth = 1
    var names: [String] = []
    var other = false
    let label = String(source[start...].prefix { $0.isLetter || $0 == ":" })
    place += label.hasSuffix(":") ? label.count : 0
    while place < source.count, depth > 0 {
      let character = source[place]
      if character == "\"" {
        let count = found.count
        names.append(literal())
        found.removeSubrange(count...)
        continue
      }
      if character == "(" { depth += 1 }
      if character == ")" { depth -= 1 }
      if depth > 0, character != ",", !character.isWhitespace { other = true }
      place += 1
    }
    switch label {
    case "identifier:", "identifiers:":
      return other || names.isEmpty
        ? sqlHole : names.map { "\"\($0)\"" }.joined(separator: ".")
    case "fragment:", "unsafeText:": return " " + sqlHole + " "
    default: return "$1"
    }
  }
}

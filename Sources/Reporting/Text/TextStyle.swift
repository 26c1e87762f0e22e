/// A colour or weight of text in a terminal, by its SGR code.
enum Paint: String {
  case plain = ""
  case bold = "1"
  case dim = "2"
  case red = "31"
  case green = "32"
  case yellow = "33"
  case cyan = "36"

  /// Green for success, red for failures, yellow for what is under way.
  init(_ state: Outcome) {
    self =
      switch state {
      case .success: .green
      case .failed, .upstreamFailed: .red
      case .running, .retrying, .cancelled: .yellow
      case .waiting, .skipped: .dim
      }
  }
}

/// Paints text, or leaves it as it is where files and pipes read it.
struct TextStyle {
  /// Whether escape sequences are written.
  let color: Bool

  /// The text in a colour.
  func callAsFunction(_ paint: Paint, _ text: String) -> String {
    guard color, !text.isEmpty, paint != .plain else { return text }
    return "\u{1B}[\(paint.rawValue)m\(text)\u{1B}[0m"
  }
}

/// Columns that text takes in a terminal: wide East Asian characters take two.
func columns(_ text: String) -> Int {
  text.reduce(0) { total, character in
    guard let scalar = character.unicodeScalars.first else { return total }
    let isWide =
      switch scalar.value {
      case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
        true
      default: false
      }
    return total + (isWide ? 2 : 1)
  }
}

/// Text cut to a width, with an ellipsis where something is missing.
func cut(_ text: String, to width: Int) -> String {
  guard columns(text) > width else { return text }
  guard width > 0 else { return "" }
  var result = ""
  var used = 0
  for character in text {
    let next = columns(String(character))
    if used + next > width - 1 { break }
    result.append(character)
    used += next
  }
  return result + "…"
}

/// Words broken into lines of a width; a longer word has a line of its own.
func wrapped(_ text: String, to width: Int) -> [String] {
  var lines: [String] = []
  for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
    var line = ""
    for word in paragraph.split(separator: " ") {
      if line.isEmpty {
        line = String(word)
      } else if columns(line) + 1 + columns(String(word)) <= width {
        line += " " + word
      } else {
        lines.append(line)
        line = String(word)
      }
    }
    lines.append(line)
  }
  return lines
}

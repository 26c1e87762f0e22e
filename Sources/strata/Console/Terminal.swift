import Foundation
import Reporting

/// What an output stream can show.
struct Terminal: Sendable {
  /// Whether a person looks at it.
  let isInteractive: Bool
  /// Whether colours are wanted: a terminal, no `NO_COLOR`, not `TERM=dumb`, no `--no-color`.
  var colour: Bool
  /// Columns; 100 where it is not a terminal.
  let width: Int
  /// Lines; 24 where it is not a terminal.
  let height: Int
  /// Whether characters beyond ASCII come out right: a UTF-8 locale, and not `NO_COLOR`.
  let isUnicode: Bool

  static var standardOutput: Terminal { Terminal(descriptor: STDOUT_FILENO) }
  static var standardError: Terminal { Terminal(descriptor: STDERR_FILENO) }

  /// How pictures are drawn on it; `inset` columns stay free at the right.
  func canvas(inset: Int = 0) -> Canvas {
    Canvas(width: max(20, width - inset), color: colour, ascii: !isUnicode)
  }

  init(descriptor: Int32, colour wanted: Bool) {
    self.init(descriptor: descriptor)
    colour = wanted
  }

  init(descriptor: Int32) {
    let environment = ProcessInfo.processInfo.environment
    isInteractive = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
    colour = isInteractive && (environment["NO_COLOR"] ?? "").isEmpty
    var size = winsize()
    if isInteractive, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
      width = Int(size.ws_col)
      height = size.ws_row > 0 ? Int(size.ws_row) : 24
    } else {
      width = environment["COLUMNS"].flatMap { Int($0) } ?? 100
      height = environment["LINES"].flatMap { Int($0) } ?? 24
    }
    // The first of these that is set decides; see locale(7).
    let locale =
      ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
      ?? ""
    let names = locale.lowercased()
    isUnicode =
      (environment["NO_COLOR"] ?? "").isEmpty && (names.contains("utf-8") || names.contains("utf8"))
  }
}

/// The few styles that the command line uses.
enum Style: String {
  case bold = "1"
  case dim = "2"
  case red = "31"
  case green = "32"
  case yellow = "33"
  case cyan = "36"

  func callAsFunction(_ text: String, if colour: Bool) -> String {
    colour ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
  }
}

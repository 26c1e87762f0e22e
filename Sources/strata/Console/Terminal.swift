import Foundation

/// What an output stream can show.
struct Terminal: Sendable {
  /// Whether a person looks at it.
  let isInteractive: Bool
  /// Whether colours are wanted: a terminal, no `NO_COLOR`, not `TERM=dumb`, no `--no-color`.
  var colour: Bool
  /// Columns; 100 where it is not a terminal.
  let width: Int

  static var standardOutput: Terminal { Terminal(descriptor: STDOUT_FILENO) }
  static var standardError: Terminal { Terminal(descriptor: STDERR_FILENO) }

  init(descriptor: Int32) {
    let environment = ProcessInfo.processInfo.environment
    isInteractive = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
    colour = isInteractive && (environment["NO_COLOR"] ?? "").isEmpty
    var size = winsize()
    if isInteractive, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
      width = Int(size.ws_col)
    } else {
      width = environment["COLUMNS"].flatMap { Int($0) } ?? 100
    }
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

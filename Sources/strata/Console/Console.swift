import Foundation

/// Where a command's words go: results to standard output, everything else to standard error.
struct Console: Sendable {
  let json: Bool
  let quiet: Bool
  let verbose: Bool
  let out: Terminal
  let err: Terminal

  init(json: Bool, quiet: Bool, verbose: Bool, noColour: Bool) {
    var out = Terminal.standardOutput
    var err = Terminal.standardError
    if noColour {
      out.colour = false
      err.colour = false
    }
    self.json = json
    self.quiet = quiet
    self.verbose = verbose
    self.out = out
    self.err = err
  }

  /// A result line.
  func print(_ text: String = "") { Self.write(text + "\n", to: STDOUT_FILENO) }

  /// A remark, silent under `--quiet` and `--json`.
  func note(_ text: String) {
    if !quiet, !json { Self.write(text + "\n", to: STDERR_FILENO) }
  }

  /// A warning, silent under `--quiet`.
  func warn(_ text: String) {
    if !quiet {
      Self.write(Style.yellow("warning: ", if: err.colour) + text + "\n", to: STDERR_FILENO)
    }
  }

  /// Prints a value as JSON with stable, sorted keys.
  func print(json value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  /// A listing: a table for people, an array of objects under `--json`.
  func list<Item: Encodable>(
    _ items: [Item], empty: String, _ columns: [TableColumn<Item>]
  ) throws {
    if json { return try print(json: items) }
    if items.isEmpty { return note(empty) }
    print(Table(columns: columns).render(items, colour: out.colour))
  }

  /// Writes an error message.
  static func writeError(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  /// Writes all bytes; a closed pipe (`strata … | head`) ends the process quietly.
  static func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
      var offset = 0
      while offset < bytes.count {
        let count = Foundation.write(
          descriptor, bytes.baseAddress?.advanced(by: offset), bytes.count - offset)
        if count < 0 {
          if errno == EINTR { continue }
          if errno == EPIPE { exit(0) }
          return
        }
        offset += count
      }
    }
  }
}

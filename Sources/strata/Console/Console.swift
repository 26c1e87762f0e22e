import Foundation
import Logging
import Synchronization

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
    if Self.logsJSON { return Logger(label: "strata").notice("\(text)") }
    if !quiet, !json { Self.write(text + "\n", to: STDERR_FILENO) }
  }

  /// A warning, silent under `--quiet`.
  func warn(_ text: String) {
    if Self.logsJSON { return Logger(label: "strata").warning("\(text)") }
    if !quiet {
      Self.write(Style.yellow("warning: ", if: err.colour) + text + "\n", to: STDERR_FILENO)
    }
  }

  /// Prints a value as JSON with sorted keys in snake case.
  func print(json value: some Encodable) throws {
    print(String(decoding: try Self.encoder.encode(value), as: UTF8.self))
  }

  /// Prints a value as JSON on one line, with sorted keys in snake case.
  func print(jsonLine value: some Encodable) throws {
    print(String(decoding: try Self.lineEncoder.encode(value), as: UTF8.self))
  }

  /// A listing: a table for people, an array of objects with stable keys under `--json`.
  func list<Item: Encodable>(
    _ items: [Item], empty: String, _ columns: [TableColumn<Item>]
  ) throws {
    if json { return print(try Self.array(items)) }
    if items.isEmpty { return note(empty) }
    print(Table(columns: columns).render(items, colour: out.colour))
  }

  private static let encoder = encoder([.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
  private static let lineEncoder = encoder([.sortedKeys, .withoutEscapingSlashes])

  private static func encoder(_ formatting: JSONEncoder.OutputFormatting) -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return encoder
  }

  /// Objects of one kind have the same keys: what an encoder leaves out where it is nil is null.
  private static func array<Item: Encodable>(_ items: [Item]) throws -> String {
    let objects = try items.map { item in
      let parsed = try JSONSerialization.jsonObject(with: try encoder.encode(item))
      guard var object = parsed as? [String: Any] else { return parsed }
      for child in Mirror(reflecting: item).children {
        guard let label = child.label else { continue }
        let key = snakeCase(label)
        if object[key] == nil { object[key] = NSNull() }
      }
      return object
    }
    let data = try JSONSerialization.data(
      withJSONObject: objects, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
  }

  /// As the encoder does it: `asOf` is `as_of`, `customerID` is `customer_id`.
  static func snakeCase(_ label: String) -> String {
    var words: [String] = []
    let letters = Array(label)
    for (index, letter) in letters.enumerated() {
      let starts =
        letter.isUppercase && index > 0
        && (!letters[index - 1].isUppercase
          || (index + 1 < letters.count && letters[index + 1].isLowercase))
      if starts || words.isEmpty { words.append("") }
      words[words.count - 1] += letter.lowercased()
    }
    return words.joined(separator: "_")
  }

  /// Writes an error message.
  static func writeError(_ text: String) {
    if logsJSON { return Logger(label: "strata").error("\(text)") }
    write(text + "\n", to: STDERR_FILENO)
  }

  /// Whether standard error is for programs: remarks and errors are log lines then.
  static var logsJSON: Bool {
    get { isJSON.withLock { $0 } }
    set { isJSON.withLock { $0 = newValue } }
  }

  private static let isJSON = Mutex(false)

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

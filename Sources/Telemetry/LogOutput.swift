import Foundation
import Logging

/// How log lines are written.
public enum LogFormat: String, Sendable, Hashable, CaseIterable {
  /// `2026-03-10T02:00:00.123Z warning strata.worker: reconnecting error=…`
  case text
  /// One JSON object per line: `time`, `level`, `label`, `message`, `metadata`, `source`.
  case json
}

/// Where this process's log lines go: standard error, from a level on.
public struct LogOutput: Sendable {
  /// How lines are written.
  public var format: LogFormat
  /// The least level that is written.
  public var level: Logger.Level

  /// Lines of at least `level` in a format.
  public init(format: LogFormat = .text, level: Logger.Level = .warning) {
    self.format = format
    self.level = level
  }

  /// Makes this what every logger of the process writes to; may be called once.
  public func bootstrap() {
    let output = self
    LoggingSystem.bootstrap { label in
      LineLogHandler(
        label: label, format: output.format, logLevel: output.level,
        write: { line in Self.write(line) })
    }
  }

  /// Writes a whole line in one call, so that lines of several threads do not mix.
  private static func write(_ line: String) {
    var line = line
    line.withUTF8 { bytes in
      var offset = 0
      while offset < bytes.count {
        let count = Foundation.write(
          STDERR_FILENO, bytes.baseAddress?.advanced(by: offset), bytes.count - offset)
        // Nobody is left to tell where standard error is closed.
        guard count > 0 || errno == EINTR else { return }
        offset += max(0, count)
      }
    }
  }
}

/// Writes one line per event, as text or JSON.
struct LineLogHandler: LogHandler {
  let label: String
  let format: LogFormat
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  var now: @Sendable () -> Date = { Date() }
  let write: @Sendable (String) -> Void

  init(
    label: String, format: LogFormat, logLevel: Logger.Level,
    now: @escaping @Sendable () -> Date = { Date() }, write: @escaping @Sendable (String) -> Void
  ) {
    self.label = label
    self.format = format
    self.logLevel = logLevel
    self.now = now
    self.write = write
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
    if let own = event.metadata { all.merge(own) { $1 } }
    if let error = event.error { all["error"] = "\(error)" }
    let time = LogText.time(now())
    switch format {
    case .text: write(text(event, all, time))
    case .json: write(json(event, all, time))
    }
  }

  private func text(_ event: LogEvent, _ metadata: Logger.Metadata, _ time: String) -> String {
    let words = metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\(LogText.word($0.value))" }
    return ([time, event.level.rawValue, "\(label):", LogText.line("\(event.message)")] + words)
      .joined(separator: " ") + "\n"
  }

  private func json(_ event: LogEvent, _ metadata: Logger.Metadata, _ time: String) -> String {
    var fields = [
      "\"time\":\(LogText.quoted(time))", "\"level\":\(LogText.quoted(event.level.rawValue))",
      "\"label\":\(LogText.quoted(label))",
      "\"message\":\(LogText.quoted("\(event.message)"))",
    ]
    if !metadata.isEmpty { fields.append("\"metadata\":\(LogText.json(.dictionary(metadata)))") }
    fields.append("\"source\":\(LogText.quoted(event.source))")
    return "{" + fields.joined(separator: ",") + "}\n"
  }
}

/// Log lines' pieces as text.
enum LogText {
  /// RFC 3339 in UTC with milliseconds.
  static func time(_ date: Date) -> String {
    date.formatted(
      .iso8601.year().month().day().dateSeparator(.dash).time(includingFractionalSeconds: true))
      + "Z"
  }

  /// A JSON value of metadata; the keys in order.
  static func json(_ value: Logger.MetadataValue) -> String {
    switch value {
    case .string(let text): quoted(text)
    case .stringConvertible(let value): quoted("\(value)")
    case .array(let values): "[" + values.map(json).joined(separator: ",") + "]"
    case .dictionary(let values):
      "{"
        + values.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(json($0.value))" }
        .joined(separator: ",") + "}"
    }
  }

  /// A JSON string; RFC 8259, and the line separators that some readers of lines break at.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _
      where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        || scalar.value == 0x2028 || scalar.value == 0x2029:
        result += "\\u" + String(repeating: "0", count: scalar.value < 0x100 ? 2 : 0)
        if scalar.value < 0x10 { result += "0" }
        result += String(scalar.value, radix: 16)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// Text on one line, without what steers a terminal.
  static func line(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028
            || scalar.value == 0x2029 ? " " : scalar
        }))
  }

  /// A value of metadata in a line of text, quoted where it has spaces.
  static func word(_ value: Logger.MetadataValue) -> String {
    switch value {
    case .array, .dictionary: return json(value)
    case .string, .stringConvertible:
      let text = "\(value)"
      let isPlain =
        !text.isEmpty
        && text.unicodeScalars.allSatisfy {
          $0.value > 0x20 && $0 != "\"" && $0 != "=" && !(0x7F...0x9F).contains($0.value)
            && $0.value != 0x2028 && $0.value != 0x2029
        }
      return isPlain ? text : quoted(text)
    }
  }
}

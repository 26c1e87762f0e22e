/// Why the metrics cannot be served.
public struct TelemetryError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A stable name, for example `telemetry.cannot_listen`.
  public let code: String
  /// What was expected and what was found.
  public let message: String
  /// What to do; nil if there is nothing to say.
  public let hint: String?

  init(code: String, message: String, hint: String? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
  }

  /// Code, message and hint.
  public var description: String {
    "\(code): \(message)" + (hint.map { " (\($0))" } ?? "")
  }
}

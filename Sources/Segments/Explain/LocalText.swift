import Rules
import Schedules

/// Instants and numbers as people read them in the texts of this room.
enum LocalText {
  /// `2025-06-01 03:12:00` in the zone.
  static func time(_ instant: Instant, _ zone: Zone) -> String {
    zone.localTime(at: Instant(seconds: instant.seconds)).description
      .split(separator: "T", maxSplits: 1).joined(separator: " ")
  }

  /// A midnight as its day, other instants as ``time(_:_:)``.
  static func moment(_ instant: Instant, _ zone: Zone) -> String {
    let day = zone.day(of: instant)
    return zone.midnight(day) == instant ? day.description : time(instant, zone)
  }

  /// `1,234,567`.
  static func count(_ value: some BinaryInteger) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (value < 0 ? "-" : "") + text
  }

  /// A share in 0...1 as `12.3 %`.
  static func percent(_ share: Double) -> String {
    let tenths = Int64((abs(share) * 1000).rounded())
    return "\(share < 0 && tenths > 0 ? "-" : "")\(tenths / 10).\(tenths % 10) %"
  }

  /// `1 event`, `2 events`.
  static func plural(_ count: some BinaryInteger, _ noun: String) -> String {
    "\(self.count(count)) \(noun)\(count == 1 ? "" : "s")"
  }

  /// An amount of four decimals with two, or as many as it has.
  static func amount(_ text: String) -> String {
    guard let point = text.firstIndex(of: ".") else { return text }
    var text = text[...]
    while text.hasSuffix("0"), text.distance(from: point, to: text.endIndex) > 3 {
      text = text.dropLast()
    }
    return String(text)
  }
}

/// How a text may look: with colours, with characters beyond ASCII.
public struct TextStyle: Sendable, Hashable {
  /// Whether a terminal shows it that has colours.
  public let isColoured: Bool
  /// Whether characters beyond ASCII come out right.
  public let isUnicode: Bool

  /// A style; by default without colours, in Unicode.
  public init(isColoured: Bool = false, isUnicode: Bool = true) {
    self.isColoured = isColoured
    self.isUnicode = isUnicode
  }

  func bold(_ text: String) -> String { wrap(text, "1") }
  func dim(_ text: String) -> String { wrap(text, "2") }
  func green(_ text: String) -> String { wrap(text, "32") }
  func red(_ text: String) -> String { wrap(text, "31") }
  func yellow(_ text: String) -> String { wrap(text, "33") }

  private func wrap(_ text: String, _ code: String) -> String {
    isColoured ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }

  /// A sign, or what stands for it in ASCII.
  func sign(_ unicode: String, _ ascii: String) -> String { isUnicode ? unicode : ascii }

  /// The sign of a verdict.
  func mark(_ verdict: Truth) -> String {
    switch verdict {
    case .true: green(sign("✓", "yes"))
    case .false: red(sign("✗", "no "))
    case .unknown: yellow(sign("?", "?  "))
    }
  }
}

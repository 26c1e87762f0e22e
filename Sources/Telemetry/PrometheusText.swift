/// Prometheus' text format, version 0.0.4.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
enum PrometheusText {
  /// The media type of the format.
  static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  /// A metric with all its series; no line where it has none.
  static func family(_ family: MetricFamily, help: String?) -> String {
    let series = family.sorted
    guard !series.isEmpty else { return "" }
    var text = ""
    if let help { text += "# HELP \(family.name) \(escapedHelp(help))\n" }
    text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
    for (labels, series) in series { text += lines(family.name, labels, series.value) }
    return text
  }

  private static func lines(
    _ name: String, _ labels: MetricLabels, _ value: MetricValue
  ) -> String {
    switch value {
    case .number(let number):
      return "\(name)\(text(labels)) \(Self.number(number))\n"
    case .histogram(let bounds, let counts, let count, let sum):
      var lines = ""
      for (bound, count) in zip(bounds, counts) {
        lines += "\(name)_bucket\(text(labels, bound: number(bound))) \(count)\n"
      }
      lines += "\(name)_bucket\(text(labels, bound: "+Inf")) \(count)\n"
      lines += "\(name)_sum\(text(labels)) \(number(sum))\n"
      return lines + "\(name)_count\(text(labels)) \(count)\n"
    }
  }

  private static func text(_ labels: MetricLabels, bound: String? = nil) -> String {
    var pairs = labels.pairs.map { "\($0.name)=\"\(escapedValue($0.value))\"" }
    if let bound { pairs.append("le=\"\(bound)\"") }
    return pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
  }

  /// A number as Prometheus reads it: whole ones without a fraction.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
    return "\(value)"
  }

  /// `\`, `"` and line breaks of a label's value, escaped.
  static func escapedValue(_ text: String) -> String {
    escapedHelp(text).replacing("\"", with: "\\\"")
  }

  /// `\` and line breaks of a help text, escaped.
  static func escapedHelp(_ text: String) -> String {
    // By scalars: a carriage return and line feed are one character to Swift.
    text.unicodeScalars.reduce(into: "") { result, scalar in
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
  }

  /// A metric's name: letters, digits, `_` and `:`; everything else becomes `_`.
  static func name(_ label: String) -> String { cleaned(label, allowing: [0x5F, 0x3A]) }

  /// A label's name: letters, digits and `_`.
  static func labelName(_ label: String) -> String { cleaned(label, allowing: [0x5F]) }

  private static func cleaned(_ text: String, allowing marks: Set<UInt8>) -> String {
    var bytes = text.utf8.map { byte -> UInt8 in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: byte
      case _ where marks.contains(byte): byte
      default: 0x5F
      }
    }
    if bytes.first.map({ (0x30...0x39).contains($0) }) ?? true { bytes.insert(0x5F, at: 0) }
    return String(decoding: bytes, as: UTF8.self)
  }
}

import Schedules

/// Numbers, times and shares as people read them; the same on every machine and in every locale.
enum Figures {
  /// `12,345`.
  static func count(_ value: Int) -> String {
    var digits = String(value.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits = String(digits.dropLast(3))
    }
    groups.insert(digits, at: 0)
    return (value < 0 ? "−" : "") + groups.joined(separator: ",")
  }

  /// `+12`, `−3`, and `0`.
  static func signed(_ value: Int) -> String { value > 0 ? "+" + count(value) : count(value) }

  /// `950`, `12.3k`, `4.5M`: for axes.
  static func compact(_ value: Double) -> String {
    let magnitude = abs(value)
    if magnitude >= 999_950 { return trimmed(value / 1_000_000, decimals: 1) + "M" }
    if magnitude >= 1000 { return trimmed(value / 1000, decimals: 1) + "k" }
    return trimmed(value, decimals: magnitude >= 10 ? 0 : 2)
  }

  /// A share of 1 as `9.3 %`; `<0.1 %` where it would read as nothing.
  static func percent(_ share: Double) -> String {
    if share > 0 && share < 0.0005 { return "<0.1 %" }
    return decimals(share * 100, 1) + " %"
  }

  /// A number with a fixed count of decimals, rounded half to even on the binary value.
  static func decimals(_ value: Double, _ count: Int) -> String {
    guard value.isFinite else { return "–" }
    var scale = 1.0
    for _ in 0..<count { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 9e18 else { return "\(value)" }
    let digits = String(Int64(scaled))
    let padded = String(repeating: "0", count: max(0, count + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "−" : ""
    guard count > 0 else { return sign + padded }
    return sign + padded.dropLast(count) + "." + padded.suffix(count)
  }

  /// As ``decimals(_:_:)`` without trailing zeros.
  static func trimmed(_ value: Double, decimals count: Int) -> String {
    var text = decimals(value, count)
    guard text.contains(".") else { return text }
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }

  /// `640 ms`, `12.3 s`, `4 min 05 s`, `1 h 02 min`.
  static func duration(_ seconds: Double) -> String {
    if seconds < 0.9995 { return decimals(seconds * 1000, 0) + " ms" }
    if seconds < 59.95 { return decimals(seconds, 1) + " s" }
    let whole = Int(seconds.rounded())
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if whole < 3600 { return "\(whole / 60) min \(two(whole % 60)) s" }
    return "\(whole / 3600) h \(two(whole / 60 % 60)) min"
  }

  /// A decimal given as text with groups of three: `9747747.934` as `9,747,747.934`.
  static func decimalText(_ text: String) -> String {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let head = parts.first, let whole = Int(head) else { return text }
    let sign = head.hasPrefix("-") && whole == 0 ? "−" : ""
    return sign + count(whole) + (parts.count == 2 ? "." + parts[1] : "")
  }

  /// `all - accepted - rejected` of decimals given as text; nil where one of them is none, or where
  /// nothing is left.
  static func remainder(of all: String, _ accepted: String, _ rejected: String) -> String? {
    let texts = [all, accepted, rejected]
    let scale = texts.map { $0.split(separator: ".").dropFirst().first?.count ?? 0 }.max() ?? 0
    let parsed = texts.compactMap { text -> Int128? in
      let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      guard let whole = parts.first else { return nil }
      let fraction = parts.count == 2 ? String(parts[1]) : ""
      let zeros = String(repeating: "0", count: scale - fraction.count)
      return Int128("\(whole)\(fraction)\(zeros)")
    }
    guard parsed.count == 3, parsed[0] != parsed[1] + parsed[2] else { return nil }
    let rest = parsed[0] - parsed[1] - parsed[2]
    let digits = String(rest.magnitude)
    let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
    let sign = rest < 0 ? "-" : ""
    return "\(sign)\(padded.dropLast(scale))" + (scale > 0 ? ".\(padded.suffix(scale))" : "")
  }

  /// `2025-02-04 00:00` on the wall clock of a zone, with seconds where asked for.
  static func time(_ instant: Instant, in zone: Zone, seconds: Bool = false) -> String {
    let text = zone.localTime(at: instant).description.replacing("T", with: " ")
    return String(text.prefix(seconds ? 19 : 16))
  }
}

extension RunFacts {
  /// The zone in which times are shown; UTC where the name is unknown to this machine.
  var displayZone: Zone { (try? Zone(zone)) ?? .utc }

  /// `[start, end)` in the zone; a whole local day is written as that day.
  var intervalText: String {
    let zone = displayZone
    let start = zone.localTime(at: intervalStart)
    if zone.midnight(start.day) == intervalStart && zone.midnight(start.day + 1) == intervalEnd {
      return "\(start.day) (\(zone.name))"
    }
    let from = Figures.time(intervalStart, in: zone)
    return "\(from) to \(Figures.time(intervalEnd, in: zone)) (\(zone.name))"
  }

  /// Seconds from the start to the end, or to the last end of a task while the run goes on.
  func seconds(tasks: [TaskFacts]) -> Double? {
    let ends = tasks.flatMap(\.attempts).compactMap(\.finishedAt)
    guard let end = finishedAt ?? ends.max() else { return nil }
    return max(0, elapsed(from: startedAt, to: end))
  }
}

/// Text from outside (messages, titles, reasons), made safe to show: control characters and
/// escape sequences become visible marks, so that no title can steer a terminal.
func printable(_ text: String, keepingLines: Bool = false) -> String {
  guard text.unicodeScalars.contains(where: { $0.value < 32 || (127...159).contains($0.value) })
  else { return text }
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    switch scalar.value {
    case 10 where keepingLines: result.append(scalar)
    case 9, 10, 13: result.append(" ")
    case 0..<32, 127...159: result.append("\u{FFFD}")
    default: result.append(scalar)
    }
  }
  return String(result)
}

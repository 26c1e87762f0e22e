/// One column of a listing.
struct TableColumn<Item>: Sendable {
  let title: String
  let rightAligned: Bool
  let text: @Sendable (Item) -> String

  /// A left-aligned column.
  init(_ title: String, _ text: @escaping @Sendable (Item) -> String) {
    self.title = title
    self.rightAligned = false
    self.text = text
  }

  /// A right-aligned column of numbers.
  init(number title: String, _ text: @escaping @Sendable (Item) -> String) {
    self.title = title
    self.rightAligned = true
    self.text = text
  }
}

/// Aligned plain text, two spaces between columns.
struct Table<Item> {
  let columns: [TableColumn<Item>]

  func render(_ items: [Item], colour: Bool) -> String {
    let cells = items.map { item in columns.map { $0.text(item) } }
    let widths = columns.indices.map { index in
      cells.reduce(columns[index].title.count) { max($0, $1[index].count) }
    }
    func line(_ texts: [String]) -> String {
      var line = ""
      for (index, text) in texts.enumerated() {
        let padding = String(repeating: " ", count: widths[index] - text.count)
        let last = index == texts.count - 1
        line += columns[index].rightAligned ? padding + text : text + (last ? "" : padding)
        if !last { line += "  " }
      }
      return line
    }
    let head = Style.bold(line(columns.map(\.title)), if: colour)
    return ([head] + cells.map(line)).joined(separator: "\n")
  }
}

/// Numbers and times as people read them.
enum Format {
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

  /// `0.42 s`, `12.3 s`, `3 min 05 s`.
  static func duration(_ duration: Duration) -> String {
    let seconds =
      Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    if seconds < 10 { return decimal(seconds, 2) + " s" }
    if seconds < 100 { return decimal(seconds, 1) + " s" }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return "\(whole / 60) min \(two(whole % 60)) s" }
    return "\(whole / 3600) h \(two(whole / 60 % 60)) min"
  }

  /// A fixed number of decimals, rounded half away from zero.
  static func decimal(_ value: Double, _ digits: Int) -> String {
    let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 9e15 else { return "\(value)" }
    let whole = Int64(scaled)
    let sign = value < 0 && whole != 0 ? "-" : ""
    guard digits > 0 else { return sign + String(whole) }
    let unit = Int64(scale)
    let fraction = String(whole % unit)
    return sign + String(whole / unit) + "."
      + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  /// `12.3 %` of a share in 0...1.
  static func percent(_ share: Double) -> String { decimal(share * 100, 1) + " %" }

  private static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}

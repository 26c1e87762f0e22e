import Foundation
import Schedules

/// Writes events of a made-up shop as CSV: the same days give the same bytes.
///
/// Each day has the same number of events, spread over it in order. Customers are drawn with a
/// skew: the most active of 100 has ten times the events of the middle one. One row in a hundred
/// is flawed, each flaw an error in another column.
struct EventFile {
  var customers: Int
  var eventsPerDay: Int
  /// Whether rows have flaws.
  var isFlawed = true

  /// The header's columns.
  static let header =
    "event_id,kind,customer,occurred_at,sku,quantity,unit_price,currency,channel\n"

  /// Kinds with their shares of 100.
  static let kinds: [(name: String, share: Int)] = [
    ("product_view", 26), ("session", 20), ("page_view", 13), ("login", 10), ("purchase", 8),
    ("email_sent", 8), ("cart_add", 5), ("email_open", 4), ("cart_abandon", 3), ("refund", 1),
    ("email_click", 1), ("support_contact", 1),
  ]
  private static let channels = ["web", "app", "store", "mail"]

  /// Writes the days `days` (numbered as ``Day``) to a file, replacing it.
  ///
  /// - Returns: the number of rows, flawed ones included.
  func write(days: Range<Int>, to path: String) throws -> Int {
    guard FileManager.default.createFile(atPath: path, contents: nil) else {
      throw BenchError("cannot write \(path)")
    }
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    defer { try? file.close() }
    let table = Self.kinds.flatMap { kind in
      let isSale = kind.name == "purchase" || kind.name == "refund"
      return Array(
        repeating: (name: Array(kind.name.utf8), isSale: isSale), count: kind.share)
    }
    let channels = Self.channels.map { Array($0.utf8) }
    var buffer = Array(Self.header.utf8)
    var rows = 0
    for day in days {
      // Streams of neighbouring seeds must not be the same one, shifted.
      var seeds = Draws(seed: UInt64(truncatingIfNeeded: day))
      var draw = Draws(seed: seeds.next())
      let date = Array("\(Day(number: Int32(day)))".utf8)
      for position in 0..<eventsPerDay {
        let flaw = isFlawed && draw.below(100) == 0 ? draw.below(5) : -1
        let kind = table[draw.below(100)]
        let unit = Double(draw.below(1 << 20)) / Double(1 << 20)
        let customer = Int(unit * unit * Double(customers))
        // Ids rise with time; a flawed row may repeat that of the row before, with its own content.
        let id = day * eventsPerDay + position - (flaw == 0 && position > 0 ? 1 : 0)
        buffer.append(69)
        Self.digits(id, 10, into: &buffer)
        buffer.append(44)
        buffer += flaw == 1 ? Array("unheard_of".utf8) : kind.name
        buffer.append(44)
        if flaw != 2 {
          buffer.append(67)
          Self.digits(customer, 7, into: &buffer)
        }
        buffer.append(44)
        buffer += date
        buffer.append(84)
        let second = position * 86_400 / eventsPerDay
        Self.digits(second / 3600, 2, into: &buffer)
        buffer.append(58)
        Self.digits(second / 60 % 60, 2, into: &buffer)
        buffer.append(58)
        Self.digits(second % 60, 2, into: &buffer)
        buffer.append(90)
        buffer.append(44)
        buffer.append(83)
        Self.digits(draw.below(5000), 5, into: &buffer)
        buffer.append(44)
        if kind.isSale {
          Self.digits(flaw == 3 ? 5000 : 1 + draw.below(4), 1, into: &buffer)
          buffer.append(44)
          let cents = 200 + draw.below(9800)
          Self.digits(cents / 100, 1, into: &buffer)
          buffer.append(46)
          Self.digits(cents % 100, 2, into: &buffer)
          buffer.append(44)
          buffer += flaw == 4 ? [85, 83, 68] : [69, 85, 82]
        } else {
          buffer += [44, 44]
        }
        buffer.append(44)
        buffer += channels[draw.below(4)]
        buffer.append(10)
        rows += 1
      }
      if buffer.count > 1 << 20 {
        try file.write(contentsOf: buffer)
        buffer.removeAll(keepingCapacity: true)
      }
    }
    try file.write(contentsOf: buffer)
    return rows
  }

  /// Appends a number in decimal with at least `width` digits.
  private static func digits(_ number: Int, _ width: Int, into buffer: inout [UInt8]) {
    var power = 1
    var count = 1
    while count < width || number / power >= 10 {
      power *= 10
      count += 1
    }
    while power > 0 {
      buffer.append(UInt8(48 + number / power % 10))
      power /= 10
    }
  }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Draws {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// A number from 0 to `bound` less one.
  mutating func below(_ bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }
}

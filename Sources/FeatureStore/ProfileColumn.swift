import Columns
import Features
import Schedules

/// A column that is filled row by row from text.
struct ProfileColumn: Sendable {
  let type: FeatureType
  private var numbers: [Int64] = []
  private var codes: [Int32] = []
  private var flags: [Bool] = []
  private var present: Bitset
  private var dictionary: [String] = []
  private var known: [[UInt8]: Int32] = [:]

  init(type: FeatureType, count: Int) {
    self.type = type
    present = Bitset(count: count)
    switch type {
    case .text, .date: codes = Array(repeating: 0, count: count)
    case .boolean: flags = Array(repeating: false, count: count)
    case .integer, .decimal, .real, .timestamp: numbers = Array(repeating: 0, count: count)
    }
  }

  /// Sets a row; false where the text is no value of the type.
  mutating func set(_ row: Int, _ text: [UInt8]) -> Bool {
    let string = String(decoding: text, as: UTF8.self)
    switch type {
    case .text:
      // Bytes and not String as key: two normal forms of one text are two values.
      if let code = known[text] {
        codes[row] = code
      } else {
        let code = Int32(dictionary.count)
        dictionary.append(string)
        known[text] = code
        codes[row] = code
      }
    case .integer:
      guard let value = Int64(string) else { return false }
      numbers[row] = value
    case .decimal:
      guard let value = Decimal4.parse(string) else { return false }
      numbers[row] = value
    case .boolean:
      guard let value = ["true": true, "false": false][string] else { return false }
      flags[row] = value
    case .date:
      guard let value = Day(iso8601: string) else { return false }
      codes[row] = value.number
    case .timestamp:
      guard let value = Instant(rfc3339: string) else { return false }
      numbers[row] = value.microseconds
    case .real: return false
    }
    present[row] = true
    return true
  }

  /// Gives a row what another one has.
  mutating func copy(from source: Int, to row: Int) {
    switch type {
    case .text, .date: codes[row] = codes[source]
    case .boolean: flags[row] = flags[source]
    case .integer, .decimal, .real, .timestamp: numbers[row] = numbers[source]
    }
    present[row] = present[source]
  }

  /// The finished column.
  var column: Column {
    switch type {
    case .text: .text(Dense(codes, present: present), dictionary: dictionary)
    case .integer: .integer(Dense(numbers, present: present), scale: 0)
    case .decimal: .integer(Dense(numbers, present: present), scale: 4)
    case .boolean: .boolean(Dense(flags, present: present))
    case .date: .day(Dense(codes, present: present))
    case .timestamp, .real: .instant(Dense(numbers, present: present))
    }
  }
}

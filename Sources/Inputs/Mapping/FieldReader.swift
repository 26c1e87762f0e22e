import Schedules

/// The declared type of a source's column.
enum ColumnType: Equatable, Sendable {
  case text
  case integer
  /// Exact, with at most `scale` decimals.
  case decimal(scale: Int)
  case boolean
  case date
  case timestamp
  /// Whole seconds or milliseconds since 1970 in UTC.
  case epoch(perSecond: Int64)

  /// The type of the column's register.
  var value: ValueType {
    switch self {
    case .text: .text
    case .integer: .number(scale: 0)
    case .decimal(let scale): .number(scale: scale)
    case .boolean: .boolean
    case .date: .date
    case .timestamp, .epoch: .timestamp
    }
  }

  /// Every name that a catalogue may write.
  static let names = [
    "text", "integer", "decimal", "boolean", "date", "timestamp", "epoch_seconds",
    "epoch_milliseconds",
  ]

  /// The type of a name; `decimal` keeps 4 decimals, `decimal(6)` six.
  init?(_ name: String) {
    switch name {
    case "text": self = .text
    case "integer": self = .integer
    case "decimal": self = .decimal(scale: 4)
    case "boolean": self = .boolean
    case "date": self = .date
    case "timestamp": self = .timestamp
    case "epoch_seconds": self = .epoch(perSecond: 1)
    case "epoch_milliseconds": self = .epoch(perSecond: 1000)
    default:
      guard name.hasPrefix("decimal("), name.hasSuffix(")"),
        let scale = Int(name.dropFirst(8).dropLast()), (0...12).contains(scale)
      else { return nil }
      self = .decimal(scale: scale)
    }
  }
}

/// Reads typed values from a field's bytes, without making a `String`.
enum FieldReader {
  /// An exact decimal as an integer × 10^-scale; surplus zeros are dropped, surplus digits not.
  static func number(
    _ bytes: UnsafeRawBufferPointer, scale: Int, fault: RowReason
  ) -> Result<Int64, RowReasonError> {
    var at = 0
    let negative = bytes.first == UInt8(ascii: "-")
    if negative || bytes.first == UInt8(ascii: "+") { at = 1 }
    var value: Int64 = 0
    var digits = 0
    var decimals = 0
    var seenPoint = false
    while at < bytes.count {
      let byte = bytes[at]
      if byte >= 48, byte <= 57 {
        digits += 1
        if seenPoint { decimals += 1 }
        // Trailing zeros beyond the scale add nothing; anything else would be lost.
        if seenPoint, decimals > scale {
          if byte != 48 { return exponentForm(bytes, scale, fault, else: .tooManyDecimals) }
        } else {
          let (tens, high) = value.multipliedReportingOverflow(by: 10)
          let (sum, over) = tens.addingReportingOverflow(Int64(byte) - 48)
          if high || over { return .failure(.init(.overflow)) }
          value = sum
        }
      } else if byte == UInt8(ascii: "."), !seenPoint {
        seenPoint = true
      } else if byte | 32 == UInt8(ascii: "e"), digits > 0 {
        return exponentForm(bytes, scale, fault, else: fault)
      } else {
        return .failure(.init(fault))
      }
      at += 1
    }
    guard digits > 0 else { return .failure(.init(fault)) }
    var missing = scale - min(decimals, scale)
    while missing > 0 {
      let (tens, over) = value.multipliedReportingOverflow(by: 10)
      if over { return .failure(.init(.overflow)) }
      value = tens
      missing -= 1
    }
    return .success(negative ? -value : value)
  }

  /// `1.5e3`, as some exports write large and small numbers: rare, so through text.
  private static func exponentForm(
    _ bytes: UnsafeRawBufferPointer, _ scale: Int, _ fault: RowReason, else plain: RowReason
  ) -> Result<Int64, RowReasonError> {
    let text = String(decoding: bytes, as: UTF8.self).lowercased()
    let parts = text.split(separator: "e", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return .failure(.init(plain)) }
    guard let exponent = Int(parts[1]), abs(exponent) <= 40 else { return .failure(.init(fault)) }
    let sign = parts[0].hasPrefix("-")
    let body = parts[0].drop { $0 == "-" || $0 == "+" }
    let pieces = body.split(separator: ".", omittingEmptySubsequences: false)
    guard pieces.count <= 2, parts[0].count - body.count <= 1,
      pieces.allSatisfy({ $0.utf8.allSatisfy { $0 >= 48 && $0 <= 57 } }),
      pieces.contains(where: { !$0.isEmpty })
    else { return .failure(.init(fault)) }
    let fraction = pieces.count == 2 ? pieces[1] : ""
    var digits = String(pieces[0] + fraction)
    var shift = exponent - fraction.count + scale
    while shift < 0, digits.count > 1, digits.last == "0" {
      digits.removeLast()
      shift += 1
    }
    if digits.allSatisfy({ $0 == "0" }) { return .success(0) }
    guard shift >= 0 else { return .failure(.init(.tooManyDecimals)) }
    guard let value = Int64(digits + String(repeating: "0", count: shift)) else {
      return .failure(.init(.overflow))
    }
    return .success(sign ? -value : value)
  }

  /// `true`, `t`, `yes`, `y`, `1` and their opposites, in any case.
  static func boolean(_ bytes: UnsafeRawBufferPointer) -> Bool? {
    switch String(decoding: bytes, as: UTF8.self).lowercased() {
    case "true", "t", "yes", "y", "1": true
    case "false", "f", "no", "n", "0": false
    default: nil
    }
  }

  /// Two digits at a place; -1 where they are not digits.
  @inline(__always)
  private static func two(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int {
    let high = Int(bytes[at]) - 48
    let low = Int(bytes[at + 1]) - 48
    return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : -1
  }

  /// The day number of `YYYY-MM-DD` or `YYYYMMDD` at the front; nil where there is none.
  static func day(_ bytes: UnsafeRawBufferPointer, dashed: Bool) -> Int32? {
    guard bytes.count >= (dashed ? 10 : 8) else { return nil }
    let dash = UInt8(ascii: "-")
    if dashed, bytes[4] != dash || bytes[7] != dash { return nil }
    let century = two(bytes, 0)
    let year = two(bytes, 2)
    let month = two(bytes, dashed ? 5 : 4)
    let day = two(bytes, dashed ? 8 : 6)
    guard century >= 0, year >= 0, month > 0, day > 0 else { return nil }
    return Day(year: century * 100 + year, month: month, day: day)?.number
  }

  /// A whole field as a date.
  static func date(_ bytes: UnsafeRawBufferPointer) -> Int32? {
    switch bytes.count {
    case 8: day(bytes, dashed: false)
    case 10: day(bytes, dashed: true)
    default: nil
    }
  }

  /// Wall-clock microseconds, and seconds east of Greenwich where the text says so.
  static func timestamp(_ bytes: UnsafeRawBufferPointer) -> (local: Int64, offset: Int?)? {
    guard let day = day(bytes, dashed: true) else { return nil }
    let midnight = Int64(day) * 86_400_000_000
    if bytes.count == 10 { return (midnight, nil) }
    let separator = bytes[10]
    guard separator == 32 || separator | 32 == UInt8(ascii: "t"), bytes.count >= 16,
      bytes[13] == UInt8(ascii: ":")
    else { return nil }
    let hour = two(bytes, 11)
    let minute = two(bytes, 14)
    guard hour >= 0, hour <= 23, minute >= 0, minute <= 59 else { return nil }
    var micros = Int64(hour * 3600 + minute * 60) * 1_000_000
    var at = 16
    if at + 2 < bytes.count, bytes[at] == UInt8(ascii: ":") {
      let second = two(bytes, at + 1)
      guard second >= 0, second <= 59 else { return nil }
      micros += Int64(second) * 1_000_000
      at += 3
      if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
        guard let (fraction, next) = self.fraction(bytes, from: at + 1) else { return nil }
        micros += fraction
        at = next
      }
    }
    if at == bytes.count { return (midnight + micros, nil) }
    guard let offset = offset(UnsafeRawBufferPointer(rebasing: bytes[at...])) else { return nil }
    return (midnight + micros, offset)
  }

  /// Microseconds of one to nine decimals; digits below a microsecond must be zero.
  private static func fraction(
    _ bytes: UnsafeRawBufferPointer, from start: Int
  ) -> (Int64, Int)? {
    var at = start
    var value: Int64 = 0
    var unit: Int64 = 100_000
    while at < bytes.count, bytes[at] >= 48, bytes[at] <= 57 {
      if unit == 0, bytes[at] != 48 { return nil }
      value += unit * Int64(bytes[at] - 48)
      unit /= 10
      at += 1
    }
    return at > start && at - start <= 9 ? (value, at) : nil
  }

  /// `Z`, `+02`, `+0200`, `+02:00`, also after one space.
  private static func offset(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var at = 0
    if bytes[0] == 32, bytes.count > 1 { at = 1 }
    let sign = bytes[at]
    let rest = bytes.count - at - 1
    if sign | 32 == UInt8(ascii: "z") { return rest == 0 ? 0 : nil }
    guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), rest >= 2 else { return nil }
    let hours = two(bytes, at + 1)
    var minutes = 0
    switch rest {
    case 2: break
    case 4: minutes = two(bytes, at + 3)
    case 5 where bytes[at + 3] == UInt8(ascii: ":"): minutes = two(bytes, at + 4)
    default: return nil
    }
    guard hours >= 0, hours <= 15, minutes >= 0, minutes < 60 else { return nil }
    return (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
  }
}

/// A ``RowReason`` as the failure of a `Result`.
struct RowReasonError: Error, Equatable {
  let reason: RowReason
  init(_ reason: RowReason) { self.reason = reason }
}

import Foundation

/// Comparisons of UTF-8 texts as bytes.
enum Bytes {
  /// Negative, zero or positive, as `COLLATE "C"` orders.
  static func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let common = min(a.count, b.count)
    if common > 0, let x = a.baseAddress, let y = b.baseAddress {
      let order = memcmp(x, y, common)
      if order != 0 { return Int(order) }
    }
    return a.count - b.count
  }

  static func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    a.count == b.count && compare(a, b) == 0
  }

  static func hasPrefix(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    a.count >= b.count && equal(UnsafeRawBufferPointer(rebasing: a[0..<b.count]), b)
  }

  static func hasSuffix(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    a.count >= b.count && equal(UnsafeRawBufferPointer(rebasing: a[(a.count - b.count)...]), b)
  }

  static func contains(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    guard a.count >= b.count else { return false }
    return (0...(a.count - b.count)).contains { start in
      equal(UnsafeRawBufferPointer(rebasing: a[start..<(start + b.count)]), b)
    }
  }

  /// Without spaces, tabs and line ends at both sides.
  static func trimmed(_ a: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var low = 0
    var high = a.count
    while low < high, isSpace(a[low]) { low += 1 }
    while high > low, isSpace(a[high - 1]) { high -= 1 }
    return UnsafeRawBufferPointer(rebasing: a[low..<high])
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

  /// Whether the bytes are UTF-8 without NUL, eight at a time while they are ASCII.
  static func areText(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var at = 0
    while at + 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      let high = word & 0x8080_8080_8080_8080
      let zeros = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
      if zeros != 0 { return !bytes.contains(0) && isUTF8(bytes, from: at) }
      if high != 0 { return isUTF8(bytes, from: at) }
      at += 8
    }
    return isUTF8(bytes, from: at)
  }

  /// Validates from a place where a scalar begins; NUL is refused.
  private static func isUTF8(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Bool {
    var at = start
    while at < bytes.count {
      let lead = bytes[at]
      if lead < 0x80 {
        if lead == 0 { return false }
        at += 1
        continue
      }
      // The second byte's range excludes overlong forms, surrogates and beyond U+10FFFF.
      let (length, second): (Int, ClosedRange<UInt8>)
      switch lead {
      case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
      case 0xE0: (length, second) = (3, 0xA0...0xBF)
      case 0xED: (length, second) = (3, 0x80...0x9F)
      case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
      case 0xF0: (length, second) = (4, 0x90...0xBF)
      case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
      case 0xF4: (length, second) = (4, 0x80...0x8F)
      default: return false
      }
      guard at + length <= bytes.count, second.contains(bytes[at + 1]) else { return false }
      for index in 2..<max(2, length) where bytes[at + index] & 0xC0 != 0x80 { return false }
      at += length
    }
    return true
  }
}

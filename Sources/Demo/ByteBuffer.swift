import Foundation

/// Bytes on their way to a file, formatted by hand and written a megabyte at a time.
final class ByteBuffer {
  private var bytes: [UInt8] = []
  private let handle: FileHandle
  /// Bytes written so far, those in memory included.
  private(set) var total = 0

  /// A buffer that writes to an open file.
  init(handle: FileHandle) {
    self.handle = handle
    bytes.reserveCapacity(1 << 20)
  }

  /// Appends text known when compiled.
  func append(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  /// Appends bytes.
  func append(_ text: [UInt8]) { bytes.append(contentsOf: text) }

  /// Appends one byte.
  func append(_ byte: UInt8) { bytes.append(byte) }

  /// Appends a number in decimal, with leading zeros up to `width` digits.
  func append(_ number: Int, width: Int = 1) {
    var left = number.magnitude
    if number < 0 { bytes.append(45) }
    let start = bytes.count
    var digits = 0
    repeat {
      bytes.append(UInt8(truncatingIfNeeded: 48 + left % 10))
      left /= 10
      digits += 1
    } while left > 0 || digits < width
    bytes[start...].reverse()
  }

  /// Appends an amount of cents with two decimals.
  func append(cents: Int) {
    append(cents / 100)
    bytes.append(46)
    append(abs(cents % 100), width: 2)
  }

  /// Appends `HH:MM:SS`.
  func append(second: Int) {
    append(second / 3600, width: 2)
    bytes.append(58)
    append(second / 60 % 60, width: 2)
    bytes.append(58)
    append(second % 60, width: 2)
  }

  /// Ends a row; writes when a megabyte is full.
  func endRow() throws {
    bytes.append(10)
    if bytes.count >= 1_000_000 { try flush() }
  }

  /// Writes what is in memory.
  func flush() throws {
    guard !bytes.isEmpty else { return }
    try handle.write(contentsOf: bytes)
    total += bytes.count
    bytes.removeAll(keepingCapacity: true)
  }
}

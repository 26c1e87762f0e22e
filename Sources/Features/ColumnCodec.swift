import Columns

/// Integer columns as compact bytes: zigzag varints, runs of zeros, a null mask, a checksum.
///
/// Layout: version byte 1; varint count; flag byte (1: a mask follows, `(count + 7) / 8` bytes);
/// the present values as zigzag varints, where a 0 is followed by the varint of how many more
/// zeros follow; eight bytes of checksum over all before, little-endian.
public enum ColumnCodec {
  private static let version: UInt8 = 1

  /// The bytes of a column.
  public static func encode(_ column: Dense<Int64>) -> [UInt8] {
    // The most that it can take; what is not used is never touched.
    let most = 32 + (column.count + 7) / 8 + (column.count + 1) * 10
    return [UInt8](unsafeUninitializedCapacity: most) { memory, count in
      var writer = Writer(memory: memory)
      writer.byte(version)
      writer.varint(UInt64(column.count))
      writer.byte(column.present == nil ? 0 : 1)
      if let present = column.present {
        for byte in 0..<((column.count + 7) / 8) {
          writer.byte(
            UInt8(truncatingIfNeeded: present.words[byte >> 3] >> UInt64((byte & 7) * 8)))
        }
      }
      column.values.withUnsafeBufferPointer { writer.values($0, column.present) }
      let sum = Checksum.of(
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<writer.count]))
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        writer.byte(UInt8(truncatingIfNeeded: sum >> shift))
      }
      count = writer.count
    }
  }

  /// The column of the bytes; values under a null are 0.
  ///
  /// - Throws: ``FeatureError`` `features.damaged_column` where the bytes were not written by
  ///   ``encode(_:)`` or changed since.
  public static func decode(_ bytes: [UInt8]) throws -> Dense<Int64> {
    guard bytes.count >= 11, bytes[0] == version else {
      throw damaged("expected a column of version \(version), found other bytes")
    }
    let body = bytes.count - 8
    var sum: UInt64 = 0
    for position in 0..<8 { sum |= UInt64(bytes[body + position]) << UInt64(position * 8) }
    guard Checksum.of(bytes[..<body]) == sum else {
      throw damaged("expected checksum \(String(sum, radix: 16)), found another")
    }
    return try bytes.withUnsafeBufferPointer { bytes in
      var cursor = Cursor(bytes: bytes, end: body, position: 1)
      let count = Int(clamping: try cursor.varint())
      guard count <= 1 << 32 else { throw damaged("expected at most 2^32 rows, found \(count)") }
      var present: Bitset?
      if try cursor.byte() == 1 {
        var words = [UInt64](repeating: 0, count: (count + 63) >> 6)
        for byte in 0..<((count + 7) / 8) {
          words[byte >> 3] |= UInt64(try cursor.byte()) << UInt64((byte & 7) * 8)
        }
        present = Bitset(count: count, words: words)
      }
      let values = try cursor.values(count, present)
      guard cursor.position == body else { throw damaged("expected the end, found more bytes") }
      return Dense(values, present: present)
    }
  }

  /// The bytes of customer ids: their differences as a column.
  public static func encode(_ index: IDIndex) -> [UInt8] {
    var previous: Int64 = 0
    let steps = index.ids.map { id in
      defer { previous = id }
      return id &- previous
    }
    return encode(Dense(steps))
  }

  /// The customer ids of the bytes.
  ///
  /// - Throws: ``FeatureError`` `features.damaged_column`.
  public static func decodeIndex(_ bytes: [UInt8]) throws -> IDIndex {
    var id: Int64 = 0
    var ids = try decode(bytes).values
    for row in ids.indices {
      let next = id &+ ids[row]
      guard row == 0 || next > id else { throw damaged("expected ids that ascend, found \(next)") }
      id = next
      ids[row] = id
    }
    return IDIndex(sorted: ids)
  }

  fileprivate static func damaged(_ message: String) -> FeatureError {
    FeatureError(
      code: "features.damaged_column", message: message,
      hint: "delete the stored state: it is rebuilt from the tiles")
  }
}

/// Writes into memory that is large enough.
private struct Writer {
  let memory: UnsafeMutableBufferPointer<UInt8>
  var count = 0

  @inline(__always)
  mutating func byte(_ value: UInt8) {
    memory[count] = value
    count += 1
  }

  @inline(__always)
  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      byte(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    byte(UInt8(truncatingIfNeeded: rest))
  }

  mutating func values(_ values: UnsafeBufferPointer<Int64>, _ present: Bitset?) {
    var zeros: UInt64 = 0
    for row in values.indices {
      if let present, !present[row] { continue }
      let value = values[row]
      if value == 0 {
        zeros += 1
        continue
      }
      endZeros(&zeros)
      varint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }
    endZeros(&zeros)
  }

  @inline(__always)
  private mutating func endZeros(_ zeros: inout UInt64) {
    if zeros == 0 { return }
    byte(0)
    varint(zeros - 1)
    zeros = 0
  }
}

private struct Cursor {
  let bytes: UnsafeBufferPointer<UInt8>
  let end: Int
  var position: Int

  mutating func byte() throws -> UInt8 {
    guard position < end else {
      throw ColumnCodec.damaged("expected more bytes, found the end of the column")
    }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func varint() throws -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let next = try byte()
      guard shift < 63 || (shift == 63 && next <= 1) else {
        throw ColumnCodec.damaged("expected a number of 64 bits, found a longer one")
      }
      value |= UInt64(next & 0x7f) << shift
      if next < 0x80 { return value }
      shift += 7
    }
  }

  mutating func values(_ count: Int, _ present: Bitset?) throws -> [Int64] {
    var values = [Int64](repeating: 0, count: count)
    var zeros: UInt64 = 0
    for row in 0..<count {
      if let present, !present[row] { continue }
      if zeros > 0 {
        zeros -= 1
        continue
      }
      let code = try varint()
      if code == 0 {
        zeros = try varint()
      } else {
        values[row] = Int64(bitPattern: (code >> 1) ^ (0 &- (code & 1)))
      }
    }
    guard zeros == 0 else { throw ColumnCodec.damaged("expected fewer zeros at the end") }
    return values
  }
}

import Foundation

/// Writes rows in the format of `COPY … FROM STDIN (FORMAT binary)`.
///
/// ```swift
/// var encoder = BinaryCopyEncoder(columns: 2)
/// encoder.beginRow()
/// encoder.append(int64: 7)
/// encoder.append(text: "seven")
/// try await writer.write(bytes: encoder.take())   // as often as memory asks for
/// encoder.finish()
/// try await writer.write(bytes: encoder.take())
/// ```
/// The types must be exactly the columns' types: the server converts nothing in this format.
/// Source: PostgreSQL manual, COPY, "Binary Format".
public struct BinaryCopyEncoder: Sendable {
  /// What every stream begins with: signature, flags, length of the extension.
  static let header: [UInt8] =
    Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + [UInt8](repeating: 0, count: 8)

  /// The number of columns of each row.
  public let columns: Int
  /// The number of rows begun.
  public private(set) var rows = 0
  /// The memory that holds the bytes; those behind `count` are unused.
  private var storage: [UInt8]
  /// How many bytes wait to be taken.
  public private(set) var count: Int
  /// Fields that the current row lacks.
  private var missing = 0

  /// An encoder whose bytes begin with the header.
  public init(columns: Int) {
    precondition(columns >= 0 && columns <= Int(Int16.max), "\(columns) columns")
    self.columns = columns
    storage = Self.header + [UInt8](repeating: 0, count: 64 * 1024)
    count = Self.header.count
  }

  /// Begins a row; the row before must be complete.
  @inline(__always)
  public mutating func beginRow() {
    precondition(missing == 0, "a row lacks \(missing) of \(columns) fields")
    missing = columns
    rows += 1
    reserve(2)
    store(Int16(truncatingIfNeeded: columns))
  }

  /// NULL.
  @inline(__always)
  public mutating func appendNull() {
    field()
    reserve(4)
    store(Int32(-1))
  }

  /// A `bigint`, NULL for nil.
  @inline(__always)
  public mutating func append(int64 value: Int64?) { fixed(value) }

  /// An `integer`, NULL for nil.
  @inline(__always)
  public mutating func append(int32 value: Int32?) { fixed(value) }

  /// A `smallint`, NULL for nil.
  @inline(__always)
  public mutating func append(int16 value: Int16?) { fixed(value) }

  /// A `boolean`, NULL for nil.
  @inline(__always)
  public mutating func append(bool value: Bool?) { fixed(value.map { $0 ? UInt8(1) : 0 }) }

  /// A `double precision`, NULL for nil.
  @inline(__always)
  public mutating func append(double value: Double?) { fixed(value.map(\.bitPattern)) }

  /// A `real`, NULL for nil.
  @inline(__always)
  public mutating func append(float value: Float?) { fixed(value.map(\.bitPattern)) }

  /// A `timestamptz` or `timestamp` in microseconds since 1970, NULL for nil.
  @inline(__always)
  public mutating func append(instant microseconds: Int64?) {
    fixed(microseconds.map { $0 &- BinaryCopyEpoch.microseconds })
  }

  /// A `date` in days since 1970, NULL for nil.
  @inline(__always)
  public mutating func append(day number: Int32?) {
    fixed(number.map { $0 &- BinaryCopyEpoch.days })
  }

  /// A `text`, NULL for nil. A NUL character is refused by the server.
  public mutating func append(text value: String?) {
    guard var value else { return appendNull() }
    value.withUTF8 { bytes in append(raw: UnsafeRawBufferPointer(bytes)) }
  }

  /// A `bytea`, or the UTF-8 bytes of a `text`; NULL for nil.
  public mutating func append(bytes value: [UInt8]?) {
    guard let value else { return appendNull() }
    value.withUnsafeBytes { append(raw: $0) }
  }

  /// A `bytea`, or the UTF-8 bytes of a `text`, from memory.
  public mutating func append(raw bytes: UnsafeRawBufferPointer) {
    field()
    reserve(4 + bytes.count)
    store(Int32(bytes.count))
    copy(bytes)
  }

  /// A `jsonb` from JSON text, NULL for nil; the server parses and checks it.
  public mutating func append(jsonb value: String?) {
    guard var value else { return appendNull() }
    field()
    value.withUTF8 { bytes in
      reserve(5 + bytes.count)
      store(Int32(bytes.count + 1))
      store(UInt8(1))
      copy(UnsafeRawBufferPointer(bytes))
    }
  }

  /// A `uuid`, NULL for nil.
  public mutating func append(uuid value: UUID?) {
    guard let value else { return appendNull() }
    withUnsafeBytes(of: value.uuid) { append(raw: $0) }
  }

  /// A `numeric` of value `unscaled / 10^scale`, NULL for nil; money has scale 4.
  public mutating func append(numeric unscaled: Int64?, scale: Int) {
    guard let unscaled else { return appendNull() }
    field()
    // Groups of four digits; the decimals must fill whole groups, so pad with zeros on the right.
    let padding = (4 - scale & 3) & 3
    var high = UInt128(unscaled.magnitude)
    for _ in 0..<padding { high *= 10 }
    // 64 bits and three more digits: at most six groups, lowest first.
    var groups: (UInt16, UInt16, UInt16, UInt16, UInt16, UInt16) = (0, 0, 0, 0, 0, 0)
    var length = 0
    withUnsafeMutableBytes(of: &groups) { raw in
      let digits = raw.assumingMemoryBound(to: UInt16.self)
      // Most amounts fit 64 bits, whose division is many times faster.
      if let low = UInt64(exactly: high) {
        var rest = low
        while rest > 0 {
          digits[length] = UInt16(rest % 10_000)
          rest /= 10_000
          length += 1
        }
      } else {
        while high > 0 {
          digits[length] = UInt16(high % 10_000)
          high /= 10_000
          length += 1
        }
      }
    }
    let fraction = (scale + padding) / 4
    reserve(4 + 8 + 2 * length)
    store(Int32(8 + 2 * length))
    store(Int16(length))
    store(Int16(length == 0 ? 0 : length - 1 - fraction))
    store(UInt16(unscaled < 0 ? 0x4000 : 0))
    store(UInt16(scale))
    withUnsafeBytes(of: &groups) { raw in
      let digits = raw.assumingMemoryBound(to: UInt16.self)
      for index in stride(from: length - 1, through: 0, by: -1) { store(digits[index]) }
    }
  }

  /// A `bigint[]` without nulls, NULL for nil.
  public mutating func append(int64s values: [Int64]?) {
    guard let values else { return appendNull() }
    array(of: values.count, oid: 20, elementBytes: 8)
    for value in values {
      store(Int32(8))
      store(value)
    }
  }

  /// A `text[]` without nulls, NULL for nil.
  public mutating func append(texts values: [String]?) {
    guard let values else { return appendNull() }
    let total = values.reduce(0) { $0 + $1.utf8.count }
    array(of: values.count, oid: 25, elementBytes: 0, extra: total)
    for var value in values {
      value.withUTF8 { bytes in
        store(Int32(bytes.count))
        copy(UnsafeRawBufferPointer(bytes))
      }
    }
  }

  /// Ends the stream; nothing may follow.
  public mutating func finish() {
    precondition(missing == 0, "a row lacks \(missing) of \(columns) fields")
    reserve(2)
    store(Int16(-1))
  }

  /// The bytes since the last call; they leave the encoder, its memory stays for the next ones.
  public mutating func take() -> [UInt8] {
    defer { count = 0 }
    return Array(storage[..<count])
  }

  /// Length of the array's field and its header (source: `array_send` in `arrayfuncs.c`).
  private mutating func array(of length: Int, oid: Int32, elementBytes: Int, extra: Int = 0) {
    field()
    let size = length == 0 ? 12 : 20 + length * (4 + elementBytes) + extra
    reserve(4 + size)
    store(Int32(size))
    store(Int32(length == 0 ? 0 : 1))
    store(Int32(0))
    store(oid)
    if length == 0 { return }
    store(Int32(length))
    store(Int32(1))
  }

  @inline(__always)
  private mutating func fixed<T: FixedWidthInteger>(_ value: T?) {
    guard let value else { return appendNull() }
    field()
    reserve(4 + MemoryLayout<T>.size)
    store(Int32(MemoryLayout<T>.size))
    store(value)
  }

  @inline(__always)
  private mutating func field() {
    precondition(missing > 0, "a row has more than \(columns) fields")
    missing -= 1
  }

  /// Makes room; the memory doubles, so that appending stays cheap.
  @inline(__always)
  private mutating func reserve(_ bytes: Int) {
    if count + bytes > storage.count { grow(bytes) }
  }

  private mutating func grow(_ bytes: Int) {
    storage += [UInt8](repeating: 0, count: max(storage.count, bytes))
  }

  @inline(__always)
  private mutating func store<T: FixedWidthInteger>(_ value: T) {
    storage.withUnsafeMutableBytes {
      $0.storeBytes(of: value.bigEndian, toByteOffset: count, as: T.self)
    }
    count += MemoryLayout<T>.size
  }

  private mutating func copy(_ bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty else { return }
    storage.withUnsafeMutableBytes { buffer in
      UnsafeMutableRawBufferPointer(rebasing: buffer[count..<(count + bytes.count)])
        .copyMemory(from: bytes)
    }
    count += bytes.count
  }
}

/// 2000-01-01, from which the server counts, since 1970-01-01.
enum BinaryCopyEpoch {
  static let days: Int32 = 10_957
  static let microseconds: Int64 = 946_684_800_000_000
}

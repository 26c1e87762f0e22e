import Foundation

/// A fault in a binary COPY stream.
public struct BinaryCopyError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A stable name, for example `columns.copy_type`.
  public let code: String
  /// What was expected and what was found.
  public let message: String

  /// The message.
  public var description: String { message }

  static func broken(_ message: String) -> BinaryCopyError {
    BinaryCopyError(code: "columns.copy_broken", message: message)
  }
}

/// Cuts the messages of `COPY … TO STDOUT (FORMAT binary)` into rows.
///
/// The server sends one message per row; the first also holds the header, the last is the trailer.
/// ```swift
/// let sums = try await connection.copyOut(sql, into: State()) { state, message in
///   guard var row = try state.decoder.row(message) else { return }
///   state.total += try row.int64() ?? 0
/// }
/// ```
public struct BinaryCopyDecoder: Sendable {
  private var sawHeader = false

  /// A decoder at the start of a stream.
  public init() {}

  /// The row of a message, nil for the trailer; valid only as long as the message's memory.
  @inline(__always)
  public mutating func row(_ message: UnsafeRawBufferPointer) throws -> BinaryCopyRow? {
    var row = BinaryCopyRow(message)
    if !sawHeader {
      try row.skipHeader()
      sawHeader = true
    }
    let fields = try row.count()
    return fields < 0 ? nil : row
  }
}

/// One row of a binary COPY: its fields are read in order, each by its exact type.
///
/// Each reader returns nil for NULL and throws `columns.copy_broken` where the field has another
/// length than the type, or the row has no more fields.
public struct BinaryCopyRow {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  @inline(__always)
  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func skipHeader() throws {
    let header = BinaryCopyEncoder.header
    // The last four of the header's bytes are the length of an extension that nobody uses yet.
    guard bytes.count >= header.count, bytes.starts(with: header.prefix(11)) else {
      throw BinaryCopyError.broken("expected the signature of a binary COPY, found other bytes")
    }
    position = header.count - 4
    let extent = try Int(load(Int32.self))
    guard extent >= 0, bytes.count - position >= extent else {
      throw BinaryCopyError.broken("expected a header, found an extension of \(extent) bytes")
    }
    position += extent
  }

  @inline(__always)
  mutating func count() throws -> Int { try Int(load(Int16.self)) }

  /// A `bigint`.
  @inline(__always)
  public mutating func int64() throws -> Int64? { try fixed(Int64.self) }

  /// An `integer`.
  @inline(__always)
  public mutating func int32() throws -> Int32? { try fixed(Int32.self) }

  /// A `smallint`.
  @inline(__always)
  public mutating func int16() throws -> Int16? { try fixed(Int16.self) }

  /// A `boolean`.
  @inline(__always)
  public mutating func bool() throws -> Bool? { try fixed(UInt8.self).map { $0 != 0 } }

  /// A `double precision`.
  @inline(__always)
  public mutating func double() throws -> Double? {
    try fixed(UInt64.self).map(Double.init(bitPattern:))
  }

  /// A `real`.
  @inline(__always)
  public mutating func float() throws -> Float? {
    try fixed(UInt32.self).map(Float.init(bitPattern:))
  }

  /// A `timestamptz` or `timestamp`, in microseconds since 1970.
  ///
  /// - Throws: `columns.copy_infinite` for `infinity`.
  @inline(__always)
  public mutating func instant() throws -> Int64? {
    guard let value = try fixed(Int64.self) else { return nil }
    guard value != .max, value != .min, value < .max - BinaryCopyEpoch.microseconds else {
      throw Self.infinite
    }
    return value + BinaryCopyEpoch.microseconds
  }

  /// A `date`, in days since 1970.
  ///
  /// - Throws: `columns.copy_infinite` for `infinity`.
  @inline(__always)
  public mutating func day() throws -> Int32? {
    guard let value = try fixed(Int32.self) else { return nil }
    guard value != .max, value != .min else { throw Self.infinite }
    return value &+ BinaryCopyEpoch.days
  }

  private static let infinite = BinaryCopyError(
    code: "columns.copy_infinite", message: "expected a finite date or time, found infinity")

  /// A `text`.
  public mutating func text() throws -> String? {
    guard let raw = try raw() else { return nil }
    guard let text = String(validating: raw, as: UTF8.self) else {
      throw BinaryCopyError.broken("expected UTF-8, found other bytes")
    }
    return text
  }

  /// A `bytea`, or the bytes of any other type.
  public mutating func byteArray() throws -> [UInt8]? { try raw().map(Array.init) }

  /// The bytes of the next field, in the memory of the message.
  @inline(__always)
  public mutating func raw() throws -> UnsafeRawBufferPointer? {
    let length = try Int(load(Int32.self))
    if length < 0 { return nil }
    guard bytes.count - position >= length else {
      throw BinaryCopyError.broken("expected \(length) bytes, found \(bytes.count - position)")
    }
    defer { position += length }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + length)])
  }

  /// The text of a `jsonb`.
  public mutating func jsonb() throws -> String? {
    guard let raw = try raw() else { return nil }
    guard raw.first == 1,
      let text = String(
        validating: UnsafeRawBufferPointer(rebasing: raw.dropFirst()), as: UTF8.self)
    else { throw BinaryCopyError.broken("expected jsonb of version 1, found other bytes") }
    return text
  }

  /// A `uuid`.
  public mutating func uuid() throws -> UUID? {
    guard let raw = try raw() else { return nil }
    guard raw.count == 16 else {
      throw BinaryCopyError.broken("expected a uuid of 16 bytes, found \(raw.count)")
    }
    return UUID(uuid: raw.loadUnaligned(as: uuid_t.self))
  }

  /// A `numeric` times `10^scale`; money has scale 4.
  ///
  /// - Throws: `columns.copy_inexact` for NaN, infinities, more decimals than `scale`, and values
  ///   beyond 64 bits.
  public mutating func numeric(scale: Int) throws -> Int64? {
    guard let raw = try raw() else { return nil }
    guard raw.count >= 8 else { throw BinaryCopyError.broken("expected a numeric, found less") }
    func integer(_ offset: Int) -> Int {
      Int(Int16(bigEndian: raw.loadUnaligned(fromByteOffset: offset, as: Int16.self)))
    }
    let groups = integer(0)
    guard groups >= 0, raw.count == 8 + 2 * groups else {
      throw BinaryCopyError.broken("expected \(groups) groups of digits, found other bytes")
    }
    let sign = integer(4) & 0xFFFF
    var exponent = integer(2) * 4 + scale
    guard sign == 0 || sign == 0x4000 else { throw Self.inexact(scale) }
    var total: Int64 = 0
    for index in 0..<groups {
      var group = Int64(integer(8 + 2 * index))
      guard group != 0 else {
        exponent -= 4
        continue
      }
      guard exponent < 19, exponent > -4 else { throw Self.inexact(scale) }
      if exponent >= 0 {
        let (product, overflow) = group.multipliedReportingOverflow(by: Self.powers[exponent])
        if overflow { throw Self.inexact(scale) }
        group = product
      } else {
        let divisor = Self.powers[-exponent]
        guard group % divisor == 0 else { throw Self.inexact(scale) }
        group /= divisor
      }
      // Negative sums reach one further, so the smallest value passes too.
      let (sum, overflow) = total.subtractingReportingOverflow(group)
      if overflow { throw Self.inexact(scale) }
      total = sum
      exponent -= 4
    }
    if sign == 0x4000 { return total }
    guard total != .min else { throw Self.inexact(scale) }
    return -total
  }

  private static let powers: [Int64] = (0..<19).map { exponent in
    (0..<exponent).reduce(1) { value, _ in value * 10 }
  }

  private static func inexact(_ scale: Int) -> BinaryCopyError {
    BinaryCopyError(
      code: "columns.copy_inexact",
      message: "expected a number of 64 bits with at most \(scale) decimals, found another")
  }

  /// A `bigint[]` of one dimension without nulls.
  public mutating func int64s() throws -> [Int64]? {
    guard let raw = try raw() else { return nil }
    var inner = BinaryCopyRow(raw)
    let count = try inner.arrayLength(oid: 20)
    return try (0..<count).map { _ in
      guard let value = try inner.int64() else {
        throw BinaryCopyError.broken("expected an array without nulls, found one with a null")
      }
      return value
    }
  }

  /// A `text[]` of one dimension without nulls.
  public mutating func texts() throws -> [String]? {
    guard let raw = try raw() else { return nil }
    var inner = BinaryCopyRow(raw)
    let count = try inner.arrayLength(oid: 25)
    return try (0..<count).map { _ in
      guard let value = try inner.text() else {
        throw BinaryCopyError.broken("expected an array without nulls, found one with a null")
      }
      return value
    }
  }

  private mutating func arrayLength(oid: Int32) throws -> Int {
    let dimensions = try load(Int32.self)
    _ = try load(Int32.self)
    let found = try load(Int32.self)
    guard dimensions <= 1, found == oid else {
      throw BinaryCopyError.broken(
        "expected an array of one dimension of type \(oid), found \(dimensions) of type \(found)")
    }
    if dimensions == 0 { return 0 }
    let count = try Int(load(Int32.self))
    _ = try load(Int32.self)
    guard count >= 0, count <= bytes.count else {
      throw BinaryCopyError.broken("expected an array, found a length of \(count)")
    }
    return count
  }

  /// Steps over a field.
  @inline(__always)
  public mutating func skip() throws { _ = try raw() }

  @inline(__always)
  private mutating func fixed<T: FixedWidthInteger>(_ type: T.Type) throws -> T? {
    let length = try Int(load(Int32.self))
    if length < 0 { return nil }
    guard length == MemoryLayout<T>.size else {
      throw BinaryCopyError(
        code: "columns.copy_type",
        message: "expected a field of \(MemoryLayout<T>.size) bytes, found \(length)")
    }
    return try load(type)
  }

  @inline(__always)
  private mutating func load<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    guard bytes.count - position >= MemoryLayout<T>.size else {
      throw BinaryCopyError.broken("expected more bytes, found the end of the row")
    }
    defer { position += MemoryLayout<T>.size }
    return T(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
  }
}

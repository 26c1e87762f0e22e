/// One column of one row as the server sent it, in binary. Valid only while it is decoded.
public struct Field {
  /// The binary form, nil for NULL.
  public let bytes: UnsafeRawBufferPointer?
  /// The object id of the server's type.
  public let oid: UInt32
  /// The name of the column, for messages.
  public let column: String

  init(bytes: UnsafeRawBufferPointer?, oid: UInt32, column: String) {
    self.bytes = bytes
    self.oid = oid
    self.column = column
  }

  /// A fault that names the column.
  public func fault(_ message: String, hint: String? = nil) -> WarehouseError {
    WarehouseError(
      code: "warehouse.decode", message: "column '\(column)': \(message)", hint: hint)
  }

  /// The bytes of a column that must not be NULL.
  public func content() throws -> UnsafeRawBufferPointer {
    guard let bytes else {
      throw fault("expected a value, found NULL", hint: "read the column as an optional")
    }
    return bytes
  }

  /// Refuses other types than the listed ones.
  func expect(_ types: [SQLType]) throws {
    guard types.contains(where: { $0.oid == oid }) else {
      throw fault(
        "expected \(types.map(\.name).joined(separator: " or ")), found \(SQLType.label(oid))",
        hint: "read it as the type it has, or cast it in the statement")
    }
  }

  func reader() throws -> ByteReader { ByteReader(try content(), field: self) }
}

/// Reads big-endian values off a field, refusing to read past its end.
struct ByteReader {
  private var rest: Slice<UnsafeRawBufferPointer>
  private let field: Field

  init(_ bytes: UnsafeRawBufferPointer, field: Field) {
    rest = bytes[...]
    self.field = field
  }

  mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    let bytes = try take(MemoryLayout<T>.size)
    return T(bigEndian: bytes.loadUnaligned(as: T.self))
  }

  mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard count >= 0, count <= rest.count else {
      throw field.fault("expected \(count) more bytes, found \(rest.count)")
    }
    let head = rest.prefix(count)
    rest = rest.dropFirst(count)
    return UnsafeRawBufferPointer(rebasing: head)
  }

  mutating func takeAll() -> UnsafeRawBufferPointer {
    defer { rest = rest.suffix(0) }
    return UnsafeRawBufferPointer(rebasing: rest)
  }

  /// The one value that the field consists of.
  mutating func whole<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    let value = try integer(type)
    guard rest.isEmpty else { throw field.fault("expected \(T.bitWidth / 8) bytes, found more") }
    return value
  }
}

extension [UInt8] {
  /// Appends an integer, highest byte first.
  mutating func appendBigEndian(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  /// Appends what `body` appends, after its length in four bytes.
  mutating func appendSized(_ body: (inout [UInt8]) -> Void) {
    let start = count
    appendBigEndian(Int32(0))
    body(&self)
    let length = Int32(count - start - 4)
    withUnsafeMutableBytes {
      $0.storeBytes(of: length.bigEndian, toByteOffset: start, as: Int32.self)
    }
  }
}

/// A type of the server: its object id, that of its array, and its name in SQL.
public struct SQLType: Sendable, Hashable {
  /// The object id, as in `pg_type.h`.
  public let oid: UInt32
  /// The object id of the one-dimensional array of it; 0 where it has none.
  public let arrayOID: UInt32
  /// The name in SQL, for example `int8`.
  public let name: String

  /// A type that this file does not list.
  public init(oid: UInt32, arrayOID: UInt32, name: String) {
    self.oid = oid
    self.arrayOID = arrayOID
    self.name = name
  }

  static let bool = SQLType(oid: 16, arrayOID: 1000, name: "bool")
  static let bytea = SQLType(oid: 17, arrayOID: 1001, name: "bytea")
  static let name = SQLType(oid: 19, arrayOID: 1003, name: "name")
  static let int8 = SQLType(oid: 20, arrayOID: 1016, name: "int8")
  static let int2 = SQLType(oid: 21, arrayOID: 1005, name: "int2")
  static let int4 = SQLType(oid: 23, arrayOID: 1007, name: "int4")
  static let text = SQLType(oid: 25, arrayOID: 1009, name: "text")
  static let oid = SQLType(oid: 26, arrayOID: 1028, name: "oid")
  static let tid = SQLType(oid: 27, arrayOID: 1010, name: "tid")
  static let json = SQLType(oid: 114, arrayOID: 199, name: "json")
  static let float4 = SQLType(oid: 700, arrayOID: 1021, name: "float4")
  static let float8 = SQLType(oid: 701, arrayOID: 1022, name: "float8")
  static let date = SQLType(oid: 1082, arrayOID: 1182, name: "date")
  static let timestamp = SQLType(oid: 1114, arrayOID: 1115, name: "timestamp")
  static let timestamptz = SQLType(oid: 1184, arrayOID: 1185, name: "timestamptz")
  static let interval = SQLType(oid: 1186, arrayOID: 1187, name: "interval")
  static let numeric = SQLType(oid: 1700, arrayOID: 1231, name: "numeric")
  static let uuid = SQLType(oid: 2950, arrayOID: 2951, name: "uuid")
  static let jsonb = SQLType(oid: 3802, arrayOID: 3807, name: "jsonb")

  static let known: [UInt32: SQLType] = Dictionary(
    uniqueKeysWithValues: [
      bool, bytea, name, int8, int2, int4, text, oid, tid, json, float4, float8, date, timestamp,
      timestamptz, interval, numeric, uuid, jsonb,
    ].map { ($0.oid, $0) })

  /// The name of a type for error messages.
  static func label(_ oid: UInt32) -> String {
    if let type = known[oid] { return type.name }
    if let type = known.values.first(where: { $0.arrayOID == oid }) { return type.name + "[]" }
    return "the type with oid \(oid)"
  }

  /// The array of this type.
  var array: SQLType { SQLType(oid: arrayOID, arrayOID: 0, name: name + "[]") }
}

/// A value that goes to the server as a parameter and comes back as a column, in binary.
///
/// `enum State: String, Bindable` gets everything from its raw value.
public protocol Bindable: Sendable {
  /// The server's type.
  static var sqlType: SQLType { get }
  /// Whether the value is NULL; only an optional is.
  var isNull: Bool { get }
  /// Appends the binary form, without its length.
  func encode(into bytes: inout [UInt8])
  /// The value from a column.
  ///
  /// - Throws: `warehouse.decode` where the column has another type or holds NULL.
  static func decode(_ field: Field) throws -> Self
  /// The value as a quoted, typed literal, for statements that take no parameters.
  var sqlLiteral: String { get }
}

extension Bindable {
  /// Whether the value is NULL: no.
  public var isNull: Bool { false }
}

extension Bindable where Self: RawRepresentable, RawValue: Bindable {
  /// The server's type of the raw value.
  public static var sqlType: SQLType { RawValue.sqlType }
  /// Appends the raw value's binary form.
  public func encode(into bytes: inout [UInt8]) { rawValue.encode(into: &bytes) }
  /// The raw value's literal.
  public var sqlLiteral: String { rawValue.sqlLiteral }
  /// The case of a raw value; `warehouse.decode` where the type lacks it.
  public static func decode(_ field: Field) throws -> Self {
    let raw = try RawValue.decode(field)
    guard let value = Self(rawValue: raw) else {
      throw field.fault("expected a value of \(Self.self), found '\(raw)'")
    }
    return value
  }
}

/// A type that may stand in a bound or fetched array.
///
/// It is apart from `Bindable` for the sake of `UInt8`: an array of bytes is `bytea`, not an array.
public protocol ArrayElement: Sendable {
  /// The server's type of the whole array.
  static var arrayType: SQLType { get }
  /// Appends the array's binary form.
  static func encodeArray(_ values: [Self], into bytes: inout [UInt8])
  /// The array from a column.
  static func decodeArray(_ field: Field) throws -> [Self]
  /// The array as a typed literal.
  static func arrayLiteral(_ values: [Self]) -> String
}

extension ArrayElement where Self: Bindable {
  /// The server's type of the whole array.
  public static var arrayType: SQLType { sqlType.array }

  /// Appends the binary form of a one-dimensional array (source: `array_send` in `arrayfuncs.c`).
  public static func encodeArray(_ values: [Self], into bytes: inout [UInt8]) {
    bytes.appendBigEndian(Int32(values.isEmpty ? 0 : 1))
    bytes.appendBigEndian(Int32(values.contains(where: \.isNull) ? 1 : 0))
    bytes.appendBigEndian(Int32(bitPattern: sqlType.oid))
    if values.isEmpty { return }
    bytes.appendBigEndian(Int32(values.count))
    bytes.appendBigEndian(Int32(1))
    for value in values {
      if value.isNull {
        bytes.appendBigEndian(Int32(-1))
      } else {
        bytes.appendSized { value.encode(into: &$0) }
      }
    }
  }

  /// The array from a column; `warehouse.decode` for arrays of more than one dimension.
  public static func decodeArray(_ field: Field) throws -> [Self] {
    var reader = try field.reader()
    let dimensions = try reader.integer(Int32.self)
    _ = try reader.integer(Int32.self)
    let element = try UInt32(bitPattern: reader.integer(Int32.self))
    if dimensions == 0 { return [] }
    guard dimensions == 1 else {
      throw field.fault("expected an array of one dimension, found \(dimensions)")
    }
    let count = try Int(reader.integer(Int32.self))
    _ = try reader.integer(Int32.self)
    var values: [Self] = []
    values.reserveCapacity(count)
    for _ in 0..<count {
      let length = try Int(reader.integer(Int32.self))
      let bytes = length < 0 ? nil : try reader.take(length)
      values.append(try decode(Field(bytes: bytes, oid: element, column: field.column)))
    }
    return values
  }

  /// `ARRAY[…]::type[]`.
  public static func arrayLiteral(_ values: [Self]) -> String {
    "ARRAY[" + values.map(\.sqlLiteral).joined(separator: ", ") + "]::\(sqlType.name)[]"
  }
}

extension ArrayElement where Self: Bindable & FixedWidthInteger {
  /// Appends the binary form of an array of whole numbers, of which there may be many.
  public static func encodeArray(_ values: [Self], into bytes: inout [UInt8]) {
    let head: [Int32] =
      [values.isEmpty ? 0 : 1, 0, Int32(bitPattern: sqlType.oid)]
      + (values.isEmpty ? [] : [Int32(values.count), 1])
    for number in head { bytes.appendBigEndian(number) }
    let size = MemoryLayout<Self>.size
    let elements = [UInt8](unsafeUninitializedCapacity: values.count * (4 + size)) { room, count in
      let raw = UnsafeMutableRawBufferPointer(room)
      for (number, value) in values.enumerated() {
        let start = number * (4 + size)
        raw.storeBytes(of: Int32(size).bigEndian, toByteOffset: start, as: Int32.self)
        raw.storeBytes(of: value.bigEndian, toByteOffset: start + 4, as: Self.self)
      }
      count = raw.count
    }
    bytes += elements
  }
}

extension UInt8: ArrayElement {
  /// An array of bytes is `bytea`.
  public static var arrayType: SQLType { .bytea }
  /// Appends the bytes.
  public static func encodeArray(_ values: [UInt8], into bytes: inout [UInt8]) {
    bytes += values
  }
  /// The bytes of a `bytea`.
  public static func decodeArray(_ field: Field) throws -> [UInt8] {
    try field.expect([.bytea])
    return Array(try field.content())
  }
  /// `'\x…'::bytea`.
  public static func arrayLiteral(_ values: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    var text = ""
    for byte in values {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return "E'\\\\x\(text)'::bytea"
  }
}

extension Array: Bindable where Element: ArrayElement {
  /// The server's type.
  public static var sqlType: SQLType { Element.arrayType }
  /// Appends the binary form.
  public func encode(into bytes: inout [UInt8]) { Element.encodeArray(self, into: &bytes) }
  /// The array from a column.
  public static func decode(_ field: Field) throws -> [Element] {
    try Element.decodeArray(field)
  }
  /// The array as a typed literal.
  public var sqlLiteral: String { Element.arrayLiteral(self) }
}

extension Optional: Bindable where Wrapped: Bindable {
  /// The server's type of the wrapped value.
  public static var sqlType: SQLType { Wrapped.sqlType }
  /// Whether there is no value.
  public var isNull: Bool { self?.isNull ?? true }
  /// Appends the wrapped value's binary form.
  public func encode(into bytes: inout [UInt8]) { self?.encode(into: &bytes) }
  /// The value, nil for NULL.
  public static func decode(_ field: Field) throws -> Wrapped? {
    field.bytes == nil ? nil : try Wrapped.decode(field)
  }
  /// The value's literal, or a typed NULL.
  public var sqlLiteral: String { self?.sqlLiteral ?? "NULL::\(Wrapped.sqlType.name)" }
}

extension Optional: ArrayElement where Wrapped: Bindable & ArrayElement {}

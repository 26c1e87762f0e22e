import Foundation
import Schedules

extension Bool: Bindable, ArrayElement {
  /// `bool`.
  public static var sqlType: SQLType { .bool }
  /// Appends one byte.
  public func encode(into bytes: inout [UInt8]) { bytes.append(self ? 1 : 0) }
  /// The value of a `bool`.
  public static func decode(_ field: Field) throws -> Bool {
    try field.expect([.bool])
    var reader = try field.reader()
    return try reader.whole(UInt8.self) != 0
  }
  /// `true` or `false`.
  public var sqlLiteral: String { self ? "true" : "false" }
}

/// The whole number in a column of any integer type, or of `numeric` where it has no fraction.
private func integer<T: FixedWidthInteger>(_ field: Field, as type: T.Type) throws -> T {
  var reader = try field.reader()
  let wide: Int64
  switch field.oid {
  case SQLType.int8.oid: wide = try reader.whole(Int64.self)
  case SQLType.int4.oid: wide = Int64(try reader.whole(Int32.self))
  case SQLType.int2.oid: wide = Int64(try reader.whole(Int16.self))
  case SQLType.oid.oid: wide = Int64(try reader.whole(UInt32.self))
  case SQLType.numeric.oid:
    // sum(bigint) and count-like expressions are numeric on the server.
    let numeric = try Numeric.decode(field)
    guard let value = numeric.scaled(0) else {
      throw field.fault("expected a whole number of 64 bits, found \(numeric)")
    }
    wide = value
  default:
    try field.expect([.int8, .int4, .int2, .numeric])
    wide = 0
  }
  guard let value = T(exactly: wide) else {
    throw field.fault("expected a number that fits \(T.self), found \(wide)")
  }
  return value
}

extension Int64: Bindable, ArrayElement {
  /// `int8`.
  public static var sqlType: SQLType { .int8 }
  /// Appends eight bytes.
  public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }
  /// The value of any integer column, or of a `numeric` without a fraction.
  public static func decode(_ field: Field) throws -> Int64 { try integer(field, as: Int64.self) }
  /// `'5'::int8`.
  public var sqlLiteral: String { "'\(self)'::int8" }
}

extension Int: Bindable, ArrayElement {
  /// `int8`.
  public static var sqlType: SQLType { .int8 }
  /// Appends eight bytes.
  public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(Int64(self)) }
  /// The value of any integer column, or of a `numeric` without a fraction.
  public static func decode(_ field: Field) throws -> Int { try integer(field, as: Int.self) }
  /// `'5'::int8`.
  public var sqlLiteral: String { "'\(self)'::int8" }
}

extension Int32: Bindable, ArrayElement {
  /// `int4`.
  public static var sqlType: SQLType { .int4 }
  /// Appends four bytes.
  public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }
  /// The value of any integer column that fits.
  public static func decode(_ field: Field) throws -> Int32 { try integer(field, as: Int32.self) }
  /// `'5'::int4`.
  public var sqlLiteral: String { "'\(self)'::int4" }
}

extension Int16: Bindable, ArrayElement {
  /// `int2`.
  public static var sqlType: SQLType { .int2 }
  /// Appends two bytes.
  public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }
  /// The value of any integer column that fits.
  public static func decode(_ field: Field) throws -> Int16 { try integer(field, as: Int16.self) }
  /// `'5'::int2`.
  public var sqlLiteral: String { "'\(self)'::int2" }
}

extension Double: Bindable, ArrayElement {
  /// `float8`.
  public static var sqlType: SQLType { .float8 }
  /// Appends eight bytes.
  public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(bitPattern) }
  /// The value of a float column; `numeric` is refused, since it would lose digits.
  public static func decode(_ field: Field) throws -> Double {
    var reader = try field.reader()
    switch field.oid {
    case SQLType.float8.oid: return Double(bitPattern: try reader.whole(UInt64.self))
    case SQLType.float4.oid:
      return Double(Float(bitPattern: try reader.whole(UInt32.self)))
    case SQLType.int4.oid: return Double(try reader.whole(Int32.self))
    case SQLType.int2.oid: return Double(try reader.whole(Int16.self))
    default:
      try field.expect([.float8, .float4])
      return 0
    }
  }
  /// `'1.5'::float8`.
  public var sqlLiteral: String { "'\(postgresText(self))'::float8" }
}

/// The server's spelling of what Swift writes as `inf` and `nan`.
private func postgresText(_ value: some BinaryFloatingPoint & CustomStringConvertible) -> String {
  if value.isNaN { return "NaN" }
  if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
  return value.description
}

extension Float: Bindable, ArrayElement {
  /// `float4`.
  public static var sqlType: SQLType { .float4 }
  /// Appends four bytes.
  public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(bitPattern) }
  /// The value of a `float4`.
  public static func decode(_ field: Field) throws -> Float {
    try field.expect([.float4])
    var reader = try field.reader()
    return Float(bitPattern: try reader.whole(UInt32.self))
  }
  /// `'1.5'::float4`.
  public var sqlLiteral: String { "'\(postgresText(self))'::float4" }
}

extension String: Bindable, ArrayElement {
  /// `text`.
  public static var sqlType: SQLType { .text }
  /// Appends UTF-8. A NUL character is refused by the server.
  public func encode(into bytes: inout [UInt8]) { bytes.append(contentsOf: utf8) }
  /// The text of a character, json, enumeration or `numeric` column.
  public static func decode(_ field: Field) throws -> String {
    switch field.oid {
    case 25, 1043, 1042, 19, 18, 705, 114, 142: return try utf8(field, field.content())
    case SQLType.jsonb.oid: return try JSONText.decode(field).text
    case SQLType.numeric.oid: return try Numeric.decode(field).description
    case 16_384...: return try utf8(field, field.content())  // enumerations, citext, domains
    default:
      throw field.fault(
        "expected text, found \(SQLType.label(field.oid))",
        hint: "read it as the type it has, or cast it with ::text")
    }
  }
  /// The text between quotes.
  public var sqlLiteral: String { SQL.quoted(literal: self) + "::text" }

  static func utf8(_ field: Field, _ bytes: UnsafeRawBufferPointer) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw field.fault("expected UTF-8, found other bytes", hint: "cast it with ::text")
    }
    return text
  }
}

extension UUID: Bindable, ArrayElement {
  /// `uuid`.
  public static var sqlType: SQLType { .uuid }
  /// Appends sixteen bytes.
  public func encode(into bytes: inout [UInt8]) {
    withUnsafeBytes(of: uuid) { bytes.append(contentsOf: $0) }
  }
  /// The value of a `uuid`.
  public static func decode(_ field: Field) throws -> UUID {
    try field.expect([.uuid])
    let bytes = try field.content()
    guard bytes.count == 16 else { throw field.fault("expected 16 bytes, found \(bytes.count)") }
    return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
  }
  /// `'…'::uuid`.
  public var sqlLiteral: String { "'\(uuidString)'::uuid" }
}

/// JSON as text, bound as `jsonb`; the server parses and checks it.
public struct JSONText: Bindable, ArrayElement, Hashable {
  /// The JSON text. What comes back from `jsonb` has the server's spacing and key order.
  public var text: String

  /// JSON as text.
  public init(_ text: String) { self.text = text }

  /// `jsonb`.
  public static var sqlType: SQLType { .jsonb }
  /// Appends the version of the format, 1, and the text.
  public func encode(into bytes: inout [UInt8]) {
    bytes.append(1)
    bytes.append(contentsOf: text.utf8)
  }
  /// The text of a `json` or `jsonb`.
  public static func decode(_ field: Field) throws -> JSONText {
    try field.expect([.jsonb, .json])
    var reader = try field.reader()
    if field.oid == SQLType.jsonb.oid {
      let version = try reader.integer(UInt8.self)
      guard version == 1 else { throw field.fault("expected jsonb version 1, found \(version)") }
    }
    return JSONText(try String.utf8(field, reader.takeAll()))
  }
  /// `'…'::jsonb`.
  public var sqlLiteral: String { SQL.quoted(literal: text) + "::jsonb" }
}

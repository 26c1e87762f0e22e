/// Writes JSON by hand: keys in the order of the catalogue, numbers exact.
enum JSONWriter {
  /// A string with its quotes and escapes.
  static func append(string text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 { append(escaped: byte, to: &bytes) }
    bytes.append(UInt8(ascii: "\""))
  }

  /// A string's UTF-8 bytes with quotes and escapes.
  static func append(string text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    if text.allSatisfy({ $0 >= 32 && $0 != 34 && $0 != 92 }) {
      bytes.append(contentsOf: text)
    } else {
      for byte in text { append(escaped: byte, to: &bytes) }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func append(escaped byte: UInt8, to bytes: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"):
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(byte)
    case 0..<32:
      bytes.append(contentsOf: "\\u00".utf8)
      bytes.append(contentsOf: Hex.byte(byte).utf8)
    default: bytes.append(byte)
    }
  }
}

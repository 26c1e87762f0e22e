/// One row of COPY's text format: fields between tabs, `\N` for null, backslash escapes.
struct CopyText {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next field as an integer; an empty field, which the COPY writes for null, is 0.
  @inline(__always)
  mutating func integer() throws -> Int64 {
    var value: UInt64 = 0
    var negative = false
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == 9 || byte == 10 {
        return Int64(truncatingIfNeeded: negative ? 0 &- value : value)
      }
      if byte == 45, position == start + 1 {
        negative = true
        continue
      }
      guard 48...57 ~= byte else { throw Self.fault("a field that is no integer") }
      // The server's bigint has at most 19 digits and fits.
      value = value &* 10 &+ UInt64(byte &- 48)
    }
    throw Self.fault("a row without its end")
  }

  /// The next field as bytes, nil for null.
  mutating func text() throws -> [UInt8]? {
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == 9 || byte == 10 { return text }
      guard byte == 92, position < bytes.count else {
        text.append(byte)
        continue
      }
      let next = bytes[position]
      position += 1
      switch next {
      case 78:  // N
        position += 1
        return nil
      case 98: text.append(8)
      case 102: text.append(12)
      case 110: text.append(10)
      case 114: text.append(13)
      case 116: text.append(9)
      case 118: text.append(11)
      default: text.append(next)
      }
    }
    throw Self.fault("a row without its end")
  }

  private static func fault(_ found: String) -> FeatureStoreError {
    FeatureStoreError(
      code: "feature_store.bad_copy", message: "expected a row of COPY text, found \(found)")
  }
}

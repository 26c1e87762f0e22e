extension JSONScanner {
  /// A position in one line of JSON.
  struct Cursor {
    let bytes: UnsafeRawBufferPointer
    let arena: RowArena
    var at = 0

    init(bytes: UnsafeRawBufferPointer, arena: RowArena) {
      self.bytes = bytes
      self.arena = arena
    }

    var peek: UInt8 { at < bytes.count ? bytes[at] : 0 }

    mutating func take(_ byte: UInt8) -> Bool {
      guard peek == byte, at < bytes.count else { return false }
      at += 1
      return true
    }

    mutating func skipSpace() {
      while at < bytes.count {
        let byte = bytes[at]
        guard byte == 32 || byte == 9 || byte == 13 else { return }
        at += 1
      }
    }

    /// The bytes from `start` up to here.
    func field(from start: Int) -> Field {
      Field(base: bytes.baseAddress.map { $0 + start }, count: at - start, isNull: false)
    }

    mutating func word(_ text: StaticString) -> Bool {
      guard bytes.count - at >= text.utf8CodeUnitCount else { return false }
      for index in 0..<text.utf8CodeUnitCount where bytes[at + index] != text.utf8Start[index] {
        return false
      }
      at += text.utf8CodeUnitCount
      return true
    }

    /// A number of RFC 8259: no leading zeros, no plus sign, digits on both sides of a point.
    mutating func number() -> Bool {
      _ = take(UInt8(ascii: "-"))
      if take(UInt8(ascii: "0")) {
        // A zero stands alone before the point.
      } else if !digits() {
        return false
      }
      if take(UInt8(ascii: ".")), !digits() { return false }
      if peek | 32 == UInt8(ascii: "e") {
        at += 1
        if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
        if !digits() { return false }
      }
      return true
    }

    private mutating func digits() -> Bool {
      let start = at
      while at < bytes.count, bytes[at] >= 48, bytes[at] <= 57 { at += 1 }
      return at > start
    }

    /// A string's content with escapes resolved; nil where it is not a JSON string.
    mutating func string() -> Field? {
      guard take(UInt8(ascii: "\"")) else { return nil }
      let start = at
      while at < bytes.count {
        let byte = bytes[at]
        if byte == UInt8(ascii: "\"") {
          let field = field(from: start)
          at += 1
          return field
        }
        if byte == UInt8(ascii: "\\") { return escaped(from: start) }
        if byte < 32 { return nil }
        at += 1
      }
      return nil
    }

    /// Copies a string that holds escapes; `at` stands on the first backslash.
    private mutating func escaped(from start: Int) -> Field? {
      // No escape is shorter than the UTF-8 it stands for.
      let target = arena.allocate(bytes.count - start)
      var written = at - start
      for index in 0..<written {
        target.storeBytes(of: bytes[start + index], toByteOffset: index, as: UInt8.self)
      }
      func put(_ byte: UInt8) {
        target.storeBytes(of: byte, toByteOffset: written, as: UInt8.self)
        written += 1
      }
      while at < bytes.count {
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: "\""):
          return Field(base: UnsafeRawPointer(target), count: written, isNull: false)
        case UInt8(ascii: "\\"):
          guard let scalar = escape() else { return nil }
          for unit in String(scalar).utf8 { put(unit) }
        case 0..<32: return nil
        default: put(byte)
        }
      }
      return nil
    }

    /// One escape after its backslash; NUL and an unpaired surrogate are refused.
    private mutating func escape() -> Unicode.Scalar? {
      guard at < bytes.count else { return nil }
      let byte = bytes[at]
      at += 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
      case UInt8(ascii: "b"): return "\u{8}"
      case UInt8(ascii: "f"): return "\u{c}"
      case UInt8(ascii: "n"): return "\n"
      case UInt8(ascii: "r"): return "\r"
      case UInt8(ascii: "t"): return "\t"
      case UInt8(ascii: "u"): break
      default: return nil
      }
      guard let unit = hex() else { return nil }
      // PostgreSQL's text cannot hold NUL.
      if unit == 0 { return nil }
      guard unit >= 0xD800, unit < 0xDC00 else { return Unicode.Scalar(unit) }
      guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")), let low = hex(), low >= 0xDC00,
        low < 0xE000
      else { return nil }
      return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    }

    private mutating func hex() -> UInt32? {
      guard bytes.count - at >= 4 else { return nil }
      var value: UInt32 = 0
      for _ in 0..<4 {
        let byte = bytes[at]
        let digit: UInt8
        switch byte {
        case 48...57: digit = byte - 48
        case 65...70: digit = byte - 55
        case 97...102: digit = byte - 87
        default: return nil
        }
        value = value << 4 | UInt32(digit)
        at += 1
      }
      return value
    }
  }
}

/// Bind values in the form that libpq takes: types, one buffer, offsets and lengths.
struct EncodedBinds {
  let types: [UInt32]
  private var buffer: [UInt8] = []
  private var offsets: [Int?] = []
  private var lengths: [Int32] = []

  init(_ binds: [any Bindable]) {
    types = binds.map { Swift.type(of: $0).sqlType.oid }
    offsets.reserveCapacity(binds.count)
    for bind in binds {
      if bind.isNull {
        offsets.append(nil)
        lengths.append(0)
      } else {
        let start = buffer.count
        bind.encode(into: &buffer)
        offsets.append(start)
        lengths.append(Int32(buffer.count - start))
      }
    }
    // A null pointer means NULL to libpq: an empty text still needs an address.
    buffer.append(0)
  }

  /// Calls `body` with count, values, lengths and formats (all binary).
  func withPointers<R>(
    _ body: (
      Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
    ) -> R
  ) -> R {
    let formats = [Int32](repeating: 1, count: lengths.count)
    return buffer.withUnsafeBytes { bytes in
      let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
      let values = offsets.map { offset in
        offset.flatMap { offset in base.map { $0 + offset } }
      }
      return values.withUnsafeBufferPointer { values in
        lengths.withUnsafeBufferPointer { lengths in
          formats.withUnsafeBufferPointer { formats in
            body(
              Int32(values.count), values.baseAddress, lengths.baseAddress, formats.baseAddress)
          }
        }
      }
    }
  }
}

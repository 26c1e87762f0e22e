/// Rows in PostgreSQL's binary COPY format, written straight into memory.
///
/// The layout is that of the manual's "COPY", section "Binary Format": per row an Int16 count of
/// fields, per field an Int32 length (-1 for null) and the bytes, all big-endian.
final class CopyBuffer {
  private var memory: UnsafeMutableRawBufferPointer
  private(set) var count = 0

  /// An empty buffer that grows as needed.
  init(capacity: Int) { memory = .allocate(byteCount: capacity, alignment: 16) }

  deinit { memory.deallocate() }

  /// The format's signature, flags and empty extension.
  static let header: [UInt8] =
    [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00] + [0, 0, 0, 0, 0, 0, 0, 0]
  /// The mark after the last row.
  static let trailer: [UInt8] = [0xFF, 0xFF]

  /// What has been written, as an array; the buffer is empty afterwards.
  func take() -> [UInt8] {
    defer { count = 0 }
    return [UInt8](UnsafeRawBufferPointer(rebasing: memory[0..<count]))
  }

  /// Forgets what was written after the first `length` bytes.
  func truncate(to length: Int) { count = min(count, length) }

  @inline(__always)
  private func reserve(_ bytes: Int) {
    if count + bytes > memory.count { grow(bytes) }
  }

  private func grow(_ bytes: Int) {
    let larger = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(memory.count * 2, count + bytes), alignment: 16)
    larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[0..<count]))
    memory.deallocate()
    memory = larger
  }

  @inline(__always)
  private func put<Value: FixedWidthInteger>(_ value: Value) {
    memory.storeBytes(of: value.bigEndian, toByteOffset: count, as: Value.self)
    count += MemoryLayout<Value>.size
  }

  func beginRow(fields: Int) {
    reserve(2)
    put(Int16(fields))
  }

  func null() {
    reserve(4)
    put(Int32(-1))
  }

  /// An integer column of the value's own width.
  func integer<Value: FixedWidthInteger>(_ value: Value) {
    reserve(4 + MemoryLayout<Value>.size)
    put(Int32(MemoryLayout<Value>.size))
    put(value)
  }

  /// A `timestamptz`: microseconds since 2000-01-01 in UTC.
  func timestamp(_ microseconds: Int64) { integer(microseconds - 946_684_800_000_000) }

  func text(_ bytes: UnsafeRawBufferPointer) {
    reserve(4 + bytes.count)
    put(Int32(bytes.count))
    copy(bytes)
  }

  /// A `jsonb`: version 1, then the text.
  func json(_ bytes: UnsafeRawBufferPointer) {
    reserve(5 + bytes.count)
    put(Int32(bytes.count + 1))
    put(UInt8(1))
    copy(bytes)
  }

  /// A field that has its length before it already.
  func field(_ bytes: UnsafeRawBufferPointer) {
    reserve(bytes.count)
    copy(bytes)
  }

  private func copy(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, let target = memory.baseAddress else { return }
    (target + count).copyMemory(from: base, byteCount: bytes.count)
    count += bytes.count
  }

  /// A `numeric` of scale 4: its base-10,000 digits are the integer's groups and one of decimals.
  func numeric(tenThousandths value: Int64) {
    reserve(4 + 8 + 12)
    var rest = value.magnitude
    var groups: (UInt16, UInt16, UInt16, UInt16, UInt16, UInt16) = (0, 0, 0, 0, 0, 0)
    var used = 0
    while rest > 0 {
      let group = UInt16(rest % 10_000)
      switch used {
      case 0: groups.0 = group
      case 1: groups.1 = group
      case 2: groups.2 = group
      case 3: groups.3 = group
      default: groups.4 = group
      }
      used += 1
      rest /= 10_000
    }
    put(Int32(8 + 2 * used))
    put(Int16(used))
    // The lowest group is the decimals, so the highest has weight used - 2.
    put(Int16(used == 0 ? 0 : used - 2))
    put(UInt16(value < 0 ? 0x4000 : 0))
    put(Int16(4))
    var index = used
    while index > 0 {
      index -= 1
      switch index {
      case 0: put(groups.0)
      case 1: put(groups.1)
      case 2: put(groups.2)
      case 3: put(groups.3)
      default: put(groups.4)
      }
    }
  }

  /// Overwrites an eight-byte integer written earlier.
  func patch(_ value: Int64, at offset: Int) {
    memory.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Int64.self)
  }

  /// A stable 64-bit hash of the bytes from `offset` to the end; stored with every event, so it may
  /// never change.
  func hash(from offset: Int) -> Int64 {
    Int64(
      bitPattern: StableHash.of(UnsafeRawBufferPointer(rebasing: memory[offset..<count])))
  }
}

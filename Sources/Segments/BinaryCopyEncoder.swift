import Schedules

/// Rows of a binary COPY, as bytes (PostgreSQL manual, "COPY", "Binary Format").
struct BinaryCopyEncoder {
  private var bytes: [UInt8]

  init() {
    bytes = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0x00] + [UInt8](repeating: 0, count: 8)
  }

  var count: Int { bytes.count }

  mutating func beginRow(fields: Int16) { put(fields) }
  mutating func append(_ value: Int64) { put(Int32(8)); put(value) }
  mutating func append(_ value: Int32) { put(Int32(4)); put(value) }
  mutating func append(_ value: Int16) { put(Int32(2)); put(value) }
  mutating func append(_ value: Instant) {
    put(Int32(8))
    put(value.microseconds - 946_684_800_000_000)
  }
  mutating func append(_ value: String) {
    put(Int32(value.utf8.count))
    bytes.append(contentsOf: value.utf8)
  }

  mutating func take() -> [UInt8] {
    defer { bytes.removeAll(keepingCapacity: true) }
    return bytes
  }

  mutating func finish() -> [UInt8] {
    put(Int16(-1))
    return take()
  }

  private mutating func put(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }
}

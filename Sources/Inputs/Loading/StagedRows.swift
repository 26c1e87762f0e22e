/// Staged rows in the binary form in which ``RowMapper`` writes them, taken apart but not decoded:
/// a row that is written on keeps its fields' bytes.
struct StagedRows {
  /// The places of an event's fields in a staged row; see ``Staging/columns(of:)``.
  struct Layout {
    /// How many control totals stand between `content` and `reason`.
    let totals: Int

    var line: Int { 0 }
    var warned: Int { 1 }
    var content: Int { 2 }
    func total(_ index: Int) -> Int { 3 + index }
    var reason: Int { 3 + totals }
    var column: Int { 4 + totals }
    var raw: Int { 5 + totals }
    var eventID: Int { 6 + totals }
    var customer: Int { 7 + totals }
    var time: Int { 8 + totals }
    var kind: Int { 9 + totals }
    var item: Int { 10 + totals }
    var quantity: Int { 11 + totals }
    var amount: Int { 12 + totals }
    var currency: Int { 13 + totals }
    var properties: Int { 14 + totals }
    /// The number of fields.
    var width: Int { 17 + totals }
  }

  let layout: Layout
  private var bytes: [UInt8] = []
  /// Where each field begins, at its length; ``Layout/width`` per row.
  private var starts: [Int] = []
  private var isBegun = false
  /// The number of rows.
  private(set) var count = 0

  init(layout: Layout) { self.layout = layout }

  /// Forgets the rows; the next bytes go on where these ended.
  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
    count = 0
  }

  /// Takes whole rows in, the first time behind the format's header.
  ///
  /// - Throws: ``InputError`` `inputs.staged_rows` where they are not of the layout's width.
  mutating func append(_ batch: [UInt8]) throws(InputError) {
    var at = bytes.count + (isBegun ? 0 : CopyBuffer.header.count)
    isBegun = true
    bytes += batch
    while at + 2 <= bytes.count {
      let fields = Int(Int16(bitPattern: UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1])))
      // The mark after the last row.
      if fields == -1 { return }
      guard fields == layout.width else { throw Self.damaged("\(fields) fields", layout) }
      at += 2
      for _ in 0..<fields {
        guard at + 4 <= bytes.count else { throw Self.damaged("a row that is cut off", layout) }
        starts.append(at)
        at += 4 + max(0, length(at: at))
      }
      count += 1
    }
  }

  private static func damaged(_ found: String, _ layout: Layout) -> InputError {
    InputError(
      code: "inputs.staged_rows",
      message: "expected staged rows of \(layout.width) fields, found \(found)")
  }

  private func length(at place: Int) -> Int {
    Int(
      Int32(
        bitPattern: UInt32(bytes[place]) << 24 | UInt32(bytes[place + 1]) << 16
          | UInt32(bytes[place + 2]) << 8 | UInt32(bytes[place + 3])))
  }

  /// Whether a field is null.
  func isNull(_ row: Int, _ field: Int) -> Bool {
    length(at: starts[row * layout.width + field]) < 0
  }

  /// A field's value; empty for null. The bytes are valid during the call.
  func withValue<Result>(
    _ row: Int, _ field: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let start = starts[row * layout.width + field]
    let end = start + 4 + max(0, length(at: start))
    return try bytes.withUnsafeBytes {
      try body(UnsafeRawBufferPointer(rebasing: $0[start + 4..<end]))
    }
  }

  /// A field as it stands there, its length before its value. The bytes are valid during the call.
  func withField<Result>(
    _ row: Int, _ field: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let start = starts[row * layout.width + field]
    let end = start + 4 + max(0, length(at: start))
    return try bytes.withUnsafeBytes {
      try body(UnsafeRawBufferPointer(rebasing: $0[start..<end]))
    }
  }

  /// A whole number of the field's own width; nil for null.
  func integer(_ row: Int, _ field: Int) -> Int64? {
    let start = starts[row * layout.width + field]
    let length = length(at: start)
    guard length > 0 else { return nil }
    var value = Int64(Int8(bitPattern: bytes[start + 4]))
    for place in start + 5..<start + 4 + length { value = value << 8 | Int64(bytes[place]) }
    return value
  }

  /// A text; empty for null.
  func text(_ row: Int, _ field: Int) -> String {
    withValue(row, field) { String(decoding: $0, as: UTF8.self) }
  }

  /// The instant of a `timestamptz`, microseconds since 1970; nil for null.
  func microseconds(_ row: Int, _ field: Int) -> Int64? {
    integer(row, field).map { $0 + 946_684_800_000_000 }
  }
}

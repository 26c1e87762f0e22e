import Schedules

/// Bytes in, staged rows out: finds records, maps them and hands full buffers on.
///
/// One thread at a time uses it. It holds one window of the file and one buffer of rows, whatever
/// the file's size.
final class RowPipeline {
  private let source: SourceDefinition
  private let file: String?
  private let arena = RowArena()
  private let window: RecordBuffer
  private let scanner: any RecordScanner
  private let csv: CSVScanner?
  private let mapper: RowMapper
  private var positions: [Int] = []
  private var line: Int64 = 1
  private var begun = false
  private var headerPending: Bool
  /// The header as it stood there; nil before it was read, and without one.
  private(set) var header: String?
  private let emit: ([UInt8]) throws -> Void

  /// How many bytes of staged rows make one batch.
  static let batchSize = 1 << 18
  /// The longest record that is believed to be one, in bytes.
  static let recordLimit = 1 << 24

  /// A pipeline for a source.
  ///
  /// - Parameters:
  ///   - file: named in errors; nil for a query.
  ///   - now: when the load began.
  ///   - emit: takes one batch of binary COPY data.
  init(
    source: SourceDefinition, file: String?, now: Instant, windowSize: Int = 1 << 20,
    emit: @escaping ([UInt8]) throws -> Void
  ) {
    self.source = source
    self.file = file
    self.emit = emit
    window = RecordBuffer(capacity: windowSize)
    mapper = RowMapper(source: source, arena: arena, now: now)
    switch source.format {
    case .csv(let delimiter, let header):
      let scanner = CSVScanner(delimiter: delimiter)
      csv = scanner
      self.scanner = scanner
      headerPending = header
    case .ndjson:
      csv = nil
      scanner = JSONScanner(paths: source.columns)
      headerPending = false
    }
    if !headerPending {
      positions = Array(source.columns.indices)
      csv?.expected = source.columns.count
    }
  }

  /// What has been counted.
  var tally: Tally { mapper.tally }

  /// Reads a whole source; `progress` is told now and then how many rows have been read.
  func run(from content: any ByteSource, progress: (Int64) throws -> Void) throws {
    while try window.fill(from: content) {
      try drain(atEnd: false)
      try progress(mapper.rowsRead)
    }
    try finish()
  }

  /// Takes bytes from elsewhere; ``finish()`` ends them.
  func push(_ bytes: UnsafeRawBufferPointer) throws {
    window.append(bytes)
    if window.unread.count >= Self.batchSize { try drain(atEnd: false) }
  }

  /// Reads what is left and ends the COPY data.
  func finish() throws {
    try drain(atEnd: true)
    try emit(mapper.buffer.take() + CopyBuffer.trailer)
  }

  private func drain(atEnd: Bool) throws {
    if !begun { try begin() }
    while true {
      arena.reset()
      let unread = window.unread
      switch scanner.scan(unread, atEnd: atEnd, arena: arena) {
      case .incomplete:
        guard atEnd ? !unread.isEmpty : unread.count > Self.recordLimit else { return }
        throw endless(atEnd)
      case .blank(let consumed):
        window.consume(consumed)
        line += 1
      case .record(let length, let consumed, let lines, let fault):
        let raw = UnsafeRawBufferPointer(rebasing: unread[0..<length])
        if headerPending {
          try readHeader(raw)
        } else {
          if fault?.reason == .fieldCount, line == 1 { try checkDelimiter(raw) }
          mapper.map(
            raw: raw, fields: scanner.fields, positions: positions, line: line, fault: fault)
          if mapper.buffer.count >= Self.batchSize { try emit(mapper.buffer.take()) }
        }
        window.consume(consumed)
        line += Int64(lines)
      }
    }
  }

  /// Skips a byte order mark and looks at the first bytes once.
  private func begin() throws {
    begun = true
    try emit(CopyBuffer.header)
    let front = window.unread
    if front.count >= 3, front[0] == 0xEF, front[1] == 0xBB, front[2] == 0xBF { window.consume(3) }
    guard case .ndjson = source.format else { return }
    let first = window.unread.first { $0 > 32 }
    guard let first, first != UInt8(ascii: "{") else { return }
    let isArray = first == UInt8(ascii: "[")
    throw InputError(
      code: "inputs.wrong_format",
      message: "expected one JSON object per line, found "
        + (isArray ? "a JSON array" : "'\(Character(Unicode.Scalar(first)))'"),
      hint: isArray
        ? "write its elements one per line, for example with jq -c '.[]'"
        : "is this CSV? then write format: csv", file: file, line: 1)
  }

  private func readHeader(_ raw: UnsafeRawBufferPointer) throws(InputError) {
    guard case .csv(let delimiter, _) = source.format, let csv else { return }
    headerPending = false
    header = RowMapper.repaired(raw)
    let names = (0..<csv.count).map { index in
      String(decoding: Bytes.trimmed(csv.fields[index].bytes), as: UTF8.self)
    }
    let reader = HeaderReader(columns: source.columns, delimiter: delimiter, file: file)
    positions = try reader.positions(names: names, raw: raw)
    csv.expected = names.count
  }

  /// The first row of a file without a header shows a wrong delimiter too.
  private func checkDelimiter(_ raw: UnsafeRawBufferPointer) throws(InputError) {
    guard case .csv(let delimiter, header: false) = source.format, let csv else { return }
    let reader = HeaderReader(columns: source.columns, delimiter: delimiter, file: file)
    let names = [String](repeating: "", count: csv.count)
    if let error = reader.otherDelimiter(names: names, raw: raw) { throw error }
  }

  // MARK: Reading again

  /// Begins with rows that stood elsewhere, under the header that they had there.
  func begin(header: String?) throws {
    begun = true
    try emit(CopyBuffer.header)
    guard headerPending, var header else { return }
    try header.withUTF8 { text in
      let bytes = UnsafeRawBufferPointer(text)
      arena.reset()
      if case .record(let length, _, _, _) = scanner.scan(bytes, atEnd: true, arena: arena) {
        try readHeader(UnsafeRawBufferPointer(rebasing: bytes[0..<length]))
      }
    }
  }

  /// Takes one row by itself, so that an open quote in it touches no other.
  func push(row: String, line: Int64) throws {
    var row = row
    try row.withUTF8 { text in
      let bytes = UnsafeRawBufferPointer(text)
      arena.reset()
      var raw = bytes
      var fault: RowFault? = RowFault(reason: .badQuoting, column: nil)
      switch scanner.scan(bytes, atEnd: true, arena: arena) {
      case .record(let length, _, _, let found):
        raw = UnsafeRawBufferPointer(rebasing: bytes[0..<length])
        fault = found
      case .blank, .incomplete: break
      }
      mapper.map(
        raw: raw, fields: scanner.fields, positions: positions, line: line, fault: fault)
      if mapper.buffer.count >= Self.batchSize { try emit(mapper.buffer.take()) }
    }
  }

  private func endless(_ atEnd: Bool) -> InputError {
    let limit = Self.recordLimit >> 20
    return InputError(
      code: "inputs.endless_record",
      message: atEnd
        ? "expected a closing quote for the row that begins here, found the end of the file"
        : "expected a row of at most \(limit) MB, found no end of the one that begins here",
      hint: "a quote is opened and not closed; nothing was loaded", file: file,
      line: Int(line))
  }
}

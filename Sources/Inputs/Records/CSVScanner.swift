import Foundation

/// RFC 4180 on raw bytes, with LF, CRLF or CR line ends and any one-byte delimiter.
///
/// An unquoted empty field is null, a quoted one the empty text, as in PostgreSQL's COPY. A quote
/// inside an unquoted field stands for itself.
final class CSVScanner: RecordScanner {
  private(set) var fields: UnsafeMutablePointer<Field>
  /// How many fields the row found last has.
  private(set) var count = 0
  private var capacity = 64
  private let delimiter: UInt8
  /// How many fields a row must have; nil while the header is read.
  var expected: Int?

  init(delimiter: UInt8) {
    self.delimiter = delimiter
    fields = .allocate(capacity: capacity)
  }

  deinit { fields.deallocate() }

  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  func scan(_ bytes: UnsafeRawBufferPointer, atEnd: Bool, arena: RowArena) -> Scan {
    guard let begin = bytes.baseAddress, !bytes.isEmpty else { return .incomplete }
    let end = begin + bytes.count
    let delimiter = self.delimiter
    var at = begin
    var lines = 1
    count = 0
    while true {
      if at < end, at.load(as: UInt8.self) == Self.quote {
        switch quoted(at, end, atEnd, arena, &lines) {
        case .incomplete: return .incomplete
        case .malformed: return malformed(begin, end, atEnd)
        case .closed(let next): at = next
        }
      } else {
        let start = at
        while at < end {
          let byte = at.load(as: UInt8.self)
          if byte == delimiter || byte == Self.lineFeed || byte == Self.carriageReturn { break }
          at += 1
        }
        append(Field(base: start, count: at - start, isNull: at == start))
      }
      guard at < end else {
        return atEnd ? record(length: at - begin, consumed: at - begin, lines) : .incomplete
      }
      let byte = at.load(as: UInt8.self)
      if byte == delimiter {
        at += 1
        continue
      }
      let length = at - begin
      at += 1
      if byte == Self.carriageReturn {
        if at == end, !atEnd { return .incomplete }
        if at < end, at.load(as: UInt8.self) == Self.lineFeed { at += 1 }
      }
      if length == 0 { return .blank(consumed: at - begin) }
      return record(length: length, consumed: at - begin, lines)
    }
  }

  private enum Quoted {
    case closed(next: UnsafeRawPointer)
    case malformed
    case incomplete
  }

  /// Reads one quoted field that begins at `open`, and counts the line ends within it.
  private func quoted(
    _ open: UnsafeRawPointer, _ end: UnsafeRawPointer, _ atEnd: Bool, _ arena: RowArena,
    _ lines: inout Int
  ) -> Quoted {
    let start = open + 1
    var at = start
    var escapes = 0
    while true {
      guard at < end, let hit = memchr(at, Int32(Self.quote), end - at) else { return .incomplete }
      let mark = UnsafeRawPointer(hit)
      if mark + 1 == end, !atEnd { return .incomplete }
      if mark + 1 < end, (mark + 1).load(as: UInt8.self) == Self.quote {
        escapes += 1
        at = mark + 2
        continue
      }
      at = mark
      break
    }
    let text = UnsafeRawBufferPointer(start: start, count: at - start)
    lines += Self.lineEnds(text)
    if escapes == 0 {
      append(Field(base: start, count: text.count, isNull: false))
    } else {
      let target = arena.allocate(text.count - escapes)
      var written = 0
      var skip = false
      for byte in text {
        if skip {
          skip = false
          continue
        }
        skip = byte == Self.quote
        target.storeBytes(of: byte, toByteOffset: written, as: UInt8.self)
        written += 1
      }
      append(Field(base: target, count: written, isNull: false))
    }
    let next = at + 1
    guard next < end else { return .closed(next: next) }
    let byte = next.load(as: UInt8.self)
    let closed = byte == delimiter || byte == Self.lineFeed || byte == Self.carriageReturn
    return closed ? .closed(next: next) : .malformed
  }

  /// CRLF counts once, as does a lone CR.
  private static func lineEnds(_ text: UnsafeRawBufferPointer) -> Int {
    var total = 0
    var previous: UInt8 = 0
    for byte in text {
      if byte == carriageReturn || (byte == lineFeed && previous != carriageReturn) { total += 1 }
      previous = byte
    }
    return total
  }

  /// A row whose quotes are wrong ends at the next line end, whatever the quotes say.
  private func malformed(
    _ begin: UnsafeRawPointer, _ end: UnsafeRawPointer, _ atEnd: Bool
  ) -> Scan {
    let fault = RowFault(reason: .badQuoting, column: nil)
    guard let hit = memchr(begin, Int32(Self.lineFeed), end - begin) else {
      guard atEnd else { return .incomplete }
      return .record(length: end - begin, consumed: end - begin, lines: 1, fault: fault)
    }
    var length = UnsafeRawPointer(hit) - begin
    let consumed = length + 1
    if length > 0, (begin + length - 1).load(as: UInt8.self) == Self.carriageReturn { length -= 1 }
    return .record(length: length, consumed: consumed, lines: 1, fault: fault)
  }

  private func record(length: Int, consumed: Int, _ lines: Int) -> Scan {
    let fault: RowFault? =
      expected.map { $0 == count } ?? true ? nil : RowFault(reason: .fieldCount, column: nil)
    return .record(length: length, consumed: consumed, lines: lines, fault: fault)
  }

  private func append(_ field: Field) {
    if count == capacity {
      let larger = UnsafeMutablePointer<Field>.allocate(capacity: capacity * 2)
      larger.moveInitialize(from: fields, count: count)
      fields.deallocate()
      fields = larger
      capacity *= 2
    }
    (fields + count).initialize(to: field)
    count += 1
  }
}

import Columns

/// Bytes of customer ids and of sets, small enough to keep one evaluation per publication.
///
/// Ids are written as (gap, run length) pairs, because identity columns leave few gaps. A set is
/// written as its words or, where that is shorter, as the gaps between its rows. Numbers are
/// varints: seven bits to a byte, least significant first.
enum EvaluationCodec {
  private enum Form: UInt8 {
    case words = 0
    case gaps = 1
  }

  /// The bytes of an index.
  static func encode(_ index: IDIndex) -> [UInt8] {
    var bytes: [UInt8] = []
    var next: Int64 = 0
    var position = 0
    let ids = index.ids
    while position < ids.count {
      let first = ids[position]
      var length = 1
      while position + length < ids.count, ids[position + length] == first &+ Int64(length) {
        length += 1
      }
      // Wrapping, so that negative ids have a gap too.
      append(UInt64(bitPattern: first &- next), to: &bytes)
      append(UInt64(length), to: &bytes)
      next = first &+ Int64(length)
      position += length
    }
    return bytes
  }

  /// The index of bytes that ``encode(_:)-(IDIndex)`` wrote.
  ///
  /// - Throws: `segments.evaluation_damaged`.
  static func decodeIndex(_ bytes: [UInt8], count: Int) throws -> IDIndex {
    var runs: [(first: Int64, length: Int)] = []
    var next: Int64 = 0
    var position = 0
    while position < bytes.count {
      let first = next &+ Int64(bitPattern: try number(bytes, &position))
      let length = Int(truncatingIfNeeded: try number(bytes, &position))
      runs.append((first, length))
      next = first &+ Int64(length)
    }
    guard let index = IDIndex(runs: runs, count: count) else {
      throw damaged("customer ids that do not ascend, or others than \(count)")
    }
    return index
  }

  /// The bytes of a set.
  static func encode(_ set: Bitset) -> [UInt8] {
    // A gap takes at least a byte, so a dense set is settled without trying.
    if set.population < set.words.count * 8 {
      var bytes = [Form.gaps.rawValue]
      var next = 0
      set.forEach { row in
        append(UInt64(row - next), to: &bytes)
        next = row + 1
      }
      if bytes.count <= set.words.count * 8 { return bytes }
    }
    var bytes = [Form.words.rawValue]
    bytes.reserveCapacity(1 + set.words.count * 8)
    for word in set.words {
      withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// The set over `count` rows of bytes that ``encode(_:)-(Bitset)`` wrote.
  ///
  /// - Throws: `segments.evaluation_damaged`.
  static func decodeSet(_ bytes: [UInt8], count: Int) throws -> Bitset {
    guard let first = bytes.first, let form = Form(rawValue: first) else {
      throw damaged("a set of unknown form")
    }
    let words = (count + 63) >> 6
    switch form {
    case .words:
      guard bytes.count == 1 + words * 8 else {
        throw damaged("\(bytes.count - 1) bytes of \(words * 8) in a set")
      }
      return bytes.withUnsafeBytes { raw in
        Bitset(
          count: count,
          words: (0..<words).map {
            UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 1 + $0 * 8, as: UInt64.self))
          })
      }
    case .gaps:
      var result = [UInt64](repeating: 0, count: words)
      var next = 0
      var position = 1
      while position < bytes.count {
        let gap = try number(bytes, &position)
        guard gap < UInt64(count - next) else { throw damaged("a member beyond the customers") }
        let row = next + Int(gap)
        result[row >> 6] |= 1 << UInt64(row & 63)
        next = row + 1
      }
      return Bitset(count: count, words: result)
    }
  }

  static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  static func number(_ bytes: [UInt8], _ position: inout Int) throws -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < bytes.count, shift < 64 {
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    throw damaged("a number is cut off")
  }

  static func damaged(_ what: String) -> SegmentError {
    SegmentError(
      code: "segments.evaluation_damaged",
      message: "expected a stored evaluation, found \(what)",
      hint: "evaluate and publish the interval again")
  }
}

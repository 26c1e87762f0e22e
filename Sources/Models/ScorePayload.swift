import Columns

/// The scores of some customers as bytes, and back.
///
/// Layout: version byte 1; varint count; the first id and then the differences as varints (ids
/// ascend); `count` little-endian `Float`s.
enum ScorePayload {
  private static let version: UInt8 = 1

  static func encode(_ index: IDIndex, _ scores: [Float]) -> [UInt8] {
    precondition(index.count == scores.count, "ids and scores differ")
    var bytes: [UInt8] = [version]
    bytes.reserveCapacity(16 + index.count * 6)
    append(UInt64(index.count), to: &bytes)
    var last: UInt64 = 0
    for id in index.ids {
      let id = UInt64(bitPattern: id)
      append(id &- last, to: &bytes)
      last = id
    }
    for score in scores {
      withUnsafeBytes(of: score.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  static func decode(_ bytes: [UInt8]) throws(ModelError) -> (index: IDIndex, scores: [Float]) {
    var cursor = 0
    func byte() throws(ModelError) -> UInt8 {
      guard cursor < bytes.count else { throw damaged }
      defer { cursor += 1 }
      return bytes[cursor]
    }
    func varint() throws(ModelError) -> UInt64 {
      var value: UInt64 = 0
      for shift in stride(from: UInt64(0), to: 70, by: 7) {
        let next = try byte()
        value |= UInt64(next & 127) << shift
        if next < 128 { return value }
      }
      throw damaged
    }
    guard try byte() == version else { throw damaged }
    // A customer takes five bytes at least.
    guard let count = Int(exactly: try varint()), count <= bytes.count / 5 else { throw damaged }
    var ids: [Int64] = []
    ids.reserveCapacity(count)
    var last: UInt64 = 0
    for _ in 0..<count {
      last &+= try varint()
      let id = Int64(bitPattern: last)
      if let before = ids.last, before >= id { throw damaged }
      ids.append(id)
    }
    guard bytes.count - cursor == count * 4 else { throw damaged }
    let scores = bytes.withUnsafeBytes { buffer in
      (0..<count).map { row in
        Float(
          bitPattern: UInt32(
            littleEndian: buffer.loadUnaligned(
              fromByteOffset: cursor + row * 4, as: UInt32.self)))
      }
    }
    return (IDIndex(sorted: ids), scores)
  }

  private static var damaged: ModelError {
    ModelError(
      code: "models.damaged_scores",
      message: "expected scores as they were stored, found other bytes",
      hint: "score the midnight again")
  }

  private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 128 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

import Warehouse

/// The customers that a load has met: key to id, and the earliest accepted event.
///
/// An open-addressing table over one run of bytes: keys compare as bytes, and one that was met before
/// costs no allocation.
struct CustomerKeys {
  /// The number of keys from which a load hands on what it has gathered and begins anew: some 100 MB.
  static let limit = 1 << 20

  private var bytes: [UInt8] = []
  private var ends: [Int] = []
  private(set) var ids: [Int64] = []
  /// Microseconds since 1970; `.max` where no event was accepted.
  private(set) var firstSeen: [Int64] = []
  /// What the database has for ``firstSeen``.
  private var seenBefore: [Int64] = []
  private var slots = [Int32](repeating: -1, count: 1 << 10)

  /// The number of keys.
  var count: Int { ends.count }

  /// The place of a key, which is added where it is new.
  mutating func place(of key: UnsafeRawBufferPointer) -> Int {
    if count * 2 >= slots.count { grow() }
    let mask = slots.count - 1
    var slot = Self.slot(key, mask)
    while slots[slot] >= 0 {
      let place = Int(slots[slot])
      if equals(place, key) { return place }
      slot = (slot + 1) & mask
    }
    slots[slot] = Int32(count)
    bytes.append(contentsOf: key)
    ends.append(bytes.count)
    ids.append(0)
    firstSeen.append(.max)
    return count - 1
  }

  private static func slot(_ key: UnsafeRawBufferPointer, _ mask: Int) -> Int {
    Int(truncatingIfNeeded: StableHash.of(key)) & mask
  }

  private func range(_ place: Int) -> Range<Int> {
    (place == 0 ? 0 : ends[place - 1])..<ends[place]
  }

  private func equals(_ place: Int, _ key: UnsafeRawBufferPointer) -> Bool {
    let range = range(place)
    return range.count == key.count
      && bytes.withUnsafeBytes { Bytes.equal(UnsafeRawBufferPointer(rebasing: $0[range]), key) }
  }

  private mutating func grow() {
    let mask = slots.count * 2 - 1
    var larger = [Int32](repeating: -1, count: mask + 1)
    for place in 0..<count {
      let range = range(place)
      var slot = bytes.withUnsafeBytes {
        Self.slot(UnsafeRawBufferPointer(rebasing: $0[range]), mask)
      }
      while larger[slot] >= 0 { slot = (slot + 1) & mask }
      larger[slot] = Int32(place)
    }
    slots = larger
  }

  /// The key at a place.
  func key(_ place: Int) -> String { String(decoding: bytes[range(place)], as: UTF8.self) }

  /// How many keys have ids: the first ones.
  var resolved: Int { seenBefore.count }

  /// Gives the next keys their ids, and when they had been seen before; `.max` for never.
  ///
  /// - Precondition: one id and time per key.
  mutating func resolve(_ found: [Int64], seen: [Int64]) {
    precondition(resolved + found.count <= count && seen.count == found.count, "one id per key")
    ids.replaceSubrange(resolved..<resolved + found.count, with: found)
    seenBefore += seen
  }

  /// Notes an accepted event of a customer.
  mutating func note(_ place: Int, at time: Int64) {
    firstSeen[place] = min(firstSeen[place], time)
  }

  /// Keys of customers who are new, or were seen earlier than the database says, with their earliest
  /// accepted event as binary COPY rows: customer_key, first_seen_at.
  func arrived() -> (rows: Int, bytes: [UInt8]) {
    let buffer = CopyBuffer(capacity: bytes.count + count * 24)
    var rows = 0
    for place in 0..<count where firstSeen[place] < seenBefore[place] {
      buffer.beginRow(fields: 2)
      bytes.withUnsafeBytes { buffer.text(UnsafeRawBufferPointer(rebasing: $0[range(place)])) }
      buffer.timestamp(firstSeen[place])
      rows += 1
    }
    return (rows, CopyBuffer.header + buffer.take() + CopyBuffer.trailer)
  }
}

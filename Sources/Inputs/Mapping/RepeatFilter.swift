/// Notices whether any value of a stream may have come twice, in bounded memory.
///
/// It keeps 64-bit hashes in an open table. "May repeat" is also its answer after a collision and
/// when the stream outgrows the table, so it is a hint: the database has the last word.
struct RepeatFilter {
  /// False as long as every value was certainly new.
  private(set) var mayRepeat = false
  private var slots: [UInt64]
  private var used = 0
  /// Three quarters of the largest table: 64 MB.
  private let limit: Int

  init(limit: Int = 6_000_000) {
    self.limit = limit
    slots = Array(repeating: 0, count: 1 << 12)
  }

  /// Notes one value.
  mutating func insert(_ bytes: UnsafeRawBufferPointer) {
    guard !mayRepeat else { return }
    // Zero marks a free slot.
    insert(hash: max(1, StableHash.of(bytes)))
  }

  private mutating func insert(hash: UInt64) {
    if used >= limit {
      mayRepeat = true
      slots = []
      return
    }
    if used * 4 >= slots.count * 3 { grow() }
    let mask = slots.count - 1
    var at = Int(truncatingIfNeeded: hash) & mask
    while slots[at] != 0 {
      if slots[at] == hash {
        mayRepeat = true
        slots = []
        return
      }
      at = (at + 1) & mask
    }
    slots[at] = hash
    used += 1
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: 0, count: old.count * 2)
    let mask = slots.count - 1
    for hash in old where hash != 0 {
      var at = Int(truncatingIfNeeded: hash) & mask
      while slots[at] != 0 { at = (at + 1) & mask }
      slots[at] = hash
    }
  }
}

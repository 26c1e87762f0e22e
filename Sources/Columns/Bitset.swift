/// A fixed-size set of row numbers, 64 to a word; rows beyond `count` are always clear.
public struct Bitset: Sendable, Hashable {
  /// The number of rows.
  public let count: Int
  /// `(count + 63) / 64` words, row `i` at bit `i % 64` of word `i / 64`.
  public internal(set) var words: [UInt64]

  /// A set over `count` rows, all set or all clear.
  public init(count: Int, repeating value: Bool = false) {
    self.count = count
    words = Array(repeating: value ? .max : 0, count: (count + 63) >> 6)
    if value { clearTail() }
  }

  /// A set from its words.
  ///
  /// - Precondition: `words.count == (count + 63) / 64`. Bits beyond `count` are cleared.
  public init(count: Int, words: [UInt64]) {
    precondition(words.count == (count + 63) >> 6, "a bitset of \(count) rows has other words")
    self.count = count
    self.words = words
    clearTail()
  }

  /// A set built a word at a time from a predicate over rows.
  @inlinable
  public init(count: Int, where predicate: (Int) throws -> Bool) rethrows {
    self.init(count: count)
    for word in 0..<((count + 63) >> 6) {
      var bits: UInt64 = 0
      let base = word << 6
      for bit in 0..<Swift.min(64, count - base) where try predicate(base + bit) {
        bits |= 1 << UInt64(bit)
      }
      setWord(word, to: bits)
    }
  }

  /// Whether the row is in the set.
  public subscript(row: Int) -> Bool {
    get { words[row >> 6] & (1 << UInt64(row & 63)) != 0 }
    set {
      precondition(row >= 0 && row < count, "row \(row) of \(count)")
      if newValue {
        words[row >> 6] |= 1 << UInt64(row & 63)
      } else {
        words[row >> 6] &= ~(1 << UInt64(row & 63))
      }
    }
  }

  /// Replaces one word; the caller leaves bits beyond `count` clear.
  public mutating func setWord(_ index: Int, to bits: UInt64) { words[index] = bits }

  /// The number of rows in the set.
  public var population: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

  /// Whether no row is in the set.
  public var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

  /// Calls `body` with each row of the set, ascending.
  @inlinable
  public func forEach(_ body: (Int) throws -> Void) rethrows {
    for index in words.indices {
      var bits = words[index]
      while bits != 0 {
        try body(index << 6 + bits.trailingZeroBitCount)
        bits &= bits - 1
      }
    }
  }

  /// The rows of the set, ascending.
  public var rows: [Int] {
    var rows: [Int] = []
    rows.reserveCapacity(population)
    forEach { rows.append($0) }
    return rows
  }

  /// A copy over `count` rows: rows beyond the old count are clear, rows beyond the new one gone.
  public func resized(to count: Int) -> Bitset {
    var words = Array(self.words.prefix((count + 63) >> 6))
    words.append(contentsOf: repeatElement(0, count: (count + 63) >> 6 - words.count))
    return Bitset(count: count, words: words)
  }

  private mutating func clearTail() {
    if count & 63 != 0 { words[words.count - 1] &= (1 << UInt64(count & 63)) - 1 }
  }
}

extension Bitset {
  /// Rows in both sets.
  public static func & (left: Bitset, right: Bitset) -> Bitset { zip(left, right, &) }
  /// Rows in either set.
  public static func | (left: Bitset, right: Bitset) -> Bitset { zip(left, right, |) }
  /// Rows in one of the two sets.
  public static func ^ (left: Bitset, right: Bitset) -> Bitset { zip(left, right, ^) }
  /// Rows not in the set.
  public static prefix func ~ (set: Bitset) -> Bitset {
    Bitset(count: set.count, words: set.words.map { ~$0 })
  }
  /// Rows in `self` and not in `other`.
  public func subtracting(_ other: Bitset) -> Bitset { Bitset.zip(self, other) { $0 & ~$1 } }

  @inline(__always)
  private static func zip(
    _ left: Bitset, _ right: Bitset, _ combine: (UInt64, UInt64) -> UInt64
  ) -> Bitset {
    precondition(left.count == right.count, "bitsets of \(left.count) and \(right.count) rows")
    let count = left.words.count
    let words = [UInt64](unsafeUninitializedCapacity: count) { result, initialized in
      left.words.withUnsafeBufferPointer { left in
        right.words.withUnsafeBufferPointer { right in
          for index in 0..<count { result[index] = combine(left[index], right[index]) }
        }
      }
      initialized = count
    }
    return Bitset(count: left.count, words: words)
  }
}

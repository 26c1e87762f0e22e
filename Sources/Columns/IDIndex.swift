/// Customer ids in ascending order; a customer's row is its position.
public struct IDIndex: Sendable, Equatable {
  /// Distinct, ascending.
  public let ids: [Int64]

  /// An index over distinct ascending ids.
  ///
  /// - Precondition: `ids` ascends strictly.
  public init(sorted ids: [Int64]) {
    for index in ids.indices.dropFirst() {
      precondition(ids[index - 1] < ids[index], "ids must ascend strictly")
    }
    self.ids = ids
  }

  /// An index over runs of ids that follow each other: the first id of each and how many they are.
  ///
  /// - Parameter count: how many ids there are in all.
  /// - Returns: nil where the runs do not ascend or have another number of ids.
  public init?(runs: some Sequence<(first: Int64, length: Int)>, count: Int) {
    var isSound = true
    ids = [Int64](unsafeUninitializedCapacity: count) { room, filled in
      for run in runs {
        guard run.length > 0, run.length <= count - filled,
          run.first <= .max - Int64(run.length - 1),
          filled == 0 || room[filled - 1] < run.first
        else {
          isSound = false
          return
        }
        for offset in 0..<run.length { room[filled + offset] = run.first &+ Int64(offset) }
        filled += run.length
      }
    }
    if !isSound || ids.count != count { return nil }
  }

  /// An index over any ids.
  public init(_ ids: some Sequence<Int64>) {
    var sorted: [Int64] = []
    for id in ids.sorted() where sorted.last != id { sorted.append(id) }
    self.ids = sorted
  }

  /// The number of customers.
  public var count: Int { ids.count }

  /// The row of an id, nil when the index lacks it. O(1) where ids are dense, else O(log n).
  @inlinable
  public func row(of id: Int64) -> Int? {
    guard let first = ids.first, let last = ids.last, id >= first, id <= last else { return nil }
    // Identity columns leave few gaps, so the row is at or a little below the offset.
    let guess = Swift.min(Int(id - first), ids.count - 1)
    if ids[guess] == id { return guess }
    var low = 0
    var high = guess
    while low < high {
      let middle = (low + high) >> 1
      if ids[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low < ids.count && ids[low] == id ? low : nil
  }

  /// For each row of `self`, its row in `other`, or -1.
  public func rows(in other: IDIndex) -> [Int] {
    var result: [Int] = []
    result.reserveCapacity(count)
    var position = 0
    for id in ids {
      while position < other.ids.count, other.ids[position] < id { position += 1 }
      result.append(position < other.ids.count && other.ids[position] == id ? position : -1)
    }
    return result
  }
}

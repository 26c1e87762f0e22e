import Columns

/// Every comparison of one column with many thresholds, in one pass over its values.
///
/// With k distinct thresholds each value falls into one of k + 1 buckets. A row sets one bit, that
/// of its bucket; an OR from the highest bucket down gives "at or above threshold i" for all i at
/// once, and each range is the difference of two of these. A value costs one look-up (or log2 k
/// comparisons) in place of a comparison for each condition.
struct ThresholdScan {
  /// The thresholds, ascending.
  private enum Cuts {
    /// With the bucket of every value from one below the first to the last threshold.
    case near([Int64], buckets: [UInt16])
    /// Thresholds too far apart for a table.
    case far([Int64])
    case reals([Double])
  }

  /// The tests of one range, most of them, in flat arrays: threshold numbers from `low` to below
  /// `high`.
  private var low: [Int] = []
  private var high: [Int] = []
  private var single: [Int] = []
  /// The tests of several ranges.
  private var several: [(node: Int, ranges: [(low: Int, high: Int)])] = []

  /// The column's number in the plan.
  let column: Int
  private let cuts: Cuts
  private let count: Int

  /// Fewer tests of one column are faster one by one.
  static let leastTests = 4
  private static let mostRanges = 8
  private static let widestTable: Int64 = 1 << 14

  /// The tests of this scan.
  var nodes: [Int] { single + several.map(\.node) }

  /// The scans that pay in a plan: one for each column with enough range tests.
  static func scans(of plan: EvaluationPlan) -> [ThresholdScan] {
    var byColumn: [Int: [(node: Int, set: RangeSet)]] = [:]
    for (index, node) in plan.nodes.enumerated() {
      if case .test(let column, .ranges(let set)) = node, set.ranges.count <= mostRanges {
        byColumn[column, default: []].append((index, set))
      }
    }
    return byColumn.keys.sorted().compactMap { column in
      let tests = byColumn[column, default: []]
      guard tests.count >= leastTests else { return nil }
      return ThresholdScan(column, plan.columns[column], tests)
    }
  }

  private init?(_ number: Int, _ column: Column, _ tests: [(node: Int, set: RangeSet)]) {
    guard let representation = column.representation else { return nil }
    // A range [low, high] is "at or above low" and not "at or above high + 1". Bounds at the ends
    // of what the column can hold are no thresholds.
    var least = Int64.min
    var most = Int64.max
    if representation == .real {
      least = RealKey.key(-.infinity)
      most = RealKey.key(.infinity)
    }
    var keys: Set<Int64> = []
    for range in tests.flatMap(\.set.ranges) {
      if range.lowerBound > least { keys.insert(range.lowerBound) }
      if range.upperBound < most { keys.insert(range.upperBound + 1) }
    }
    let sorted = keys.sorted()
    guard let first = sorted.first, let last = sorted.last, sorted.count < Int(UInt16.max) else {
      return nil
    }
    let place = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1, $0) })
    self.column = number
    count = sorted.count
    for (node, set) in tests {
      let ranges = set.ranges.map { range in
        (
          low: place[range.lowerBound] ?? sorted.count + 1,
          high: range.upperBound < most
            ? place[range.upperBound + 1] ?? sorted.count : sorted.count
        )
      }
      if ranges.count == 1, let range = ranges.first {
        single.append(node)
        low.append(range.low)
        high.append(range.high)
      } else {
        several.append((node, ranges))
      }
    }
    if representation == .real {
      cuts = .reals(sorted.map(RealKey.value))
    } else if Int128(last) - Int128(first) < Int128(Self.widestTable) {
      var buckets: [UInt16] = [0]
      for (index, cut) in sorted.enumerated() {
        let next = index + 1 < sorted.count ? sorted[index + 1] : cut + 1
        buckets.append(contentsOf: repeatElement(UInt16(index + 1), count: Int(next - cut)))
      }
      cuts = .near(sorted, buckets: buckets)
    } else {
      cuts = .far(sorted)
    }
  }

  /// Writes the bits of every test of the scan; what stands under nulls is not looked at yet.
  func fill(_ column: Column, _ block: Block, _ out: (Int) -> UnsafeMutablePointer<UInt64>) {
    switch (column, cuts) {
    case (.integer(let dense, _), .near(let cuts, let table)),
      (.instant(let dense), .near(let cuts, let table)):
      near(dense.values, cuts, table, block, out)
    case (.day(let dense), .near(let cuts, let table)):
      near(dense.values, cuts, table, block, out)
    case (.integer(let dense, _), .far(let cuts)), (.instant(let dense), .far(let cuts)):
      far(dense.values, cuts, block, out) { $0 }
    case (.day(let dense), .far(let cuts)): far(dense.values, cuts, block, out) { Int64($0) }
    case (.real(let dense), .reals(let cuts)): far(dense.values, cuts, block, out) { $0 }
    case (.integer, .reals), (.instant, .reals), (.day, .reals), (.real, _), (.text, _),
      (.boolean, _):
      // The scan was made for this column.
      preconditionFailure("a scan of another column")
    }
  }

  private func near<T: FixedWidthInteger>(
    _ values: [T], _ cuts: [Int64], _ table: [UInt16], _ block: Block,
    _ out: (Int) -> UnsafeMutablePointer<UInt64>
  ) {
    // Thresholds are above Int64.min, so that there is a value below the first.
    let below = cuts[0] - 1
    let last = cuts[cuts.count - 1]
    values.withUnsafeBufferPointer { values in
      table.withUnsafeBufferPointer { table in
        scan(block, out) { row in
          Int(table[Int(truncatingIfNeeded: min(max(Int64(values[row]), below), last) &- below)])
        }
      }
    }
  }

  private func far<T, Key: Comparable>(
    _ values: [T], _ cuts: [Key], _ block: Block,
    _ out: (Int) -> UnsafeMutablePointer<UInt64>, _ key: (T) -> Key
  ) {
    values.withUnsafeBufferPointer { values in
      cuts.withUnsafeBufferPointer { cuts in
        scan(block, out) { row in
          // The number of thresholds at or below the value; NaN is above all, as in PostgreSQL.
          let value = key(values[row])
          var start = 0
          var size = cuts.count
          while size > 1 {
            let half = size / 2
            start = value < cuts[start + half - 1] ? start : start + half
            size -= half
          }
          return value < cuts[start] ? start : start + 1
        }
      }
    }
  }

  @inline(__always)
  private func scan(
    _ block: Block, _ out: (Int) -> UnsafeMutablePointer<UInt64>, _ bucket: (Int) -> Int
  ) {
    let singleOut = single.map(out)
    let severalOut = several.map { out($0.node) }
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count + 2) { words in
      for word in 0..<block.words {
        words.update(repeating: 0)
        let base = (block.start + word) << 6
        let rows = min(64, block.rows - base)
        // Bucket b is stored at b - 1, so that the OR leaves "at or above threshold i" at i;
        // values below every threshold go to the last place, which is set afterwards.
        for row in 0..<rows {
          let bucket = bucket(base &+ row)
          words[bucket == 0 ? count + 1 : bucket &- 1] |= 1 &<< UInt64(truncatingIfNeeded: row)
        }
        var above: UInt64 = 0
        var index = count
        while index > 0 {
          index &-= 1
          above |= words[index]
          words[index] = above
        }
        words[count] = 0
        words[count + 1] = .max
        for test in singleOut.indices {
          singleOut[test][word] = words[low[test]] & ~words[high[test]]
        }
        for test in severalOut.indices {
          var bits: UInt64 = 0
          for range in several[test].ranges { bits |= words[range.low] & ~words[range.high] }
          severalOut[test][word] = bits
        }
      }
    }
  }
}

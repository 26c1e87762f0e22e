/// A set of Int64 as closed ranges, ascending, with gaps between them.
struct RangeSet: Hashable, Sendable {
  let ranges: [ClosedRange<Int64>]

  static let all = RangeSet(ranges: [Int64.min...Int64.max])
  static let none = RangeSet(ranges: [])

  private init(ranges: [ClosedRange<Int64>]) { self.ranges = ranges }

  /// The union of ranges in any order.
  init(union ranges: [ClosedRange<Int64>]) {
    var merged: [ClosedRange<Int64>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, last.upperBound == .max || range.lowerBound <= last.upperBound + 1
      {
        merged[merged.count - 1] =
          last.lowerBound...Swift.max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    self.ranges = merged
  }

  /// `low … high` cut to Int64; empty where `low > high`.
  init(from low: Int128, to high: Int128) {
    let low = Swift.max(low, Int128(Int64.min))
    let high = Swift.min(high, Int128(Int64.max))
    ranges = low <= high ? [Int64(low)...Int64(high)] : []
  }

  var isEmpty: Bool { ranges.isEmpty }

  var complement: RangeSet {
    var result: [ClosedRange<Int64>] = []
    var next = Int64.min
    for range in ranges {
      if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
      if range.upperBound == .max { return RangeSet(ranges: result) }
      next = range.upperBound + 1
    }
    result.append(next...Int64.max)
    return RangeSet(ranges: result)
  }

  func intersection(_ other: RangeSet) -> RangeSet {
    var result: [ClosedRange<Int64>] = []
    var (i, j) = (0, 0)
    while i < ranges.count, j < other.ranges.count {
      let low = Swift.max(ranges[i].lowerBound, other.ranges[j].lowerBound)
      let high = Swift.min(ranges[i].upperBound, other.ranges[j].upperBound)
      if low <= high { result.append(low...high) }
      if ranges[i].upperBound < other.ranges[j].upperBound { i += 1 } else { j += 1 }
    }
    return RangeSet(ranges: result)
  }

  func contains(_ value: Int64) -> Bool {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].lowerBound <= value
  }
}

/// Doubles as Int64 in the same order, so that comparisons of both kinds are range sets.
enum RealKey {
  /// The key of a number; both zeros have key 0.
  static func key(_ value: Double) -> Int64 {
    let bits = Int64(bitPattern: value.bitPattern)
    return bits >= 0 ? bits : Int64.min &- bits
  }

  /// The number of a key; keys beyond the infinities are the infinities.
  static func value(_ key: Int64) -> Double {
    let infinity = Int64(bitPattern: Double.infinity.bitPattern)
    if key >= infinity { return .infinity }
    if key <= -infinity { return -.infinity }
    return key >= 0
      ? Double(bitPattern: UInt64(bitPattern: key))
      : -Double(bitPattern: UInt64(bitPattern: -key))
  }
}

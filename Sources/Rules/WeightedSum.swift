/// Adds up weights for 64 rows at a time: the sums stand in bit planes, plane k holding bit k of every
/// row's sum, so that adding a weight to the rows of a word is a ripple of ANDs and XORs.
enum WeightedSum {
  /// Writes one bit per row: whether the weights of the children whose bit is set reach a threshold.
  ///
  /// Weights are not negative and add up within 60 bits.
  static func fill(
    _ out: UnsafeMutablePointer<UInt64>, _ words: Int, _ children: [UnsafeMutablePointer<UInt64>],
    _ weights: [Int64], _ threshold: Int64
  ) {
    let total = weights.reduce(0, +)
    if threshold <= 0 || threshold > total {
      for word in 0..<words { out[word] = threshold <= 0 ? .max : 0 }
      return
    }
    let planes = Int64.bitWidth - total.leadingZeroBitCount
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: planes) { sum in
      for word in 0..<words {
        sum.update(repeating: 0)
        for (child, weight) in zip(children, weights) {
          add(weight, child[word], to: sum)
        }
        // Whether sum >= threshold, from the highest bit down: greater so far, equal so far.
        var greater: UInt64 = 0
        var equal = UInt64.max
        for bit in stride(from: planes - 1, through: 0, by: -1) {
          if threshold >> Int64(bit) & 1 == 0 {
            greater |= equal & sum[bit]
            equal &= ~sum[bit]
          } else {
            equal &= sum[bit]
          }
        }
        out[word] = greater | equal
      }
    }
  }

  @inline(__always)
  private static func add(
    _ weight: Int64, _ rows: UInt64, to sum: UnsafeMutableBufferPointer<UInt64>
  ) {
    var rest = weight
    var bit = 0
    while rest != 0 {
      if rest & 1 != 0 {
        var carry = rows
        var place = bit
        while carry != 0, place < sum.count {
          let both = sum[place] & carry
          sum[place] ^= carry
          carry = both
          place += 1
        }
      }
      rest >>= 1
      bit += 1
    }
  }
}

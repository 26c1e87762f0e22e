/// The order in which customers are drawn: as if by chance, and the same every time.
enum SampleOrder {
  /// A number that depends on the customer alone (the finaliser of SplitMix64).
  static func rank(_ customer: Int64) -> UInt64 {
    var value = UInt64(bitPattern: customer) &+ 0x9E37_79B9_7F4A_7C15
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  /// The first `count` of some customers in that order.
  static func draw(_ count: Int, of customers: some Sequence<Int64>) -> [Int64] {
    var drawn: [(rank: UInt64, customer: Int64)] = []
    for customer in customers {
      let rank = rank(customer)
      if drawn.count == count, let last = drawn.last, rank >= last.rank { continue }
      let place = drawn.firstIndex { $0.rank > rank } ?? drawn.count
      drawn.insert((rank, customer), at: place)
      if drawn.count > count { drawn.removeLast() }
    }
    return drawn.map(\.customer)
  }
}

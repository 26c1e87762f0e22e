extension RunPlan {
  /// The priority of each task after its weight rule, as Airflow defines them (`weight_rule`).
  ///
  /// A task's own priority is 0 by default here, where Airflow has 1: so `downstream` and
  /// `upstream` add up what somebody ranked, and do not count tasks.
  ///
  /// Cost: edges × ranked tasks / 64 words, exact for every graph: descendants are gathered as
  /// bits, for a few hundred of the ranked tasks at a time, so that memory is linear in the tasks.
  static func priorities(
    _ tasks: [(priority: Int, weight: PriorityWeight)], upstreams: [[Int]], downstreams: [[Int]],
    order: [Int]
  ) -> [Int] {
    var effective = tasks.map(\.priority)
    let ranked = tasks.indices.filter { tasks[$0].priority != 0 }
    for (weight, edges, order) in [
      (PriorityWeight.downstream, downstreams, order.reversed()), (.upstream, upstreams, order),
    ] where tasks.contains(where: { $0.weight == weight }) {
      var first = 0
      while first < ranked.count {
        let block = ranked[first..<min(first + Block.bitWidth, ranked.count)]
        let reached = reached(block, edges, order)
        for (number, task) in tasks.enumerated() where task.weight == weight {
          reached[number].forEachBit { bit in
            let other = block[block.startIndex + bit]
            if other != number { effective[number] += tasks[other].priority }
          }
        }
        first += Block.bitWidth
      }
    }
    return effective
  }

  /// Which tasks of a block each task reaches over `edges`, itself among them.
  private static func reached(
    _ block: ArraySlice<Int>, _ edges: [[Int]], _ order: [Int]
  ) -> [Block] {
    var reached = [Block](repeating: Block(), count: edges.count)
    for (bit, number) in zip(0..., block) { reached[number].insert(bit) }
    for number in order {
      for next in edges[number] { reached[number].words |= reached[next].words }
    }
    return reached
  }

  /// A set of small numbers.
  private struct Block {
    static let bitWidth = 512
    var words = SIMD8<UInt64>(repeating: 0)

    mutating func insert(_ bit: Int) { words[bit / 64] |= 1 << UInt64(bit % 64) }

    func forEachBit(_ body: (Int) -> Void) {
      for index in 0..<8 {
        var word = words[index]
        while word != 0 {
          body(index * 64 + word.trailingZeroBitCount)
          word &= word - 1
        }
      }
    }
  }
}

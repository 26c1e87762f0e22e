import Columns

/// Runs a plan a block of rows at a time, so that every node's bits stay in the cache.
///
/// Each node has a word of `T` bits (true) and of `P` bits (possibly true: true or unknown) per 64
/// rows. With these, `all` is AND of both, `any` is OR of both, and `not` is T' = ~P, P' = ~T.
/// Nodes that are never unknown share one word: T = P. Bits beyond the last row are garbage until
/// they are cut off in the result.
struct BlockEvaluator {
  /// 8,192 rows: 64 KiB of each Int64 column, 1 KiB of bits per node.
  static let wordsPerBlock = 128

  private let plan: EvaluationPlan
  private let count: Int
  /// The kernel of each test that no scan does.
  private let kernels: [Kernel?]
  private let scans: [ThresholdScan]
  /// The places of each node's T and P in the scratch memory, in blocks.
  private let truePlace: [Int]
  private let possiblePlace: [Int]
  private let places: Int

  init(_ plan: EvaluationPlan, count: Int) {
    self.plan = plan
    self.count = count
    var kernels: [Kernel?] = []
    var truePlace: [Int] = []
    var possiblePlace: [Int] = []
    var places = 0
    scans = ThresholdScan.scans(of: plan)
    let scanned = Set(scans.flatMap(\.nodes))
    for (index, node) in plan.nodes.enumerated() {
      if case .test(let column, let test) = node, !scanned.contains(index) {
        kernels.append(Kernel(test, plan.columns[column]))
      } else {
        kernels.append(nil)
      }
      truePlace.append(places)
      if !plan.isCertain[index] { places += 1 }
      possiblePlace.append(places)
      places += 1
    }
    self.kernels = kernels
    self.truePlace = truePlace
    self.possiblePlace = possiblePlace
    self.places = places
  }

  /// The verdicts of some nodes, in their order.
  func verdicts(of wanted: [Int]) -> [Verdict] {
    let words = (count + 63) >> 6
    var isTrue = wanted.map { _ in [UInt64](repeating: 0, count: words) }
    var isUnknown = isTrue
    let size = Self.wordsPerBlock
    let scratch = UnsafeMutablePointer<UInt64>.allocate(capacity: max(1, places * size))
    scratch.initialize(repeating: 0, count: max(1, places * size))
    defer { scratch.deallocate() }
    for start in stride(from: 0, to: words, by: size) {
      let block = Block(start: start, words: min(size, words - start), rows: count)
      for scan in scans {
        scan.fill(plan.columns[scan.column], block) { scratch + truePlace[$0] * size }
      }
      for node in plan.nodes.indices { run(node, block, scratch) }
      for (position, node) in wanted.enumerated() {
        let T = scratch + truePlace[node] * size
        isTrue[position].withUnsafeMutableBufferPointer { out in
          for word in 0..<block.words { out[start + word] = T[word] }
        }
        if plan.isCertain[node] { continue }
        let P = scratch + possiblePlace[node] * size
        isUnknown[position].withUnsafeMutableBufferPointer { out in
          for word in 0..<block.words { out[start + word] = P[word] & ~T[word] }
        }
      }
    }
    return wanted.indices.map {
      Verdict(
        isTrue: Bitset(count: count, words: isTrue[$0]),
        isUnknown: Bitset(count: count, words: isUnknown[$0]))
    }
  }

  private func run(_ node: Int, _ block: Block, _ scratch: UnsafeMutablePointer<UInt64>) {
    let size = Self.wordsPerBlock
    let T = scratch + truePlace[node] * size
    let P = scratch + possiblePlace[node] * size
    let isCertain = plan.isCertain[node]
    switch plan.nodes[node] {
    case .test(let column, let test):
      kernels[node]?.fill(T, plan.columns[column], block)
      if test != .missing, let present = plan.columns[column].present {
        Self.mask(T, P, present, block)
      }
    case .all(let children):
      combine(children, truePlace, T, block.words, scratch, &)
      if !isCertain { combine(children, possiblePlace, P, block.words, scratch, &) }
    case .any(let children):
      combine(children, truePlace, T, block.words, scratch, |)
      if !isCertain { combine(children, possiblePlace, P, block.words, scratch, |) }
    case .not(let child):
      let childT = scratch + truePlace[child] * size
      let childP = scratch + possiblePlace[child] * size
      for word in 0..<block.words { T[word] = ~childP[word] }
      if !isCertain { for word in 0..<block.words { P[word] = ~childT[word] } }
    case .sum(let children, let weights, let threshold):
      WeightedSum.fill(
        T, block.words, children.map { scratch + truePlace[$0] * size }, weights, threshold)
      if !isCertain {
        WeightedSum.fill(
          P, block.words, children.map { scratch + possiblePlace[$0] * size }, weights, threshold)
      }
    case .given(let number):
      let verdict = plan.given[number]
      for word in 0..<block.words {
        let bits = verdict.isTrue.words[block.start + word]
        T[word] = bits
        if !isCertain { P[word] = bits | verdict.isUnknown.words[block.start + word] }
      }
    }
  }

  @inline(__always)
  private func combine(
    _ children: [Int], _ place: [Int], _ out: UnsafeMutablePointer<UInt64>, _ words: Int,
    _ scratch: UnsafeMutablePointer<UInt64>, _ operation: (UInt64, UInt64) -> UInt64
  ) {
    out.update(from: scratch + place[children[0]] * Self.wordsPerBlock, count: words)
    for child in 1..<children.count {
      let other = scratch + place[children[child]] * Self.wordsPerBlock
      for word in 0..<words { out[word] = operation(out[word], other[word]) }
    }
  }

  /// Takes what stands under nulls out of T and puts it into P.
  private static func mask(
    _ T: UnsafeMutablePointer<UInt64>, _ P: UnsafeMutablePointer<UInt64>, _ present: Bitset,
    _ block: Block
  ) {
    present.words.withUnsafeBufferPointer { present in
      for word in 0..<block.words {
        let there = present[block.start + word]
        let bits = T[word] & there
        T[word] = bits
        P[word] = bits | ~there
      }
    }
  }
}

/// Some consecutive words of rows.
struct Block {
  /// The first word.
  let start: Int
  /// The number of words.
  let words: Int
  /// The number of rows in all.
  let rows: Int
}

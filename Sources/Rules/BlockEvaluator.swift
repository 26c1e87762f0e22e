import Columns
import Dispatch

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

  /// Rows times nodes from which a second thread pays.
  private static let worthThreads = 1 << 25
  static let threads = 2

  /// The verdicts of some nodes, in their order; where there is much to do, on two threads that take
  /// every second block.
  func verdicts(of wanted: [Int]) -> [Verdict] {
    let words = (count + 63) >> 6
    let threads = count * plan.nodes.count >= Self.worthThreads ? Self.threads : 1
    var isTrue = [UInt64](repeating: 0, count: words * wanted.count)
    var isUnknown = isTrue
    isTrue.withUnsafeMutableBufferPointer { T in
      isUnknown.withUnsafeMutableBufferPointer { U in
        guard let T = T.baseAddress, let U = U.baseAddress else { return }
        let work = Work(evaluator: self, wanted: wanted, isTrue: T, isUnknown: U)
        if threads == 1 {
          work.fill(from: 0, step: 1)
        } else {
          DispatchQueue.concurrentPerform(iterations: threads) { part in
            work.fill(from: part, step: threads)
          }
        }
      }
    }
    return wanted.indices.map { position in
      let range = (position * words)..<((position + 1) * words)
      return Verdict(
        isTrue: Bitset(count: count, words: Array(isTrue[range])),
        isUnknown: Bitset(count: count, words: Array(isUnknown[range])))
    }
  }

  /// What threads share: columns and nodes that nobody changes, and where each writes the words of its
  /// own blocks, so that it may be shared although the source is anybody's.
  private struct Work: @unchecked Sendable {
    let evaluator: BlockEvaluator
    let wanted: [Int]
    let isTrue: UnsafeMutablePointer<UInt64>
    let isUnknown: UnsafeMutablePointer<UInt64>

    func fill(from first: Int, step: Int) { evaluator.fill(self, from: first, step: step) }
  }

  /// Fills every `step`th block.
  private func fill(_ work: Work, from first: Int, step: Int) {
    let words = (count + 63) >> 6
    let size = Self.wordsPerBlock
    let scratch = UnsafeMutablePointer<UInt64>.allocate(capacity: max(1, places * size))
    scratch.initialize(repeating: 0, count: max(1, places * size))
    defer { scratch.deallocate() }
    for start in stride(from: first * size, to: words, by: size * step) {
      let block = Block(start: start, words: min(size, words - start), rows: count)
      for scan in scans {
        scan.fill(plan.columns[scan.column], block) { scratch + truePlace[$0] * size }
      }
      for node in plan.nodes.indices { run(node, block, scratch) }
      for (position, node) in work.wanted.enumerated() {
        let T = scratch + truePlace[node] * size
        let place = position * words + start
        (work.isTrue + place).update(from: T, count: block.words)
        if plan.isCertain[node] { continue }
        let P = scratch + possiblePlace[node] * size
        for word in 0..<block.words { work.isUnknown[place + word] = P[word] & ~T[word] }
      }
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

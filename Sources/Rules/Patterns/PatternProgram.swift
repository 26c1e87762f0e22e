/// A pattern as a non-deterministic automaton over the bytes of UTF-8 (Thompson's construction).
struct PatternProgram {
  enum Instruction {
    case bytes(ClosedRange<UInt8>, next: Int)
    case either(Int, Int)
    case start(next: Int)
    case end(next: Int)
    case match
  }

  private(set) var instructions: [Instruction] = []
  private(set) var entry = 0

  init(_ root: PatternNode) {
    instructions = [.match]
    entry = build(root, next: 0)
  }

  private mutating func emit(_ instruction: Instruction) -> Int {
    instructions.append(instruction)
    return instructions.count - 1
  }

  /// Adds a node in front of the instruction at `next`; returns where it begins.
  private mutating func build(_ node: PatternNode, next: Int) -> Int {
    switch node {
    case .empty: return next
    case .start: return emit(.start(next: next))
    case .end: return emit(.end(next: next))
    case .set(let set): return build(set, next: next)
    case .sequence(let parts):
      var next = next
      for part in parts.reversed() { next = build(part, next: next) }
      return next
    case .choice(let parts):
      var entry = build(parts[parts.count - 1], next: next)
      for part in parts.dropLast().reversed() {
        entry = emit(.either(build(part, next: next), entry))
      }
      return entry
    case .repeated(let part, let least, let most):
      var next = next
      if let most {
        for _ in 0..<(most - least) {
          let rest = next
          next = emit(.either(build(part, next: rest), rest))
        }
      } else {
        let loop = emit(.either(0, next))
        instructions[loop] = .either(build(part, next: loop), next)
        next = loop
      }
      for _ in 0..<least { next = build(part, next: next) }
      return next
    }
  }

  private mutating func build(_ set: ScalarSet, next: Int) -> Int {
    var entry: Int?
    for range in set.members {
      for sequence in UTF8Ranges.sequences(range) {
        var place = next
        for bytes in sequence.reversed() { place = emit(.bytes(bytes, next: place)) }
        entry = entry.map { emit(.either(place, $0)) } ?? place
      }
    }
    // An empty set matches nothing: an impossible byte.
    return entry ?? emit(.bytes(0xFF...0xFF, next: next))
  }
}

/// Ranges of scalars as sequences of byte ranges (R. Cox, "Regular Expression Matching in the Wild").
enum UTF8Ranges {
  static func sequences(_ range: ClosedRange<UInt32>) -> [[ClosedRange<UInt8>]] {
    var result: [[ClosedRange<UInt8>]] = []
    var open = [range]
    while let range = open.popLast() {
      let (low, high) = (range.lowerBound, range.upperBound)
      // Of one length in bytes.
      if let limit: UInt32 = [0x7F, 0x7FF, 0xFFFF].first(where: { low <= $0 && $0 < high }) {
        open.append((limit + 1)...high)
        open.append(low...limit)
        continue
      }
      // Of one prefix, or with whole ranges of continuation bytes.
      var split: UInt32?
      for bits: UInt32 in [6, 12, 18] where high > 0x7F {
        let mask = (UInt32(1) << bits) - 1
        if low & ~mask != high & ~mask {
          if low & mask != 0 {
            split = low | mask
            break
          }
          if high & mask != mask {
            split = (high & ~mask) - 1
            break
          }
        }
      }
      if let split {
        open.append((split + 1)...high)
        open.append(low...split)
        continue
      }
      let first = bytes(low)
      let last = bytes(high)
      result.append(zip(first, last).map { $0...$1 })
    }
    return result
  }

  private static func bytes(_ value: UInt32) -> [UInt8] {
    guard let scalar = Unicode.Scalar(value) else { return [0xFF] }
    return Array(String(Character(scalar)).utf8)
  }
}

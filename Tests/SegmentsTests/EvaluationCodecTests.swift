import Columns
import TestSupport
import Testing

@testable import Segments

@Suite("Bytes of ids and sets")
struct EvaluationCodecTests {
  @Test(
    "Ids come back",
    arguments: [
      [], [0], [1], [-5, -4, 7], [1, 2, 3, 4, 5], [Int64.min, 0, Int64.max],
      [3, 4, 9, 10, 11, 1_000_000_007],
    ] as [[Int64]])
  func ids(_ ids: [Int64]) throws {
    let index = IDIndex(sorted: ids)
    let bytes = EvaluationCodec.encode(index)
    #expect(try EvaluationCodec.decodeIndex(bytes, count: ids.count) == index)
  }

  @Test("A million ids without gaps take a few bytes")
  func denseIds() {
    #expect(EvaluationCodec.encode(IDIndex(sorted: Array(1...1_000_000))).count < 8)
  }

  @Test(
    "Sets come back in the shorter form",
    arguments: [0, 1, 63, 64, 65, 200, 4096], [0.0, 0.01, 0.5, 1.0])
  func sets(count: Int, density: Double) throws {
    var random = SplitMix64(seed: UInt64(count) &* 31 &+ UInt64(density * 100))
    let set = Bitset(count: count) { _ in Double.random(in: 0..<1, using: &random) < density }
    let bytes = EvaluationCodec.encode(set)
    #expect(try EvaluationCodec.decodeSet(bytes, count: count) == set)
    #expect(bytes.count <= 1 + set.words.count * 8)
    if density == 0.01, count == 4096 { #expect(bytes.count < 200) }
  }

  @Test(
    "Damaged bytes are refused, not read beyond their end",
    arguments: [
      [], [9], [0, 1, 2], [1, 0x80], [1, 200, 1], [1] + [UInt8](repeating: 0xFF, count: 12),
    ]
      as [[UInt8]])
  func damagedSets(_ bytes: [UInt8]) {
    #expect { try EvaluationCodec.decodeSet(bytes, count: 100) } throws: {
      ($0 as? SegmentError)?.code == "segments.evaluation_damaged"
    }
  }

  @Test(
    "Damaged ids are refused",
    arguments: [[0x80], [1], [1, 0], [1, 9], [1, 2, 1, 1, 1], [1, 1, 1, 2]] as [[UInt8]])
  func damagedIds(_ bytes: [UInt8]) {
    #expect { try EvaluationCodec.decodeIndex(bytes, count: 4) } throws: {
      ($0 as? SegmentError)?.code == "segments.evaluation_damaged"
    }
  }
}

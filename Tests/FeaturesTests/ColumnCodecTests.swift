import Columns
import FeatureOracle
import Testing

@testable import Features

struct ColumnCodecTests {
  @Test func roundTripsRandomColumns() throws {
    for seed in 0..<200 {
      var dice = Dice(seed: seed)
      let count = dice.below(400)
      let bits = dice.below(64)
      let zeros = dice.below(101)
      var values = (0..<count).map { _ in
        dice.chance(zeros) ? 0 : Int64(bitPattern: dice.next() >> UInt64(bits))
      }
      if count > 2 { values.replaceSubrange(0..<2, with: [Int64.min, Int64.max]) }
      let mask = dice.chance(50) ? Bitset(count: count) { _ in dice.chance(70) } : nil
      let column = Dense(values, present: mask)
      #expect(try ColumnCodec.decode(ColumnCodec.encode(column)) == column)
    }
  }

  @Test func roundTripsIndexes() throws {
    for ids: [Int64] in [[], [7], [.min, -3, 0, 5, .max], Array(1...1000)] {
      let index = IDIndex(sorted: ids)
      #expect(try ColumnCodec.decodeIndex(ColumnCodec.encode(index)) == index)
    }
  }

  @Test func zerosAreNearlyFree() {
    let bytes = ColumnCodec.encode(Dense(Array(repeating: 0, count: 1_000_000)))
    #expect(bytes.count < 24)
  }

  @Test func everyDamagedByteIsNoticed() {
    let bytes = ColumnCodec.encode(Dense([1, 0, 0, -5, 1 << 40]))
    for position in bytes.indices {
      for flip: UInt8 in [1, 0x80, 0xff] {
        var damaged = bytes
        damaged[position] ^= flip
        #expect(throws: FeatureError.self) { try ColumnCodec.decode(damaged) }
      }
    }
    for length in 0..<bytes.count {
      #expect(throws: FeatureError.self) { try ColumnCodec.decode(Array(bytes.prefix(length))) }
    }
  }
}

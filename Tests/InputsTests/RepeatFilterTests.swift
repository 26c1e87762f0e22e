import TestSupport
import Testing

@testable import Inputs

@Suite("Repeated values")
struct RepeatFilterTests {
  private func mayRepeat(_ values: [String], limit: Int = 1_000_000) -> Bool {
    var filter = RepeatFilter(limit: limit)
    for value in values { Array(value.utf8).withUnsafeBytes { filter.insert($0) } }
    return filter.mayRepeat
  }

  @Test func distinctValuesStayDistinctWhileTheTableGrows() {
    #expect(!mayRepeat((0..<50_000).map { "event \($0)" }))
    #expect(!mayRepeat(["", "a", "aa", "aaaaaaaa", "aaaaaaaaa"]))
  }

  @Test func oneRepeatIsEnough() {
    var random = SplitMix64(seed: 1)
    for _ in 0..<20 {
      var values = (0..<5000).map { "event \($0)" }
      values.append("event \(Int.random(in: 0..<5000, using: &random))")
      values.shuffle(using: &random)
      #expect(mayRepeat(values))
    }
  }

  @Test func aStreamBeyondTheTableMayRepeat() {
    #expect(mayRepeat((0..<11).map(String.init), limit: 10))
    #expect(!mayRepeat((0..<10).map(String.init), limit: 10))
  }
}

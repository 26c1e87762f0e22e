import Columns
import Foundation
import Learning
import TestSupport

/// Seeded draws.
struct Draws {
  private var generator: SplitMix64

  init(seed: UInt64) { generator = SplitMix64(seed: seed) }

  /// Uniform in 0..<bound, the bias of the remainder being without weight here.
  mutating func whole(below bound: Int) -> Int { Int(generator.next() % UInt64(bound)) }

  /// Uniform in 0..<1.
  mutating func unit() -> Double { Double(generator.next() >> 11) / 9_007_199_254_740_992 }
}

/// Data sets with a known answer.
enum Samples {
  static let names = ["recency", "orders", "noise", "rarely_known"]

  /// Labels drawn from a logistic curve over the first two features; the rest says nothing.
  ///
  /// A third of `rarely_known` is null. Returns the true probabilities too.
  static func logistic(
    rows: Int, seed: UInt64, slope: Double = 3
  ) throws -> (data: LabelledMatrix, truth: [Float]) {
    var draws = Draws(seed: seed)
    var values: [Float] = []
    var truth: [Float] = []
    var labels = Bitset(count: rows)
    for row in 0..<rows {
      let recency = draws.unit() * 2 - 1
      let orders = draws.unit() * 2 - 1
      let p = 1 / (1 + exp(-slope * (recency - orders) + 0.5))
      let known = draws.whole(below: 3) > 0
      values += [
        Float(recency), Float(orders), Float(draws.unit()), known ? Float(draws.unit()) : .nan,
      ]
      truth.append(Float(p))
      if draws.unit() < p { labels[row] = true }
    }
    let matrix = try Matrix(featureNames: names, rowCount: rows, values: values)
    return (try LabelledMatrix(matrix, labels: labels), truth)
  }
}

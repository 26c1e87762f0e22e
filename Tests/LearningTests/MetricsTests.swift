import Columns
import Foundation
import Learning
import Testing

/// Scores and labels with the values that scikit-learn 1.9.1 gives for them (`roc_auc_score`,
/// `log_loss` after a clip at 1e-15, `brier_score_loss`, `calibration_curve` with ten bins).
struct Golden: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let scores: [Float]
  let labels: Bitset
  let auc: Double
  let logLoss: Double
  let brier: Double
  let calibrationError: Double
  let binRows: [Int]
  let lastRate: Double
  let lastScore: Double

  static let small = Golden(
    testDescription: "eight rows with ties", scores: [0.1, 0.4, 0.35, 0.8, 0.4, 0.4, 0.9, 0.05],
    labels: Bitset(count: 8) { [2, 3, 4, 6].contains($0) },
    auc: 0.8125, logLoss: 0.43411525211861607, brier: 0.14562500131316491,
    calibrationError: 0.16250000474974513, binRows: [1, 1, 1, 3, 2], lastRate: 1,
    lastScore: 0.8499999940395355)

  static let extreme = Golden(
    testDescription: "certain scores, some of them wrong", scores: [0, 1, 1, 0, 0.25, 0.75],
    labels: Bitset(count: 6) { [1, 3, 5].contains($0) },
    auc: 0.5555555555555556, logLoss: 11.608952755359189, brier: 0.3541666666666667,
    calibrationError: 0.41666666666666663, binRows: [2, 1, 1, 2], lastRate: 0.5, lastScore: 1)

  /// Scores `s * s` with `s = (37 i mod 101) / 101`, labels `53 i + 7 mod 17 < 17 s`.
  static let related: Golden = {
    let roots = (0..<1_000).map { Float(($0 * 37) % 101) / 101 }
    return Golden(
      testDescription: "a thousand rows from a formula", scores: roots.map { $0 * $0 },
      labels: Bitset(count: 1_000) { Float(($0 * 53 + 7) % 17) < 17 * roots[$0] },
      auc: 0.830102579120716, logLoss: 0.6673320446646221, brier: 0.21258662566743652,
      calibrationError: 0.19836104018418702,
      binRows: [317, 138, 99, 80, 78, 70, 59, 60, 49, 50], lastRate: 1,
      lastScore: 0.941672420501709)
  }()

  static let all = [small, extreme, related]
}

@Suite("Metrics of probabilities")
struct MetricsTests {
  @Test("golden values of scikit-learn", arguments: Golden.all)
  func golden(_ golden: Golden) throws {
    let metrics = ModelMetrics(scores: golden.scores, labels: golden.labels)
    #expect(abs(try #require(metrics.auc) - golden.auc) < 1e-12)
    #expect(abs(try #require(metrics.logLoss) - golden.logLoss) < 1e-9)
    #expect(metrics.logLossClip == 1e-15)
    #expect(abs(try #require(metrics.brier) - golden.brier) < 1e-12)
    #expect(abs(try #require(metrics.calibrationError) - golden.calibrationError) < 1e-12)
    let table = Calibration(scores: golden.scores, labels: golden.labels)
    #expect(table.bins.map(\.rows) == golden.binRows)
    let last = try #require(table.bins.last)
    #expect(abs(last.observedRate - golden.lastRate) < 1e-12)
    #expect(abs(last.meanScore - golden.lastScore) < 1e-12)
  }

  @Test("AUC equals the share of ordered pairs, counted one by one")
  func aucOracle() {
    var draws = Draws(seed: 4)
    for _ in 0..<50 {
      let count = 2 + draws.whole(below: 40)
      // Few distinct scores, so that ties are common.
      let scores = (0..<count).map { _ in Float(draws.whole(below: 8)) / 8 }
      let labels = Bitset(count: count) { _ in draws.whole(below: 2) == 0 }
      var won = 0.0
      var pairs = 0.0
      for positive in 0..<count where labels[positive] {
        for negative in 0..<count where !labels[negative] {
          pairs += 1
          if scores[positive] > scores[negative] { won += 1 }
          if scores[positive] == scores[negative] { won += 0.5 }
        }
      }
      let auc = Metrics.rocAUC(scores: scores, labels: labels)
      if pairs == 0 {
        #expect(auc == nil)
      } else {
        #expect(auc.map { abs($0 - won / pairs) < 1e-12 } == true)
      }
    }
  }

  @Test("one label: no AUC; no rows: nothing at all")
  func degenerate() {
    let one = ModelMetrics(scores: [0.2, 0.9], labels: Bitset(count: 2, repeating: true))
    #expect(one.auc == nil)
    #expect(one.baseRateLogLoss == 0)
    #expect(one.brier.map { abs($0 - (0.64 + 0.01) / 2) < 1e-7 } == true)
    let none = ModelMetrics(scores: [], labels: Bitset(count: 0))
    #expect(none.auc == nil && none.logLoss == nil && none.brier == nil)
    #expect(none.calibrationError == nil && none.baseRate == nil)
  }

  @Test("the edges of the bins: upper bounds belong to the bin")
  func edges() {
    let table = Calibration(
      scores: [0, 0.25, 0.5, 0.75, 1], labels: Bitset(count: 5) { $0 > 2 }, bins: 4)
    #expect(table.bins.map(\.rows) == [2, 1, 1, 1])
    #expect(table.bins.map(\.lower) == [0, 0.25, 0.5, 0.75])
    #expect(table.bins.map(\.observedRate) == [0, 0, 1, 1])
  }
}

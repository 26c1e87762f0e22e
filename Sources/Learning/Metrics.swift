import Columns
import Foundation

/// How well probabilities fit what happened; pure functions over scores and labels of one count.
public enum Metrics {
  /// The area under the ROC curve from midranks; nil where only one label occurs.
  ///
  /// Ties count half: (sum of positives' ranks - P(P+1)/2) / (P N). Source: Hanley and McNeil 1982.
  public static func rocAUC(scores: [Float], labels: Bitset) -> Double? {
    precondition(scores.count == labels.count, "scores and labels differ")
    let positives = labels.population
    let negatives = scores.count - positives
    guard positives > 0, negatives > 0 else { return nil }
    let order = scores.indices.sorted { scores[$0] < scores[$1] }
    // Twice the rank sum, so that midranks stay whole.
    var doubledRanks = 0
    var start = 0
    while start < order.count {
      var end = start
      var positivesInTie = 0
      while end < order.count, scores[order[end]] == scores[order[start]] {
        if labels[order[end]] { positivesInTie += 1 }
        end += 1
      }
      doubledRanks += positivesInTie * (start + 1 + end)
      start = end
    }
    let doubledArea = doubledRanks - positives * (positives + 1)
    return Double(doubledArea) / 2 / Double(positives) / Double(negatives)
  }

  /// Mean negative log-likelihood in nats; probabilities are clipped to `clip...1 - clip`.
  ///
  /// Nil over no rows.
  public static func logLoss(scores: [Float], labels: Bitset, clip: Double) -> Double? {
    precondition(scores.count == labels.count, "scores and labels differ")
    precondition(clip > 0 && clip < 0.5, "clip \(clip)")
    guard !scores.isEmpty else { return nil }
    var total = 0.0
    for (row, score) in scores.enumerated() {
      let p = min(max(Double(score), clip), 1 - clip)
      total -= labels[row] ? log(p) : log1p(-p)
    }
    return total / Double(scores.count)
  }

  /// Mean squared difference between probability and outcome; nil over no rows.
  public static func brier(scores: [Float], labels: Bitset) -> Double? {
    precondition(scores.count == labels.count, "scores and labels differ")
    guard !scores.isEmpty else { return nil }
    var total = 0.0
    for (row, score) in scores.enumerated() {
      let error = Double(score) - (labels[row] ? 1 : 0)
      total += error * error
    }
    return total / Double(scores.count)
  }
}

/// One bin of a calibration table.
public struct CalibrationBin: Sendable, Equatable, Codable {
  /// The bin holds scores in `(lower, upper]`, the first one also its lower bound.
  public let lower: Double
  /// See `lower`.
  public let upper: Double
  /// The number of rows; never 0 in a table.
  public let rows: Int
  /// The mean score.
  public let meanScore: Double
  /// The share of rows whose label is true.
  public let observedRate: Double
}

/// Scores beside what happened, in bins of equal width; empty bins are left out.
public struct Calibration: Sendable, Equatable, Codable {
  /// Ascending by score.
  public let bins: [CalibrationBin]

  /// A table over scores in 0...1, `bins` bins wide.
  public init(scores: [Float], labels: Bitset, bins count: Int = 10) {
    precondition(scores.count == labels.count, "scores and labels differ")
    precondition(count > 0, "a table needs a bin")
    var rows = [Int](repeating: 0, count: count)
    var sums = [Double](repeating: 0, count: count)
    var hits = [Int](repeating: 0, count: count)
    for (row, score) in scores.enumerated() {
      let score = Double(score)
      var bin = min(max(Int((score * Double(count)).rounded(.up)) - 1, 0), count - 1)
      // The product can round across an edge; the edges themselves decide.
      if bin > 0, score <= Double(bin) / Double(count) { bin -= 1 }
      rows[bin] += 1
      sums[bin] += score
      if labels[row] { hits[bin] += 1 }
    }
    bins = (0..<count).filter { rows[$0] > 0 }.map { bin in
      CalibrationBin(
        lower: Double(bin) / Double(count), upper: Double(bin + 1) / Double(count),
        rows: rows[bin], meanScore: sums[bin] / Double(rows[bin]),
        observedRate: Double(hits[bin]) / Double(rows[bin]))
    }
  }

  /// Expected calibration error: the mean distance between score and rate, weighted by rows.
  ///
  /// Nil for an empty table. Source: Naeini, Cooper and Hauskrecht 2015.
  public var expectedError: Double? {
    let total = bins.reduce(0) { $0 + $1.rows }
    guard total > 0 else { return nil }
    return bins.reduce(0) {
      $0 + Double($1.rows) / Double(total) * abs($1.meanScore - $1.observedRate)
    }
  }
}

/// The numbers that a model's test rows give.
public struct ModelMetrics: Sendable, Equatable, Codable {
  /// The number of test rows.
  public let rows: Int
  /// The test rows whose label is true.
  public let positives: Int
  /// Area under the ROC curve; nil where only one label occurs.
  public let auc: Double?
  /// Log-loss in nats; nil over no rows.
  public let logLoss: Double?
  /// The clip of the log-loss.
  public let logLossClip: Double
  /// Log-loss of the test rows' own base rate as a constant score: what a useful model beats.
  public let baseRateLogLoss: Double?
  /// Mean squared error of the scores; nil over no rows.
  public let brier: Double?
  /// Expected calibration error over ten bins of equal width; nil over no rows.
  public let calibrationError: Double?

  /// The clip that the registry records.
  public static let standardClip = 1e-15

  /// Every metric over one set of rows.
  public init(scores: [Float], labels: Bitset, clip: Double = ModelMetrics.standardClip) {
    rows = scores.count
    positives = labels.population
    auc = Metrics.rocAUC(scores: scores, labels: labels)
    logLoss = Metrics.logLoss(scores: scores, labels: labels, clip: clip)
    logLossClip = clip
    if scores.isEmpty {
      baseRateLogLoss = nil
    } else {
      let rate = Double(positives) / Double(rows)
      baseRateLogLoss =
        rate == 0 || rate == 1 ? 0 : -rate * log(rate) - (1 - rate) * log1p(-rate)
    }
    brier = Metrics.brier(scores: scores, labels: labels)
    calibrationError = Calibration(scores: scores, labels: labels).expectedError
  }

  /// The share of test rows whose label is true; nil over no rows.
  public var baseRate: Double? { rows == 0 ? nil : Double(positives) / Double(rows) }
}

import Columns
import Foundation

/// Boosted trees for a probability: XGBoost with the logistic loss and histogram splits.
///
/// Nulls need no filling: each split learns which side they take. With validation rows it stops
/// once their log-loss has not improved for `early_stopping` rounds, and keeps the best round.
public struct GradientBoosting: Learner {
  /// `gradient_boosting`.
  public static let name = "gradient_boosting"

  /// Names and meanings as in XGBoost, but `rounds` and `early_stopping` (0 = never).
  public static let parameters: [Parameter] = [
    Parameter("max_depth", standard: 5, in: 1...16, isWhole: true),
    Parameter("eta", standard: 0.1, in: 0.001...1),
    Parameter("rounds", standard: 400, in: 1...10_000, isWhole: true),
    Parameter("early_stopping", standard: 25, in: 0...1_000, isWhole: true),
    Parameter("min_child_weight", standard: 1, in: 0...1e6),
    Parameter("subsample", standard: 1, in: 0.05...1),
    Parameter("colsample_bytree", standard: 1, in: 0.05...1),
    Parameter("lambda", standard: 1, in: 0...1e6),
    Parameter("alpha", standard: 0, in: 0...1e6),
    Parameter("gamma", standard: 0, in: 0...1e6),
    Parameter("max_bin", standard: 256, in: 2...1_024, isWhole: true),
  ]

  /// Those of the parameters that go to the library as they are.
  private static let ownParameters: Set<String> = ["rounds", "early_stopping"]

  private let values: [String: Double]

  /// A learner with its parameters; see `Learners.make` for the checks.
  public init(values: [String: Double]) { self.values = values }

  private func value(_ name: String) -> Double {
    values[name] ?? Self.parameters.first { $0.name == name }?.standard ?? 0
  }

  /// All cores for data that is worth it, where the OpenMP runtime sleeps while its threads wait.
  ///
  /// Its standard is to spin: measured on two busy cores, 170 rounds over 44,000 x 33 took 45 s with
  /// two spinning threads, 2.1 s with two sleeping ones and 2.7 s with one. The policy is read from
  /// the environment when the library is loaded, so it must stand there when the process starts.
  /// The model does not depend on the number of threads.
  private static func threads(for matrix: Matrix) -> Int {
    let policy = ProcessInfo.processInfo.environment["OMP_WAIT_POLICY"]?.lowercased()
    guard policy == "passive", matrix.values.count >= 500_000 else { return 1 }
    return ProcessInfo.processInfo.activeProcessorCount
  }

  /// The settings of the library, in a fixed order.
  private func settings(train: LabelledMatrix, seed: UInt32) -> [(String, String)] {
    let rate = Double(train.positives) / Double(train.matrix.rowCount)
    var settings = [
      ("objective", "binary:logistic"), ("tree_method", "hist"), ("eval_metric", "logloss"),
      ("verbosity", "0"), ("nthread", "\(Self.threads(for: train.matrix))"),
      // XGBoost keeps the seed in 32 signed bits.
      ("seed", "\(seed & 0x7fff_ffff)"), ("base_score", "\(rate)"),
    ]
    for parameter in Self.parameters where !Self.ownParameters.contains(parameter.name) {
      let value = value(parameter.name)
      settings.append((parameter.name, parameter.isWhole ? "\(Int(value))" : "\(value)"))
    }
    return settings
  }

  /// One round is one tree; cancelling stops between two trees. See `Learner.fit`.
  public func fit(
    train: LabelledMatrix, validation: LabelledMatrix?, seed: UInt32,
    progress: @escaping @Sendable (TrainingRound) -> Void
  ) async throws -> FittedModel {
    try train.requireBothLabels(in: "training")
    if let validation {
      guard validation.matrix.featureNames == train.matrix.featureNames else {
        throw LearningError.otherFeatures(
          expected: train.matrix.featureNames, found: validation.matrix.featureNames)
      }
      try validation.requireBothLabels(in: "validation")
    }
    return try await LearningThread.shared.run { isCancelled in
      try boost(
        train: train, validation: validation, seed: seed, progress: progress,
        isCancelled: isCancelled)
    }
  }

  private func boost(
    train: LabelledMatrix, validation: LabelledMatrix?, seed: UInt32,
    progress: (TrainingRound) -> Void, isCancelled: () -> Bool
  ) throws -> FittedModel {
    let threads = Self.threads(for: train.matrix)
    var parts = [try XGBoost.Data(train.matrix, labels: train.labels, threads: threads)]
    if let validation {
      parts.append(
        try XGBoost.Data(validation.matrix, labels: validation.labels, threads: threads))
    }
    let booster = try XGBoost.Booster(
      cached: parts, parameters: settings(train: train, seed: seed))
    let patience = Int(value("early_stopping"))
    var curve: [TrainingRound] = []
    var best = (round: 0, loss: Double.infinity)
    for round in 0..<Int(value("rounds")) {
      if isCancelled() { throw CancellationError() }
      try booster.update(round: round, on: parts[0])
      let losses = try booster.losses(round: round, over: parts)
      // Without validation rows nothing says when to stop: every round is kept.
      let decisive = losses.count > 1 ? losses[1] : -Double(round)
      if decisive < best.loss { best = (round, decisive) }
      let point = TrainingRound(
        round: round, trainLoss: losses[0], validationLoss: losses.count > 1 ? losses[1] : nil,
        bestRound: best.round)
      curve.append(point)
      progress(point)
      if patience > 0, round - best.round >= patience { break }
    }
    let names = train.matrix.featureNames
    let kept = best.round + 1 < curve.count ? try booster.prefix(rounds: best.round + 1) : booster
    try kept.setFeatureNames(names)
    let gains = try kept.totalGains(names: names)
    let total = gains.values.sorted().reduce(0, +)
    return FittedModel(
      learner: Self.name, featureNames: names, bytes: try kept.bytes(), curve: curve,
      importance: total > 0 ? gains.mapValues { $0 / total } : [:])
  }

  /// Uses every round that the model kept. See `Learner.scores`.
  public func scores(of model: FittedModel, for matrix: Matrix) async throws -> [Float] {
    try model.requireFeatures(of: matrix)
    guard matrix.rowCount > 0 else { return [] }
    let threads = Self.threads(for: matrix)
    return try await LearningThread.shared.run { _ in
      let booster = try XGBoost.Booster(
        cached: [], parameters: [("nthread", "\(threads)"), ("verbosity", "0")])
      try booster.load(model.bytes)
      return try booster.probabilities(try XGBoost.Data(matrix, threads: threads))
    }
  }
}

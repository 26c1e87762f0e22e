import Columns
import Foundation
import Learning
import Synchronization
import Testing

/// A task that code running inside it can cancel.
private final class TaskHandle: Sendable {
  private let task = Mutex<Task<FittedModel, any Error>?>(nil)

  func start(
    _ body: @escaping @Sendable () async throws -> FittedModel
  ) -> Task<FittedModel, any Error> {
    task.withLock { slot in
      let task = Task(operation: body)
      slot = task
      return task
    }
  }

  func cancel() { task.withLock { $0?.cancel() } }
}

/// What every learner of `Learners.all` must do.
@Suite("Every learner")
struct LearnerConformanceTests {
  static let names = Learners.all.map { $0.name }

  private func fit(
    _ name: String, _ train: LabelledMatrix, _ validation: LabelledMatrix? = nil, seed: UInt32 = 1
  ) async throws -> (any Learner, FittedModel) {
    let learner = try Learners.make(name)
    let model = try await learner.fit(train: train, validation: validation, seed: seed) { _ in }
    return (learner, model)
  }

  @Test("the same seed gives the same bytes", arguments: names)
  func deterministic(_ name: String) async throws {
    let (data, _) = try Samples.logistic(rows: 2_000, seed: 1)
    let (validation, _) = try Samples.logistic(rows: 500, seed: 2)
    let (_, first) = try await fit(name, data, validation, seed: 7)
    let (_, second) = try await fit(name, data, validation, seed: 7)
    #expect(first == second)
    #expect(!first.bytes.isEmpty)
    #expect(first.learner == name && first.featureNames == Samples.names)
  }

  @Test("it comes near the best possible score, and far below the base rate", arguments: names)
  func learns(_ name: String) async throws {
    let (train, _) = try Samples.logistic(rows: 6_000, seed: 11)
    let (validation, _) = try Samples.logistic(rows: 2_000, seed: 12)
    let (test, truth) = try Samples.logistic(rows: 4_000, seed: 13)
    let (learner, model) = try await fit(name, train, validation)
    let scores = try await learner.scores(of: model, for: test.matrix)
    #expect(scores.allSatisfy { $0 >= 0 && $0 <= 1 })
    let metrics = ModelMetrics(scores: scores, labels: test.labels)
    let best = try #require(Metrics.rocAUC(scores: truth, labels: test.labels))
    #expect(try #require(metrics.auc) > best - 0.02)
    #expect(try #require(metrics.logLoss) < 0.8 * #require(metrics.baseRateLogLoss))
    #expect(try #require(metrics.calibrationError) < 0.05)
  }

  @Test("a separable set is separated", arguments: names)
  func separable(_ name: String) async throws {
    let values = (0..<1_000).map { Float(($0 * 37) % 1_000) }
    let matrix = try Matrix(featureNames: ["x"], rowCount: 1_000, values: values)
    let data = try LabelledMatrix(matrix, labels: Bitset(count: 1_000) { values[$0] >= 600 })
    let (learner, model) = try await fit(name, data)
    let scores = try await learner.scores(of: model, for: matrix)
    // A learner that bins its features may put the rows at the border into one bin.
    let auc = try #require(Metrics.rocAUC(scores: scores, labels: data.labels))
    #expect(auc > 0.999)
    let metrics = ModelMetrics(scores: scores, labels: data.labels)
    #expect(try #require(metrics.logLoss) < 0.1 * #require(metrics.baseRateLogLoss))
  }

  @Test("bytes that went through storage score the same, to the last bit", arguments: names)
  func roundTrip(_ name: String) async throws {
    let (train, _) = try Samples.logistic(rows: 2_000, seed: 21)
    let (validation, _) = try Samples.logistic(rows: 500, seed: 22)
    let (learner, model) = try await fit(name, train, validation)
    let stored = FittedModel(
      learner: model.learner, featureNames: model.featureNames, bytes: model.bytes)
    let other = try Learners.make(stored.learner)
    let before = try await learner.scores(of: model, for: train.matrix)
    let after = try await other.scores(of: stored, for: train.matrix)
    #expect(zip(before, after).allSatisfy { $0 - $1 == 0 })
    // What training itself measured is what the stored bytes give.
    let loss = Metrics.logLoss(
      scores: try await other.scores(of: stored, for: validation.matrix),
      labels: validation.labels, clip: 1e-15)
    let point = model.curve.first { $0.round == model.bestRound }
    if let measured = point?.validationLoss {
      #expect(abs(try #require(loss) - measured) < 1e-6)
    }
  }

  @Test(
    "nulls are taken, in training and in scoring, even where a column is all null",
    arguments: names)
  func nulls(_ name: String) async throws {
    let count = 1_200
    // Null is what tells the labels apart; the second column is never known.
    let values = (0..<count).flatMap { [$0 % 3 == 0 ? Float.nan : Float($0 % 7), .nan] }
    let matrix = try Matrix(featureNames: ["x", "unknown"], rowCount: count, values: values)
    let data = try LabelledMatrix(matrix, labels: Bitset(count: count) { $0 % 3 == 0 })
    let (learner, model) = try await fit(name, data)
    let scores = try await learner.scores(of: model, for: matrix)
    #expect(scores.allSatisfy { $0.isFinite })
    #expect(Metrics.rocAUC(scores: scores, labels: data.labels) == 1)
  }

  @Test("one label only: a clear error, in training rows and in validation rows", arguments: names)
  func oneClass(_ name: String) async throws {
    let (data, _) = try Samples.logistic(rows: 300, seed: 31)
    for constant in [false, true] {
      let flat = try LabelledMatrix(
        data.matrix, labels: Bitset(count: 300, repeating: constant))
      let train = await #expect(throws: LearningError.self) { try await fit(name, flat) }
      #expect(train?.code == "learning.one_class")
      #expect(train?.message.contains("\(constant ? 300 : 0) of 300") == true)
      let both = await #expect(throws: LearningError.self) { try await fit(name, data, flat) }
      #expect(both?.code == "learning.one_class")
      #expect(both?.message.contains("validation") == true)
    }
  }

  @Test("other feature names are refused, also in another order", arguments: names)
  func otherFeatures(_ name: String) async throws {
    let (data, _) = try Samples.logistic(rows: 400, seed: 41)
    let (learner, model) = try await fit(name, data)
    let tables: [([String], String)] = [
      (["recency", "orders", "noise", "age"], "missing: rarely_known; not in the model: age"),
      (["orders", "recency", "noise", "rarely_known"], "the order differs"),
      (["recency", "orders"], "missing: noise, rarely_known"),
    ]
    for (features, expected) in tables {
      let matrix = try Matrix(
        featureNames: features, rowCount: 1, values: features.map { _ in 0 })
      let error = await #expect(throws: LearningError.self) {
        try await learner.scores(of: model, for: matrix)
      }
      #expect(error?.code == "learning.other_features")
      #expect(error?.message.contains(expected) == true)
      let validation = try LabelledMatrix(matrix, labels: Bitset(count: 1))
      let second = await #expect(throws: LearningError.self) {
        try await fit(name, data, validation)
      }
      #expect(second?.code == "learning.other_features")
    }
  }

  @Test("bytes that are no model are refused", arguments: names)
  func damaged(_ name: String) async throws {
    let (data, _) = try Samples.logistic(rows: 400, seed: 51)
    let (learner, model) = try await fit(name, data)
    for bytes in [[], Array("no model".utf8), Array(model.bytes.prefix(model.bytes.count / 2))] {
      let broken = FittedModel(learner: name, featureNames: model.featureNames, bytes: bytes)
      let error = await #expect(throws: LearningError.self) {
        try await learner.scores(of: broken, for: data.matrix)
      }
      #expect(error?.code == "learning.bad_model")
    }
  }

  @Test("every round is told, and cancelling stops between two of them", arguments: names)
  func progressAndCancellation(_ name: String) async throws {
    let (data, _) = try Samples.logistic(rows: 1_000, seed: 61)
    let (validation, _) = try Samples.logistic(rows: 300, seed: 62)
    let learner = try Learners.make(name)
    let seen = Mutex<[TrainingRound]>([])
    let model = try await learner.fit(train: data, validation: validation, seed: 1) { round in
      seen.withLock { $0.append(round) }
    }
    #expect(seen.withLock { $0 } == model.curve)
    let handle = TaskHandle()
    let running = handle.start {
      try await learner.fit(train: data, validation: validation, seed: 1) { _ in handle.cancel() }
    }
    await #expect(throws: CancellationError.self) { try await running.value }
  }

  @Test("no rows: no scores", arguments: names)
  func empty(_ name: String) async throws {
    let (data, _) = try Samples.logistic(rows: 400, seed: 71)
    let (learner, model) = try await fit(name, data)
    let none = try Matrix(featureNames: Samples.names, rowCount: 0, values: [])
    #expect(try await learner.scores(of: model, for: none) == [])
  }
}

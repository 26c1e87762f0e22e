import Columns
import Foundation
import Learning
import Testing

@Suite("Gradient boosting")
struct GradientBoostingTests {
  @Test("early stopping keeps the best round and waits as long as it was told")
  func earlyStopping() async throws {
    let (train, _) = try Samples.logistic(rows: 1_000, seed: 1)
    let (validation, _) = try Samples.logistic(rows: 1_000, seed: 2)
    let learner = try Learners.make(
      "gradient_boosting", parameters: ["eta": 0.3, "early_stopping": 5])
    let model = try await learner.fit(train: train, validation: validation, seed: 1) { _ in }
    let best = try #require(model.bestRound)
    #expect(model.curve.count == best + 6)
    #expect(model.curve.count < 400)
    let losses = model.curve.compactMap(\.validationLoss)
    #expect(losses.count == model.curve.count)
    #expect(losses.indices.min { losses[$0] < losses[$1] } == best)
    #expect(model.curve.map(\.round) == Array(model.curve.indices))
  }

  @Test("without validation rows, or with early_stopping 0, every round is trained")
  func allRounds() async throws {
    let (train, _) = try Samples.logistic(rows: 500, seed: 3)
    let learner = try Learners.make(
      "gradient_boosting", parameters: ["rounds": 30, "early_stopping": 0, "eta": 0.5])
    let plain = try await learner.fit(train: train, validation: nil, seed: 1) { _ in }
    #expect(plain.curve.count == 30 && plain.bestRound == 29)
    #expect(plain.curve.allSatisfy { $0.validationLoss == nil })
    let watched = try await learner.fit(train: train, validation: train, seed: 1) { _ in }
    #expect(watched.curve.count == 30)
  }

  @Test("the gain goes to the features that matter, and its shares sum to 1")
  func importance() async throws {
    let (train, _) = try Samples.logistic(rows: 4_000, seed: 4)
    let (validation, _) = try Samples.logistic(rows: 1_000, seed: 5)
    let learner = try Learners.make("gradient_boosting")
    let model = try await learner.fit(train: train, validation: validation, seed: 1) { _ in }
    #expect(abs(model.importance.values.reduce(0, +) - 1) < 1e-6)
    #expect(Set(model.importance.keys).isSubset(of: Samples.names))
    #expect(model.importance["recency", default: 0] + model.importance["orders", default: 0] > 0.8)
  }

  @Test("subsampling draws from the seed alone")
  func seeds() async throws {
    let (train, _) = try Samples.logistic(rows: 2_000, seed: 6)
    let learner = try Learners.make(
      "gradient_boosting",
      parameters: ["rounds": 20, "subsample": 0.5, "colsample_bytree": 0.5])
    let first = try await learner.fit(train: train, validation: nil, seed: 1) { _ in }
    let again = try await learner.fit(train: train, validation: nil, seed: 1) { _ in }
    let other = try await learner.fit(train: train, validation: nil, seed: 2) { _ in }
    #expect(first.bytes == again.bytes)
    #expect(first.bytes != other.bytes)
    _ = try await learner.fit(train: train, validation: nil, seed: .max) { _ in }
  }

  @Test("parameters are checked, all at once")
  func parameters() {
    let problems = Learners.problems(
      learner: "gradient_boosting",
      parameters: ["max_depth": 2.5, "eta": 0, "round": 5, "rounds": .nan, "lambda": 2])
    #expect(
      problems.map(\.code) == [
        "learning.bad_parameter", "learning.bad_parameter", "learning.unknown_parameter",
        "learning.bad_parameter",
      ])
    #expect(problems.first?.message.contains("eta") == true)
    #expect(Learners.problems(learner: "gradient_boosting", parameters: [:]).isEmpty)
    let unknown = Learners.problems(learner: "boosting", parameters: [:])
    #expect(unknown.map(\.code) == ["learning.unknown_learner"])
    #expect(unknown.first?.hint?.contains("gradient_boosting") == true)
  }
}

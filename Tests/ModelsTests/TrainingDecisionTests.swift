import Learning
import Models
import Schedules
import Testing

@testable import Models

@Suite("Train or reuse")
struct TrainingDecisionTests {
  private func version(
    _ number: Int, day: Int, champion: Bool = true, hash: String = "a"
  ) -> ModelVersion {
    ModelVersion(
      reference: ModelReference(model: "churn", version: number), isChampion: champion,
      learner: "gradient_boosting", featureNames: ["x"],
      lineage: ModelLineage(
        definition: ModelDefinition(
          name: "churn", learner: "gradient_boosting", population: "x > 0", label: "x = 0",
          horizonDays: 30, cuts: 6, everyDays: 30, features: ["x"]),
        definitionHash: hash, asOf: Instant(seconds: Int64(day) * 86_400), zone: "UTC", cuts: []),
      metrics: ModelMetrics(scores: [], labels: .init(count: 0)), previousMetrics: nil,
      calibration: Calibration(scores: [], labels: .init(count: 0)), curve: [], importance: [:],
      trainSeconds: 1, trainedAt: Instant(seconds: 0))
  }

  private func decide(
    _ champion: ModelVersion?, _ latest: ModelVersion?, day: Int, limit: Int?, hash: String = "a"
  ) -> TrainingDecision {
    .decide(
      champion: champion, latest: latest, hash: hash, asOf: Instant(seconds: Int64(day) * 86_400),
      ifOlderThan: limit.map { .seconds($0 * 86_400) })
  }

  @Test("young enough: reused; the limit itself, a changed definition, no limit: trained")
  func table() {
    let old = version(1, day: 100)
    let reference = old.reference
    #expect(
      decide(old, old, day: 106, limit: 7)
        == .reuse(reference, reason: "churn v1 is 6 days old, trained again after 7 days"))
    #expect(
      decide(old, old, day: 107, limit: 7)
        == .train(reason: "churn v1 is 7 days old, the limit is 7 days"))
    #expect(decide(old, old, day: 100, limit: nil) == .train(reason: "training was asked for"))
    #expect(decide(nil, nil, day: 100, limit: 7) == .train(reason: "there is no champion yet"))
    #expect(
      decide(old, old, day: 101, limit: 7, hash: "b")
        == .train(reason: "the definition has changed since churn v1"))
  }

  @Test("a training that lost counts as the last one, and the champion is reused")
  func lost() {
    let champion = version(1, day: 100)
    let loser = version(2, day: 107, champion: false)
    guard case .reuse(let reference, _) = decide(champion, loser, day: 108, limit: 7) else {
      Issue.record("expected the champion to be reused")
      return
    }
    #expect(reference == champion.reference)
    guard case .train = decide(champion, loser, day: 114, limit: 7) else {
      Issue.record("expected a training")
      return
    }
  }
}

import Models
import Orchestrator
import Pipeline
import Schedules

/// A night's scores of one model.
public struct ScoresReference: Codable, Sendable, Hashable {
  /// The model's name.
  public let model: String
  /// The version that scored; nil where none is trained.
  public let version: Int?
  /// The midnight that the scores are of.
  public let asOf: Instant
  /// How many customers were scored.
  public let customers: Int
}

/// Scores the model's population with the champion; the scores become features of the night.
public struct ScoreModel: RunnableTask {
  /// `score_model`.
  public static let kind = "score_model"
  /// Where the scores stand.
  public typealias Product = ScoresReference

  let champion: Output<TrainedReference>
  let features: Output<FeatureReference>

  /// Scores of a champion over some features.
  public init(_ champion: Output<TrainedReference>, on features: Output<FeatureReference>) {
    self.champion = champion
    self.features = features
  }

  /// Scores and stores; scoring a midnight again replaces its scores.
  public func run(in context: TaskContext) async throws -> ScoresReference {
    let trained = try context.value(of: champion)
    let reference = try context.value(of: features)
    if try context.keepsAll("the scores stored for this midnight count") {
      return ScoresReference(
        model: trained.model, version: trained.version, asOf: reference.asOf, customers: 0)
    }
    guard let version = trained.version else {
      context.log.notice("no version of \(trained.model) is trained: nobody is scored")
      return ScoresReference(
        model: trained.model, version: nil, asOf: reference.asOf, customers: 0)
    }
    let definitions = try context.catalogues().features(reference.catalogue)
    let table = try await context.table(reference, definitions)
    let scores = try await Scorer(context.pool, zone: context.zone, clock: context.clock).score(
      ModelReference(model: trained.model, version: version), table,
      fence: { try await context.fence($0) })
    context.progress(
      TaskProgress(
        done: Int64(scores.customers), total: Int64(scores.customers), unit: "customers",
        note: "\(scores.model)"))
    return ScoresReference(
      model: trained.model, version: version, asOf: scores.asOf, customers: scores.customers)
  }
}

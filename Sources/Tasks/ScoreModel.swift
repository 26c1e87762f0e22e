import Features
import Models
import Orchestrator
import Pipeline
import Schedules
import Segments

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
public struct ScoreModel: BatchesIntervals {
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
    let reference = try context.value(of: features)
    if try context.keepsAll("the scores stored for this midnight count") {
      let trained = try context.value(of: champion)
      return ScoresReference(
        model: trained.model, version: trained.version, asOf: reference.asOf, customers: 0)
    }
    guard let model = try model(context) else { return try nobody(context) }
    let definitions = try context.catalogues().features(reference.catalogue)
    return try await scored(with: model, context) { scorer in
      try await scorer.score(
        model, everyoneFrom: context.featureBuilder, definitions, asOf: reference.asOf,
        fence: { try await context.fence($0) })
    }
  }

  /// One sweep over what the models read; no other feature is computed.
  ///
  /// Intervals that do not end at ascending midnights are scored one by one.
  public func runBatch(in batch: BatchContext<ScoresReference>) async throws {
    guard let first = batch.intervals.first, batch.midnights != nil else {
      return try await runOneByOne(batch)
    }
    let definitions = try first.catalogues().features(first.value(of: features).catalogue)
    let scorer = Scorer(first.pool, zone: first.zone, clock: first.clock)
    var reads: [ModelReference: [String]] = [:]
    var scored: [TaskContext] = []
    for context in batch.intervals {
      guard let model = try model(context) else {
        try batch.finish(context, with: try nobody(context))
        CrashPoint.passInterval(of: Self.kind)
        continue
      }
      if reads[model] == nil { reads[model] = try await scorer.reads(of: model, in: definitions) }
      scored.append(context)
    }
    let catalogue = try definitions.restricted(to: reads.values.joined())
    try await sweep(scored, of: batch, catalogue) { context, table in
      guard let model = try model(context) else {
        let nobody = try nobody(context)
        return { nobody }
      }
      // The table is needed until the end: whoever kept it would have the next step copy its state.
      let scores = try await self.scored(with: model, context) { scorer in
        try await scorer.score(model, table, fence: { try await context.fence($0) })
      }
      return { scores }
    }
  }

  /// The version to score with; nil where none is trained.
  private func model(_ context: TaskContext) throws -> ModelReference? {
    let trained = try context.value(of: champion)
    return trained.version.map { ModelReference(model: trained.model, version: $0) }
  }

  private func nobody(_ context: TaskContext) throws -> ScoresReference {
    let trained = try context.value(of: champion)
    context.log.notice("no version of \(trained.model) is trained: nobody is scored")
    return ScoresReference(
      model: trained.model, version: nil, asOf: try context.value(of: features).asOf, customers: 0)
  }

  private func scored(
    with model: ModelReference, _ context: TaskContext,
    _ score: (Scorer) async throws -> ScoreReference
  ) async throws -> ScoresReference {
    let scores = try await score(
      Scorer(context.pool, zone: context.zone, clock: context.clock))
    context.progress(
      TaskProgress(
        done: Int64(scores.customers), total: Int64(scores.customers), unit: "customers",
        note: "\(scores.model)"))
    return ScoresReference(
      model: model.model, version: model.version, asOf: scores.asOf,
      customers: scores.customers)
  }
}

import FeatureStore
import Features
import Models
import Orchestrator
import Pipeline
import Rules
import Segments

/// An evaluation as it goes from task to task: where its bitsets stand.
public struct EvaluationReference: Codable, Sendable, Hashable {
  /// The row of `segments.evaluation`.
  public let evaluationID: Int64
  /// How many customers were evaluated.
  public let customers: Int
  /// How many segments.
  public let segments: Int
  /// Sub-conditions computed, each once however many rules share it.
  public let distinctConditions: Int
}

/// Evaluates every rule of the catalogue for every customer, in one pass over columns.
public struct EvaluateRules: BatchesIntervals {
  /// `evaluate_rules`.
  public static let kind = "evaluate_rules"
  /// What the rules test.
  public typealias Product = EvaluationReference

  let features: Output<FeatureReference>
  let scores: Output<ScoresReference>?
  let catalogue: String

  /// Rules over features, and over a model's scores where the catalogue uses them.
  public init(
    on features: Output<FeatureReference>, with scores: Output<ScoresReference>? = nil,
    catalogue: String = Catalogues.File.segments
  ) {
    self.features = features
    self.scores = scores
    self.catalogue = catalogue
  }

  /// Evaluates and stores the bitsets; publishes nothing.
  public func run(in context: TaskContext) async throws -> EvaluationReference {
    let reference = try context.value(of: features)
    let catalogues = try context.catalogues()
    let definitions = try catalogues.features(reference.catalogue)
    let segments = try catalogues.segments(catalogue, features: definitions)
    if let scores { _ = try context.value(of: scores) }
    return try await store(
      try await outcome(EvaluateSegments(segments), reference, definitions, context), segments,
      try await ConflictStage.load(segments, context.pool, knownAt: reference.knownAt), context)
  }

  /// One sweep over all the days; the state of the last one is stored for the night after it.
  ///
  /// Intervals that do not end at ascending midnights are evaluated one by one.
  public func runBatch(in batch: BatchContext<EvaluationReference>) async throws {
    guard let first = batch.intervals.first, batch.midnights != nil else {
      return try await runOneByOne(batch)
    }
    let catalogues = try first.catalogues()
    let definitions = try catalogues.features(first.value(of: features).catalogue)
    let segments = try catalogues.segments(catalogue, features: definitions)
    let conflicts = try await ConflictStage.load(segments, first.pool)
    try await sweep(batch.intervals, of: batch, definitions, saving: true) { context, table in
      if let scores { _ = try context.value(of: scores) }
      return try await store(
        try EvaluateSegments(segments)(over: table), segments, conflicts, context)
    }
  }

  private func store(
    _ outcome: EvaluateSegments.Outcome, _ segments: SegmentCatalogue,
    _ conflicts: ConflictStage, _ context: TaskContext
  ) async throws -> EvaluationReference {
    try conflicts.checkDuplicates(outcome.evaluation) { context.log.warning("\($0)") }
    let evaluation = conflicts(outcome.evaluation)
    let customers = outcome.evaluation.customers.count
    let id = try await EvaluationStore(pool: context.pool, clock: context.clock).save(
      evaluation, runID: context.run.runID)
    for cut in outcome.cuts { context.log.info("\(cut)") }
    context.progress(
      TaskProgress(
        done: Int64(customers), total: Int64(customers), unit: "customers",
        note: "\(segments.segments.count) rules"))
    return EvaluationReference(
      evaluationID: id, customers: customers, segments: evaluation.segments.count,
      distinctConditions: outcome.distinctParts)
  }

  /// Customer range by customer range from the stored states; another time's knowledge in one table.
  private func outcome(
    _ evaluate: EvaluateSegments, _ reference: FeatureReference, _ definitions: FeatureCatalogue,
    _ context: TaskContext
  ) async throws -> EvaluateSegments.Outcome {
    if reference.knownAt != nil {
      return try evaluate(over: try await context.table(reference, definitions))
    }
    let scores = try await Scorer(context.pool, zone: context.zone, clock: context.clock).scores(
      for: definitions, asOf: reference.asOf)
    for model in scores.missing {
      context.log.notice("model \(model) has no scores at this midnight: they are null")
    }
    return try await evaluate(
      everyoneFrom: context.featureBuilder, definitions, asOf: reference.asOf
    ) { try scores.supply(&$0) }
  }
}

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
    let segments = try catalogues.segments(
      catalogue, features: definitions,
      retired: try await SegmentReader(pool: context.pool).publishedNames())
    if let scores { _ = try context.value(of: scores) }
    let states = try context.priorStates(segments, definitions, catalogues)
    let version = try await states?.tileVersion() ?? 0
    let prior = try await states?.before(
      reference.asOf, knownAt: reference.knownAt, supply: context.supply)
    let inputs = try await inputs(reference, segments, definitions, catalogues, context)
    let outcome = try await outcome(
      EvaluateSegments(segments), reference, definitions, prior, inputs, context)
    if reference.knownAt == nil, let next = outcome.next {
      try await states?.keep(next, tileVersion: version)
    }
    let stored = try await store(
      outcome, segments,
      try await ConflictStage.load(segments, context.pool, knownAt: reference.knownAt), context)
    if let inputs {
      try await EvaluationStore(pool: context.pool, clock: context.clock).note(
        inputs, of: stored.evaluationID)
    }
    return stored
  }

  /// One sweep over all the days; the state of the last one is stored for the night after it. Where
  /// rules ask who was a member, the days between the intervals are folded too.
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
    let states = try first.priorStates(segments, definitions, catalogues)
    let version = try await states?.tileVersion() ?? 0
    var state = try await states?.before(first.asOf, supply: first.supply)
    try await sweep(
      batch.intervals, of: batch, definitions, saving: true, through: states != nil,
      between: { table in
        if let states, let before = state { state = try states.advance(before, over: table) }
      }
    ) { context, table in
      if let scores { _ = try context.value(of: scores) }
      let outcome = try EvaluateSegments(segments)(over: table, prior: state)
      if let next = outcome.next { state = next }
      return { try await store(outcome, segments, conflicts, context) }
    }
    if let states, let state { try await states.keep(state, tileVersion: version) }
  }

  private func store(
    _ outcome: EvaluateSegments.Outcome, _ segments: SegmentCatalogue,
    _ conflicts: ConflictStage, _ context: TaskContext
  ) async throws -> EvaluationReference {
    try conflicts.checkDuplicates(outcome.evaluation) { context.log.warning("\($0)") }
    let evaluation = conflicts(outcome.evaluation)
    let customers = outcome.evaluation.customers.count
    let id = try await EvaluationStore(pool: context.pool, clock: context.clock).save(
      evaluation, runID: context.run.runID, cuts: outcome.cuts)
    for cut in outcome.cuts { context.log.info("\(cut)") }
    context.progress(
      TaskProgress(
        done: Int64(customers), total: Int64(customers), unit: "customers",
        note: "\(segments.segments.count) rules"))
    return EvaluationReference(
      evaluationID: id, customers: customers, segments: evaluation.segments.count,
      distinctConditions: outcome.distinctParts)
  }

  /// What the evaluation is made of; nil for another time's knowledge, of which nothing is kept.
  private func inputs(
    _ reference: FeatureReference, _ segments: SegmentCatalogue, _ definitions: FeatureCatalogue,
    _ catalogues: Catalogues, _ context: TaskContext
  ) async throws -> EvaluationInputs? {
    if reference.knownAt != nil { return nil }
    return try await EvaluationInputs.read(
      segments, definitions, asOf: reference.asOf,
      tileVersion: TileStore(pool: context.pool, zone: context.zone).version(), zone: context.zone,
      attributes: catalogues.profileAttributes(), from: context.pool)
  }

  /// Customer range by customer range from the stored states, where the same facts were not evaluated
  /// already; another time's knowledge in one table.
  private func outcome(
    _ evaluate: EvaluateSegments, _ reference: FeatureReference, _ definitions: FeatureCatalogue,
    _ prior: PriorState?, _ inputs: EvaluationInputs?, _ context: TaskContext
  ) async throws -> EvaluateSegments.Outcome {
    if reference.knownAt != nil {
      return try evaluate(over: try await context.table(reference, definitions), prior: prior)
    }
    let scores = try await Scorer(context.pool, zone: context.zone, clock: context.clock).scores(
      for: definitions, asOf: reference.asOf)
    for model in scores.missing {
      context.log.notice("model \(model) has no scores at this midnight: they are null")
    }
    let store = EvaluationStore(pool: context.pool, clock: context.clock)
    if let inputs, let stored = try await store.reusable(for: inputs),
      let outcome = try await evaluate(
        reusing: stored, everyoneFrom: context.featureBuilder, definitions, asOf: reference.asOf,
        prior: prior, supply: { try scores.supply(&$0) })
    {
      let kept = stored.unchanged.count
      context.log.info("\(kept) rules are unchanged over the same facts: members as stored")
      return outcome
    }
    return try await evaluate(
      everyoneFrom: context.featureBuilder, definitions, asOf: reference.asOf, prior: prior
    ) { try scores.supply(&$0) }
  }
}

extension TaskContext {
  /// The states of the midnights before, where the rules ask about them.
  func priorStates(
    _ segments: SegmentCatalogue, _ features: FeatureCatalogue, _ catalogues: Catalogues
  ) throws -> PriorStates? {
    try PriorStates(
      segments, features, pool: pool, zone: zone, attributes: catalogues.profileAttributes(),
      clock: clock)
  }

  /// Gives the table of a midnight its scores, null where there are none.
  var supply: PriorStates.Supply {
    let scorer = Scorer(pool, zone: zone, clock: clock)
    return { _ = try await scorer.supply(&$0) }
  }
}

import Columns
import FeatureStore
import Features
import Models
import Orchestrator
import Rules
import Schedules
import Segments
import Warehouse

/// The road of everyone: where a process starts, after a night, where the catalogue changed.
extension SegmentRefresher {
  /// Publishes the day's midnight where nobody has, then `asOf`, and holds what the steps after it
  /// need.
  ///
  /// Several transactions: the fold, the state, and one for each publication.
  mutating func everyone(to asOf: Instant) async throws -> RefreshStep {
    let catalogues = Catalogues(project: project)
    let definitions = try catalogues.features(features)
    let rules = try catalogues.segments(segments, features: definitions)
    let midnight = midnight(of: asOf)
    let live = try await LiveMembership.load(pool)
    if let live, asOf <= live.asOf {
      return RefreshStep(
        .idle, asOf, notice: "memberships as of \(live.asOf) are live, which is not before \(asOf)")
    }
    if case .steps(let runs) = recording { try await runs.prepare(pool, at: clock.now()) }
    var step = RefreshStep(.everyone, asOf)
    if live.map({ $0.asOf < midnight }) ?? true {
      if let model = try await missingScores(definitions, rules, midnight) {
        return RefreshStep(
          .waiting, asOf,
          notice: "the night of \(midnight) is not published, and model \(model) has no scores of "
            + "it: run the night first, for example strata run nightly_segments")
      }
      step = try await night(midnight, definitions, rules, since: live?.asOf)
      if asOf == midnight { return step }
      step.night = midnight
      step.asOf = asOf
    }
    return try await within(step, definitions, rules)
  }

  /// The first model whose scores the segments need and the midnight lacks.
  private func missingScores(
    _ definitions: FeatureCatalogue, _ rules: SegmentCatalogue, _ midnight: Instant
  ) async throws -> String? {
    let used = try definitions.restricted(to: rules.attributes.map(\.name))
    for feature in used.external {
      guard case .score(let model) = feature.expression else { continue }
      let scores = try await scorer.column(of: model, asOf: midnight, for: IDIndex([]))
      if scores == nil { return model }
    }
    return nil
  }

  private func priorStates(
    _ rules: SegmentCatalogue, _ definitions: FeatureCatalogue
  ) throws -> PriorStates? {
    try PriorStates(
      rules, definitions, pool: pool, zone: project.zone,
      attributes: Catalogues(project: project).profileAttributes(), clock: clock)
  }

  private var supply: PriorStates.Supply {
    let scorer = scorer
    return { _ = try await scorer.supply(&$0) }
  }

  private var scorer: Scorer { Scorer(pool, zone: project.zone, clock: clock) }

  /// Publishes everyone at a midnight, as a night does that has no models to score.
  private func night(
    _ midnight: Instant, _ definitions: FeatureCatalogue, _ rules: SegmentCatalogue,
    since: Instant?
  ) async throws -> RefreshStep {
    try await TileStore(pool: pool, zone: project.zone).fold(definitions)
    var table = try await FeatureBuilder(pool: pool, zone: project.zone).build(
      definitions, asOf: midnight
    ).table
    try await scorer.supply(&table)
    let states = try priorStates(rules, definitions)
    let version = try await states?.tileVersion() ?? 0
    let prior = try await states?.before(midnight, supply: supply)
    let outcome = try EvaluateSegments(rules)(over: table, prior: prior)
    if let next = outcome.next { try await states?.keep(next, tileVersion: version) }
    let conflicts = try await ConflictStage.load(rules, pool)
    try conflicts.checkDuplicates(outcome.evaluation) { _ in }
    let evaluation = conflicts(outcome.evaluation)
    var step = RefreshStep(.everyone, midnight)
    step.fixedAt = midnight
    return try await publish(evaluation, outcome.cuts, step, since: since)
  }

  /// Publishes everyone at an instant within a day, unless nothing differs, and holds the day.
  private mutating func within(
    _ step: RefreshStep, _ definitions: FeatureCatalogue, _ rules: SegmentCatalogue
  ) async throws -> RefreshStep {
    var step = step
    var (day, now, midnight) = try await DayFeatures.open(
      definitions, asOf: step.asOf, pool: pool, zone: project.zone)
    try await scorer.supply(&now)
    try await scorer.supply(&midnight)
    let evaluate = EvaluateSegments(rules)
    let cuts = try evaluate.cuts(over: midnight)
    let prior = try await priorStates(rules, definitions)?.before(step.asOf, supply: supply)
    let conflicts = try await ConflictStage.load(rules, pool)
    let evaluation = conflicts(try evaluate(over: now, cuts: cuts, prior: prior).evaluation)
    var scores: [(String, Dense<Double>)] = []
    for feature in definitions.external {
      guard case .score = feature.expression,
        case .real(let column) = try midnight.column(named: feature.name)
      else { continue }
      scores.append((feature.name, column))
    }
    guard var live = try await LiveMembership.load(pool) else {
      throw TaskError(
        code: "refresh.no_publication", message: "expected a live publication, found none",
        isPermanent: false)
    }
    step.fixedAt = day.midnight
    if live.isSame(as: evaluation) {
      step.customers = evaluation.customers.count
      if step.night == nil { step.kind = .idle }
    } else {
      step = try await publish(evaluation, cuts.reports, step, since: live.asOf)
      live = try await LiveMembership.load(pool) ?? live
    }
    if live.segments == evaluation.segments {
      day.pass(to: step.asOf)
      held = HeldDay(
        day: day, live: live, pins: conflicts.inForce(at: step.asOf), segments: rules,
        cuts: cuts, prior: prior, crossings: try TimeCrossings(rules, now), scores: scores,
        scored: midnight.index,
        isRelative: try !evaluate.percentileFeatures.isEmpty
          || definitions.restricted(to: rules.attributes.map(\.name)).isPopulationRelative)
    }
    return step
  }

  private func publish(
    _ evaluation: SegmentEvaluation, _ cuts: [PercentileCut], _ base: RefreshStep, since: Instant?
  ) async throws -> RefreshStep {
    let started = clock.now()
    let clock = self.clock
    var runID: Int64?
    var fence: Publisher.Fence = { _ in }
    var record: (@Sendable (PublicationResult) throws -> SQL)?
    switch recording {
    case .run(let id, let ask):
      runID = id
      fence = ask
    case .steps(let runs):
      let asOf = evaluation.asOf
      let begins = since ?? Instant(microseconds: asOf.microseconds - 1)
      record = { result in
        try runs.recording(
          DataInterval(start: min(begins, Instant(microseconds: asOf.microseconds - 1)), end: asOf),
          from: started, to: max(started, clock.now()), product: base.published(result))
      }
    case .none: break
    }
    let id = try await EvaluationStore(pool: pool, clock: clock).save(
      evaluation, runID: runID, cuts: cuts)
    let result = try await Publisher(pool: pool, clock: clock).publish(
      evaluationID: id, runID: runID, recording: record, fence: fence)
    var step = base.published(result)
    step.runID = runID
    return step
  }
}

extension RefreshStep {
  /// The step with what a publication of everyone did.
  fileprivate func published(_ result: PublicationResult) -> RefreshStep {
    var step = self
    step.customers = result.customers
    step.entered += result.segments.reduce(0) { $0 + $1.entered }
    step.left += result.segments.reduce(0) { $0 + $1.left }
    step.publicationID = result.publicationID
    return step
  }
}

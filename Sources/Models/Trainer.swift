import Features
import Learning
import Schedules
import Warehouse

/// What a training gave.
public struct TrainingOutcome: Sendable, Equatable {
  /// The model to score with: the champion.
  public let champion: ModelReference
  /// The version that was trained now; nil where the champion was reused.
  public let trained: ModelVersion?
  /// Why it was trained or not, for people.
  public let reason: String
}

/// Trains models from the feature store into the registry.
public struct Trainer: Sendable {
  /// Work that must hold in the transaction that stores: a check of the task's fencing token.
  public typealias Fence = @Sendable (Connection) async throws -> Void

  private let registry: ModelRegistry
  private let source: any TrainingTables
  private let zone: Zone
  private let clock: any WallClock

  /// A trainer over a project's tables and registry.
  public init(
    registry: ModelRegistry, tables: any TrainingTables, zone: Zone,
    clock: any WallClock = SystemClock()
  ) {
    self.registry = registry
    source = tables
    self.zone = zone
    self.clock = clock
  }

  /// Trains a model on what was known before `asOf`, unless the last training is young enough.
  ///
  /// The new version becomes the champion unless its AUC is lower than the champion's on the same
  /// test rows. Training twice on the same data stores one version.
  /// - Throws: ``ModelError``, of which `models.not_enough_history`, `models.not_enough_rows` and
  ///   `models.one_class` say that there is too little data yet; errors of features, rules,
  ///   learners and the database; `CancellationError`.
  public func train(
    _ model: CheckedModel, asOf: Instant, ifOlderThan: Duration? = nil,
    progress: @escaping @Sendable (TrainingRound) -> Void = { _ in },
    fence: @escaping Fence = { _ in }
  ) async throws -> TrainingOutcome {
    let name = model.definition.name
    let champion = try await registry.champion(name, asOf: asOf)
    let latest = try await registry.latest(name, asOf: asOf)
    let decision = TrainingDecision.decide(
      champion: champion, latest: latest, hash: model.hash, asOf: asOf, ifOlderThan: ifOlderThan)
    let why: String
    switch decision {
    case .reuse(let reference, let reason):
      return TrainingOutcome(champion: reference, trained: nil, reason: reason)
    case .train(let reason): why = reason
    }
    let set = try await trainingSet(model, asOf: asOf)
    let comparable = champion.flatMap { $0.lineage.definitionHash == model.hash ? $0 : nil }
    let trained = try await fit(model, on: set, asOf: asOf, champion: comparable, progress)
    let stored = try await registry.store(trained, now: clock.now(), fence: fence)
    let reference =
      stored.isChampion ? stored.reference : champion?.reference ?? stored.reference
    return TrainingOutcome(
      champion: reference, trained: try await registry.version(stored.reference),
      reason: stored.isChampion ? why : why + "; \(reference) stays champion: its AUC is higher")
  }

  /// The labelled rows of a model as they were known before `asOf`.
  public func trainingSet(_ model: CheckedModel, asOf: Instant) async throws -> TrainingSet {
    let definition = model.definition
    let days = LocalDays(zone: zone)
    // Within a day, the last whole day counts.
    let lastDay = days.lastDay(before: asOf) - (days.isMidnight(asOf) ? 0 : 1)
    let plan = try CutPlan(
      count: definition.cuts, everyDays: definition.everyDays,
      horizonDays: definition.horizonDays,
      firstDay: try await source.firstDay() ?? lastDay + 1, lastDay: lastDay)
    var builder = TrainingSetBuilder(model, plan: plan)
    for table in try await source.tables(of: plan.days, reading: model.reads) {
      try Task.checkCancellation()
      try builder.take(table)
    }
    return try builder.finish()
  }

  private func fit(
    _ model: CheckedModel, on set: TrainingSet, asOf: Instant, champion: ModelVersion?,
    _ progress: @escaping @Sendable (TrainingRound) -> Void
  ) async throws -> TrainedModel {
    let definition = model.definition
    let learner = try Learners.make(definition.learner, parameters: definition.parameters)
    let watch = ContinuousClock()
    let start = watch.now
    let fitted = try await learner.fit(
      train: set.train, validation: set.validation, seed: definition.seed, progress: progress)
    let time = start.duration(to: watch.now).components
    let scores = try await learner.scores(of: fitted, for: set.test.matrix)
    var previous: ModelMetrics?
    if let champion {
      let old = try await registry.fitted(champion.reference)
      let oldScores = try await Learners.make(old.learner).scores(of: old, for: set.test.matrix)
      previous = ModelMetrics(scores: oldScores, labels: set.test.labels)
    }
    return TrainedModel(
      fitted: fitted,
      lineage: ModelLineage(
        definition: definition, definitionHash: model.hash, asOf: asOf, zone: zone.name,
        cuts: set.cuts),
      metrics: ModelMetrics(scores: scores, labels: set.test.labels), previousMetrics: previous,
      calibration: Calibration(scores: scores, labels: set.test.labels),
      trainSeconds: Double(time.seconds) + Double(time.attoseconds) / 1e18)
  }
}

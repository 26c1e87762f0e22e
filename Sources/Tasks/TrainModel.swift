import FeatureStore
import Features
import Learning
import Models
import Orchestrator
import Pipeline
import Schedules
import Warehouse

/// The model to score with.
public struct TrainedReference: Codable, Sendable, Hashable {
  /// The model's name.
  public let model: String
  /// The champion's version; nil where there is too little data to train the first one.
  public let version: Int?
  /// Whether a version was trained now.
  public let isNew: Bool
  /// Why it was trained, reused, or not possible.
  public let reason: String
}

/// Trains a model of `models.yaml` when the last training is too old.
public struct TrainModel: BatchesIntervals {
  /// `train_model`.
  public static let kind = "train_model"
  /// The champion.
  public typealias Product = TrainedReference

  let model: String
  let features: Output<FeatureReference>
  let maximumAgeMilliseconds: Int64?
  let catalogue: String

  /// Training of a model on the history behind some features.
  ///
  /// - Parameter ifOlderThan: reuse a champion whose training is younger; nil trains always.
  public init(
    _ model: String, on features: Output<FeatureReference>, ifOlderThan: Duration? = nil,
    catalogue: String = Catalogues.File.models
  ) {
    self.model = model
    self.features = features
    maximumAgeMilliseconds = ifOlderThan?.milliseconds
    self.catalogue = catalogue
  }

  /// Interval by interval: what one trains decides whether the next one has to.
  public func runBatch(in batch: BatchContext<TrainedReference>) async throws {
    try await runOneByOne(batch)
  }

  /// Trains, or says why it need not or cannot.
  ///
  /// Too little history is no failure: a young shop publishes its other segments meanwhile.
  public func run(in context: TaskContext) async throws -> TrainedReference {
    let reference = try context.value(of: features)
    if try context.keepsAll("\(model) is not trained") {
      let champion = try await ModelRegistry(context.pool).champion(model, asOf: context.asOf)
      return TrainedReference(
        model: model, version: champion?.reference.version, isNew: false,
        reason: "the champion of then")
    }
    let catalogues = try context.catalogues()
    let definitions = try catalogues.features(reference.catalogue)
    guard let models = try catalogues.models(catalogue, features: definitions) else {
      throw TaskError(
        code: "task.no_models",
        message: "expected \(catalogue) in \(context.projectDirectory), found none",
        hint: "declare the model '\(model)' there")
    }
    let checked = try models.resolve(model)
    let trainer = Trainer(
      registry: ModelRegistry(context.pool),
      tables: StoredTrainingTables(
        context.pool, catalogue: definitions, zone: context.zone),
      zone: context.zone, clock: context.clock)
    do {
      let outcome = try await trainer.train(
        checked, asOf: context.asOf,
        ifOlderThan: maximumAgeMilliseconds.map { Duration.milliseconds($0) },
        progress: { round in
          let loss = round.validationLoss.map { ", validation log-loss \($0)" } ?? ""
          context.progress(
            TaskProgress(done: Int64(round.round + 1), unit: "rounds", note: "\(model)\(loss)"))
        }, fence: { try await context.fence($0) })
      context.log.info("\(outcome.champion): \(outcome.reason)")
      return TrainedReference(
        model: model, version: outcome.champion.version, isNew: outcome.trained != nil,
        reason: outcome.reason)
    } catch let error as ModelError where error.isLackOfData {
      context.log.warning("\(model) is not trained: \(error.message)")
      return TrainedReference(model: model, version: nil, isNew: false, reason: error.message)
    }
  }
}

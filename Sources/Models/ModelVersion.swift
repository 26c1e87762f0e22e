import Learning
import Schedules

/// Where a trained model stands: what a task hands to the next one.
public struct ModelReference: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The model's name.
  public let model: String
  /// The number of the version, from 1.
  public let version: Int

  /// A reference to a version.
  public init(model: String, version: Int) {
    self.model = model
    self.version = version
  }

  /// `churn v3`.
  public var description: String { "\(model) v\(version)" }
}

/// One cut of a training set and what it gave.
public struct CutRows: Sendable, Equatable, Codable {
  /// The last local day that the features see.
  public let day: Day
  /// What the rows are for.
  public let part: CutPlan.Part
  /// Customers in the population at the cut; 0 for a cut that is not used.
  public let rows: Int
  /// Those of them whose label is true.
  public let positives: Int
}

/// What a version was trained from.
public struct ModelLineage: Sendable, Equatable {
  /// The declaration at the time.
  public let definition: ModelDefinition
  /// The hash of the declaration and its features; see `ModelDefinition.hash`.
  public let definitionHash: String
  /// Nothing at or after this instant was seen.
  public let asOf: Instant
  /// The zone of the cut days.
  public let zone: String
  /// The cuts, ascending.
  public let cuts: [CutRows]

  /// Rows of training, validation and test together.
  public var rows: Int { cuts.reduce(0) { $0 + $1.rows } }
}

/// A version of a model as the registry lists it: everything but the bytes.
public struct ModelVersion: Sendable, Equatable {
  /// The name and number.
  public let reference: ModelReference
  /// Whether it became the champion when it was trained.
  public let isChampion: Bool
  /// The learner's name.
  public let learner: String
  /// The features in the order of the matrix.
  public let featureNames: [String]
  /// What it was trained from.
  public let lineage: ModelLineage
  /// Over the test rows.
  public let metrics: ModelMetrics
  /// The previous champion over the same test rows; nil where there was none to compare.
  public let previousMetrics: ModelMetrics?
  /// Over the test rows.
  public let calibration: Calibration
  /// Log-loss by round.
  public let curve: [TrainingRound]
  /// Share of the total gain by feature.
  public let importance: [String: Double]
  /// Wall time of the training alone, in seconds.
  public let trainSeconds: Double
  /// When it was stored.
  public let trainedAt: Instant
}

/// A trained model on its way into the registry.
struct TrainedModel: Sendable {
  let fitted: FittedModel
  let lineage: ModelLineage
  let metrics: ModelMetrics
  let previousMetrics: ModelMetrics?
  let calibration: Calibration
  let trainSeconds: Double

  /// It replaces the champion unless it orders the same test rows worse.
  ///
  /// Without a champion, or with an AUC missing on either side, the newer one wins.
  var isChampion: Bool {
    guard let before = previousMetrics?.auc, let now = metrics.auc else { return true }
    return now >= before
  }
}

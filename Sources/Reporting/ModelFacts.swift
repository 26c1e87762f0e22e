import Schedules

/// A model that the run trained or used, with how good it is.
public struct ModelFacts: Codable, Sendable, Equatable {
  /// The model's name.
  public var name: String
  /// The number of the version, from 1.
  public var version: Int
  /// The learner's name.
  public var learner: String
  /// Whether this run trained it.
  public var isNew: Bool
  /// Whether its scores are the ones published.
  public var isChampion: Bool
  /// When it was trained.
  public var trainedAt: Instant
  /// It has seen nothing at or after this instant.
  public var trainedAsOf: Instant
  /// Rows that it learned from.
  public var trainingRows: Int
  /// Rows that the figures below are over; none of them was learned from.
  public var testRows: Int
  /// The share of the test rows whose label is true.
  public var testRate: Double?
  /// Area under the ROC curve; nil where only one label occurs.
  public var auc: Double?
  /// Mean negative log-likelihood in nats.
  public var logLoss: Double?
  /// Mean squared error of the probability.
  public var brier: Double?
  /// The figures of the champion before it on the same rows; nil where there was none.
  public var previous: Comparison?
  /// The round that the model ends with, from 0; nil for learners without rounds.
  public var bestRound: Int?
  /// Losses by round.
  public var curve: [CurvePoint]
  /// Predicted against observed, by bins of the prediction.
  public var calibration: [CalibrationBin]
  /// The most important features, the first one first; shares of 1.
  public var importance: [Importance]
  /// How many customers it scored in this run; nil where it scored none.
  public var scored: Int?

  /// An earlier champion's figures.
  public struct Comparison: Codable, Sendable, Equatable {
    /// Its version.
    public var version: Int
    /// Area under the ROC curve.
    public var auc: Double?
    /// Mean negative log-likelihood in nats.
    public var logLoss: Double?

    /// Figures to compare with.
    public init(version: Int, auc: Double?, logLoss: Double?) {
      self.version = version
      self.auc = auc
      self.logLoss = logLoss
    }
  }

  /// The losses after a round.
  public struct CurvePoint: Codable, Sendable, Equatable {
    /// The round, from 0.
    public var round: Int
    /// Log-loss over the rows learned from.
    public var training: Double
    /// Log-loss over the rows kept back; nil where there are none.
    public var validation: Double?

    /// A point of the curve.
    public init(round: Int, training: Double, validation: Double?) {
      self.round = round
      self.training = training
      self.validation = validation
    }
  }

  /// One bin of the calibration.
  public struct CalibrationBin: Codable, Sendable, Equatable {
    /// The least prediction of the bin.
    public var low: Double
    /// The greatest.
    public var high: Double
    /// How many rows fall in it.
    public var rows: Int
    /// Their mean prediction.
    public var predicted: Double
    /// The share of them whose label is true.
    public var observed: Double

    /// A bin.
    public init(low: Double, high: Double, rows: Int, predicted: Double, observed: Double) {
      self.low = low
      self.high = high
      self.rows = rows
      self.predicted = predicted
      self.observed = observed
    }
  }

  /// A feature's weight in the model.
  public struct Importance: Codable, Sendable, Equatable {
    /// The feature.
    public var feature: String
    /// Its share of the total gain.
    public var share: Double

    /// A weight.
    public init(_ feature: String, _ share: Double) {
      self.feature = feature
      self.share = share
    }
  }

  /// A model.
  public init(
    name: String, version: Int, learner: String, isNew: Bool, isChampion: Bool,
    trainedAt: Instant, trainedAsOf: Instant, trainingRows: Int, testRows: Int,
    testRate: Double? = nil, auc: Double? = nil, logLoss: Double? = nil, brier: Double? = nil,
    previous: Comparison? = nil, bestRound: Int? = nil, curve: [CurvePoint] = [],
    calibration: [CalibrationBin] = [], importance: [Importance] = [], scored: Int? = nil
  ) {
    self.name = name
    self.version = version
    self.learner = learner
    self.isNew = isNew
    self.isChampion = isChampion
    self.trainedAt = trainedAt
    self.trainedAsOf = trainedAsOf
    self.trainingRows = trainingRows
    self.testRows = testRows
    self.testRate = testRate
    self.auc = auc
    self.logLoss = logLoss
    self.brier = brier
    self.previous = previous
    self.bestRound = bestRound
    self.curve = curve
    self.calibration = calibration
    self.importance = importance
    self.scored = scored
  }
}

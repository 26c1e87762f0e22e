/// A way to learn a probability from labelled rows.
///
/// A learner is one type that conforms to this and one line in `Learners.all`; every learner runs
/// the conformance suite of the tests. A fitted model is bytes, so that it can be stored and loaded
/// by any process.
public protocol Learner: Sendable {
  /// The name in `models.yaml`, such as `gradient_boosting`.
  static var name: String { get }

  /// The parameters it takes.
  static var parameters: [Parameter] { get }

  /// A learner with every declared parameter set, as `Learners.make` hands them over.
  init(values: [String: Double])

  /// Learns from `train`; `validation`, where given, decides when to stop.
  ///
  /// Deterministic: the same rows, parameters and seed give the same bytes. Cancelling the task
  /// stops it between two rounds.
  /// - Throws: `learning.one_class`, `learning.other_features`, `CancellationError`, or the
  ///   library's error as `learning.library`.
  func fit(
    train: LabelledMatrix, validation: LabelledMatrix?, seed: UInt32,
    progress: @escaping @Sendable (TrainingRound) -> Void
  ) async throws -> FittedModel

  /// The probability of a true label for each row, in 0...1.
  ///
  /// - Throws: `learning.other_features` unless the matrix has the model's features in order,
  ///   `learning.bad_model` for bytes that are no model.
  func scores(of model: FittedModel, for matrix: Matrix) async throws -> [Float]
}

/// One parameter of a learner.
public struct Parameter: Sendable, Equatable {
  /// The name in `models.yaml`.
  public let name: String
  /// The value where the model gives none.
  public let standard: Double
  /// The values it may take.
  public let range: ClosedRange<Double>
  /// Whether only whole numbers are allowed.
  public let isWhole: Bool

  /// A parameter from its parts.
  public init(
    _ name: String, standard: Double, in range: ClosedRange<Double>, isWhole: Bool = false
  ) {
    self.name = name
    self.standard = standard
    self.range = range
    self.isWhole = isWhole
  }
}

/// The losses after one round of training, for a progress display and the learning curve.
public struct TrainingRound: Sendable, Equatable, Codable {
  /// 0 is the first round.
  public let round: Int
  /// Log-loss over the training rows.
  public let trainLoss: Double
  /// Log-loss over the validation rows, nil without them.
  public let validationLoss: Double?
  /// The best round so far.
  public let bestRound: Int

  /// A round from its parts.
  public init(round: Int, trainLoss: Double, validationLoss: Double?, bestRound: Int) {
    self.round = round
    self.trainLoss = trainLoss
    self.validationLoss = validationLoss
    self.bestRound = bestRound
  }
}

/// What a learner made, as values that can be stored.
public struct FittedModel: Sendable, Equatable {
  /// The learner's name.
  public let learner: String
  /// The features it was trained on, in order.
  public let featureNames: [String]
  /// The learner's own format.
  public let bytes: [UInt8]
  /// The losses by round; the model keeps the rounds up to the best one.
  public let curve: [TrainingRound]
  /// Share of the total gain by feature name, features that were never used left out; sums to 1.
  public let importance: [String: Double]

  /// A model from its parts, as the registry keeps them.
  public init(
    learner: String, featureNames: [String], bytes: [UInt8], curve: [TrainingRound] = [],
    importance: [String: Double] = [:]
  ) {
    self.learner = learner
    self.featureNames = featureNames
    self.bytes = bytes
    self.curve = curve
    self.importance = importance
  }

  /// The round that the model ends with, nil where the curve is not known.
  public var bestRound: Int? { curve.last?.bestRound }

  /// - Throws: `learning.other_features` unless the matrix has the model's features in order.
  public func requireFeatures(of matrix: Matrix) throws(LearningError) {
    guard matrix.featureNames == featureNames else {
      throw .otherFeatures(expected: featureNames, found: matrix.featureNames)
    }
  }
}

/// The learners that `models.yaml` can name.
public enum Learners {
  /// Every learner there is.
  public static let all: [any Learner.Type] = [GradientBoosting.self]

  /// Everything wrong with a learner's name and its parameters; empty when `make` will succeed.
  public static func problems(learner: String, parameters: [String: Double]) -> [LearningError] {
    guard let type = all.first(where: { $0.name == learner }) else {
      return [
        LearningError(
          code: "learning.unknown_learner", message: "there is no learner \(learner)",
          hint: "known: \(all.map { $0.name }.joined(separator: ", "))")
      ]
    }
    return parameters.sorted { $0.key < $1.key }.compactMap { name, value in
      guard let parameter = type.parameters.first(where: { $0.name == name }) else {
        return LearningError(
          code: "learning.unknown_parameter", message: "\(learner) has no parameter \(name)",
          hint: "known: \(type.parameters.map(\.name).joined(separator: ", "))")
      }
      guard parameter.range.contains(value), !parameter.isWhole || value == value.rounded() else {
        let kind = parameter.isWhole ? "a whole number" : "a number"
        return LearningError(
          code: "learning.bad_parameter",
          message: "parameter \(name) of \(learner) must be \(kind) in "
            + "\(parameter.range.lowerBound)...\(parameter.range.upperBound); found \(value)")
      }
      return nil
    }
  }

  /// A learner by its name; parameters that are not given take their standard values.
  ///
  /// - Throws: the first of `problems`.
  public static func make(
    _ learner: String, parameters: [String: Double] = [:]
  ) throws(LearningError) -> any Learner {
    if let problem = problems(learner: learner, parameters: parameters).first { throw problem }
    guard let type = all.first(where: { $0.name == learner }) else {
      throw LearningError(
        code: "learning.unknown_learner", message: "there is no learner \(learner)")
    }
    var values: [String: Double] = [:]
    for parameter in type.parameters {
      values[parameter.name] = parameters[parameter.name] ?? parameter.standard
    }
    return type.init(values: values)
  }
}

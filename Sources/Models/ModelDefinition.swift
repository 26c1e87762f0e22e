import Crypto
import Features
import Foundation
import Learning
import Rules

/// One model as declared in `models.yaml`, with every default filled in.
public struct ModelDefinition: Sendable, Equatable, Codable {
  /// The model's name: a lower-case identifier of at most 63 bytes.
  public let name: String
  /// For people; may be empty.
  public let description: String
  /// The learner's name.
  public let learner: String
  /// The rule for who is looked at, evaluated at the cut.
  public let population: String
  /// The rule that is learned, evaluated `horizonDays` after the cut.
  public let label: String
  /// Days from the cut to the end of the label.
  public let horizonDays: Int
  /// The most cuts that are taken.
  public let cuts: Int
  /// Days from one cut to the next.
  public let everyDays: Int
  /// The features, by canonical name, in the order of the matrix.
  public let features: [String]
  /// What the declaration sets of the learner's parameters.
  public let parameters: [String: Double]
  /// The seed of everything random.
  public let seed: UInt32

  /// A definition from its parts; `ModelCatalogue` checks them.
  public init(
    name: String, learner: String, population: String, label: String, horizonDays: Int, cuts: Int,
    everyDays: Int, features: [String], parameters: [String: Double] = [:], seed: UInt32 = 1,
    description: String = ""
  ) {
    self.name = name
    self.description = description
    self.learner = learner
    self.population = population
    self.label = label
    self.horizonDays = horizonDays
    self.cuts = cuts
    self.everyDays = everyDays
    self.features = features
    self.parameters = parameters
    self.seed = seed
  }

  /// The least number of rows in each part of a training set.
  public static let minimumRows = 200

  /// SHA-256, in hexadecimal, of the declaration and of every feature it stands on; descriptions
  /// do not count.
  ///
  /// A model is trained anew when this changes, however young it is.
  /// - Throws: what the catalogue throws for an unknown feature.
  public func hash(of catalogue: FeatureCatalogue, reading names: [String]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let silent = ModelDefinition(
      name: name, learner: learner, population: population, label: label,
      horizonDays: horizonDays, cuts: cuts, everyDays: everyDays, features: features,
      parameters: parameters, seed: seed)
    var text = String(decoding: try encoder.encode(silent), as: UTF8.self)
    for feature in try catalogue.restricted(to: names).features.sorted(by: { $0.name < $1.name }) {
      text += "\n\(feature.name) \(feature.meaning())"
    }
    return SHA256.hash(data: Data(text.utf8)).map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0" + digits : digits
    }.joined()
  }
}

/// What a catalogue was when its features were last built, in normal form, to be compared with what
/// it is now.
public struct BuiltCatalogue: Sendable, Equatable, Codable {
  /// A feature as it was built.
  public struct Feature: Sendable, Equatable, Codable {
    /// The name.
    public let name: String
    /// ``FeatureDefinition/meaning(_:)``.
    public let meaning: String
    /// What people read: unit, aliases, description, owner, source.
    public let presentation: String
    /// The features that it is computed from.
    public let operands: [String]
  }

  /// The features in the order of the file.
  public let features: [Feature]
  /// The columns of the day tiles that they need, by name.
  public let measures: [String]
  /// The slots of the stored state, by name.
  public let slots: [String]
  /// How many days the rings of the stored state reach back, by name; 0 for all time.
  public let rings: [String: Int]

  /// A catalogue as it is now.
  public init(_ catalogue: FeatureCatalogue, attributes: ProfileAttributes = .none) {
    features = catalogue.features.map { feature in
      let read = [
        feature.unit.rawValue, feature.aliases.joined(separator: ", "), feature.description,
        feature.owner ?? "", feature.source,
      ]
      return Feature(
        name: feature.name, meaning: feature.meaning(attributes),
        presentation: read.joined(separator: " | "), operands: feature.operands.sorted())
    }
    measures = catalogue.measures.map(\.columnName)
    slots = catalogue.slots.map(\.name)
    rings = Dictionary(
      catalogue.rings.map { ($0.slot.name, $0.reach ?? 0) }, uniquingKeysWith: max)
  }
}

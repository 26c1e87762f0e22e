import Diagnostics
import Foundation

/// The features of a project, checked, in file order.
///
/// A catalogue is a value: names and aliases resolve, every ratio's operands exist, and the slots
/// that a state needs follow from it.
public struct FeatureCatalogue: Sendable, Hashable {
  /// The features in file order.
  public let features: [FeatureDefinition]
  private let byName: [String: Int]

  /// A catalogue without features.
  public static let empty = FeatureCatalogue(checked: [])

  /// Features that were checked already.
  init(checked features: [FeatureDefinition]) {
    self.features = features
    var byName: [String: Int] = [:]
    for (position, feature) in features.enumerated() {
      for name in [feature.name] + feature.aliases { byName[name] = position }
    }
    self.byName = byName
  }

  /// Reads a catalogue from YAML text; `file` is what messages call it.
  ///
  /// - Throws: ``FeatureError`` `features.invalid_catalogue` with every problem.
  public init(yaml: String, file: String = "features.yaml") throws {
    var checker = FeatureChecker(file: file)
    let features = checker.check(yaml)
    guard checker.problems.isEmpty else { throw FeatureError.invalid(checker.problems, in: file) }
    self.init(checked: features)
  }

  /// Reads a catalogue file.
  ///
  /// - Throws: ``FeatureError`` `features.unreadable_catalogue`, or as ``init(yaml:file:)``.
  public init(contentsOf url: URL) throws {
    let data: Data
    do { data = try Data(contentsOf: url) } catch {
      throw FeatureError(
        code: "features.unreadable_catalogue",
        message: "expected a feature catalogue at \(url.path), found: \(error)")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw FeatureError(
        code: "features.unreadable_catalogue",
        message: "expected UTF-8 text at \(url.path), found other bytes")
    }
    try self.init(yaml: text, file: url.lastPathComponent)
  }

  /// The feature with a name or alias; nil where there is none.
  public func feature(named name: String) -> FeatureDefinition? {
    byName[name].map { features[$0] }
  }

  /// The feature with a name or alias.
  ///
  /// - Throws: ``FeatureError`` `features.unknown_feature` with a suggestion.
  public func resolve(_ name: String) throws -> FeatureDefinition {
    if let feature = feature(named: name) { return feature }
    throw FeatureError(
      code: "features.unknown_feature", message: "expected a feature, found '\(name)'",
      hint: suggestion(for: name))
  }

  /// `did you mean 'x'?` for an unknown name; nil where nothing is near.
  public func suggestion(for name: String) -> String? {
    Suggestion.hint(for: name, among: byName.keys)
  }

  /// Only the named features and the operands of their ratios, in file order.
  ///
  /// - Throws: ``FeatureError`` `features.unknown_feature`.
  public func restricted(to names: some Sequence<String>) throws -> FeatureCatalogue {
    var keep: Set<String> = []
    for name in names {
      let feature = try resolve(name)
      keep.insert(feature.name)
      if case .ratio(let numerator, let denominator, _) = feature.expression {
        keep.formUnion([try resolve(numerator).name, try resolve(denominator).name])
      }
    }
    return FeatureCatalogue(checked: features.filter { keep.contains($0.name) })
  }

  /// The columns that a state must hold for these features: distinct, ordered by name.
  public var slots: [StateSlot] {
    var slots: Set<StateSlot> = []
    for feature in features {
      switch feature.expression {
      case .total(let terms, let window):
        for term in terms { slots.insert(StateSlot(term.measure, .sum(window))) }
      case .recency(let measure): slots.insert(StateSlot(measure, .lastDay))
      case .ratio, .profile, .score: break
      }
    }
    return slots.map { (name: $0.name, slot: $0) }.sorted { $0.name < $1.name }.map(\.slot)
  }

  /// The measures that the day tiles must have for these features: distinct, ordered by name.
  public var measures: [Measure] { Set(slots.map(\.measure)).sorted() }

  /// The features whose columns the caller supplies: profile attributes and scores.
  public var external: [FeatureDefinition] { features.filter(\.isExternal) }
}

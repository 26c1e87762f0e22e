import Diagnostics
import Foundation
import Yams

/// What a project says of one profile attribute: what is plausible, how it is derived from another,
/// and what stands in for a missing value.
///
/// The definitions are stored in `facts.profile_attribute`, where readers of profiles find them.
public struct ProfileAttribute: Sendable, Equatable {
  /// How an attribute follows from another one.
  public enum Derivation: String, Sendable, Codable, CaseIterable {
    /// Whole years from a date of birth to the local day of the instant asked for.
    case age
    /// The band that a number falls into: `under 18`, `18-24`, … `65+`.
    case band
    /// The value that a table has for another one.
    case lookup
  }

  /// The attribute's name.
  public let name: String
  /// Its definition, as it is stored.
  public let definition: Definition

  /// What is stored of an attribute.
  public struct Definition: Sendable, Equatable, Codable {
    /// The attribute that it is derived from; nil for one that sources give.
    public var from: String?
    /// How it is derived; nil for one that sources give.
    public var derive: Derivation?
    /// Lower bounds of the bands after the first, rising; only for bands.
    public var bands: [Int]?
    /// What the other attribute's values become; only for look-ups.
    public var values: [String: String]?
    /// The values that are believed; others are as good as missing. Nil for any.
    public var accepted: [String]?
    /// The smallest number that is believed; nil for any.
    public var min: Double?
    /// The largest number that is believed; nil for any.
    public var max: Double?
    /// What stands in where there is no value that is believed; nil for nothing.
    public var fallback: String?

    /// A definition that says nothing yet.
    public init() {}
  }
}

/// Reads `profile:` of `sources.yaml`.
struct ProfileParser {
  let reader: CatalogueReader
  private static let keys = [
    "from", "derive", "bands", "values", "accepted", "min", "max", "fallback", "description",
  ]

  /// The attributes in the order of the file; problems are noted.
  func attributes(_ node: Node) -> [ProfileAttribute] {
    var found: [ProfileAttribute] = []
    for (name, keyNode, value) in reader.mapping(node, of: "profile") {
      let fields = reader.fields(value, of: "an attribute", known: Self.keys)
      let definition = definition(fields, value)
      if let from = definition.from, from == name {
        reader.note("inputs.bad_profile", "'\(name)' is derived from itself", at: keyNode)
      }
      found.append(ProfileAttribute(name: name, definition: definition))
    }
    // Each derivation looks back only, so that one pass in the order of the file computes all.
    for (place, attribute) in found.enumerated() {
      guard let from = attribute.definition.from,
        let source = found.firstIndex(where: { $0.name == from }), source > place
      else { continue }
      reader.note(
        "inputs.bad_profile",
        "expected '\(from)' before '\(attribute.name)', which is derived from it", at: node)
    }
    return found
  }

  private func definition(
    _ fields: [String: Node], _ node: Node
  ) -> ProfileAttribute.Definition {
    var definition = ProfileAttribute.Definition()
    definition.from = fields["from"].flatMap { reader.text($0, of: "from") }
    definition.derive = fields["derive"].flatMap { derivation($0) }
    definition.fallback = fields["fallback"].flatMap { reader.text($0, of: "fallback") }
    definition.accepted = fields["accepted"].flatMap { texts($0, "accepted") }
    definition.min = fields["min"].flatMap { number($0, "min") }
    definition.max = fields["max"].flatMap { number($0, "max") }
    if let table = fields["values"] {
      definition.values = Dictionary(
        reader.mapping(table, of: "values").compactMap { key, _, value in
          value.scalar.map { (key, $0.string) }
        }, uniquingKeysWith: { first, _ in first })
    }
    if let list = fields["bands"] { definition.bands = bands(list) }
    let needs: [(ProfileAttribute.Derivation, String, Bool)] = [
      (.band, "bands", definition.bands != nil), (.lookup, "values", definition.values != nil),
    ]
    for (derivation, key, isThere) in needs where isThere != (definition.derive == derivation) {
      reader.note(
        "inputs.bad_profile", "'\(key)' belongs to derive: \(derivation.rawValue), and it to them",
        at: node)
    }
    if (definition.derive == nil) != (definition.from == nil) {
      reader.note("inputs.bad_profile", "'derive' and 'from' belong together", at: node)
    }
    return definition
  }

  private func derivation(_ node: Node) -> ProfileAttribute.Derivation? {
    let text = node.scalar?.string ?? ""
    if let derivation = ProfileAttribute.Derivation(rawValue: text) { return derivation }
    reader.note(
      "inputs.bad_profile", "expected derive: age, band or lookup, found '\(text)'",
      hint: Suggestion.hint(
        for: text, among: ProfileAttribute.Derivation.allCases.map(\.rawValue), noun: "known are"),
      at: node)
    return nil
  }

  private func texts(_ node: Node, _ key: String) -> [String]? {
    guard let list = node.sequence else {
      reader.note("inputs.bad_profile", "expected '\(key)' as a list", at: node)
      return nil
    }
    return list.compactMap { $0.scalar?.string }
  }

  private func number(_ node: Node, _ key: String) -> Double? {
    if let value = node.float ?? node.int.map(Double.init) { return value }
    reader.note("inputs.bad_profile", "expected a number for '\(key)'", at: node)
    return nil
  }

  private func bands(_ node: Node) -> [Int]? {
    let bounds = node.sequence.map { $0.compactMap { $0.int } } ?? []
    let isRising = zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }
    guard !bounds.isEmpty, bounds.count == node.sequence?.count, isRising else {
      reader.note(
        "inputs.bad_profile", "expected bands as rising whole numbers such as [18, 25, 35]",
        at: node)
      return nil
    }
    return bounds
  }
}

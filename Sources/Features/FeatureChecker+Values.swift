import Diagnostics
import Yams

/// Numbers and choices that features are declared with.
extension FeatureChecker {
  mutating func bins(_ fields: [String: Node], upTo limit: Int = 100) -> Int {
    fields["bins"].flatMap { reader.integer($0, 2...limit, "bins") } ?? 5
  }

  /// `min_denominator`, scaled; 1 where it is not given, nil after reporting a faulty one.
  mutating func minimum(_ fields: [String: Node], scale: Int) -> Int64? {
    guard let node = fields["min_denominator"] else { return 1 }
    guard let value = node.scalar.flatMap({ Self.decimal($0.string, scale: scale) }), value > 0
    else {
      reader.report(
        node, "bad_value",
        "expected a positive number with at most \(scale) decimals, "
          + "found \(YAMLReader.words(node))")
      return nil
    }
    return value
  }

  mutating func decimal(_ node: Node, _ what: String, positive: Bool = false) -> Int64? {
    let text = node.scalar?.string ?? ""
    let negative = text.hasPrefix("-")
    let value = Self.decimal(negative ? String(text.dropFirst()) : text, scale: 4)
      .map { negative ? -$0 : $0 }
    guard let value, !positive || value > 0 else {
      reader.report(
        node, "bad_value",
        "expected \(what)\(positive ? " above 0" : "") with at most 4 decimals, "
          + "found \(YAMLReader.words(node))")
      return nil
    }
    return value
  }

  mutating func choice<T: RawRepresentable & CaseIterable>(
    _ node: Node?, _ type: T.Type, or usual: T
  ) -> T where T.RawValue == String {
    guard let node else { return usual }
    let known = T.allCases.map(\.rawValue)
    let text = node.scalar?.string ?? ""
    guard let value = T(rawValue: text) else {
      reader.report(
        node, "bad_value",
        "expected one of \(known.joined(separator: ", ")), "
          + "found \(YAMLReader.words(node))", Suggestion.hint(for: text, among: known))
      return usual
    }
    return value
  }

  mutating func profileType(_ node: Node?) -> FeatureType {
    guard let node, let text = reader.text(node, "a type") else { return .text }
    let known = FeatureType.allCases.filter { $0 != .real }.map(\.rawValue)
    guard let type = FeatureType(rawValue: text), type != .real else {
      reader.report(
        node, "unknown_type", "expected one of \(known.joined(separator: ", ")), found '\(text)'",
        Suggestion.hint(for: text, among: known))
      return .text
    }
    return type
  }
}

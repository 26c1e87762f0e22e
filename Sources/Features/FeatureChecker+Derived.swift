import Diagnostics
import Yams

/// The kinds of features that are computed from features.
extension FeatureChecker {
  mutating func ratio(
    _ operand: Node, _ fields: [String: Node], _ entry: Node
  ) -> Parsed? {
    guard let to = fields["to"] else {
      reader.report(entry, "missing_key", "expected to: with the denominator, found none")
      return nil
    }
    let names = (reader.text(operand, "a feature"), reader.text(to, "a feature"))
    guard let numerator = names.0, let denominator = names.1 else { return nil }
    let expression = FeatureDefinition.Expression.ratio(
      numerator: numerator, denominator: denominator, minimum: 1)
    return (expression, .real, .ratio, "features: \(numerator), \(denominator)")
  }

  mutating func band(
    _ operand: Node, _ fields: [String: Node], _ entry: Node
  ) -> Parsed? {
    guard let feature = reader.text(operand, "a feature") else { return nil }
    let missing = fields["missing"].flatMap { reader.text($0, "a label") }
    guard let node = fields["bands"] else {
      reader.report(
        entry, "missing_key", "expected bands: with a lower bound for each label, found none",
        "write bands: {low: 0, medium: 2, high: 5}")
      return nil
    }
    guard case .mapping(let mapping) = node, !mapping.isEmpty else {
      reader.report(
        node, "bad_value",
        "expected labels with lower bounds, "
          + "found \(YAMLReader.words(node))")
      return nil
    }
    var bands: [FeatureDefinition.Band] = []
    for (label, bound) in mapping {
      guard let text = reader.text(label, "a label"), let from = decimal(bound, "a lower bound")
      else { continue }
      if let last = bands.last, from <= last.from {
        reader.report(
          bound, "bad_value",
          "expected more than \(Decimal4.text(last.from)), where '\(last.label)' begins, "
            + "found \(Decimal4.text(from))", "bounds ascend")
      }
      bands.append(FeatureDefinition.Band(label: text, from: from))
    }
    return (
      .band(of: feature, bands, missing: missing), .text, .none, "feature: \(feature)"
    )
  }

  mutating func rfm(_ operand: Node, _ fields: [String: Node]) -> Parsed? {
    let known = ["recency", "frequency", "monetary"]
    let bins = bins(fields, upTo: 9)
    guard let parts = reader.fields(of: operand, optional: known, what: "rfm") else { return nil }
    var names: [String] = []
    for key in known {
      guard let node = parts[key] else {
        reader.report(operand, "missing_key", "expected \(key): with a feature, found none")
        continue
      }
      if let name = reader.text(node, "a feature") { names.append(name) }
    }
    guard names.count == 3 else { return nil }
    return (
      .rfm(recency: names[0], frequency: names[1], monetary: names[2], bins: bins), .integer,
      .number, "features: " + names.joined(separator: ", ")
    )
  }

  mutating func weighted(_ operand: Node) -> Parsed? {
    guard case .sequence(let list) = operand, !list.isEmpty else {
      reader.report(
        operand, "bad_value",
        "expected a list of features with weights, found \(YAMLReader.words(operand))",
        "write weighted: [{feature: sessions_30d, weight: 3, full: 10}]")
      return nil
    }
    var weights: [FeatureDefinition.Weight] = []
    for item in list {
      guard
        let parts = reader.fields(
          of: item, optional: ["feature", "weight", "full"], what: "a weighted feature")
      else { continue }
      for key in ["feature", "full"] where parts[key] == nil {
        reader.report(item, "missing_key", "expected \(key), found none")
      }
      guard let feature = parts["feature"].flatMap({ reader.text($0, "a feature") }),
        let full = parts["full"].flatMap({ decimal($0, "a full value", positive: true) })
      else { continue }
      let weight = parts["weight"].map { decimal($0, "a weight", positive: true) } ?? 10_000
      guard let weight else { continue }
      weights.append(FeatureDefinition.Weight(feature: feature, weight: weight, full: full))
    }
    guard !weights.isEmpty else { return nil }
    return (
      .weighted(weights), .real, .number,
      "features: " + weights.map(\.feature).joined(separator: ", ")
    )
  }

  mutating func formula(_ operand: Node) -> Parsed? {
    guard let text = reader.text(operand, "a formula") else { return nil }
    do {
      let (formula, names) = try FormulaParser.parse(text)
      guard !names.isEmpty else {
        reader.report(operand, "bad_formula", "expected a feature in the formula, found none")
        return nil
      }
      let source = "features: " + formula.features.joined(separator: ", ")
      return (.formula(formula), .real, .number, source)
    } catch {
      reader.report(operand, "bad_formula", error)
      return nil
    }
  }
}

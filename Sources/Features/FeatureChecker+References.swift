import Diagnostics
import Yams

/// Features that are computed from features, now that every one is read: names, types, units, and
/// that none is computed from itself.
extension FeatureChecker {
  private struct Names {
    var drafts: [String: Draft] = [:]
    var byAlias: [String: String] = [:]
    var done: [String: FeatureDefinition] = [:]
    var failed: Set<String> = []
    /// How many features stand upon each other below and with each one.
    var depths: [String: Int] = [:]
    var path: [String] = []
  }

  /// The features with every operand found, in file order.
  mutating func resolve(_ drafts: [Draft]) -> [FeatureDefinition] {
    var names = Names()
    for draft in drafts where names.drafts[draft.feature.name] == nil {
      names.drafts[draft.feature.name] = draft
      for alias in draft.feature.aliases { names.byAlias[alias] = draft.feature.name }
    }
    return drafts.map { draft in
      resolve(draft.feature.name, &names) ?? draft.feature
    }
  }

  private mutating func resolve(_ name: String, _ names: inout Names) -> FeatureDefinition? {
    if let feature = names.done[name] { return feature }
    guard !names.failed.contains(name), let draft = names.drafts[name] else { return nil }
    names.path.append(name)
    defer { names.path.removeLast() }
    guard let feature = checked(draft, &names) else {
      names.failed.insert(name)
      return nil
    }
    let depth = 1 + (feature.operands.compactMap { names.depths[$0] }.max() ?? 0)
    guard depth <= TokenReader.maximumDepth else {
      if let node = draft.fields["name"] {
        reader.report(
          node, "too_deep",
          "expected at most \(TokenReader.maximumDepth) features upon each other, found \(depth)")
      }
      names.failed.insert(name)
      return nil
    }
    names.depths[name] = depth
    names.done[name] = feature
    return feature
  }

  /// The feature that a text names, nil after reporting why there is none.
  private mutating func operand(
    _ name: String, _ node: Node?, at offset: Int = 0, _ names: inout Names
  ) -> FeatureDefinition? {
    guard let node else { return nil }
    let canonical = names.drafts[name] == nil ? names.byAlias[name] ?? name : name
    guard names.drafts[canonical] != nil else {
      // A feature whose own entry is faulty is declared all the same: one problem, not two.
      if declared[name] == nil {
        reader.report(
          node, "unknown_feature",
          TextProblem(
            offset: offset, message: "expected a feature, found '\(name)'",
            hint: Suggestion.hint(for: name, among: declared.keys)))
      }
      return nil
    }
    if let start = names.path.firstIndex(of: canonical) {
      let circle = (names.path[start...] + [canonical]).joined(separator: " → ")
      reader.report(
        node, "circle",
        TextProblem(
          offset: offset, message: "expected features without a circle, found \(circle)"))
      return nil
    }
    guard names.path.count < TokenReader.maximumDepth else {
      reader.report(
        node, "too_deep",
        "expected at most \(TokenReader.maximumDepth) features upon each other, found more")
      return nil
    }
    return resolve(canonical, &names)
  }

  /// A feature with a number; the column of any kind but text, truth, dates and times.
  private mutating func numeric(
    _ name: String, _ node: Node?, at offset: Int = 0, _ names: inout Names
  ) -> FeatureDefinition? {
    guard let feature = operand(name, node, at: offset, &names) else { return nil }
    switch feature.type {
    case .integer, .decimal, .real: return feature
    case .text, .boolean, .date, .timestamp:
      if let node {
        reader.report(
          node, "operand_type",
          TextProblem(
            offset: offset,
            message: "expected a number, found '\(name)', which is \(feature.type.rawValue)"))
      }
      return nil
    }
  }

  private mutating func checked(_ draft: Draft, _ names: inout Names) -> FeatureDefinition? {
    let feature = draft.feature
    switch feature.expression {
    case .total, .average, .rate, .trend, .aggregate, .funnel, .most, .recency, .tenure, .profile,
      .score:
      return feature
    case .ratio(let numerator, let denominator, _):
      return ratio(draft, numerator, denominator, &names)
    case .band(let name, let bands, let missing):
      guard let operand = numeric(name, draft.fields["band"], &names) else { return nil }
      return feature.with(.band(of: operand.name, bands, missing: missing))
    case .rank(let name, let bins, let best):
      guard let operand = ranked(name, draft.fields["rank"], &names) else { return nil }
      return feature.with(.rank(of: operand.name, bins: bins, best: best))
    case .rfm(let recency, let frequency, let monetary, let bins):
      let node = draft.fields["rfm"]
      let parts = [("recency", recency), ("frequency", frequency), ("monetary", monetary)].map {
        ranked($0.1, node?.mapping?[$0.0] ?? node, &names)
      }
      guard let first = parts[0], let second = parts[1], let third = parts[2] else { return nil }
      return feature.with(
        .rfm(recency: first.name, frequency: second.name, monetary: third.name, bins: bins))
    case .weighted(let weights):
      var resolved: [FeatureDefinition.Weight] = []
      for weight in weights {
        let item = draft.fields["weighted"]?.sequence?
          .first { $0.mapping?["feature"]?.string == weight.feature }
        guard
          let operand = numeric(
            weight.feature, item?.mapping?["feature"] ?? draft.fields["weighted"], &names)
        else { continue }
        resolved.append(
          FeatureDefinition.Weight(
            feature: operand.name, weight: weight.weight, full: weight.full))
      }
      return resolved.count == weights.count ? feature.with(.weighted(resolved)) : nil
    case .formula(let formula): return self.formula(draft, formula, &names)
    }
  }

  private mutating func ranked(
    _ name: String, _ node: Node?, _ names: inout Names
  ) -> FeatureDefinition? {
    guard let feature = numeric(name, node, &names) else { return nil }
    guard let node, case .score = feature.expression else { return feature }
    reader.report(
      node, "operand_type", "expected a feature that is computed here, found the score '\(name)'",
      "rules rank scores: top 10%")
    return nil
  }

  /// Checks a ratio's operands and scales its minimum.
  private mutating func ratio(
    _ draft: Draft, _ numerator: String, _ denominator: String, _ names: inout Names
  ) -> FeatureDefinition? {
    let over = exact(numerator, draft.fields["ratio"], &names)
    let under = exact(denominator, draft.fields["to"], &names)
    guard let over, let under, let minimum = minimum(draft.fields, scale: under.scale ?? 0) else {
      return nil
    }
    let derived: FeatureUnit =
      over.unit == under.unit ? .ratio : over.unit == .money ? .money : .number
    return draft.feature.with(
      .ratio(numerator: over.name, denominator: under.name, minimum: minimum),
      unit: draft.fields["kind"] == nil ? derived : draft.feature.unit)
  }

  /// A feature that is computed here and exact.
  private mutating func exact(
    _ name: String, _ node: Node?, at offset: Int = 0, _ names: inout Names
  ) -> FeatureDefinition? {
    guard let feature = operand(name, node, at: offset, &names) else { return nil }
    guard feature.scale != nil, !feature.isExternal else {
      if let node {
        reader.report(
          node, "ratio_operand",
          "expected a count, sum or recency, found '\(name)', which is none")
      }
      return nil
    }
    return feature
  }

  private mutating func formula(
    _ draft: Draft, _ formula: Formula, _ names: inout Names
  ) -> FeatureDefinition? {
    guard let node = draft.fields["formula"],
      let (_, places) = try? FormulaParser.parse(node.scalar?.string ?? "")
    else { return nil }
    var known: [String: FeatureDefinition] = [:]
    for (name, offset) in places where known[name] == nil {
      guard let feature = numeric(name, node, at: offset, &names) else { continue }
      known[name] = feature
    }
    guard known.count == Set(places.map(\.name)).count else { return nil }
    do {
      let type = try FormulaType.of(formula) { name in
        FormulaType(scale: known[name]?.scale, unit: known[name]?.unit)
      }
      let columnType: FeatureType =
        type.scale == nil ? .real : type.scale == 0 ? .integer : .decimal
      return draft.feature.with(
        .formula(formula.renamed { known[$0]?.name ?? $0 }), type: columnType,
        unit: draft.fields["kind"] == nil ? type.unit ?? .number : draft.feature.unit)
    } catch {
      reader.report(node, "unit_mismatch", error)
      return nil
    }
  }
}

extension FeatureDefinition {
  /// The same declaration with a checked expression.
  func with(
    _ expression: Expression, type: FeatureType? = nil, unit: FeatureUnit? = nil
  ) -> FeatureDefinition {
    FeatureDefinition(
      name: name, aliases: aliases, description: description, owner: owner, source: source,
      type: type ?? self.type, unit: unit ?? self.unit, expression: expression, line: line)
  }
}

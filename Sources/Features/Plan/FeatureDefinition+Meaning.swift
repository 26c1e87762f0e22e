extension FeatureDefinition {
  /// What the values are, in a normal form: equal texts have equal values on any facts. Names of
  /// events and features, windows and conditions are in it; description, unit and aliases are not.
  ///
  /// - Parameter attributes: what the project says of profile attributes.
  public func meaning(_ attributes: ProfileAttributes = .none) -> String {
    "\(expression.meaning(attributes)): \(type.rawValue)"
  }
}

extension FeatureDefinition.Expression {
  fileprivate func meaning(_ attributes: ProfileAttributes) -> String {
    switch self {
    case .total(let terms, let window):
      let sums = terms.map { "\($0.negative ? "- " : "+ ")\($0.measure)" }
      return "\(sums.joined(separator: " ")) over \(window.name)"
    case .average(let sum, let count, let window):
      return "\(sum) / \(count) over \(window.name)"
    case .rate(let part, let whole, let window, let minimum):
      return "\(part) / \(whole) over \(window.name), at least \(minimum)"
    case .trend(let measure, let window, let trend):
      return "\(trend.meaning) of \(measure) over \(window.name)"
    case .aggregate(let slot, let window): return "\(slot.meaning) over \(window.name)"
    case .funnel(let slot, let window): return "furthest of \(slot.meaning) over \(window.name)"
    case .most(let slot, let window): return "most of \(slot.meaning) over \(window.name)"
    case .recency(let measure): return "days since the last \(measure)"
    case .tenure(let measure): return "days since the first \(measure)"
    case .ratio(let numerator, let denominator, let minimum):
      return "\(numerator) / \(denominator), at least \(minimum)"
    case .band(let feature, let bands, let missing):
      let labels = bands.map { "\($0.label) from \(Decimal4.text($0.from))" }
      let absent = missing.map { ", else \($0)" } ?? ""
      return "band of \(feature): \(labels.joined(separator: ", "))\(absent)"
    case .rank(let feature, let bins, let best):
      return "rank of \(feature) in \(bins), best \(best.rawValue)"
    case .rfm(let recency, let frequency, let monetary, let bins):
      return "ranks of \(recency), \(frequency), \(monetary) in \(bins)"
    case .weighted(let weights):
      let parts = weights.map {
        "\(Decimal4.text($0.weight)) x \($0.feature) to \(Decimal4.text($0.full))"
      }
      return "weighted: \(parts.joined(separator: ", "))"
    case .formula(let formula): return "\(formula)"
    case .profile(let attribute):
      return "profile: \(attributes.meaning(of: attribute))"
    case .score(let model): return "score of \(model)"
    }
  }
}

extension FeatureDefinition.Trend {
  fileprivate var meaning: String {
    switch self {
    case .difference: "difference"
    case .ratio(let minimum): "ratio, at least \(minimum),"
    case .slope(let windows): "slope of \(windows)"
    }
  }
}

extension RingSlot {
  /// The cell with its filter in full: a name is shortened, and says whether all time is kept, which
  /// the window says.
  fileprivate var meaning: String { "\(cell.name) of \(filter)" }
}

extension ProfileAttributes {
  /// An attribute with all that it is derived from.
  fileprivate func meaning(of attribute: String) -> String {
    chain(to: attribute).reversed().map { name in
      guard let definition = definition(name) else { return name }
      var parts: [String] = definition.derive.map { ["by \($0)"] } ?? []
      parts += definition.bands.map { ["bands \($0)"] } ?? []
      parts +=
        definition.values.map { values in
          ["values \(values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })"]
        } ?? []
      parts += definition.accepted.map { ["accepted \($0)"] } ?? []
      parts += definition.min.map { ["min \($0)"] } ?? []
      parts += definition.max.map { ["max \($0)"] } ?? []
      parts += definition.fallback.map { ["else '\($0)'"] } ?? []
      return parts.isEmpty ? name : "\(name) (\(parts.joined(separator: ", ")))"
    }.joined(separator: " from ")
  }
}

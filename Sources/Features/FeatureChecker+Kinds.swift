import Diagnostics
import Yams

/// The kinds of features, one by one.
extension FeatureChecker {
  typealias Parsed = (
    expression: FeatureDefinition.Expression, type: FeatureType, unit: FeatureUnit, source: String
  )

  mutating func expression(
    _ kind: String, _ operand: Node, _ fields: [String: Node], _ entry: Node
  ) -> Parsed? {
    switch kind {
    case "count", "sum": return total(kind, operand, fields, entry)
    case "avg", "min", "max", "first", "last": return number(kind, operand, fields, entry)
    case "distinct", "most_of_one", "days_active": return tally(kind, operand, fields, entry)
    case "rate": return rate(operand, fields, entry)
    case "trend": return trend(operand, fields, entry)
    case "sequence", "funnel": return sequence(kind, operand, fields, entry)
    case "recency", "since_first":
      let condition = condition(fields)
      guard let measure = count(of: operand, condition) else { return nil }
      let source = "events: " + measure.kinds.joined(separator: ", ")
      return (kind == "recency" ? .recency(measure) : .tenure(measure), .integer, .days, source)
    case "ratio": return ratio(operand, fields, entry)
    case "band": return band(operand, fields, entry)
    case "rank":
      guard let feature = reader.text(operand, "a feature") else { return nil }
      let bins = bins(fields)
      let best = choice(fields["best"], FeatureDefinition.Best.self, or: .high)
      return (.rank(of: feature, bins: bins, best: best), .integer, .number, "feature: \(feature)")
    case "rfm": return rfm(operand, fields)
    case "weighted": return weighted(operand)
    case "formula": return formula(operand)
    case "profile":
      guard let attribute = reader.text(operand, "a profile attribute") else { return nil }
      let type = profileType(fields["type"])
      let numeric: Set<FeatureType> = [.integer, .decimal]
      return (
        .profile(attribute: attribute), type, numeric.contains(type) ? .number : .none,
        "profile: \(attribute)"
      )
    default:
      guard let model = reader.text(operand, "a model") else { return nil }
      return (.score(model: model), .real, .score, "model: \(model)")
    }
  }

  // MARK: Events

  private mutating func number(
    _ kind: String, _ operand: Node, _ fields: [String: Node], _ entry: Node
  ) -> Parsed? {
    let found = number(of: operand)
    let condition = condition(fields)
    let window = window(fields, entry)
    guard let (kinds, number) = found, let window else { return nil }
    let unit: FeatureUnit = number == .amount ? .money : number == .quantity ? .count : .number
    let source = "events: " + kinds.sorted().joined(separator: ", ")
    if kind == "avg" {
      // Only events that have a value are in the mean.
      let field: Condition.Field =
        switch number {
        case .amount: .amount
        case .quantity: .quantity
        case .property(let name): .property(name)
        }
      let present = Condition.not(.missing(field))
      let counted = condition.map { .all([$0, present]) } ?? present
      return (
        .average(
          sum: Measure(Measure.Value(number), of: kinds, where: condition),
          count: Measure(.count, of: kinds, where: counted), window), .real, unit, source
      )
    }
    let cell: RingSlot.Cell =
      switch kind {
      case "min": .least(number)
      case "max": .greatest(number)
      case "first": .first(number)
      default: .last(number)
      }
    let slot = RingSlot(
      EventFilter(kinds, where: condition), cell, isLifetime: window.length == .lifetime)
    return (
      .aggregate(slot, window), number.scale == 4 ? .decimal : .integer, unit, source
    )
  }

  private mutating func tally(
    _ kind: String, _ operand: Node, _ fields: [String: Node], _ entry: Node
  ) -> Parsed? {
    var cell: RingSlot.Cell?
    var kinds: [String] = []
    if kind == "days_active" {
      kinds = self.kinds(of: operand) ?? []
      cell = kinds.isEmpty ? nil : .day
    } else if let found = key(of: operand) {
      kinds = found.kinds
      cell = .keys(found.key)
    }
    let condition = condition(fields)
    let window = window(fields, entry)
    guard let cell, let window else { return nil }
    let slot = RingSlot(
      EventFilter(kinds, where: condition), cell, isLifetime: window.length == .lifetime)
    // The two questions that keys answer share a ring and differ in the feature.
    let expression: FeatureDefinition.Expression =
      kind == "most_of_one" ? .most(slot, window) : .aggregate(slot, window)
    return (
      expression, .integer, kind == "days_active" ? .days : .count,
      "events: " + kinds.sorted().joined(separator: ", ")
    )
  }

  private mutating func rate(
    _ operand: Node, _ fields: [String: Node], _ entry: Node
  ) -> Parsed? {
    let condition = condition(fields)
    let part = count(of: operand, condition)
    var whole: Measure?
    if let node = fields["of"] {
      whole = count(of: node, condition)
    } else {
      reader.report(entry, "missing_key", "expected of: with the events to divide by, found none")
    }
    let window = window(fields, entry)
    let minimum = minimum(fields, scale: 0)
    guard let part, let whole, let window, let minimum else { return nil }
    return (
      .rate(part, of: whole, window, minimum: minimum), .real, .ratio,
      "events: " + Set(part.kinds + whole.kinds).sorted().joined(separator: ", ")
    )
  }

  private mutating func trend(
    _ operand: Node, _ fields: [String: Node], _ entry: Node
  ) -> Parsed? {
    let condition = condition(fields)
    let isSum = reader.hasField(operand)
    let measure = isSum ? sum(of: operand, condition) : count(of: operand, condition)
    let window = window(fields, entry)
    let way = choice(fields["as"], TrendKind.self, or: .difference)
    for (key, owner) in [("periods", TrendKind.slope), ("min_denominator", .ratio)] {
      if let node = fields[key], way != owner {
        reader.report(node, "misplaced_key", "expected '\(key)' only beside 'as: \(owner)'")
      }
    }
    guard let measure, let window else { return nil }
    let trend: FeatureDefinition.Trend
    switch way {
    case .difference: trend = .difference
    case .ratio:
      guard let minimum = minimum(fields, scale: measure.scale) else { return nil }
      trend = .ratio(minimum: minimum)
    case .slope:
      guard let node = fields["periods"] else {
        reader.report(
          entry, "missing_key", "expected periods: with the number of windows, found none")
        return nil
      }
      guard let periods = reader.integer(node, 2...60, "periods") else { return nil }
      trend = .slope(windows: periods)
    }
    guard window.length != .lifetime else {
      reader.report(
        fields["window"] ?? entry, "bad_window", "expected a window with one before it")
      return nil
    }
    if let last = trend.windows(of: window).last?.reach, last > Window.maximumDays {
      reader.report(
        fields["window"] ?? entry, "bad_window",
        "expected windows within \(Window.maximumDays) days, found one that starts \(last) back")
      return nil
    }
    let money = measure.value == .amount
    let unit: FeatureUnit = money ? .money : measure.scale == 4 ? .number : .count
    let source = "events: " + measure.kinds.joined(separator: ", ")
    switch trend {
    case .difference:
      return (
        .trend(measure, window, trend), measure.scale == 4 ? .decimal : .integer, unit, source
      )
    case .ratio: return (.trend(measure, window, trend), .real, .ratio, source)
    case .slope: return (.trend(measure, window, trend), .real, unit, source)
    }
  }

  enum TrendKind: String, CaseIterable { case difference, ratio, slope }

  // MARK: Features of features

  private mutating func ratio(
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

  private mutating func band(
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

  private mutating func rfm(_ operand: Node, _ fields: [String: Node]) -> Parsed? {
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

  private mutating func weighted(_ operand: Node) -> Parsed? {
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

  private mutating func formula(_ operand: Node) -> Parsed? {
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

  // MARK: Values

  private mutating func bins(_ fields: [String: Node], upTo limit: Int = 100) -> Int {
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

  private mutating func decimal(_ node: Node, _ what: String, positive: Bool = false) -> Int64? {
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

  private mutating func choice<T: RawRepresentable & CaseIterable>(
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

  private mutating func profileType(_ node: Node?) -> FeatureType {
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

extension YAMLReader {
  /// Whether a text, or the first of a list, names a field and not a kind alone.
  func hasField(_ node: Node) -> Bool {
    switch node {
    case .scalar(let scalar): scalar.string.contains(".")
    case .sequence(let list): list.first?.scalar?.string.contains(".") ?? false
    case .mapping, .alias: false
    }
  }
}

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

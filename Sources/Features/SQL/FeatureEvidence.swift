import Schedules

/// The events that a feature's value is made of: which to look for, to show why a value is what it is.
public struct EvidenceSelection: Sendable, Hashable {
  /// What is looked for, in words: `purchase`, `email_open or email_click where campaign = 'x'`.
  public let what: String
  /// The feature whose events they are: the one asked for, or one it is computed from.
  public let feature: String
  /// The kinds of the events.
  public let kinds: [String]
  /// A further condition over `facts.events AS e`, its literals quoted; nil for none.
  public let condition: String?
  /// The first instant that counts; nil where there is no first.
  public let from: Instant?
  /// The first instant that does not count any more.
  public let to: Instant
  /// Whether the oldest event decides, as in a tenure; else the newest says most.
  public let oldestFirst: Bool
  /// The measure whose day tiles tell on which days there are such events; nil where none does.
  public let measure: Measure?
}

extension FeatureCatalogue {
  /// The events behind a feature's value at an instant, those of the features it is computed from
  /// included; each selection once, at most `limit`. None for profiles and scores.
  ///
  /// Population-relative features are those of the last local midnight, and so are their events.
  /// - Throws: ``FeatureError`` `features.unknown_feature`.
  public func evidence(
    of name: String, asOf: Instant, zone: Zone, limit: Int = 8
  ) throws -> [EvidenceSelection] {
    let days = LocalDays(zone: zone)
    var found: [EvidenceSelection] = []
    var open = [(name: name, at: asOf)]
    var seen: Set<String> = []
    while !open.isEmpty, found.count < limit {
      let (name, at) = open.removeFirst()
      let feature = try resolve(name)
      guard seen.insert("\(feature.name) \(at)").inserted else { continue }
      let writer = FeatureSQLWriter(asOf: at, days: days, attributes: .none)
      for selection in feature.evidence(writer) where !found.contains(selection) {
        found.append(selection)
      }
      let below =
        feature.isPopulationRelative && !days.isMidnight(at)
        ? zone.midnight(days.lastDay(before: at)) : at
      open += feature.operands.map { ($0, below) }
    }
    return Array(found.prefix(limit))
  }
}

extension FeatureDefinition {
  /// The events of a feature's own expression.
  fileprivate func evidence(_ writer: FeatureSQLWriter) -> [EvidenceSelection] {
    func select(
      _ filter: EventFilter, _ window: Window, with more: String? = nil, oldestFirst: Bool = false,
      tiled: Measure? = nil
    ) -> EvidenceSelection {
      let tests = [filter.condition.map { ConditionSQL.text($0) }, more].compactMap { $0 }
      return EvidenceSelection(
        what: "\(filter)", feature: name, kinds: filter.kinds,
        condition: tests.isEmpty ? nil : tests.map { "(\($0))" }.joined(separator: " AND "),
        from: writer.start(window), to: writer.end(window), oldestFirst: oldestFirst,
        measure: window.isOfDays ? tiled : nil)
    }
    func select(_ measure: Measure, _ window: Window) -> EvidenceSelection {
      select(measure.filter, window, tiled: measure)
    }
    switch expression {
    case .total(let terms, let window): return terms.map { select($0.measure, window) }
    case .average(_, let count, let window): return [select(count, window)]
    case .rate(let part, let whole, let window, _):
      return [select(part, window), select(whole, window)]
    case .trend(let measure, let window, let trend):
      return trend.windows(of: window).map { select(measure, $0) }
    case .aggregate(let slot, let window), .funnel(let slot, let window),
      .most(let slot, let window):
      if let plan = slot.plan {
        return plan.steps.enumerated().map { place, step in
          // What follows the first step may come after the window, never at the instant or later.
          place == 0
            ? select(step.filter, window)
            : select(step.filter, Window(window.length, previous: 0))
        }
      }
      let number = slot.number.map { "\(ConditionSQL.number($0)) IS NOT NULL" }
      let key = slot.key.map { "\(ConditionSQL.key($0)) IS NOT NULL" }
      var isFirst = false
      if case .first = slot.cell { isFirst = true }
      return [select(slot.filter, window, with: number ?? key, oldestFirst: isFirst)]
    case .recency(let measure): return [select(measure, .lifetime)]
    case .tenure(let measure):
      return [select(measure.filter, .lifetime, oldestFirst: true, tiled: measure)]
    case .ratio, .band, .rank, .rfm, .weighted, .formula, .profile, .score: return []
    }
  }
}

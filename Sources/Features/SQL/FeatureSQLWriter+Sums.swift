import Schedules

/// Counts, sums and what is made of them.
extension FeatureSQLWriter {
  func distance(_ side: String, _ measure: Measure) -> String {
    let day = "(\(side)(e.occurred_at) AT TIME ZONE \(literal(days.zone.name)))::date"
    return everyone(
      "date '\(last)' - e.value",
      events("\(day) AS value", measure.kinds, bounds(.lifetime) + only(measure.filter.condition)))
  }

  func quotient(
    _ part: Measure, _ whole: Measure, _ window: Window, minimum: Int64
  ) -> String {
    let kinds = Set(part.kinds + whole.kinds).sorted()
    let unit = FeatureSQL.unscaled(minimum, whole.scale)
    return everyone(
      "CASE WHEN e.over >= \(unit) THEN "
        + FeatureSQL.quotient("e.value", part.scale, "e.over", whole.scale) + " END",
      events("\(sum(part)) AS value, \(sum(whole)) AS over", kinds, bounds(window)))
  }

  func trend(
    _ measure: Measure, _ window: Window, _ trend: FeatureDefinition.Trend
  ) -> String {
    let windows = trend.windows(of: window)
    let sums = windows.enumerated().map { back, window in
      "\(sum(measure, and: bounds(window, separator: " "))) AS y\(back)"
    }
    // A trend's windows have a beginning: lifetimes are refused.
    let start = start(windows[windows.count - 1]).map { "e.occurred_at >= \(instant($0))\n  AND " }
    let body = events(
      sums.joined(separator: ",\n         "), measure.kinds,
      "\(start ?? "")e.occurred_at < \(instant(end(windows[0])))")
    switch trend {
    case .difference: return everyone("coalesce(e.y0 - e.y1, 0)", body)
    case .ratio(let minimum):
      let unit = FeatureSQL.unscaled(minimum, measure.scale)
      let quotient = FeatureSQL.quotient("e.y0", measure.scale, "e.y1", measure.scale)
      return everyone("CASE WHEN e.y1 >= \(unit) THEN \(quotient) END", body)
    case .slope(let count):
      let terms = windows.indices.map { "\(count - 1 - 2 * $0) * e.y\($0)" }
      let divisor = count * (count * count - 1) * (measure.scale == 4 ? 10_000 : 1)
      let sum = "(\(terms.joined(separator: " + ")))" + (measure.scale == 4 ? " * 10000.0" : "")
      return everyone("coalesce((\(sum))::float8 * 6 / \(divisor), 0)", body)
    }
  }

  func term(_ term: FeatureDefinition.Term) -> String {
    let sum = sum(term.measure)
    return term.negative ? "\n         - \(sum)" : sum
  }

  func sum(_ measure: Measure, and bounds: String? = nil) -> String {
    let filter = matches(measure.filter) + (bounds.map { " AND \($0)" } ?? "")
    guard let number = measure.value.number else { return "count(*) FILTER (WHERE \(filter))" }
    return "coalesce(sum(\(ConditionSQL.number(number))) FILTER (WHERE \(filter)), 0)"
  }

  func matches(_ filter: EventFilter, _ alias: String = "e", _ kind: String = "k") -> String {
    let kinds = filter.kinds
    let name =
      kinds.count == 1
      ? "\(kind).name = \(literal(kinds[0]))" : "\(kind).name IN (\(list(kinds)))"
    return name
      + (filter.condition.map { " AND (\(ConditionSQL.text($0, alias: alias)))" } ?? "")
  }
}

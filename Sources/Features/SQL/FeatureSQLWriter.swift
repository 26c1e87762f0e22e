import Schedules

/// Writes the SELECT of one feature at an instant: a row per customer known then.
struct FeatureSQLWriter {
  let asOf: Instant
  let days: LocalDays
  /// What the project says of profile attributes.
  let attributes: ProfileAttributes
  /// The decimal scales of a feature's operands; those that are real have none.
  var scales: [String: Int] = [:]

  /// The same at another instant.
  func at(_ instant: Instant) -> FeatureSQLWriter {
    FeatureSQLWriter(asOf: instant, days: days, attributes: attributes)
  }

  var last: Day { days.lastDay(before: asOf) }

  func instant(_ value: Instant) -> String { "timestamptz '\(value)'" }

  /// A feature that is made of events or profiles.
  func select(_ feature: FeatureDefinition) throws -> String {
    switch feature.expression {
    case .total(let terms, let window):
      return everyone(
        "coalesce(e.value, 0)",
        events(
          "\(terms.map(term).joined()) AS value", Set(terms.flatMap(\.measure.kinds)).sorted(),
          bounds(window)))
    case .average(let sum, let count, let window):
      return quotient(sum, count, window, minimum: 1)
    case .rate(let part, let whole, let window, let minimum):
      return quotient(part, whole, window, minimum: minimum)
    case .trend(let measure, let window, let trend): return self.trend(measure, window, trend)
    case .aggregate(let slot, let window): return aggregate(slot, window)
    case .funnel(let slot, let window): return funnel(slot, window)
    case .most(let slot, let window): return most(slot, window)
    case .recency(let measure): return distance("max", measure)
    case .tenure(let measure): return distance("min", measure)
    case .profile(let attribute): return profile(attribute, feature.type)
    case .score(let model): return score(model)
    case .ratio, .band, .rank, .rfm, .weighted, .formula:
      throw FeatureError(
        code: "features.ratio_operand",
        message: "expected a feature made of events, found '\(feature.name)'")
    }
  }

  /// What a model gave at the last local midnight, which no query computes again.
  private func score(_ model: String) -> String {
    let midnight = days.isMidnight(asOf) ? asOf : days.zone.midnight(days.lastDay(before: asOf))
    return """
      SELECT c.customer_id, s.score AS value
      FROM facts.customers AS c
      LEFT JOIN models.scores_at(\(literal(model)), \(instant(midnight))) AS s USING (customer_id)
      WHERE \(known)
      """
  }

  // MARK: Parts

  func cast(_ text: String, _ type: FeatureType) -> String {
    switch type {
    case .text: text
    case .integer: "(\(text))::bigint"
    case .decimal: "(\(text))::numeric(18,4)"
    case .real: "(\(text))::float8"
    case .boolean: "(\(text))::boolean"
    case .date: "(\(text))::date"
    case .timestamp: "(\(text))::timestamptz"
    }
  }

  var known: String {
    "c.first_seen_at < \(instant(asOf)) OR c.first_seen_at IS NULL"
  }

  func everyone(_ value: String, _ events: String) -> String {
    """
    SELECT c.customer_id, \(value) AS value
    FROM facts.customers AS c
    LEFT JOIN (
    \(FeatureSQL.indent(events))
    ) AS e USING (customer_id)
    WHERE \(known)
    """
  }

  func events(_ value: String, _ kinds: [String], _ bounds: String) -> String {
    """
    SELECT e.customer_id, \(value)
    FROM facts.events AS e
    JOIN facts.event_kind AS k USING (kind_id)
    WHERE k.name IN (\(list(kinds)))
      AND \(bounds)
    GROUP BY e.customer_id
    """
  }

  func only(_ condition: Condition?) -> String {
    condition.map { "\n  AND (\(ConditionSQL.text($0)))" } ?? ""
  }

  func list(_ kinds: [String]) -> String {
    kinds.map(FeatureSQL.literal).joined(separator: ", ")
  }

  func literal(_ text: String) -> String { FeatureSQL.literal(text) }

  /// Half-open; a previous window ends where the next one starts.
  func bounds(_ window: Window, separator: String = "\n  ") -> String {
    let upper = "e.occurred_at < \(instant(end(window)))"
    guard let start = start(window) else { return upper }
    return "e.occurred_at >= \(instant(start))\(separator)AND \(upper)"
  }

  func start(_ window: Window) -> Instant? {
    if case .minutes(let minutes) = window.length {
      let length = Int64(minutes) * 60_000_000 * Int64(window.previous + 1)
      return Instant(microseconds: asOf.microseconds - length)
    }
    let first = window.span(endingOn: last).first
    return first == DaySpan.unbounded ? nil : days.zone.midnight(first)
  }

  func end(_ window: Window) -> Instant {
    if case .minutes(let minutes) = window.length {
      let length = Int64(minutes) * 60_000_000 * Int64(window.previous)
      return Instant(microseconds: asOf.microseconds - length)
    }
    let span = window.span(endingOn: last)
    return span.last == last ? asOf : days.end(of: span.last)
  }
}

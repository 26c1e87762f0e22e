import Schedules

/// Writes the SELECT of one feature at an instant: a row per customer known then.
struct FeatureSQLWriter {
  let asOf: Instant
  let days: LocalDays
  /// The decimal scale of a ratio's denominator and so of its minimum.
  var denominatorScale = 0

  private var last: Day { days.lastDay(before: asOf) }

  private func instant(_ value: Instant) -> String { "timestamptz '\(value)'" }

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
    case .profile(let attribute):
      return """
        SELECT c.customer_id, \(cast("c.profile ->> \(literal(attribute))", feature.type)) AS value
        FROM facts.customers AS c
        WHERE \(known)
        """
    case .score(let model):
      throw FeatureError(
        code: "features.no_sql",
        message: "expected a feature made of events or profiles, found '\(feature.name)'",
        hint: "it is the score of model \(model); the models' tables hold it")
    case .ratio, .band, .rank, .rfm, .weighted, .formula:
      throw FeatureError(
        code: "features.ratio_operand",
        message: "expected a feature made of events, found '\(feature.name)'")
    }
  }

  // MARK: Sums

  private func distance(_ side: String, _ measure: Measure) -> String {
    let day = "(\(side)(e.occurred_at) AT TIME ZONE \(literal(days.zone.name)))::date"
    return everyone(
      "date '\(last)' - e.value",
      events("\(day) AS value", measure.kinds, bounds(.lifetime) + only(measure.filter.condition)))
  }

  private func quotient(
    _ part: Measure, _ whole: Measure, _ window: Window, minimum: Int64
  ) -> String {
    let kinds = Set(part.kinds + whole.kinds).sorted()
    let unit = FeatureSQL.unscaled(minimum, whole.scale)
    return everyone(
      "CASE WHEN e.over >= \(unit) THEN e.value::float8 / e.over::float8 END",
      events("\(sum(part)) AS value, \(sum(whole)) AS over", kinds, bounds(window)))
  }

  private func trend(
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
      return everyone("CASE WHEN e.y1 >= \(unit) THEN e.y0::float8 / e.y1::float8 END", body)
    case .slope(let count):
      let terms = windows.indices.map { "\(count - 1 - 2 * $0) * e.y\($0)" }
      let divisor = count * (count * count - 1)
      return everyone(
        "coalesce((\(terms.joined(separator: " + ")))::float8 * 6 / \(divisor), 0)", body)
    }
  }

  private func term(_ term: FeatureDefinition.Term) -> String {
    let sum = sum(term.measure)
    return term.negative ? "\n         - \(sum)" : sum
  }

  private func sum(_ measure: Measure, and bounds: String? = nil) -> String {
    let filter = matches(measure.filter) + (bounds.map { " AND \($0)" } ?? "")
    guard let number = measure.value.number else { return "count(*) FILTER (WHERE \(filter))" }
    return "coalesce(sum(\(ConditionSQL.number(number))) FILTER (WHERE \(filter)), 0)"
  }

  private func matches(_ filter: EventFilter, _ alias: String = "e", _ kind: String = "k") -> String
  {
    let kinds = filter.kinds
    let name =
      kinds.count == 1
      ? "\(kind).name = \(literal(kinds[0]))" : "\(kind).name IN (\(list(kinds)))"
    return name
      + (filter.condition.map { " AND (\(ConditionSQL.text($0, alias: alias)))" } ?? "")
  }

  // MARK: Aggregates

  private func aggregate(_ slot: RingSlot, _ window: Window) -> String {
    let value: String
    let isCount: Bool
    switch slot.cell {
    case .sum(let what): (value, isCount) = (sum(Measure(what, of: slot.filter)), true)
    case .least(let number): (value, isCount) = ("min(\(ConditionSQL.number(number)))", false)
    case .greatest(let number): (value, isCount) = ("max(\(ConditionSQL.number(number)))", false)
    case .first(let number): (value, isCount) = (edge(number, "ASC"), false)
    case .last(let number): (value, isCount) = (edge(number, "DESC"), false)
    case .day:
      let day = "(e.occurred_at AT TIME ZONE \(literal(days.zone.name)))::date"
      (value, isCount) = ("count(DISTINCT \(day))", true)
    case .keys(let key):
      (value, isCount) = ("count(DISTINCT \(ConditionSQL.key(key)))", true)
    case .sequence(let plan):
      return everyone("coalesce(e.value, 0)", chain(plan, window, value: "count(*)"))
    }
    return everyone(
      isCount ? "coalesce(e.value, 0)" : "e.value",
      events(
        "\(value) AS value", slot.filter.kinds, bounds(window) + only(slot.filter.condition)))
  }

  private func edge(_ number: EventNumber, _ order: String) -> String {
    let value = ConditionSQL.number(number)
    return """
      (array_agg(\(value) ORDER BY e.occurred_at \(order), \(value) \(order))
           FILTER (WHERE \(value) IS NOT NULL))[1]
      """
  }

  private func most(_ slot: RingSlot, _ window: Window) -> String {
    guard let key = slot.key else { return "" }
    let text = ConditionSQL.key(key)
    let perKey = """
      SELECT e.customer_id, count(*) AS value
      FROM facts.events AS e
      JOIN facts.event_kind AS k USING (kind_id)
      WHERE k.name IN (\(list(slot.filter.kinds)))
        AND \(bounds(window) + only(slot.filter.condition))
        AND \(text) IS NOT NULL
      GROUP BY e.customer_id, \(text)
      """
    return everyone(
      "coalesce(e.value, 0)",
      """
      SELECT p.customer_id, max(p.value) AS value
      FROM (
      \(FeatureSQL.indent(perKey))
      ) AS p
      GROUP BY p.customer_id
      """)
  }

  // MARK: Sequences

  /// The beginnings in the window that were completed, by customer.
  private func chain(_ plan: SequencePlan, _ window: Window, value: String) -> String {
    """
    SELECT e.customer_id, \(value) AS value
    FROM facts.events AS e
    JOIN facts.event_kind AS k USING (kind_id)
    WHERE \(matches(plan.steps[0].filter))
      AND \(bounds(window))\(keyed(plan))
      AND \(next(plan, 1, plan.steps.count))
    GROUP BY e.customer_id
    """
  }

  private func keyed(_ plan: SequencePlan) -> String {
    plan.same.map { "\n  AND \(ConditionSQL.key($0)) IS NOT NULL" } ?? ""
  }

  /// That step `step` follows the one before, and the others up to `end` follow it.
  private func next(_ plan: SequencePlan, _ step: Int, _ end: Int) -> String {
    let before = step == 1 ? "e" : "e\(step - 1)"
    let (alias, kind) = ("e\(step)", "k\(step)")
    let now = plan.steps[step]
    let gap = "interval '\(now.within / 1_000_000) seconds'"
    let same =
      plan.same.map {
        "\n    AND \(ConditionSQL.key($0, alias: alias)) = \(ConditionSQL.key($0, alias: before))"
      } ?? ""
    let more = step + 1 < end ? "\n    AND \(next(plan, step + 1, end))" : ""
    let exists = """
      EXISTS (
        SELECT FROM facts.events AS \(alias)
        JOIN facts.event_kind AS \(kind) USING (kind_id)
        WHERE \(alias).customer_id = \(before).customer_id AND \(matches(now.filter, alias, kind))
          AND \(alias).occurred_at > \(before).occurred_at
          AND \(alias).occurred_at < \(before).occurred_at + \(gap)
          AND \(alias).occurred_at < \(instant(asOf))\(same)\(more))
      """
    guard now.negated else { return exists }
    return "NOT \(exists)\n  AND \(before).occurred_at + \(gap) <= \(instant(asOf))"
  }

  private func funnel(_ slot: RingSlot, _ window: Window) -> String {
    guard let plan = slot.plan else { return "" }
    var value = "1"
    for end in 2...plan.steps.count {
      // The furthest first: a chain to a step passes all before it.
      value = "CASE WHEN \(next(plan, 1, end)) THEN \(end) ELSE \(value) END"
    }
    return everyone(
      "coalesce(e.value, 0)",
      """
      SELECT e.customer_id, max(\(value)) AS value
      FROM facts.events AS e
      JOIN facts.event_kind AS k USING (kind_id)
      WHERE \(matches(plan.steps[0].filter))
        AND \(bounds(window))\(keyed(plan))
      GROUP BY e.customer_id
      """)
  }

  // MARK: Parts

  private func cast(_ text: String, _ type: FeatureType) -> String {
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

  private func everyone(_ value: String, _ events: String) -> String {
    """
    SELECT c.customer_id, \(value) AS value
    FROM facts.customers AS c
    LEFT JOIN (
    \(FeatureSQL.indent(events))
    ) AS e USING (customer_id)
    WHERE \(known)
    """
  }

  private func events(_ value: String, _ kinds: [String], _ bounds: String) -> String {
    """
    SELECT e.customer_id, \(value)
    FROM facts.events AS e
    JOIN facts.event_kind AS k USING (kind_id)
    WHERE k.name IN (\(list(kinds)))
      AND \(bounds)
    GROUP BY e.customer_id
    """
  }

  private func only(_ condition: Condition?) -> String {
    condition.map { "\n  AND (\(ConditionSQL.text($0)))" } ?? ""
  }

  private func list(_ kinds: [String]) -> String {
    kinds.map(FeatureSQL.literal).joined(separator: ", ")
  }

  private func literal(_ text: String) -> String { FeatureSQL.literal(text) }

  /// Half-open; a previous window ends where the next one starts.
  private func bounds(_ window: Window, separator: String = "\n  ") -> String {
    let upper = "e.occurred_at < \(instant(end(window)))"
    guard let start = start(window) else { return upper }
    return "e.occurred_at >= \(instant(start))\(separator)AND \(upper)"
  }

  private func start(_ window: Window) -> Instant? {
    if case .minutes(let minutes) = window.length {
      let length = Int64(minutes) * 60_000_000 * Int64(window.previous + 1)
      return Instant(microseconds: asOf.microseconds - length)
    }
    let first = window.span(endingOn: last).first
    return first == DaySpan.unbounded ? nil : days.zone.midnight(first)
  }

  private func end(_ window: Window) -> Instant {
    if case .minutes(let minutes) = window.length {
      let length = Int64(minutes) * 60_000_000 * Int64(window.previous)
      return Instant(microseconds: asOf.microseconds - length)
    }
    let span = window.span(endingOn: last)
    return span.last == last ? asOf : days.end(of: span.last)
  }

  // MARK: Features of features

  /// A feature over the tables of its operands.
  func select(
    _ feature: FeatureDefinition, over tables: [(name: String, table: String)]
  ) throws -> String {
    let aliases = Dictionary(
      tables.enumerated().map { ($1.name, "f\($0)") }, uniquingKeysWith: { first, _ in first })
    func value(_ name: String) -> String { (aliases[name] ?? "f0") + ".value" }
    let expression: String
    switch feature.expression {
    case .ratio(let numerator, let denominator, let minimum):
      // The scale of the minimum is the denominator's, whose values are in their own unit here.
      let scaled = FeatureSQL.unscaled(minimum, denominatorScale)
      expression = """
        CASE WHEN \(value(denominator)) >= \(scaled)
             THEN \(value(numerator))::float8 / \(value(denominator))::float8 END
        """
    case .band(let operand, let bands, let missing):
      let cases = bands.reversed().map {
        "WHEN \(value(operand)) >= \(Decimal4.text($0.from)) THEN \(literal($0.label))"
      }
      let absent = missing.map { " WHEN \(value(operand)) IS NULL THEN \(literal($0))" } ?? ""
      expression = "CASE \(cases.joined(separator: " "))\(absent) END"
    case .rank(let operand, let bins, let best): expression = rank(value(operand), bins, best)
    case .rfm(let recency, let frequency, let monetary, let bins):
      expression = """
        \(rank(value(recency), bins, .low)) * 100
             + \(rank(value(frequency), bins, .high)) * 10 + \(rank(value(monetary), bins, .high))
        """
    case .weighted(let weights):
      let parts = weights.map {
        "\(Decimal4.text($0.weight))::float8 * coalesce(least(greatest(\(value($0.feature))::float8"
          + " / \(Decimal4.text($0.full))::float8, 0), 1), 0)"
      }
      let all = weights.map { "\(Decimal4.text($0.weight))::float8" }
      expression =
        "(\(parts.joined(separator: " + "))) / (\(all.joined(separator: " + "))) * 100"
    case .formula(let formula): expression = self.formula(formula, value)
    case .total, .average, .rate, .trend, .aggregate, .funnel, .most, .recency, .tenure, .profile,
      .score:
      return try select(feature)
    }
    var joined: Set<String> = []
    var joins: [String] = []
    for (name, table) in tables where joined.insert(name).inserted {
      joins.append("LEFT JOIN \(table) AS \(aliases[name] ?? "f0") USING (customer_id)")
    }
    return """
      SELECT c.customer_id, \(expression) AS value
      FROM facts.customers AS c
      \(joins.joined(separator: "\n"))
      WHERE \(known)
      """
  }

  private func rank(
    _ value: String, _ bins: Int, _ best: FeatureDefinition.Best
  ) -> String {
    // Whole numbers, as cume_dist's quotient of floats may fall on either side of a bin's end.
    let order = best == .high ? "ASC" : "DESC"
    return """
      CASE WHEN \(value) IS NOT NULL THEN
             (\(bins) * count(\(value)) OVER (ORDER BY \(value) \(order) NULLS LAST)
               + count(\(value)) OVER () - 1) / count(\(value)) OVER () END
      """
  }

  private func formula(_ formula: Formula, _ value: (String) -> String) -> String {
    switch formula {
    case .number(let number, let scale): FeatureSQL.unscaled(number, scale)
    case .feature(let name): value(name)
    case .negative(let part): "(- \(self.formula(part, value)))"
    case .binary(.divide, let left, let right):
      "(\(self.formula(left, value))::float8 / nullif(\(self.formula(right, value)), 0)::float8)"
    case .binary(let sign, let left, let right):
      "(\(self.formula(left, value)) \(sign.rawValue) \(self.formula(right, value)))"
    case .call(let function, let parts):
      self.call(function, parts.map { self.formula($0, value) })
    }
  }

  private func call(_ function: Formula.Function, _ parts: [String]) -> String {
    switch function {
    case .abs: return "abs(\(parts[0]))"
    case .coalesce: return "coalesce(\(parts.joined(separator: ", ")))"
    case .min, .max:
      // least and greatest pass over nulls; here a null operand gives null.
      let all = parts.map { "\($0) IS NOT NULL" }.joined(separator: " AND ")
      let name = function == .min ? "least" : "greatest"
      return "(CASE WHEN \(all) THEN \(name)(\(parts.joined(separator: ", "))) END)"
    }
  }
}

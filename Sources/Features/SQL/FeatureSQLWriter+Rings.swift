/// Extremes, distinct keys, sequences: what the engine keeps rings for.
extension FeatureSQLWriter {
  func aggregate(_ slot: RingSlot, _ window: Window) -> String {
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

  func edge(_ number: EventNumber, _ order: String) -> String {
    let value = ConditionSQL.number(number)
    return """
      (array_agg(\(value) ORDER BY e.occurred_at \(order), \(value) \(order))
           FILTER (WHERE \(value) IS NOT NULL))[1]
      """
  }

  func most(_ slot: RingSlot, _ window: Window) -> String {
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
  func chain(_ plan: SequencePlan, _ window: Window, value: String) -> String {
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

  func keyed(_ plan: SequencePlan) -> String {
    plan.same.map { "\n  AND \(ConditionSQL.key($0)) IS NOT NULL" } ?? ""
  }

  /// That step `step` follows the one before, and the others up to `end` follow it.
  func next(_ plan: SequencePlan, _ step: Int, _ end: Int) -> String {
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

  func funnel(_ slot: RingSlot, _ window: Window) -> String {
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
}

import Schedules

/// A rule as a SELECT that an analyst can read and run: the same members as the engine's.
///
/// It is a reading copy and the tests' oracle, never the way membership is computed. The rows are
/// those of a relation with one row per customer; a closure gives each attribute's expression over
/// it. Texts stand as quoted literals: no text of a rule reaches the statement outside quotes.
public struct RuleSQL: Sendable {
  /// The FROM item with one row per customer: a table, view or subquery with an alias.
  public var relation: String
  /// The customer's column in it.
  public var customer: String
  /// The expression of an attribute over it; of numbers numeric, of reals double precision.
  public var expression: @Sendable (Attribute) -> String
  /// When the relation is of; what counts back in time is null without it.
  public var moment: RuleMoment?
  /// The truth value, over the relation, of whether a customer was a member of a segment at the last
  /// midnight before; false where it is nil.
  public var wasMember: (@Sendable (String) -> String)?
  /// The date, over the relation, of the day that began at the last midnight at which a customer was a
  /// member of a segment; null for never, and where it is nil.
  public var lastDay: (@Sendable (String) -> String)?
  /// The truth value of whether a customer was a member of a segment at one of the midnights from a day's
  /// beginning on; in place of ``lastDay``.
  public var wasMemberWithin: (@Sendable (String, Day) -> String)?

  /// A translator for one relation.
  public init(
    relation: String, customer: String = "customer_id", moment: RuleMoment? = nil,
    expression: @escaping @Sendable (Attribute) -> String = { RuleSQL.identifier($0.name) }
  ) {
    self.relation = relation
    self.customer = customer
    self.moment = moment
    self.expression = expression
  }

  /// The SELECT of a segment's members; segments it refers to are computed before, each once.
  ///
  /// - Throws: ``RuleError`` `rules.segment_missing`.
  public func select(_ segment: Segment, of catalogue: SegmentCatalogue) throws(RuleError)
    -> String
  {
    let needed = try dependencies(of: segment, in: catalogue)
    var lines: [String] = []
    var from = relation
    var columns: [String: String] = [:]
    for (number, name) in needed.enumerated() {
      guard let other = catalogue.segment(named: name) else { continue }
      let column = "is_member_\(number + 1)"
      let predicate = predicate(
        other.rule.expression, Scope(columns: columns, from: from, owner: name), indent: 4)
      lines.append(
        """
        \(number == 0 ? "WITH" : "    ") with_\(number + 1) AS (
          SELECT r.*, (
            \(predicate)
          ) AS \(column)
          FROM \(from) AS r
        )
        """ + (number + 1 < needed.count ? "," : ""))
      columns[name] = column
      from = "with_\(number + 1)"
    }
    let predicate = predicate(
      segment.rule.expression, Scope(columns: columns, from: from, owner: segment.name), indent: 2)
    lines.append("SELECT \(customer)\nFROM \(from)\nWHERE\n  \(predicate)\nORDER BY \(customer)")
    return lines.joined(separator: "\n")
  }

  /// The SELECT of the customers for whom a rule without references is true.
  public func select(_ rule: Rule) -> String {
    let predicate = predicate(rule.expression, Scope(from: relation), indent: 2)
    return "SELECT \(customer)\nFROM \(relation)\nWHERE\n  \(predicate)\nORDER BY \(customer)"
  }

  /// The three-valued predicate of a rule without references.
  public func predicate(_ rule: Rule) -> String {
    predicate(rule.expression, Scope(from: relation), indent: 0)
  }

  /// An identifier in double quotes, those within it doubled.
  public static func identifier(_ name: String) -> String {
    "\""
      + name.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }

  /// The segments that a segment rests on, in an order in which each follows its own.
  private func dependencies(
    of segment: Segment, in catalogue: SegmentCatalogue
  ) throws(RuleError) -> [String] {
    var wanted: Set<String> = []
    var open = segment.dependencies
    while let name = open.popLast() {
      guard wanted.insert(name).inserted else { continue }
      guard let other = catalogue.segment(named: name) else {
        throw RuleError(
          code: "rules.segment_missing",
          message: "expected segment '\(name)' in the catalogue, found none")
      }
      open += other.dependencies
    }
    return catalogue.evaluationOrder.filter { wanted.contains($0) }
  }
}

extension RuleSQL {
  /// Where a predicate stands.
  struct Scope {
    /// The columns that hold whether a customer is in other segments.
    var columns: [String: String] = [:]
    /// The relation whose rows are tested.
    var from: String
    /// The segment whose rule it is.
    var owner: String?
  }

  func predicate(_ expression: Expression, _ scope: Scope, indent: Int) -> String {
    let pad = String(repeating: " ", count: indent + 2)
    let end = String(repeating: " ", count: indent)
    func group(_ parts: [Expression], _ word: String) -> String {
      let inner = parts.map { predicate($0, scope, indent: indent + 2) }
      return "(\n\(pad)" + inner.joined(separator: "\n\(pad)\(word) ") + "\n\(end))"
    }
    switch expression {
    case .all(let parts): return group(parts, "AND")
    case .any(let parts): return group(parts, "OR")
    case .not(let part):
      return "NOT (\(predicate(part, scope, indent: indent)))"
    case .segment(let name, let isMember):
      return (isMember ? "" : "NOT ") + (scope.columns[name] ?? "NULL")
    case .score(let score): return sum(score, scope, indent: indent)
    case .wasMember(let name, let span):
      guard let moment else { return "FALSE" }
      let first = span.firstDay(endingWith: moment.day)
      if let wasMemberWithin { return "(\(wasMemberWithin(name, first)))" }
      guard let lastDay else { return "FALSE" }
      return "coalesce(\(lastDay(name)) >= DATE '\(first)', FALSE)"
    case .condition(let condition):
      let value = self.expression(condition.attribute)
      var test = comparison(condition, value, scope)
      if condition.orMissing { test = "(\(test) OR \(value) IS NULL)" }
      guard let population = condition.population else { return test }
      return "(\(test) AND \(predicate(population, scope, indent: indent)))"
    }
  }

  private func comparison(_ original: Condition, _ value: String, _ scope: Scope) -> String {
    let condition = original.foldsCase ? original.folded : original
    let attribute = condition.attribute
    let literals = condition.operands.map { literal($0, attribute) }
    let first = literals.first ?? "NULL"
    let last = literals.last ?? "NULL"
    // Text is compared by bytes, whatever the collation of the column.
    let text = original.foldsCase ? CaseFolding.sql(value) : value
    let ordered = attribute.type == .text ? "(\(text) COLLATE \"C\")" : value
    if condition.operator.isRelative { return relative(condition, value) }
    if attribute.type == .instant, !condition.operator.isPercentile {
      return instants(condition, value)
    }
    switch condition.operator {
    case .equal: return "\(ordered) = \(first)"
    case .notEqual: return "\(ordered) <> \(first)"
    case .greater, .after: return "\(ordered) > \(first)"
    case .greaterOrEqual: return "\(ordered) >= \(first)"
    case .less, .before: return "\(ordered) < \(first)"
    case .lessOrEqual: return "\(ordered) <= \(first)"
    case .between: return "\(ordered) BETWEEN \(first) AND \(last)"
    case .isIn: return "\(ordered) IN (\(literals.joined(separator: ", ")))"
    case .notIn: return "\(ordered) NOT IN (\(literals.joined(separator: ", ")))"
    case .contains: return "position(\(first) IN \(ordered)) > 0"
    case .startsWith: return "starts_with(\(ordered), \(first))"
    case .endsWith: return "right(\(ordered), \(length(condition))) = \(first)"
    case .matches: return "\(ordered) ~ \(pattern(condition))"
    case .isMissing: return "\(value) IS NULL"
    case .isPresent: return "\(value) IS NOT NULL"
    case .topPercent, .bottomPercent, .topCount, .bottomCount:
      return percentile(condition, value, scope)
    // References never are conditions; what is relative was answered above.
    case .withinLast, .notWithinLast, .memberOf, .notMemberOf, .wasMemberOf: return "NULL"
    }
  }

  /// The pattern in the spelling that PostgreSQL reads as we do.
  private func pattern(_ condition: Condition) -> String {
    guard case .text(let text) = condition.operands.first,
      let pattern = try? TextPattern(text.string)
    else { return "NULL" }
    return RuleText.quoted(pattern.sql)
  }

  /// A window that ends before the as-of.
  private func relative(_ condition: Condition, _ value: String) -> String {
    guard let moment, case .span(let span) = condition.operands.first else { return "NULL" }
    let test: String
    if condition.attribute.type == .day {
      test =
        "\(value) BETWEEN DATE '\(span.firstDay(endingWith: moment.day))' AND DATE '\(moment.day)'"
    } else {
      let (from, before) = moment.window(span)
      test =
        "(\(value) >= TIMESTAMPTZ '\(from)' AND \(value) < TIMESTAMPTZ '\(before)')"
    }
    return condition.operator == .withinLast ? "(\(test))" : "NOT (\(test))"
  }

  /// A sum of weights: true where the least possible sum reaches the threshold, false where the greatest
  /// does not.
  private func sum(_ score: Score, _ scope: Scope, indent: Int) -> String {
    let pad = String(repeating: " ", count: indent + 4)
    func total(_ unknown: (ExactDecimal) -> Bool) -> String {
      score.parts.map { part in
        let test = predicate(part.condition, scope, indent: indent + 4)
        let missing = unknown(part.weight) ? "\(part.weight)" : "0"
        return
          "CASE (\(test)) WHEN TRUE THEN (\(part.weight)) WHEN FALSE THEN 0 ELSE (\(missing)) END"
      }.joined(separator: "\n\(pad)+ ")
    }
    var threshold = score.threshold.isNegative ? "(\(score.threshold))" : "\(score.threshold)"
    if let leave = score.leaveBelow {
      let was = scope.owner.flatMap { owner in wasMember.map { $0(owner) } } ?? "FALSE"
      threshold = "CASE WHEN \(was) THEN \(leave) ELSE \(score.threshold) END"
    }
    return """
      (CASE
      \(pad)WHEN \(total { $0.isNegative })
      \(pad)>= \(threshold) THEN TRUE
      \(pad)WHEN \(total { !$0.isNegative })
      \(pad)< \(threshold) THEN FALSE END)
      """
  }

  /// The number of characters of a text operand, as PostgreSQL counts them.
  private func length(_ condition: Condition) -> Int {
    if case .text(let text) = condition.operands.first { return text.string.unicodeScalars.count }
    return 0
  }

  /// Comparisons of instants: a local day is `[start, end)`, an instant is itself.
  private func instants(_ condition: Condition, _ value: String) -> String {
    func timestamp(_ instant: Instant) -> String { "TIMESTAMPTZ '\(instant)'" }
    func bounds(_ operand: RuleValue) -> (start: Instant, end: Instant, isDay: Bool) {
      switch operand {
      case .localDay(_, let start, let end): (start, end, true)
      case .instant(let instant): (instant, instant, false)
      case .number, .percent, .text, .boolean, .day, .span:
        preconditionFailure("an operand of another type")
      }
    }
    func from(_ operand: RuleValue) -> String { "\(value) >= \(timestamp(bounds(operand).start))" }
    func upTo(_ operand: RuleValue) -> String {
      let (_, end, isDay) = bounds(operand)
      return "\(value) \(isDay ? "<" : "<=") \(timestamp(end))"
    }
    func within(_ low: RuleValue, _ high: RuleValue) -> String {
      "(\(from(low)) AND \(upTo(high)))"
    }
    func oneOf() -> String {
      "(\(condition.operands.map { within($0, $0) }.joined(separator: " OR ")))"
    }
    guard let first = condition.operands.first, let last = condition.operands.last else {
      return condition.operator == .isMissing ? "\(value) IS NULL" : "\(value) IS NOT NULL"
    }
    switch condition.operator {
    case .equal: return within(first, first)
    case .notEqual: return "NOT \(within(first, first))"
    case .greater, .after:
      let (_, end, isDay) = bounds(first)
      return "\(value) \(isDay ? ">=" : ">") \(timestamp(end))"
    case .greaterOrEqual: return from(first)
    case .less, .before: return "\(value) < \(timestamp(bounds(first).start))"
    case .lessOrEqual: return upTo(first)
    case .between: return within(first, last)
    case .isIn: return oneOf()
    case .notIn: return "NOT \(oneOf())"
    case .contains, .startsWith, .endsWith, .matches, .isMissing, .isPresent, .withinLast,
      .notWithinLast, .topPercent, .bottomPercent, .topCount, .bottomCount, .memberOf,
      .notMemberOf, .wasMemberOf:
      return "NULL"
    }
  }

  /// The law of ``Percentiles`` in SQL: the value at the cut's rank, and beyond it only where the
  /// cut is the extreme value.
  private func percentile(_ condition: Condition, _ value: String, _ scope: Scope) -> String {
    let isTop = condition.operator == .topPercent || condition.operator == .topCount
    let among = condition.population.map { predicate($0, scope, indent: 0) }
    let from = scope.from
    let direction = isTop ? "DESC" : "ASC"
    let operand: String
    switch condition.operands.first {
    case .percent(let share): operand = "ceil(\(share) * n / 100.0)"
    case .number(let count): operand = "least(\(count), n)"
    case .text, .boolean, .day, .instant, .localDay, .span, nil: operand = "n"
    }
    let ranked =
      "(SELECT \(value) AS v, row_number() OVER (ORDER BY \(value) \(direction)) AS place, "
      + "count(*) OVER () AS n FROM \(from) WHERE \(value) IS NOT NULL"
      + (among.map { " AND \($0)" } ?? "") + ") AS ranked"
    let cut = "(SELECT v FROM \(ranked) WHERE place = \(operand))"
    let those = from + (among.map { " WHERE \($0)" } ?? "")
    let extreme = "(SELECT \(isTop ? "min" : "max")(\(value)) FROM \(those))"
    let beyond = isTop ? ">" : "<"
    var degenerate = "\(cut) = \(extreme)"
    let isCount = condition.operator == .topCount || condition.operator == .bottomCount
    if isCount, case .number(let count) = condition.operands.first {
      degenerate += " AND \(count) < (SELECT count(\(value)) FROM \(those))"
    }
    return "(\(value) \(beyond)= \(cut) AND (\(value) \(beyond) \(cut) OR NOT (\(degenerate))))"
  }

  private func literal(_ value: RuleValue, _ attribute: Attribute) -> String {
    switch value {
    case .number(let number), .percent(let number):
      let digits = number.isNegative ? "(\(number))" : number.description
      return attribute.type == .real ? "\(digits)::double precision" : digits
    case .text(let text): return RuleText.quoted(text.string)
    case .boolean(let value): return value ? "TRUE" : "FALSE"
    case .day(let day): return "DATE '\(day)'"
    case .instant(let instant): return "TIMESTAMPTZ '\(instant)'"
    case .localDay(let day, _, _): return "DATE '\(day)'"
    // Windows are written with their bounds.
    case .span: return "NULL"
    }
  }
}

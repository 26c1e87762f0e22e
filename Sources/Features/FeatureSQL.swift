import Schedules

/// The SQL that says what a feature is: for analysts to read and run, and the oracle in tests.
///
/// It is never a second truth: the engine computes features from tiles, and a test holds both
/// equal. Bounds are literal instants, so the text of a feature at an instant is always the same.
public enum FeatureSQL {
  /// One query with the columns `customer_id` and `value`, ordered by customer.
  ///
  /// Counts and money sums are exact (`bigint`, `numeric`), ratios `float8`, recency `integer`,
  /// profile attributes of the type declared.
  /// - Throws: ``FeatureError`` `features.unknown_feature`; `features.no_sql` for scores, which
  ///   exist only as published by a model.
  public static func text(
    of name: String, in catalogue: FeatureCatalogue, asOf: Instant, zone: Zone
  ) throws -> String {
    let feature = try catalogue.resolve(name)
    let writer = Writer(asOf: asOf, days: LocalDays(zone: zone))
    let body: String
    switch feature.expression {
    case .total, .recency, .profile: body = try writer.select(feature) + "\nORDER BY c.customer_id"
    case .ratio(let numerator, let denominator, let minimum):
      let over = try catalogue.resolve(numerator)
      let under = try catalogue.resolve(denominator)
      body = """
        WITH numerator AS (
        \(indent(try writer.select(over)))
        ), denominator AS (
        \(indent(try writer.select(under)))
        )
        SELECT n.customer_id,
               CASE WHEN d.value >= \(unscaled(minimum, under.scale ?? 0))
                 THEN n.value::float8 / d.value::float8 END AS value
        FROM numerator AS n
        JOIN denominator AS d USING (customer_id)
        ORDER BY n.customer_id
        """
    case .score(let model):
      throw FeatureError(
        code: "features.no_sql",
        message: "expected a feature made of events or profiles, found '\(feature.name)'",
        hint: "it is the score of model \(model); the models' tables hold it")
    }
    return heading(feature, asOf, zone) + body + ";\n"
  }

  // Kept out of line: inlined above, it crashes the optimiser of Swift 6.3.1 (CopyPropagation).
  @inline(never)
  private static func heading(_ feature: FeatureDefinition, _ asOf: Instant, _ zone: Zone) -> String
  {
    let window = feature.window.map { ", \($0)" } ?? ""
    return "-- \(feature.name): \(feature.unit.rawValue)\(window), as of \(asOf) (\(zone.name))\n"
  }

  /// A text as an SQL literal (`standard_conforming_strings`, PostgreSQL's default).
  static func literal(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }

  private static func indent(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }
      .joined(separator: "\n")
  }

  private static func unscaled(_ value: Int64, _ scale: Int) -> String {
    guard scale > 0 else { return String(value) }
    let digits = String(value)
    let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
    return padded.dropLast(scale) + "." + padded.suffix(scale)
  }

  private struct Writer {
    let asOf: Instant
    let days: LocalDays

    var last: Day { days.lastDay(before: asOf) }

    func instant(_ value: Instant) -> String { "timestamptz '\(value)'" }

    /// One row per customer known at `as_of`.
    func select(_ feature: FeatureDefinition) throws -> String {
      switch feature.expression {
      case .total(let terms, let window):
        let kinds = Set(terms.flatMap(\.measure.kinds)).sorted()
        return everyone(
          "coalesce(e.value, 0)",
          events("\(terms.map(self.term).joined()) AS value", kinds, bounds(window)))
      case .recency(let measure):
        let zone = literal(days.zone.name)
        let day = "(max(e.occurred_at) AT TIME ZONE \(zone))::date"
        return everyone(
          "date '\(last)' - e.value",
          events("\(day) AS value", measure.kinds, bounds(.lifetime)))
      case .profile(let attribute):
        return """
          SELECT c.customer_id, \(cast("c.profile ->> \(literal(attribute))", feature.type)) AS value
          FROM facts.customers AS c
          WHERE \(known)
          """
      case .ratio, .score:
        throw FeatureError(
          code: "features.ratio_operand",
          message: "expected a count, sum or recency, found '\(feature.name)'")
      }
    }

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

    private var known: String {
      "c.first_seen_at < \(instant(asOf)) OR c.first_seen_at IS NULL"
    }

    private func everyone(_ value: String, _ events: String) -> String {
      """
      SELECT c.customer_id, \(value) AS value
      FROM facts.customers AS c
      LEFT JOIN (
      \(indent(events))
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

    private func list(_ kinds: [String]) -> String {
      kinds.map(FeatureSQL.literal).joined(separator: ", ")
    }

    private func literal(_ text: String) -> String { FeatureSQL.literal(text) }

    private func term(_ term: FeatureDefinition.Term) -> String {
      let kinds = term.measure.kinds
      let filter =
        kinds.count == 1
        ? "k.name = \(literal(kinds[0]))" : "k.name IN (\(list(kinds)))"
      let aggregate =
        term.measure.value == .count
        ? "count(*) FILTER (WHERE \(filter))"
        : "coalesce(sum(e.\(term.measure.value.rawValue)) FILTER (WHERE \(filter)), 0)"
      return term.negative ? "\n         - \(aggregate)" : aggregate
    }

    /// Half-open; a previous window ends where the next one starts.
    private func bounds(_ window: Window) -> String {
      let span = window.span(endingOn: last)
      let end = span.last == last ? asOf : days.end(of: span.last)
      let upper = "e.occurred_at < \(instant(end))"
      guard span.first != DaySpan.unbounded else { return upper }
      let start = days.zone.midnight(span.first)
      return "e.occurred_at >= \(instant(start))\n  AND \(upper)"
    }
  }
}

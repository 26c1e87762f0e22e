import Schedules

/// Profile attributes as they held just before the instant, as it is believed now.
extension FeatureSQLWriter {
  /// What sources gave, then one step for each thing that the project says of the attribute.
  func profile(_ attribute: String, _ type: FeatureType) -> String {
    let given = "p.attributes ->> \(literal(attributes.source(of: attribute)))"
    func body(_ value: String) -> String {
      // A statement at the instant itself does not exist for it, so the span before it counts.
      """
      SELECT c.customer_id, \(value) AS value
      FROM facts.customers AS c
      LEFT JOIN facts.customer_profile AS p
        ON p.customer_id = c.customer_id AND p.recorded_to = 'infinity'
        AND p.valid_from < \(instant(asOf)) AND p.valid_to >= \(instant(asOf))
      WHERE \(known)
      """
    }
    let chain = attributes.chain(to: attribute)
    let steps = chain.enumerated().flatMap { place, name in
      attributes.definition(name).map { self.steps($0, isDerived: place > 0) } ?? []
    }
    guard attributes.isDefined(attribute) else { return body(cast(given, type)) }
    var query = body(given)
    for step in steps + typed(type, fallback: attributes.fallback(attribute)) {
      query = """
        SELECT c.customer_id, \(step) AS value
        FROM (
        \(FeatureSQL.indent(query))
        ) AS c
        """
    }
    return query
  }

  /// What a definition makes of `c.value`, which is text.
  private func steps(
    _ definition: ProfileAttributes.Definition, isDerived: Bool
  ) -> [String] {
    var steps: [String] = isDerived ? derivation(definition) : []
    var tests: [String] = []
    if let accepted = definition.accepted {
      tests.append(
        accepted.isEmpty ? "false" : "c.value IN (\(list(accepted)))")
    }
    if definition.min != nil || definition.max != nil {
      let bounds = [
        definition.min.map { "c.value::numeric >= \($0)" },
        definition.max.map { "c.value::numeric <= \($0)" },
      ].compactMap { $0 }.joined(separator: " AND ")
      tests.append("CASE WHEN c.value ~ \(Self.number) THEN \(bounds) ELSE false END")
    }
    let fallback = definition.fallback.map(literal) ?? "NULL"
    if !tests.isEmpty {
      steps.append(
        "CASE WHEN \(tests.joined(separator: " AND ")) THEN c.value ELSE \(fallback) END")
    } else if definition.fallback != nil {
      steps.append("coalesce(c.value, \(fallback))")
    }
    return steps
  }

  private static let number = #"'^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$'"#
  private static let whole = "'^[+-]?[0-9]{1,18}$'"

  private func derivation(_ definition: ProfileAttributes.Definition) -> [String] {
    switch definition.derive {
    case "age":
      return [
        date(of: "left(c.value, 10)"),
        """
        CASE WHEN c.value <= date '\(last)'
                  THEN extract(year FROM age(date '\(last)', c.value))::integer::text END
        """,
      ]
    case "band":
      let bands = definition.labelledBands
      let cases = bands.reversed().map { "WHEN c.value >= \($0.from) THEN \(literal($0.label))" }
      let least = literal("under \(bands.first?.from ?? 0)")
      return [
        "CASE WHEN c.value ~ \(Self.whole) THEN c.value::bigint END",
        (["CASE"] + cases + ["WHEN c.value IS NOT NULL THEN \(least) END"]).joined(separator: " "),
      ]
    case "lookup":
      let values = (definition.values ?? [:]).sorted { $0.key < $1.key }
      let cases = values.map { "WHEN \(literal($0.key)) THEN \(literal($0.value))" }
      return [cases.isEmpty ? "NULL" : "CASE c.value \(cases.joined(separator: " ")) END"]
    default: return ["NULL"]
    }
  }

  /// Text as a date, null where the calendar lacks it: a cast would be an error.
  private func date(of text: String) -> String {
    """
    CASE WHEN \(text) ~ '^[0-9]{4}-(0[1-9]|1[0-2])-[0-9]{2}$' AND \(text) !~ '^0000'
              THEN CASE WHEN substr(\(text), 9)::integer BETWEEN 1 AND extract(day FROM
                make_date(substr(\(text), 1, 4)::integer, substr(\(text), 6, 2)::integer, 1)
                + interval '1 month - 1 day') THEN (\(text))::date END END
    """
  }

  /// Text as a value of the type; what is none of it gives way to what stands in.
  private func typed(_ type: FeatureType, fallback: String?) -> [String] {
    if type == .text { return [] }
    let value = checked("c.value", type)
    guard let constant = fallback.flatMap({ constant($0, type) }) else { return [value] }
    return ["coalesce(\(value), \(constant))"]
  }

  /// A text as a literal of the type; nil where it is none.
  private func constant(_ text: String, _ type: FeatureType) -> String? {
    switch type {
    case .text: literal(text)
    case .integer: Int64(text).map { "\($0)" }
    case .decimal: Decimal4.parse(text).map { FeatureSQL.unscaled($0, 4) }
    case .boolean: ["true", "false"].first { $0 == text }
    case .date: Day(iso8601: text).map { "date '\($0)'" }
    case .timestamp: Instant(rfc3339: text).map { instant($0) }
    case .real: nil
    }
  }

  private func checked(_ text: String, _ type: FeatureType) -> String {
    switch type {
    case .text: text
    case .integer: "CASE WHEN \(text) ~ \(Self.whole) THEN (\(text))::bigint END"
    case .decimal:
      #"CASE WHEN \#(text) ~ '^-?[0-9]{1,14}(\.[0-9]{1,4})?$' THEN (\#(text))::numeric(18,4) END"#
    case .boolean: "CASE \(text) WHEN 'true' THEN true WHEN 'false' THEN false END"
    case .date: date(of: text)
    case .timestamp:
      """
      CASE WHEN (\(date(of: "left(\(text), 10)"))) IS NOT NULL
                AND substr(\(text), 11) ~ \(Self.time) THEN (\(text))::timestamptz END
      """
    case .real: "NULL::float8"
    }
  }

  private static let time =
    #"'^[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?([Zz]|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)$'"#
}

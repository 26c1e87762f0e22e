/// Features of features.
extension FeatureSQLWriter {
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
      let scaled = FeatureSQL.unscaled(minimum, scales[denominator] ?? 0)
      let quotient = FeatureSQL.quotient(
        value(numerator), scales[numerator], value(denominator), scales[denominator])
      expression = """
        CASE WHEN \(value(denominator)) >= \(scaled)
             THEN \(quotient) END
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
    case .formula(let formula): expression = try self.formula(formula, value)
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

  func rank(
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

  func formula(_ formula: Formula, _ value: (String) -> String) throws -> String {
    switch formula {
    case .number(let number, let scale): return FeatureSQL.unscaled(number, scale)
    case .feature(let name): return value(name)
    case .negative(let part): return "(- \(try self.formula(part, value)))"
    case .binary(.divide, let left, let right):
      let quotient = FeatureSQL.quotient(
        try self.formula(left, value), try left.scale(scales),
        "nullif(\(try self.formula(right, value)), 0)", try right.scale(scales))
      return "(\(quotient))"
    case .binary(let sign, let left, let right):
      let (left, right) = (try self.formula(left, value), try self.formula(right, value))
      return "(\(left) \(sign.rawValue) \(right))"
    case .call(let function, let parts):
      return self.call(function, try parts.map { try self.formula($0, value) })
    }
  }

  func call(_ function: Formula.Function, _ parts: [String]) -> String {
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

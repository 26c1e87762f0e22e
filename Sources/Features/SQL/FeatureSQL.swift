import Schedules

/// The SQL that says what a feature is: for analysts to read and run, and the oracle in tests.
///
/// It is never a second truth: the engine computes features from tiles and rings, and a test holds
/// both equal. Bounds are literal instants, so the text of a feature at an instant is always the
/// same. A feature made of features is one query with a CTE for each of them.
public enum FeatureSQL {
  /// One query with the columns `customer_id` and `value`, ordered by customer.
  ///
  /// Counts and money sums are exact (`bigint`, `numeric`), ratios `float8`, recency `integer`,
  /// profile attributes of the type declared, scores `float8`: those that a model has given, read.
  /// - Parameter attributes: what the project's sources say of profile attributes.
  /// - Throws: ``FeatureError`` `features.unknown_feature`.
  public static func text(
    of name: String, in catalogue: FeatureCatalogue, asOf: Instant, zone: Zone,
    attributes: ProfileAttributes = .none
  ) throws -> String {
    let feature = try catalogue.resolve(name)
    let writer = FeatureSQLWriter(
      asOf: asOf, days: LocalDays(zone: zone), attributes: attributes)
    let body: String
    switch feature.expression {
    case .ratio(let numerator, let denominator, let minimum)
    where try catalogue.resolve(numerator).operands.isEmpty
      && catalogue.resolve(denominator).operands.isEmpty:
      body = try ratio(
        catalogue.resolve(numerator), catalogue.resolve(denominator), minimum, writer)
    default:
      body =
        feature.operands.isEmpty
        ? try writer.select(feature) + "\nORDER BY c.customer_id"
        : try derived(feature, catalogue, writer)
    }
    return heading(feature, asOf, zone) + body + ";\n"
  }

  private static func ratio(
    _ over: FeatureDefinition, _ under: FeatureDefinition, _ minimum: Int64,
    _ writer: FeatureSQLWriter
  ) throws -> String {
    """
    WITH numerator AS (
    \(indent(try writer.select(over)))
    ), denominator AS (
    \(indent(try writer.select(under)))
    )
    SELECT n.customer_id,
           CASE WHEN d.value >= \(unscaled(minimum, under.scale ?? 0))
             THEN \(quotient("n.value", over.scale, "d.value", under.scale)) END AS value
    FROM numerator AS n
    JOIN denominator AS d USING (customer_id)
    ORDER BY n.customer_id
    """
  }

  /// A CTE for each feature below, the deepest first, and the feature itself over them.
  private static func derived(
    _ feature: FeatureDefinition, _ catalogue: FeatureCatalogue, _ writer: FeatureSQLWriter
  ) throws -> String {
    let asOf = writer.asOf
    var tables: [String: String] = [:]
    var parts: [String] = []
    /// The name of the CTE of a feature at an instant.
    func table(_ name: String, _ instant: Instant) throws -> String {
      let feature = try catalogue.resolve(name)
      let key = feature.name + (instant == asOf ? "" : " at midnight")
      if let known = tables[key] { return known }
      let body = try self.body(feature, writer.at(instant), catalogue) { try table($0, $1) }
      let cte = "\"\(key)\""
      tables[key] = cte
      parts.append("\(cte) AS (\n\(indent(body))\n)")
      return cte
    }
    let body = try self.body(feature, writer, catalogue) { try table($0, $1) }
    return "WITH " + parts.joined(separator: ", ") + "\n" + body + "\nORDER BY c.customer_id"
  }

  private static func body(
    _ feature: FeatureDefinition, _ writer: FeatureSQLWriter, _ catalogue: FeatureCatalogue,
    _ table: (String, Instant) throws -> String
  ) throws -> String {
    var writer = writer
    let (instant, days) = (writer.asOf, writer.days)
    for name in feature.operands { writer.scales[name] = try catalogue.resolve(name).scale }
    if feature.operands.isEmpty { return try writer.select(feature) }
    let midnight =
      days.isMidnight(instant) ? instant : days.zone.midnight(days.lastDay(before: instant))
    let at = feature.isPopulationRelative ? midnight : instant
    let tables = try feature.operands.map { (name: $0, table: try table($0, at)) }
    return try writer.select(feature, over: tables)
  }

  // Kept out of line: inlined above, it crashes the optimiser of Swift 6.3.1 (CopyPropagation).
  @inline(never)
  private static func heading(_ feature: FeatureDefinition, _ asOf: Instant, _ zone: Zone) -> String
  {
    let window = feature.window.map { ", \($0)" } ?? ""
    let what = feature.unit == .none ? feature.type.rawValue : feature.unit.rawValue
    return "-- \(feature.name): \(what)\(window), as of \(asOf) (\(zone.name))\n"
  }

  /// A text as an SQL literal (`standard_conforming_strings`, PostgreSQL's default).
  static func literal(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }

  static func indent(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }
      .joined(separator: "\n")
  }

  /// A quotient of two numbers, of which real ones have no scale. Decimals are divided as whole numbers
  /// of their unit, so that only the division rounds.
  static func quotient(
    _ over: String, _ overScale: Int?, _ under: String, _ underScale: Int?
  ) -> String {
    guard let overScale, let underScale, max(overScale, underScale) > 0 else {
      return "\(over)::float8 / \(under)::float8"
    }
    return "(\(over) * 10000.0)::float8 / (\(under) * 10000.0)::float8"
  }

  static func unscaled(_ value: Int64, _ scale: Int) -> String {
    guard scale > 0 else { return String(value) }
    let digits = String(value.magnitude)
    let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
    return (value < 0 ? "-" : "") + padded.dropLast(scale) + "." + padded.suffix(scale)
  }
}

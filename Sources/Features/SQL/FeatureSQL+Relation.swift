import Schedules

extension FeatureSQL {
  /// The common table expressions, without `WITH`, that end with `features`: a row per customer known at
  /// the instant, a column per feature.
  ///
  /// - Parameter quote: puts a name into double quotes.
  /// - Throws: as ``text(of:in:asOf:zone:attributes:)``.
  public static func relation(
    of names: [String], in catalogue: FeatureCatalogue, asOf: Instant, zone: Zone,
    attributes: ProfileAttributes = .none, quote: (String) -> String
  ) throws -> String {
    var tables: [String] = []
    var columns: [String] = []
    var joins: [String] = []
    for (place, name) in names.enumerated() {
      // The text of a feature ends with a semicolon and a line break.
      let query = try text(
        of: name, in: catalogue, asOf: asOf, zone: zone, attributes: attributes
      ).dropLast(2)
      let table = quote("feature \(place + 1)")
      tables.append("\(table) AS (\n\(indent(String(query)))\n)")
      columns.append(", f\(place + 1).value AS \(quote(name))")
      joins.append("  LEFT JOIN \(table) AS f\(place + 1) USING (customer_id)\n")
    }
    let instant = "timestamptz '\(asOf)'"
    tables.append(
      """
      features AS (
        SELECT c.customer_id\(columns.joined())
        FROM facts.customers AS c
      \(joins.joined())  WHERE c.first_seen_at < \(instant) OR c.first_seen_at IS NULL
      )
      """)
    return tables.joined(separator: ", ")
  }
}

import Features
import Schedules

/// Features as one relation in SQL, for rules that analysts read and run: a row per customer known
/// at an instant, a column per feature.
///
/// Like ``Features/FeatureSQL`` it is a reading copy: membership is never computed by it.
public enum FeatureRelation {
  /// The FROM item of features, hidden ones among them; columns have the features' names.
  ///
  /// - Parameter attributes: what the project's sources say of profile attributes.
  /// - Throws: as ``Features/FeatureSQL/text(of:in:asOf:zone:attributes:)``.
  public static func sql(
    of names: [String], in catalogue: FeatureCatalogue, asOf: Instant, zone: Zone,
    attributes: ProfileAttributes = .none, alias: String = "features"
  ) throws -> String {
    var columns = ["c.customer_id"]
    var joins: [String] = []
    for (number, name) in names.enumerated() {
      let text = try FeatureSQL.text(
        of: name, in: catalogue, asOf: asOf, zone: zone, attributes: attributes)
      // A query ends with a semicolon and a line break, a subquery with neither.
      let body = text.dropLast(2).split(separator: "\n", omittingEmptySubsequences: false)
        .map { "    " + $0 }.joined(separator: "\n")
      columns.append("f\(number + 1).value AS \"\(name)\"")
      joins.append("  LEFT JOIN (\n\(body)\n  ) AS f\(number + 1) USING (customer_id)")
    }
    return """
      (
        SELECT \(columns.joined(separator: ", "))
        FROM facts.customers AS c
      \(joins.joined(separator: "\n"))
        WHERE c.first_seen_at < timestamptz '\(asOf)' OR c.first_seen_at IS NULL
      ) AS \(alias)
      """
  }
}

import Features
import Rules
import Schedules

/// A segment's members as one query that an analyst can run against the warehouse: the SQL of every
/// feature that the rule reads, and the rule over them.
///
/// It is a reading copy and the tests' oracle, never the way membership is computed.
public enum SegmentSQL {
  /// One query with the column `customer_id`, ordered by it.
  ///
  /// - Parameters:
  ///   - asOf: the instant; bounds of windows are literal instants.
  ///   - attributes: what the project's sources say of profile attributes.
  /// - Throws: what ``FeatureSQL/text(of:in:asOf:zone:attributes:)`` throws; `RuleError`.
  public static func text(
    of segment: Segment, in catalogue: SegmentCatalogue, features: FeatureCatalogue, asOf: Instant,
    zone: Zone, attributes: ProfileAttributes = .none
  ) throws -> String {
    let needed = catalogue.closure(of: [segment])
    let names = Set(needed.flatMap { $0.attributes.map(\.name) }).sorted()
    let relation = try FeatureSQL.relation(
      of: names, in: features, asOf: asOf, zone: zone, attributes: attributes,
      quote: RuleSQL.identifier)
    var translator = RuleSQL(
      relation: "features", moment: RuleMoment(asOf: asOf, zone: zone)
    ) { RuleSQL.identifier($0.name) }
    translator.readHistory()
    let rule = try translator.select(segment, of: catalogue)
    let with = "WITH "
    let rest = rule.hasPrefix(with) ? ", " + rule.dropFirst(with.count) : "\n" + rule
    let local = LocalText.moment(asOf, zone)
    return """
      -- segment \(RuleTextLine.visible(segment.name)), as of \(local) (\(zone.name))
      -- \(RuleTextLine.visible(segment.rule.expression.normalised.description))
      WITH \(relation)\(rest);

      """
  }
}

import Columns
import FeatureStore
import Features
import Rules
import Schedules
import Warehouse

/// How two versions of one segment's rule differ, on the customers of one instant.
public struct RuleDifference: Sendable, Hashable, Codable {
  /// The segment.
  public let segment: String
  /// The instant evaluated.
  public let asOf: Instant
  /// The first version's rule.
  public let was: String
  /// The second's.
  public let now: String
  /// Its members by the first version.
  public let membersWas: Int
  /// Its members by the second version.
  public let membersNow: Int
  /// Members by the second and not by the first.
  public let entering: Int
  /// Members by the first and not by the second.
  public let leaving: Int
  /// Some of those who enter.
  public let sampleEntering: [SegmentPlan.Mover]
  /// Some of those who leave.
  public let sampleLeaving: [SegmentPlan.Mover]

  /// The comparison as people read it.
  public func text(zone: Zone, _ ink: TextStyle = TextStyle()) -> String {
    let name = RuleTextLine.visible(segment)
    let lines = [
      "\(ink.bold(name)) as of \(LocalText.moment(asOf, zone))",
      "  \(ink.red("- \(RuleTextLine.visible(was))"))",
      "  \(ink.green("+ \(RuleTextLine.visible(now))"))",
      "  \(LocalText.count(membersWas)) \(ink.sign("→", "->")) "
        + "\(LocalText.plural(membersNow, "member"))  +\(LocalText.count(entering)) "
        + "\(ink.sign("−", "-"))\(LocalText.count(leaving))",
    ]
    return
      (lines + SegmentPlan.movers("entering", sampleEntering, of: entering, ink)
      + SegmentPlan.movers("leaving", sampleLeaving, of: leaving, ink)).joined(separator: "\n")
  }
}

extension SegmentPlanner {
  /// Compares two versions of a segment's rule at the live publication's instant.
  ///
  /// What the versions refer to is that of the file.
  /// - Parameters:
  ///   - was: the version as ``SegmentReader/show(_:)`` has it, its first digits, or `file`.
  ///   - now: another.
  ///   - sample: at most so many customers of each direction.
  /// - Throws: ``SegmentError`` `segments.unknown_segment`, `segments.unknown_version`; `RuleErrors`
  ///   for a rule that today's features cannot read; what building features throws.
  public func versions(
    of name: String, _ was: String, _ now: String, sample: Int
  ) async throws -> RuleDifference {
    let first = try await rule(of: name, version: was)
    let second = try await rule(of: name, version: now)
    let old = try segments.replacing(name, by: first).closed(over: [name])
    let new = try segments.replacing(name, by: second).closed(over: [name])
    let days = LocalDays(zone: zone)
    let asOf =
      try await SegmentReader(pool: pool).liveAsOf() ?? days.lastMidnight(at: clock.now())
    let scope = PlanScope(
      item: PlanScope.Item(segment: name, kind: .changed, because: []), old: old, new: new)
    let read = try scope.features(of: features)
    let table = try await table(read, asOf: asOf)
    var midnight: FeatureTable?
    if !days.isMidnight(asOf), !scope.percentileAttributes.isEmpty {
      midnight = try await self.table(
        try read.restricted(to: scope.percentileAttributes), asOf: days.lastMidnight(at: asOf))
    }
    // The first version takes the place of what is live.
    let priors = try await priors(of: scope, at: asOf, asOf)
    let base = try RuleSet(old).evaluate(
      FeatureColumns(table, prior: priors.old?.rows(of: table.index)),
      cuts: try midnight.map { try RuleSet(old).cuts(FeatureColumns($0)) })
    let live = SegmentEvaluation(
      asOf: asOf, customers: table.index,
      segments: [SegmentDefinition(name: name, title: name, rule: "", ruleVersion: was)],
      members: [base.verdicts[name]?.isTrue ?? Bitset(count: table.index.count)])
    var comparison = PlanComparison(
      scope: scope, live: live, options: Options(sample: sample), asOf: asOf)
    comparison.priors = priors
    try comparison.compare(table, cuts: midnight)
    let result = comparison.results[name] ?? PlanComparison.Result()
    let keys = try await keys(of: result.drawn)
    return RuleDifference(
      segment: name, asOf: asOf, was: first.expression.normalised.description,
      now: second.expression.normalised.description, membersWas: result.now,
      membersNow: result.then, entering: result.entering, leaving: result.leaving,
      sampleEntering: result.sampleEntering.map { $0.keyed(keys) },
      sampleLeaving: result.sampleLeaving.map { $0.keyed(keys) })
  }

  private func rule(of name: String, version: String) async throws -> Rule {
    if version == "file" { return try segments.find(name).rule }
    let versions = try await SegmentReader(pool: pool).show(name).versions
    let found = versions.filter { $0.ruleVersion.hasPrefix(version) }
    guard !version.isEmpty, found.count == 1, let only = found.first else {
      throw SegmentError(
        code: "segments.unknown_version",
        message: "expected one version of \(name)'s rule, found \(found.count) that begin with "
          + "'\(version)'",
        hint: "versions are: "
          + versions.map { String($0.ruleVersion.prefix(12)) }.joined(separator: ", ")
          + "; file is the rule of the file")
    }
    if let segment = segments.segment(named: name), segment.rule.version == only.ruleVersion {
      return segment.rule
    }
    return try segments.published(
      only.rule, of: name, attributes: FeatureAttributes(features), zone: zone)
  }
}

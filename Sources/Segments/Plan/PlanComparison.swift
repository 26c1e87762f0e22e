import Columns
import FeatureStore
import Features
import Rules
import Schedules

/// Holds what edited rules give against what is live. Pure: tables in, numbers out.
struct PlanComparison: Sendable {
  /// What becomes of a segment at the live instant.
  struct Result: Sendable {
    var now = 0
    var then = 0
    var entering = 0
    var leaving = 0
    var byData = 0
    var sampleEntering: [SegmentPlan.Mover] = []
    var sampleLeaving: [SegmentPlan.Mover] = []
    var overlaps: [SegmentPlan.Overlap] = []

    /// The customers drawn.
    var drawn: [Int64] { (sampleEntering + sampleLeaving).map(\.customerID) }
  }

  /// A day before.
  struct DaySizes: Sendable {
    let asOf: Instant
    let members: [String: Int]
  }

  let scope: PlanScope
  let live: SegmentEvaluation?
  let options: SegmentPlanner.Options
  let asOf: Instant
  /// What becomes of competing segments by the file; nil to compare what the rules give.
  let stage: Stage?
  /// Who was a member at the midnight before.
  var priors = Priors()
  /// The segments that change, those by competition alone after the others.
  private(set) var items: [PlanScope.Item]
  /// The segments compared.
  private(set) var results: [String: Result] = [:]
  private(set) var days: [DaySizes] = []
  private(set) var customers = 0

  /// What rules that ask about the past go by.
  struct Priors: Sendable {
    /// By the rules of the file, at the midnight before the next table.
    var new: PriorState?
    /// By the published rules, at the midnight before the live instant.
    var old: PriorState?
  }

  /// The catalogue of the file and how its segments compete.
  struct Stage: Sendable {
    let catalogue: SegmentCatalogue
    let resolution: ConflictResolution
  }

  init(
    scope: PlanScope, live: SegmentEvaluation?, options: SegmentPlanner.Options, asOf: Instant,
    stage: Stage? = nil
  ) {
    self.scope = scope
    self.live = live
    self.options = options
    self.asOf = asOf
    self.stage = stage
    items = scope.items
  }

  /// Notes the sizes that the edited rules give at a midnight.
  mutating func add(_ table: FeatureTable) throws {
    let outcome = try EvaluateSegments(scope.new)(over: table, prior: priors.new)
    let found = outcome.evaluation
    priors.new = outcome.next
    let sizes = zip(found.segments.map(\.name), found.members.map(\.population))
    days.append(
      DaySizes(asOf: table.asOf, members: Dictionary(sizes) { first, _ in first }))
  }

  /// Compares at the live instant.
  ///
  /// - Parameters:
  ///   - table: everyone at that instant.
  ///   - midnight: everyone at its last midnight with what percentile conditions test; nil where that
  ///     is the table itself.
  mutating func compare(_ table: FeatureTable, cuts midnight: FeatureTable?) throws {
    let source = FeatureColumns(table, prior: priors.new?.rows(of: table.index))
    let oldSource = FeatureColumns(table, prior: priors.old?.rows(of: table.index))
    let (new, newCuts) = try Self.evaluate(scope.new, source, midnight)
    let (old, oldCuts) = try Self.evaluate(scope.old, oldSource, midnight)
    customers = table.index.count
    let known = live?.customers ?? IDIndex([])
    let universe = PublicationPlan.union(table.index, known)
    let here = RowMap(from: table.index, to: universe)
    let there = RowMap(from: known, to: universe)
    var raw: [String: Bitset] = [:]
    var before: [String: Bitset] = [:]
    if let live {
      for (position, members) in live.rawMembers.enumerated() {
        raw[live.segments[position].name] = there(members)
        before[live.segments[position].name] = there(live.members[position])
      }
    }
    let was = raw
    for item in scope.items {
      raw[item.segment] = new[item.segment].map { here($0.isTrue) }
    }
    let after = settle(raw, universe)
    let movers = Movers(
      universe: universe, table: table, new: Explainer(source, catalogue: scope.new, cuts: newCuts),
      old: Explainer(oldSource, catalogue: scope.old, cuts: oldCuts), scope: scope)
    try note(
      before, after, of: universe, movers,
      byData: { name in
        guard let verdict = old[name] else { return nil }
        return here(verdict.isTrue) ^ (was[name] ?? Bitset(count: universe.count))
      })
  }

  /// What is published of what the rules of the file find.
  private func settle(_ raw: [String: Bitset], _ universe: IDIndex) -> [String: Bitset] {
    guard let stage, !stage.resolution.isIdle(at: asOf) else { return raw }
    let nobody = Bitset(count: universe.count)
    let segments = stage.catalogue.segments
    let settled = stage.resolution(
      SegmentEvaluation(
        asOf: asOf, customers: universe,
        segments: segments.map {
          SegmentDefinition(
            name: $0.name, title: $0.title, rule: "", ruleVersion: $0.rule.version)
        }, members: segments.map { raw[$0.name] ?? nobody }))
    return Dictionary(zip(settled.segments.map(\.name), settled.members)) { first, _ in first }
  }

  /// Notes what becomes of every segment that changes.
  ///
  /// - Parameter byData: the customers whose verdict of a published rule is another than it was when
  ///   it was published; nil for a segment that is new.
  private mutating func note(
    _ before: [String: Bitset], _ after: [String: Bitset], of universe: IDIndex, _ movers: Movers,
    byData: (String) -> Bitset?
  ) throws {
    let nobody = Bitset(count: universe.count)
    let known = Set(items.map(\.segment))
    for name in after.keys.sorted() where !known.contains(name) {
      if after[name] != before[name] ?? nobody {
        items.append(
          PlanScope.Item(
            segment: name, kind: before[name] == nil ? .added : .affected,
            because: ["the competition of segments"]))
      }
    }
    var movers = movers
    for item in items {
      let then = after[item.segment] ?? nobody
      let now = before[item.segment] ?? nobody
      var result = Result()
      result.now = now.population
      result.then = then.population
      let entering = then.subtracting(now)
      let leaving = now.subtracting(then)
      result.entering = entering.population
      result.leaving = leaving.population
      if let moved = byData(item.segment) {
        result.byData = (entering & moved).population + (leaving & moved).population
      }
      result.sampleEntering = try movers.draw(options.sample, of: entering, item.segment)
      result.sampleLeaving = try movers.draw(options.sample, of: leaving, item.segment)
      if item.kind != .removed {
        result.overlaps = Self.overlaps(
          of: item.segment, then, among: after, limit: options.overlaps)
      }
      results[item.segment] = result
    }
  }

  private static func evaluate(
    _ catalogue: SegmentCatalogue, _ source: FeatureColumns, _ midnight: FeatureTable?
  ) throws -> ([String: Verdict], [PercentileCut]) {
    let rules = RuleSet(catalogue)
    let cuts = try midnight.map { try rules.cuts(FeatureColumns($0)) }
    let evaluated = try rules.evaluate(source, cuts: cuts)
    return (evaluated.verdicts, cuts?.reports ?? evaluated.cuts)
  }

  /// The segments that share most members with one, the greatest share first.
  static func overlaps(
    of name: String, _ members: Bitset, among sets: [String: Bitset], limit: Int
  ) -> [SegmentPlan.Overlap] {
    let size = members.population
    return sets.compactMap { other, set -> SegmentPlan.Overlap? in
      guard other != name else { return nil }
      let shared = (members & set).population
      let either = size + set.population - shared
      guard shared > 0 else { return nil }
      return SegmentPlan.Overlap(
        segment: other, shared: shared, jaccard: Double(shared) / Double(either))
    }.sorted {
      $0.jaccard != $1.jaccard ? $0.jaccard > $1.jaccard : $0.segment < $1.segment
    }.prefix(limit).map { $0 }
  }
}

/// Draws customers who enter or leave, and says why.
private struct Movers {
  let universe: IDIndex
  let table: FeatureTable
  var new: Explainer
  var old: Explainer
  let scope: PlanScope

  mutating func draw(
    _ count: Int, of rows: Bitset, _ segment: String
  ) throws -> [SegmentPlan.Mover] {
    guard count > 0 else { return [] }
    let ids = universe.ids
    let drawn = SampleOrder.draw(count, of: rows.rows.lazy.map { ids[$0] })
    return try drawn.map { customer in
      let row = table.row(of: customer)
      let was = try row.flatMap { row in
        try scope.old.segment(named: segment).map { try old.explain($0, row: row) }
      }
      let now = try row.flatMap { row in
        try scope.new.segment(named: segment).map { try new.explain($0, row: row) }
      }
      return SegmentPlan.Mover(
        customerID: customer, customerKey: nil, verdictWas: was?.verdict,
        reasonsWere: was?.reasons ?? [], verdictNow: now?.verdict, reasonsNow: now?.reasons ?? [])
    }
  }
}

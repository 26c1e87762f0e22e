import Columns
import FeatureStore
import Features
import Rules
import Schedules
import Warehouse

/// Compares an edited catalogue with what is live, without publishing anything.
///
/// 1. Decide which segments change (``PlanScope``): other rules, and what depends on them.
/// 2. Read what these rules need, and no other feature: the days before in one sweep, whose last
///    midnight is the live one; within a day its beginning too.
/// 3. Evaluate the edited rules, and the published ones over the same values, which tells what the
///    edit moves from what facts have moved since.
/// 4. Hold the result against the published members.
public struct SegmentPlanner: Sendable {
  /// How far a plan has come.
  public struct Progress: Sendable, Hashable {
    /// Instants evaluated.
    public let done: Int
    /// Instants in all.
    public let total: Int
  }

  /// What is asked of a plan.
  public struct Options: Sendable {
    /// How many days before are compared.
    public var days: Int
    /// At most so many customers who enter, and so many who leave.
    public var sample: Int
    /// At most so many overlaps of a segment.
    public var overlaps: Int
    /// The features whose definitions have changed since the last night.
    public var changedFeatures: Set<String>

    /// Options; by default thirty days, three customers and three overlaps.
    public init(
      days: Int = 30, sample: Int = 3, overlaps: Int = 3, changedFeatures: Set<String> = []
    ) {
      self.days = days
      self.sample = sample
      self.overlaps = overlaps
      self.changedFeatures = changedFeatures
    }
  }

  let pool: ConnectionPool
  let zone: Zone
  let clock: any WallClock
  let features: FeatureCatalogue
  let segments: SegmentCatalogue
  let attributes: ProfileAttributes
  let supply: SegmentExplainer.Supply

  /// A planner for a project whose catalogues these are.
  ///
  /// - Parameter attributes: what the project's sources say of profile attributes.
  public init(
    pool: ConnectionPool, zone: Zone, features: FeatureCatalogue, segments: SegmentCatalogue,
    attributes: ProfileAttributes = .none, clock: any WallClock = SystemClock(),
    supply: @escaping SegmentExplainer.Supply = { _ in }
  ) {
    self.attributes = attributes
    self.pool = pool
    self.zone = zone
    self.clock = clock
    self.features = features
    self.segments = segments
    self.supply = supply
  }

  /// The plan.
  ///
  /// - Parameter progress: is told after each instant.
  /// - Throws: what building features throws; ``SegmentError``; `WarehouseError`.
  public func callAsFunction(
    _ options: Options = Options(), progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) async throws -> SegmentPlan {
    let (live, rules) = try await published()
    let asOf = live?.asOf ?? LocalDays(zone: zone).lastMidnight(at: clock.now())
    let scope = PlanScope(
      before: (rules?.entries ?? []).map { ($0.segment, $0.rule.version) },
      old: rules?.catalogue ?? .empty, new: segments, features: options.changedFeatures)
    var notes = (rules?.unreadable ?? [:]).sorted { $0.key < $1.key }.map {
      "the published rule of \($0.key) cannot be read by today's features: \($0.value)"
    }
    let read = try scope.features(of: features)
    let resolution = ConflictResolution(
      segments, overrides: try await OverrideStore(pool: pool).load())
    var comparison = PlanComparison(
      scope: scope, live: live?.evaluation, options: options, asOf: asOf,
      stage: PlanComparison.Stage(catalogue: segments, resolution: resolution))
    let competes = !resolution.isIdle(at: asOf)
    if competes, options.days > 0, !scope.items.isEmpty {
      notes.append(
        "the sizes of the days before are those of the rules alone, without overrides, groups, cap and "
          + "default")
    }
    if !scope.items.isEmpty || competes {
      notes += try await evaluate(&comparison, read, asOf, live?.asOf, options, progress)
    }
    let kept = segments.segments.count - comparison.items.count { $0.kind != .removed }
    return SegmentPlan(
      publicationID: live?.id, asOf: asOf, publishedAt: live?.publishedAt,
      customers: comparison.customers, unchanged: kept,
      changes: try await changes(comparison, rules, options),
      described: Self.described(live?.evaluation.segments ?? [], segments),
      featuresRead: read.features.count, notes: notes)
  }

  private func published() async throws -> (EarlierPublications.Entry?, RulesInForce?) {
    try await pool.transaction(.repeatableRead, readOnly: true) { connection in
      guard let live = try await EarlierPublications.entry(before: nil, on: connection) else {
        return (nil, nil)
      }
      let rules = try await RulesInForce.read(
        of: live.id, today: segments, attributes: FeatureAttributes(features), zone: zone,
        on: connection)
      return (live, rules)
    }
  }

  // MARK: Reading

  /// Evaluates the live instant and the days before.
  ///
  /// - Returns: what a reader should know.
  private func evaluate(
    _ comparison: inout PlanComparison, _ read: FeatureCatalogue, _ asOf: Instant,
    _ live: Instant?, _ options: Options, _ progress: @escaping @Sendable (Progress) -> Void
  ) async throws -> [String] {
    let days = LocalDays(zone: zone)
    let midnights = try await midnights(
      before: asOf, live: live, comparison.scope.items.isEmpty ? 0 : options.days)
    let isWithinDay = !days.isMidnight(asOf)
    comparison.priors = try await priors(of: comparison.scope, at: midnights.first ?? asOf, asOf)
    let total = midnights.count + (isWithinDay ? 1 : 0)
    var done = 0
    let builder = FeatureBuilder(pool: pool, zone: zone)
    do {
      if isWithinDay {
        var midnight: FeatureTable?
        let cut = comparison.scope.percentileAttributes
        if !cut.isEmpty {
          var everyone = try await builder.build(
            try read.restricted(to: cut), asOf: days.lastMidnight(at: asOf), saving: false
          ).table
          try await supply(&everyone)
          midnight = everyone
        }
        var table = try await builder.build(read, asOf: asOf, saving: false).table
        try await supply(&table)
        var within = comparison
        within.priors = try await priors(of: comparison.scope, at: asOf, asOf)
        try within.compare(table, cuts: midnight)
        within.priors = comparison.priors
        comparison = within
        done += 1
        progress(Progress(done: done, total: total))
      }
      if midnights.isEmpty { return [] }
      var found = comparison
      try await builder.sweep(read, over: midnights) { table in
        var table = table
        try await supply(&table)
        if table.asOf == asOf { try found.compare(table, cuts: nil) }
        try found.add(table)
        done += 1
        progress(Progress(done: done, total: total))
      }
      comparison = found
      return []
    } catch let error as FeatureStoreError where error.code == "feature_store.missing_measure" {
      // A rule over a feature that no night has built: its events are there.
      let known = KnownFeatures(pool: pool, zone: zone, knownAt: clock.now())
      var table = try await known.build(read, asOf: asOf).table
      try await supply(&table)
      var midnight = table
      comparison.priors = try await priors(of: comparison.scope, at: asOf, asOf)
      if isWithinDay {
        midnight = try await known.build(read, asOf: days.lastMidnight(at: asOf)).table
        try await supply(&midnight)
      }
      try comparison.compare(table, cuts: midnight)
      return [
        "a feature that these rules read is in no day tile yet: it was computed from the events, and "
          + "the days before were left out (\(error.message))"
      ]
    }
  }

  /// The published midnights of the last days, and the live one.
  private func midnights(
    before asOf: Instant, live: Instant?, _ count: Int
  ) async throws -> [Instant] {
    let days = LocalDays(zone: zone)
    let last = days.lastMidnight(at: asOf)
    guard live != nil else { return days.isMidnight(asOf) ? [asOf] : [] }
    let first = zone.midnight(days.lastDay(before: last) - count + 1)
    let published = try await pool.query(
      SQL(
        file: "queries/segments/list_published_between.sql",
        count > 0 ? first : last, last)
    ).map { try $0.get("as_of", as: Instant.self) }.filter { days.isMidnight($0) }
    if count > 0, segments.priorNeeds != nil {
      // Rules that ask about the past go from midnight to midnight, leaving none out.
      guard let from = published.first else { return days.isMidnight(asOf) ? [asOf] : [] }
      var all: [Instant] = []
      for at in days.midnights(from: days.day(of: from), through: days.day(of: last))
      where all.last.map({ $0 < at }) ?? true { all.append(at) }
      return all
    }
    if days.isMidnight(asOf), published.last != asOf { return published + [asOf] }
    return published
  }

  /// Who was a member before, for rules that ask: by those of the file before one instant, by the
  /// published ones before the live one.
  func priors(
    of scope: PlanScope, at first: Instant, _ asOf: Instant
  ) async throws -> PlanComparison.Priors {
    PlanComparison.Priors(
      new: try await prior(of: scope.new, before: first),
      old: try await prior(of: scope.old, before: asOf))
  }

  /// Who was a member before an instant, for rules that ask; nil where none does.
  func prior(of rules: SegmentCatalogue, before instant: Instant) async throws -> PriorState? {
    let read = features.answering(rules.attributes.compactMap(\.question))
    return try await PriorStates(
      rules, read, pool: pool, zone: zone, attributes: attributes, clock: clock
    )?.before(instant, supply: supply)
  }

  // MARK: Telling

  private func changes(
    _ comparison: PlanComparison, _ rules: RulesInForce?, _ options: Options
  ) async throws -> [SegmentPlan.Change] {
    let entries = Dictionary(
      (rules?.entries ?? []).map { ($0.segment, $0) }
    ) { first, _ in first }
    let names = comparison.items.map(\.segment)
    let sizes = try await pool.query(
      SQL(
        file: "queries/segments/list_midnight_sizes.sql", comparison.days.map(\.asOf), names))
    var published: [String: [Instant: Int]] = [:]
    for row in sizes {
      published[try row.get("segment"), default: [:]][try row.get("as_of")] = Int(
        try row.get("members", as: Int64.self))
    }
    let drawn = Set(comparison.results.values.flatMap { $0.drawn })
    var keys: [Int64: String] = [:]
    if !drawn.isEmpty {
      let rows = try await pool.query(
        SQL(file: "queries/segments/list_customer_keys.sql", drawn.sorted()))
      for row in rows { keys[try row.get("customer_id")] = try row.get("customer_key") }
    }
    return comparison.items.compactMap { item in
      guard let result = comparison.results[item.segment] else { return nil }
      let segment = segments.segment(named: item.segment)
      return SegmentPlan.Change(
        segment: item.segment,
        title: segment?.title ?? entries[item.segment]?.title ?? item.segment,
        kind: item.kind, was: entries[item.segment]?.rule.text,
        now: segment?.rule.expression.normalised.description, because: item.because,
        membersNow: result.now, membersThen: result.then, entering: result.entering,
        leaving: result.leaving, byData: result.byData,
        share: item.kind == .added || result.now == 0
          ? nil : Double(result.entering + result.leaving - result.byData) / Double(result.now),
        sampleEntering: result.sampleEntering.map { $0.keyed(keys) },
        sampleLeaving: result.sampleLeaving.map { $0.keyed(keys) }, overlaps: result.overlaps,
        days: comparison.days.map { day in
          SegmentPlan.PlannedDay(
            asOf: day.asOf, published: published[item.segment]?[day.asOf],
            planned: day.members[item.segment] ?? 0)
        })
    }
  }

  /// Titles, descriptions and priorities that change.
  private static func described(
    _ live: [SegmentDefinition], _ catalogue: SegmentCatalogue
  ) -> [SegmentPlan.Note] {
    catalogue.segments.compactMap { segment in
      guard let was = live.first(where: { $0.name == segment.name }) else { return nil }
      func priority(_ value: Int?) -> String { value.map(String.init) ?? "none" }
      var changes: [String] = []
      if was.title != segment.title { changes.append("title '\(was.title)' → '\(segment.title)'") }
      if was.description != segment.description ?? "" { changes.append("description") }
      if was.priority != segment.priority {
        changes.append("priority \(priority(was.priority)) → \(priority(segment.priority))")
      }
      return changes.isEmpty ? nil : SegmentPlan.Note(segment: segment.name, changes: changes)
    }
  }
}

extension SegmentPlan.Mover {
  /// With the key that the company gave the customer.
  func keyed(_ keys: [Int64: String]) -> SegmentPlan.Mover {
    SegmentPlan.Mover(
      customerID: customerID, customerKey: keys[customerID], verdictWas: verdictWas,
      reasonsWere: reasonsWere, verdictNow: verdictNow, reasonsNow: reasonsNow)
  }
}

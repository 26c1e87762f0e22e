import Columns
import FeatureStore
import Features
import Rules
import Schedules
import Warehouse

/// Evaluates every rule of a catalogue over the features of one instant.
///
/// Pure: the same table and catalogue give the same evaluation.
public struct EvaluateSegments: Sendable {
  /// An evaluation and what a report may say about it.
  public struct Outcome: Sendable {
    /// Who is a member of what.
    public let evaluation: SegmentEvaluation
    /// Where `top` and `bottom` conditions cut.
    public let cuts: [PercentileCut]
    /// The distinct sub-conditions that were computed, each once.
    public let distinctParts: Int
    /// What the midnight after needs to know of this one; nil where no rule asks, or the as-of is none.
    public let next: PriorState?
  }

  let catalogue: SegmentCatalogue
  let needs: PriorNeeds?

  /// An evaluation of all segments of a catalogue.
  public init(_ catalogue: SegmentCatalogue) {
    self.init(catalogue, needs: catalogue.priorNeeds)
  }

  /// - Parameter needs: those of the catalogue of which this one is a part.
  init(_ catalogue: SegmentCatalogue, needs: PriorNeeds?) {
    self.catalogue = catalogue
    self.needs = needs
  }

  /// The features whose values among everyone decide who is at the top or bottom.
  public var percentileFeatures: [String] {
    RuleSet(catalogue).percentileAttributes.map(\.name)
  }

  /// Where `top` and `bottom` conditions cut among everyone.
  ///
  /// - Parameter table: everyone, with ``percentileFeatures`` at least.
  /// - Throws: what reading a column throws; `RuleError`.
  public func cuts(over table: FeatureTable) throws -> PopulationCuts {
    try RuleSet(catalogue).cuts(FeatureColumns(table))
  }

  /// The members of every segment: the customers for whom its rule is true.
  ///
  /// - Parameters:
  ///   - cuts: those among everyone, for a table of some customers; nil for one of everyone.
  ///   - prior: the state of the last midnight before the as-of (``PriorStates``), needed where a rule
  ///     asks who was a member.
  /// - Throws: what reading a column throws; `RuleError`.
  public func callAsFunction(
    over table: FeatureTable, cuts: PopulationCuts? = nil, prior: PriorState? = nil
  ) throws -> Outcome {
    let evaluated = try catalogue.evaluate(
      FeatureColumns(table, prior: prior?.rows(of: table.index)), cuts: cuts)
    let nobody = Bitset(count: table.index.count)
    let evaluation = SegmentEvaluation(
      asOf: table.asOf, customers: table.index, segments: definitions(table.catalogue),
      members: catalogue.segments.map { evaluated.verdicts[$0.name]?.isTrue ?? nobody })
    return Outcome(
      evaluation: evaluation, cuts: evaluated.cuts, distinctParts: evaluated.distinctParts,
      next: next(evaluation, after: prior, zone: table.zone))
  }

  /// What is published of the segments.
  func definitions(_ features: FeatureCatalogue) -> [SegmentDefinition] {
    let scored = Self.segmentsWithScores(catalogue, features: features)
    return catalogue.segments.map { segment in
      SegmentDefinition(
        name: segment.name, title: segment.title, description: segment.description ?? "",
        priority: segment.priority, rule: segment.rule.expression.normalised.description,
        ruleVersion: segment.rule.version, usesScore: scored.contains(segment.name),
        promotion: segment.promotion)
    }
  }

  /// The state of an evaluation's midnight.
  func next(
    _ evaluation: SegmentEvaluation, after prior: PriorState?, zone: Zone
  ) -> PriorState? {
    guard let needs, let prior, LocalDays(zone: zone).isMidnight(evaluation.asOf) else {
      return nil
    }
    return prior.next(evaluation, needs, zone: zone)
  }

  /// Evaluates everyone at an instant, customer range by customer range, from the stored states.
  ///
  /// Memory: the ranges that are under way, and of everyone a bit for each segment and what `top` and
  /// `bottom` conditions and ranks are found among.
  /// - Parameter supply: gives a table its scores.
  /// - Throws: what building the features throws, and as ``callAsFunction(over:cuts:)``.
  public func callAsFunction(
    everyoneFrom builder: FeatureBuilder, _ features: FeatureCatalogue, asOf: Instant,
    by choice: RangeChoice = .automatic, prior: PriorState? = nil,
    supply: @escaping @Sendable (inout FeatureTable) async throws -> Void = { _ in }
  ) async throws -> Outcome {
    let read = try features.restricted(to: catalogue.attributes.map(\.name))
    // A bit for each segment while the ranges are put together, twice.
    let bits = (catalogue.segments.count + 7) / 8 * 2
    let built = try await builder.eachRange(
      read, asOf: asOf, by: choice, population: percentileFeatures, wholeBytes: bits,
      supply: supply, prepare: { try cuts(over: $0) }
    ) { table, cuts in
      try self(over: table, cuts: cuts, prior: prior)
    }
    guard let first = built.parts.first else {
      throw SegmentError(
        code: "segments.no_ranges", message: "expected a customer range to evaluate, found none")
    }
    let evaluation = SegmentEvaluation.joined(first.evaluation, built.parts.map(\.evaluation))
    return Outcome(
      evaluation: evaluation, cuts: first.cuts, distinctParts: first.distinctParts,
      next: next(evaluation, after: prior, zone: builder.zone))
  }

  /// The segments whose rules read a model score, themselves or through others.
  static func segmentsWithScores(
    _ catalogue: SegmentCatalogue, features: FeatureCatalogue
  ) -> Set<String> {
    var found: Set<String> = []
    // Each segment follows those it refers to.
    for name in catalogue.evaluationOrder {
      guard let segment = catalogue.segment(named: name) else { continue }
      let reads = segment.attributes.contains { attribute in
        guard let feature = features.feature(named: attribute.name) else { return false }
        if case .score = feature.expression { return true }
        return false
      }
      if reads || !found.isDisjoint(with: segment.dependencies) { found.insert(name) }
    }
    return found
  }
}

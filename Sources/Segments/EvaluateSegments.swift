import FeatureStore
import Columns
import Features
import Rules

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
  }

  private let catalogue: SegmentCatalogue

  /// An evaluation of all segments of a catalogue.
  public init(_ catalogue: SegmentCatalogue) { self.catalogue = catalogue }

  /// The members of every segment: the customers for whom its rule is true.
  ///
  /// - Throws: what reading a column throws; `RuleError`.
  public func callAsFunction(over table: FeatureTable) throws -> Outcome {
    let evaluated = try catalogue.evaluate(FeatureColumns(table))
    let nobody = Bitset(count: table.index.count)
    let scored = Self.segmentsWithScores(catalogue, features: table.catalogue)
    return Outcome(
      evaluation: SegmentEvaluation(
        asOf: table.asOf, customers: table.index,
        segments: catalogue.segments.map { segment in
          SegmentDefinition(
            name: segment.name, title: segment.title, description: segment.description ?? "",
            priority: segment.priority, rule: segment.rule.expression.normalised.description,
            ruleVersion: segment.rule.version, usesScore: scored.contains(segment.name))
        },
        members: catalogue.segments.map { evaluated.verdicts[$0.name]?.isTrue ?? nobody }),
      cuts: evaluated.cuts, distinctParts: evaluated.distinctParts)
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

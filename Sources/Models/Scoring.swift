import Columns
import FeatureStore
import Features
import Learning
import Rules

/// A fitted model and whom it scores.
struct Scoring: Sendable {
  /// The scores of some customers.
  struct Part: Sendable {
    let index: IDIndex
    let scores: [Float]
  }

  let population: Rule
  let fitted: FittedModel

  private var rules: RuleSet { RuleSet([("population", population)]) }

  /// What a table must have.
  var features: [String] { fitted.featureNames + population.attributes.map(\.name) }

  /// The features whose values among everyone decide who is scored.
  var percentileFeatures: [String] { rules.percentileAttributes.map(\.name) }

  /// Where the population's rule cuts among everyone.
  func cuts(over table: FeatureTable) throws -> PopulationCuts {
    try rules.cuts(FeatureColumns(table))
  }

  /// Scores the customers of a table; `cuts` are everyone's, nil for a table of everyone.
  func callAsFunction(
    _ table: FeatureTable, _ cuts: PopulationCuts? = nil
  ) async throws -> Part {
    let verdicts = try rules.evaluate(FeatureColumns(table), cuts: cuts).verdicts
    let rows = verdicts["population"]?.isTrue.rows ?? []
    let scores = try await Learners.make(fitted.learner).scores(
      of: fitted, for: table.matrix(of: fitted.featureNames, rows: rows))
    return Part(index: IDIndex(sorted: rows.map { table.index.ids[$0] }), scores: scores)
  }
}

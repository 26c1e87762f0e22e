/// Where the percentile conditions of rules cut among everyone, for evaluations of a part of the
/// customers.
public struct PopulationCuts: Sendable {
  let found: [Condition: (cut: Cut, report: PercentileCut)]

  /// The cuts in the order of their conditions.
  public var reports: [PercentileCut] {
    found.values.map(\.report).sorted { $0.condition < $1.condition }
  }
}

extension RuleSet {
  /// The attributes whose values everyone's percentile conditions cut; each once, by name.
  public var percentileAttributes: [Attribute] {
    var found: [String: Attribute] = [:]
    for condition in percentileConditions {
      found[condition.attribute.name] = condition.attribute
      for other in condition.population?.attributes ?? [] { found[other.name] = other }
    }
    return found.values.sorted { $0.name < $1.name }
  }

  /// The cuts of all percentile conditions.
  ///
  /// - Parameter source: everyone, with ``percentileAttributes`` at least.
  /// - Throws: as ``evaluate(_:known:cuts:)``.
  public func cuts(_ source: any AttributeSource) throws -> PopulationCuts {
    var plan = EvaluationPlan(source: source)
    for condition in percentileConditions { _ = try plan.add(.condition(condition)) }
    return PopulationCuts(found: plan.percentiles.found)
  }

  var percentileConditions: Set<Condition> {
    var found: Set<Condition> = []
    for (_, rule) in rules {
      rule.expression.visit {
        if case .condition(let condition) = $0, condition.operator.isPercentile {
          found.insert(condition)
        }
      }
    }
    return found
  }
}

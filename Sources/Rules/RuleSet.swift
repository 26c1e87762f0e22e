import Columns

/// Named rules that are evaluated together, in one pass over the columns.
public struct RuleSet: Sendable {
  /// The rules; each follows those it refers to.
  public let rules: [(name: String, rule: Rule)]

  /// Rules in an order in which each follows those it refers to.
  public init(_ rules: [(name: String, rule: Rule)]) { self.rules = rules }

  /// The segments of a catalogue.
  public init(_ catalogue: SegmentCatalogue) {
    self.init(
      catalogue.evaluationOrder.compactMap { name in
        catalogue.segment(named: name).map { (name, $0.rule) }
      })
  }

  /// The verdict of every rule; equal sub-conditions are computed once.
  ///
  /// - Parameters:
  ///   - source: the attributes, a row per customer.
  ///   - known: verdicts of rules that need not be evaluated again; they are not returned.
  ///   - cuts: of percentile conditions among everyone, where the source is a part of the customers;
  ///     nil where it is everyone.
  /// - Throws: ``RuleError`` where a column is missing or of another type, a reference leads
  ///   nowhere, and whatever the source throws.
  public func evaluate(
    _ source: any AttributeSource, known: [String: Verdict] = [:], cuts: PopulationCuts? = nil
  ) throws -> Evaluation {
    var plan = EvaluationPlan(source: source, cuts: cuts)
    for name in known.keys.sorted() {
      if let verdict = known[name] { try plan.add(segment: name, given: verdict) }
    }
    var names: [String] = []
    var nodes: [Int] = []
    for (name, rule) in rules where known[name] == nil {
      nodes.append(try plan.add(segment: name, rule.expression))
      names.append(name)
    }
    let verdicts = BlockEvaluator(plan, count: source.count).verdicts(of: nodes)
    return Evaluation(
      verdicts: Dictionary(zip(names, verdicts)) { first, _ in first },
      cuts: plan.percentiles.reports, distinctParts: plan.nodes.count)
  }
}

extension SegmentCatalogue {
  /// The verdict of every segment's rule by segment name.
  ///
  /// - Throws: as ``RuleSet/evaluate(_:known:cuts:)``.
  public func evaluate(
    _ source: any AttributeSource, known: [String: Verdict] = [:], cuts: PopulationCuts? = nil
  ) throws -> Evaluation {
    try RuleSet(self).evaluate(source, known: known, cuts: cuts)
  }
}

extension Rule {
  /// The rule's verdict of every row.
  ///
  /// - Throws: as ``RuleSet/evaluate(_:known:cuts:)``; rules with references need a ``RuleSet``.
  public func evaluate(_ source: any AttributeSource) throws -> Verdict {
    var plan = EvaluationPlan(source: source)
    let node = try plan.add(expression)
    return BlockEvaluator(plan, count: source.count).verdicts(of: [node])[0]
  }
}

import Schedules

extension SegmentCatalogue {
  /// A catalogue without segments.
  public static let empty = SegmentCatalogue(segments: [], evaluationOrder: [])

  /// The segment of a name or slug.
  ///
  /// - Throws: ``RuleError`` `rules.segment_missing`.
  public func resolve(_ name: String) throws(RuleError) -> Segment {
    if let segment = segment(named: name) { return segment }
    throw RuleError(
      code: "rules.segment_missing",
      message: "expected segment '\(name)' in the catalogue, found none")
  }

  /// Some segments with all that they refer to, now or in the past, in an order in which each follows
  /// those it refers to now.
  public func closure(of wanted: [Segment]) -> [Segment] {
    var found: Set<String> = []
    var open = wanted
    while let segment = open.popLast() {
      guard found.insert(segment.name).inserted else { continue }
      open += (segment.dependencies + segment.rule.expression.pastReferences)
        .compactMap { self.segment(named: $0) }
    }
    return evaluationOrder.filter(found.contains).compactMap { segment(named: $0) }
  }

  /// Some segments with all that refer to them, themselves or through others, by name.
  public func dependents(of names: Set<String>) -> Set<String> {
    var found = names
    // Each segment follows those it refers to.
    for name in evaluationOrder {
      guard let segment = segment(named: name) else { continue }
      if !found.isDisjoint(with: segment.dependencies) { found.insert(name) }
    }
    return found
  }

  /// The catalogue of some segments and all that they refer to, now or in the past.
  public func closed(over names: some Sequence<String>) -> SegmentCatalogue {
    let kept = closure(of: names.compactMap { segment(named: $0) })
    let wanted = Set(kept.map(\.name))
    return SegmentCatalogue(
      segments: segments.filter { wanted.contains($0.name) }, evaluationOrder: kept.map(\.name))
  }
}

extension RuleSet {
  /// The rules of some segments, each after those it refers to.
  public init(_ segments: [Segment]) { self.init(segments.map { ($0.name, $0.rule) }) }

  /// The conditions whose cut depends on everyone, as they are written, each once.
  public var percentileConditionTexts: [String] { percentileConditions.map(\.description).sorted() }
}

extension SegmentCatalogue {
  /// Parses a rule that stands alone and may refer to segments of this catalogue.
  ///
  /// - Throws: every fault at once, with line and column in the text.
  public func rule(
    _ text: String, attributes: any AttributeCatalogue, zone: Zone? = nil
  ) throws(RuleErrors) -> Rule {
    try Rule(
      parsing: text, attributes: attributes, zone: zone,
      segments: SegmentNames(segments.map(\.name)))
  }
}

extension SegmentCatalogue {
  /// The catalogue with another rule for a segment, which is added where it is not there.
  ///
  /// - Throws: ``RuleErrors`` `rules.cycle` where the rule leads back to the segment.
  public func replacing(_ name: String, by rule: Rule) throws(RuleErrors) -> SegmentCatalogue {
    let old = segment(named: name)
    let segment = Segment(
      name: name, title: old?.title, description: old?.description, rule: rule,
      priority: old?.priority, group: old?.group, weight: old?.weight,
      channels: old?.channels ?? [], promotion: old?.promotion, location: old?.location)
    let others = segments.filter { $0.name != name }
    let all = others + [segment]
    let faults = FaultList()
    let place = SourceLocation(line: 1, column: 1)
    let references = Dictionary(
      uniqueKeysWithValues: all.map { segment in
        (
          segment.name,
          segment.dependencies.map { RuleChecker.Reference(name: $0, location: place) }
        )
      })
    let order = SegmentCatalogue.dependencyOrder(all.map(\.name), references, faults)
    try faults.throwIfAny()
    return SegmentCatalogue(segments: all, evaluationOrder: order, policy: policy)
  }

  /// Reads a rule as publications keep it; it may refer to segments of this catalogue.
  ///
  /// - Throws: every fault at once, such as an attribute that has gone since.
  public func published(
    _ text: String, of name: String, attributes: any AttributeCatalogue, zone: Zone? = nil
  ) throws(RuleErrors) -> Rule {
    var rules = segments.filter { $0.name != name }.map {
      PublishedRule(
        name: $0.name, title: $0.title, rule: $0.rule.expression.normalised.description)
    }
    rules.append(PublishedRule(name: name, title: name, rule: text))
    let catalogue = try SegmentCatalogue.published(rules, attributes: attributes, zone: zone)
    guard let segment = catalogue.segment(named: name) else {
      throw RuleErrors([RuleError(code: "rules.empty", message: "expected a rule, found none")])
    }
    return segment.rule
  }
}

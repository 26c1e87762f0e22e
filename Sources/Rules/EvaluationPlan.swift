import Columns

/// Every rule as one graph in which equal parts are one node (hash-consing), children first.
struct EvaluationPlan {
  /// One part.
  enum Node: Hashable {
    /// A test of a column by its number.
    case test(column: Int, ValueTest)
    /// True where all are; the children ascend, each once.
    case all([Int])
    /// True where one is.
    case any([Int])
    /// True where the other is false.
    case not(Int)
    /// True where the weights of the true ones add up to a threshold; the weights are not negative, the
    /// children ascend, each once.
    case sum([Int], weights: [Int64], atLeast: Int64)
    /// A verdict that was given, by its number.
    case given(Int)
  }

  private(set) var nodes: [Node] = []
  /// Whether a node is never unknown in this source.
  private(set) var isCertain: [Bool] = []
  private(set) var columns: [Column] = []
  private(set) var given: [Verdict] = []
  private(set) var percentiles: Percentiles

  let source: any AttributeSource
  /// The segment whose rule is being added: whose members a score with hysteresis asks about.
  private(set) var segmentBeingAdded: String?
  private var index: [Node: Int] = [:]
  private var columnIndex: [String: Int] = [:]
  private var segmentNodes: [String: Int] = [:]
  private var givenNodes: [String: Int] = [:]

  /// - Parameter cuts: of percentile conditions among everyone; nil to find them in the source.
  init(source: any AttributeSource, cuts: PopulationCuts? = nil) {
    self.source = source
    percentiles = Percentiles(known: cuts)
  }

  /// Adds a segment's rule under its name, so that later rules may refer to it.
  mutating func add(segment name: String, _ expression: Expression) throws -> Int {
    segmentBeingAdded = name
    defer { segmentBeingAdded = nil }
    let node = try add(expression)
    segmentNodes[name] = node
    return node
  }

  /// Adds rows that are known, once for each key.
  mutating func given(_ rows: Bitset, as key: String) throws -> Int {
    if let known = givenNodes[key] { return known }
    guard rows.count == source.count else {
      throw RuleError(
        code: "rules.row_count",
        message: "expected \(source.count) rows of earlier members, found \(rows.count)")
    }
    given.append(Verdict(isTrue: rows, isUnknown: Bitset(count: rows.count)))
    let node = insert(.given(given.count - 1), certain: true)
    givenNodes[key] = node
    return node
  }

  /// Adds a segment whose verdict is known.
  mutating func add(segment name: String, given verdict: Verdict) throws {
    guard verdict.isTrue.count == source.count else {
      throw RuleError(
        code: "rules.row_count",
        message: "expected a known verdict of \(source.count) rows for '\(name)', found "
          + "\(verdict.isTrue.count)")
    }
    given.append(verdict)
    segmentNodes[name] = insert(.given(given.count - 1), certain: verdict.isUnknown.isEmpty)
  }

  /// Adds a rule; returns its node.
  mutating func add(_ expression: Expression) throws -> Int {
    switch expression {
    case .all(let parts): return group(try parts.map { try add($0) }, isAll: true)
    case .any(let parts): return group(try parts.map { try add($0) }, isAll: false)
    case .not(let part): return negation(of: try add(part))
    case .segment(let name, let isMember):
      guard let node = segmentNodes[name] else {
        throw RuleError(
          code: "rules.segment_missing",
          message: "expected segment '\(name)' among the evaluated ones, found none",
          hint: "evaluate it too, or pass its verdict")
      }
      return isMember ? node : negation(of: node)
    case .condition(let condition): return try add(condition)
    case .score(let score): return try add(score)
    case .wasMember(let name, let span): return try wasMember(name, within: span)
    }
  }

  private mutating func add(_ condition: Condition) throws -> Int {
    let attribute = condition.attribute
    let column = try self.column(attribute)
    var cut: Cut?
    if condition.operator.isPercentile, let representation = columns[column].representation {
      let source = self.source
      cut = try percentiles.cut(
        condition, column: columns[column], representation: representation
      ) { try $0.rows(of: source) }
    }
    if condition.operator.isRelative, source.moment == nil { throw Self.momentMissing }
    let lowered = condition.lowered(
      columns[column].representation, cut: cut, moment: source.moment)
    let isMissing = lowered.test == .missing
    var node = insert(
      .test(column: column, lowered.test),
      certain: isMissing || columns[column].present == nil)
    if lowered.isNegated { node = negation(of: node) }
    if condition.orMissing {
      node = group([node, insert(.test(column: column, .missing), certain: true)], isAll: false)
    }
    guard let population = condition.population else { return node }
    return group([node, try add(population)], isAll: true)
  }

  private mutating func column(_ attribute: Attribute) throws -> Int {
    if let known = columnIndex[attribute.name] { return known }
    let column = try source.column(attribute.name)
    guard column.count == source.count else {
      throw RuleError(
        code: "rules.row_count",
        message: "expected \(source.count) rows of '\(attribute.name)', found \(column.count)")
    }
    guard column.fits(attribute.type) else {
      throw RuleError(
        code: "rules.column_type",
        message: "expected \(attribute.type.words) for '\(attribute.name)', found \(column.words)",
        hint: "the attribute catalogue and the source disagree")
    }
    columns.append(column)
    columnIndex[attribute.name] = columns.count - 1
    return columns.count - 1
  }

  mutating func group(_ children: [Int], isAll: Bool) -> Int {
    let distinct = Array(Set(children)).sorted()
    if distinct.count == 1, let only = distinct.first { return only }
    return insert(
      isAll ? .all(distinct) : .any(distinct), certain: distinct.allSatisfy { isCertain[$0] })
  }

  mutating func negation(of node: Int) -> Int {
    if case .not(let inner) = nodes[node] { return inner }
    return insert(.not(node), certain: isCertain[node])
  }

  mutating func insert(_ node: Node, certain: Bool) -> Int {
    if let known = index[node] { return known }
    nodes.append(node)
    isCertain.append(certain)
    index[node] = nodes.count - 1
    return nodes.count - 1
  }
}

extension Expression {
  /// The rows of a source for which it is true.
  func rows(of source: any AttributeSource) throws -> Bitset {
    var plan = EvaluationPlan(source: source)
    let node = try plan.add(self)
    return BlockEvaluator(plan, count: source.count).verdicts(of: [node])[0].isTrue
  }
}

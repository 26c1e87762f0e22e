import Columns
import Schedules

/// Why a rule says what it says of one customer: a tree of clauses.
public struct Explanation: Sendable, Hashable, Codable {
  /// The clause: `all`, `any`, `not`, a condition or a reference as it is written.
  public let clause: String
  /// The attribute's name, nil for groups and references.
  public let attribute: String?
  /// The customer's value as it is written in a rule; nil where it is null or there is none.
  public let actual: String?
  /// What the value is compared with; nil for groups and references.
  public let threshold: String?
  /// The value at which `top` or `bottom` cut, nil for other clauses.
  public let cut: String?
  /// What the clause says.
  public let verdict: Truth
  /// The parts of groups, the other segment's rule for references.
  public let children: [Explanation]
}

extension Explanation {
  /// A clause that is no rule, in words.
  public init(clause: String, verdict: Truth) {
    self.init(
      clause: clause, attribute: nil, actual: nil, threshold: nil, cut: nil, verdict: verdict,
      children: [])
  }
}

extension Explanation: CustomStringConvertible {
  /// The tree, a clause a line: `yes`, `no` or `null`, the clause, the actual value.
  public var description: String { lines(depth: 0).joined(separator: "\n") }

  private func lines(depth: Int) -> [String] {
    let mark =
      switch verdict {
      case .true: "yes "
      case .false: "no  "
      case .unknown: "null"
      }
    let indent = String(repeating: "  ", count: depth)
    let reached = cut.map { ", cut at \($0)" } ?? ""
    let value =
      attribute == nil ? "" : "  (is \(RuleText.visible(actual ?? "null"))\(reached))"
    let head = "\(mark) \(indent)\(RuleText.visible(clause))\(value)"
    return [head] + children.flatMap { $0.lines(depth: depth + 1) }
  }
}

/// Explains rows of one source; columns and cuts are read once.
public struct Explainer {
  private let source: any AttributeSource
  private let catalogue: SegmentCatalogue?
  private var percentiles = Percentiles()
  private var columns: [String: Column] = [:]
  /// The segment whose rule is being explained.
  private var owner: String?
  private let cuts: [String: PercentileCut]

  /// An explainer; rules with references need the catalogue they stand in.
  ///
  /// - Parameter cuts: where `top` and `bottom` conditions cut among everyone, for a source of some
  ///   customers; without them they cut among those.
  public init(
    _ source: any AttributeSource, catalogue: SegmentCatalogue? = nil, cuts: [PercentileCut] = []
  ) {
    self.source = source
    self.catalogue = catalogue
    self.cuts = Dictionary(cuts.map { ($0.condition, $0) }) { first, _ in first }
  }

  /// The explanation of a rule for one row.
  ///
  /// - Throws: ``RuleError`` where the row or a referred segment does not exist, and whatever the
  ///   source throws.
  public mutating func explain(_ rule: Rule, row: Int) throws -> Explanation {
    guard row >= 0, row < source.count else {
      throw RuleError(
        code: "rules.row", message: "expected a row below \(source.count), found \(row)")
    }
    return try explain(rule.expression, row)
  }

  /// The explanation of a segment's rule for one row: a score that is easier to stay in than to enter
  /// asks whether the row was a member of it.
  ///
  /// - Throws: as ``explain(_:row:)``.
  public mutating func explain(_ segment: Segment, row: Int) throws -> Explanation {
    let outer = owner
    owner = segment.name
    defer { owner = outer }
    return try explain(segment.rule, row: row)
  }

  private mutating func explain(_ expression: Expression, _ row: Int) throws -> Explanation {
    switch expression {
    case .all(let parts):
      let children = try parts.map { try explain($0, row) }
      let verdicts = children.map(\.verdict)
      return group(
        "all", children,
        verdicts.contains(.false) ? .false : verdicts.contains(.unknown) ? .unknown : .true)
    case .any(let parts):
      let children = try parts.map { try explain($0, row) }
      let verdicts = children.map(\.verdict)
      return group(
        "any", children,
        verdicts.contains(.true) ? .true : verdicts.contains(.unknown) ? .unknown : .false)
    case .not(let part):
      let child = try explain(part, row)
      return group("not", [child], child.verdict.negated)
    case .segment(let name, let isMember):
      guard let segment = catalogue?.segment(named: name) else {
        throw RuleError(
          code: "rules.segment_missing",
          message: "expected segment '\(name)' in the catalogue, found none")
      }
      let child = try explain(segment, row: row)
      return group(
        expression.description, [child], isMember ? child.verdict : child.verdict.negated)
    case .condition(let condition): return try explain(condition, row)
    case .score(let score): return try explain(score, row)
    case .wasMember(let name, let span): return try explain(name, within: span, row)
    }
  }

  private func group(
    _ clause: String, _ children: [Explanation], _ verdict: Truth
  ) -> Explanation {
    Explanation(
      clause: clause, attribute: nil, actual: nil, threshold: nil, cut: nil, verdict: verdict,
      children: children)
  }

  private mutating func explain(_ condition: Condition, _ row: Int) throws -> Explanation {
    let attribute = condition.attribute
    let column = try columns[attribute.name] ?? source.column(attribute.name)
    columns[attribute.name] = column
    var cut: Cut?
    let known = condition.operator.isPercentile ? cuts[condition.description] : nil
    let comparison = try known.flatMap { try condition.comparison(at: $0) }
    if comparison == nil, condition.operator.isPercentile,
      let representation = column.representation
    {
      let source = self.source
      cut = try percentiles.cut(condition, column: column, representation: representation) {
        try $0.rows(of: source)
      }
    }
    if condition.operator.isRelative, source.moment == nil { throw EvaluationPlan.momentMissing }
    let lowered = (comparison ?? condition).lowered(
      column.representation, cut: cut, moment: source.moment)
    let value = ColumnValue(column, row: row)
    var verdict: Truth
    if lowered.test == .missing {
      verdict = (value == nil) != lowered.isNegated ? .true : .false
    } else if let value {
      verdict =
        value.fulfils(lowered.test, column.representation) != lowered.isNegated ? .true : .false
    } else {
      verdict = condition.orMissing ? .true : .unknown
    }
    var children: [Explanation] = []
    if let population = condition.population {
      let child = try explain(population, row)
      children = [child]
      verdict = verdict.and(child.verdict)
    }
    let values = condition.operands.map {
      $0.text(unit: condition.operator.isPercentile ? .none : attribute.unit)
    }
    return Explanation(
      clause: condition.description, attribute: attribute.name,
      actual: value?.text(unit: attribute.unit),
      threshold: values.isEmpty ? nil : values.joined(separator: ", "),
      cut: known?.cut ?? percentiles.found[condition]?.report.cut, verdict: verdict,
      children: children)
  }

  /// The sum, or its least and greatest where parts are unknown, against the threshold that counts for
  /// the row.
  private mutating func explain(_ score: Score, _ row: Int) throws -> Explanation {
    var least = ExactDecimal(0)
    var greatest = ExactDecimal(0)
    var children: [Explanation] = []
    for part in score.parts {
      let child = try explain(part.condition, row)
      children.append(child)
      if child.verdict != .false {
        let isMore = !part.weight.isNegative
        if child.verdict == .true || isMore { greatest = greatest.adding(part.weight) ?? greatest }
        if child.verdict == .true || !isMore { least = least.adding(part.weight) ?? least }
      }
    }
    var threshold = score.threshold
    var note = ""
    if let leave = score.leaveBelow {
      guard let name = owner, let members = source.prior?.members[name] else {
        throw EvaluationPlan.priorMissing(owner ?? "this rule")
      }
      let wasMember = members[row]
      if wasMember { threshold = leave }
      note = wasMember ? " (was a member)" : " (was no member)"
    }
    return Explanation(
      clause: score.description, attribute: "score",
      actual: least == greatest ? "\(least)" : "\(least) to \(greatest)",
      threshold: "\(threshold)\(note)", cut: nil,
      verdict: least >= threshold ? .true : greatest < threshold ? .false : .unknown,
      children: children)
  }

  private func explain(_ name: String, within span: TimeSpan, _ row: Int) throws -> Explanation {
    guard let moment = source.moment else { throw EvaluationPlan.momentMissing }
    guard let days = source.prior?.lastDays[name] else { throw EvaluationPlan.priorMissing(name) }
    let first = span.firstDay(endingWith: moment.day)
    let last = days[row].map { Day(number: $0) }
    return Explanation(
      clause: Expression.wasMember(name, within: span).description, attribute: "last midnight",
      actual: last?.description ?? "never", threshold: first.description, cut: nil,
      verdict: last.map { $0 >= first } ?? false ? .true : .false, children: [])
  }
}

extension Condition {
  /// A `top` or `bottom` condition as the comparison that its cut among everyone makes of it; nil
  /// where nobody had a value.
  ///
  /// - Throws: ``RuleErrors`` for a cut that is none of the attribute's values.
  fileprivate func comparison(at cut: PercentileCut) throws -> Condition? {
    guard cut.population > 0 else { return nil }
    let sign = `operator` == .bottomPercent ? "<" : ">"
    let rule = try Rule(
      parsing: "\(RuleText.name(attribute.name)) \(sign)\(cut.isDegenerate ? "" : "=") \(cut.cut)",
      attributes: AttributeList([attribute]))
    guard case .condition(let plain) = rule.expression else { return nil }
    return plain
  }
}

extension Truth {
  /// Both of them.
  func and(_ other: Truth) -> Truth {
    if self == .false || other == .false { return .false }
    return self == .unknown || other == .unknown ? .unknown : .true
  }

  /// `not` of it: unknown stays unknown.
  public var negated: Truth {
    switch self {
    case .true: .false
    case .false: .true
    case .unknown: .unknown
    }
  }
}

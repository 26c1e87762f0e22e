import Columns

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

  /// An explainer; rules with references need the catalogue they stand in.
  public init(_ source: any AttributeSource, catalogue: SegmentCatalogue? = nil) {
    self.source = source
    self.catalogue = catalogue
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
      let child = try explain(segment.rule.expression, row)
      return group(
        expression.description, [child], isMember ? child.verdict : child.verdict.negated)
    case .condition(let condition): return try explain(condition, row)
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
    if condition.operator.isPercentile, let representation = column.representation {
      cut = percentiles.cut(condition, column: column, representation: representation)
    }
    let lowered = condition.lowered(column.representation, cut: cut)
    let value = ColumnValue(column, row: row)
    let verdict: Truth
    if lowered.test == .missing {
      verdict = (value == nil) != lowered.isNegated ? .true : .false
    } else if let value {
      verdict =
        value.fulfils(lowered.test, column.representation) != lowered.isNegated ? .true : .false
    } else {
      verdict = condition.orMissing ? .true : .unknown
    }
    let values = condition.operands.map {
      $0.text(unit: condition.operator.isPercentile ? .none : attribute.unit)
    }
    return Explanation(
      clause: condition.description, attribute: attribute.name,
      actual: value?.text(unit: attribute.unit),
      threshold: values.isEmpty ? nil : values.joined(separator: ", "),
      cut: percentiles.found[condition]?.report.cut, verdict: verdict, children: [])
  }
}

extension Truth {
  /// `not` of it: unknown stays unknown.
  public var negated: Truth {
    switch self {
    case .true: .false
    case .false: .true
    case .unknown: .unknown
    }
  }
}

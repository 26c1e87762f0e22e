import Diagnostics
import Schedules

/// Turns what was read into a checked tree: names resolved, literals typed, faults noted.
struct RuleChecker {
  let attributes: any AttributeCatalogue
  /// The zone of days that are compared with instants; nil where none is known.
  let zone: Zone?
  let faults: FaultList
  /// The segments there are, by the names a reference may use; nil where references are refused.
  let segments: SegmentNames?

  /// A checked part and what it requires of single attributes.
  struct Checked {
    var expression: Expression
    /// The conditions that must all hold where the part holds.
    var conjuncts: [Conjunct]
  }

  /// A condition that must hold, or fail where it is negated.
  struct Conjunct {
    var condition: Condition
    var isNegated: Bool
    var location: SourceLocation
  }

  /// Where a reference to a segment stands.
  struct Reference {
    var name: String
    var location: SourceLocation
  }

  /// The checked tree of a clause and its references; nil after a fault was noted.
  func check(_ clause: Clause) -> (expression: Expression, references: [Reference])? {
    var references: [Reference] = []
    guard let checked = check(clause, insideAll: false, references: &references) else {
      return nil
    }
    return (checked.expression, references)
  }

  func check(
    _ clause: Clause, insideAll: Bool, references: inout [Reference]
  ) -> Checked? {
    switch clause {
    case .all(let clauses, _):
      var parts: [Checked] = []
      for clause in clauses {
        if let part = check(clause, insideAll: true, references: &references) {
          parts.append(part)
        }
      }
      let conjuncts = parts.flatMap(\.conjuncts)
      if !insideAll { reportContradictions(conjuncts) }
      guard parts.count == clauses.count else { return nil }
      return Checked(expression: .all(parts.map(\.expression)), conjuncts: conjuncts)
    case .any(let clauses, _):
      var parts: [Checked] = []
      for clause in clauses {
        if let part = check(clause, insideAll: false, references: &references) {
          parts.append(part)
        }
      }
      guard parts.count == clauses.count else { return nil }
      // A group of one requires what its part does.
      return Checked(
        expression: .any(parts.map(\.expression)),
        conjuncts: parts.count == 1 ? parts[0].conjuncts : [])
    case .not(let clause, _):
      guard let part = check(clause, insideAll: false, references: &references) else {
        return nil
      }
      var conjuncts: [Conjunct] = []
      if case .condition = part.expression {
        conjuncts = part.conjuncts.map {
          Conjunct(
            condition: $0.condition, isNegated: !$0.isNegated, location: $0.location)
        }
      }
      return Checked(expression: .not(part.expression), conjuncts: conjuncts)
    case .events(let parsed):
      return condition(parsed).map {
        Checked(
          expression: .condition($0),
          conjuncts: [Conjunct(condition: $0, isNegated: false, location: parsed.location)])
      }
    case .score(let parsed):
      return score(parsed, references: &references).map {
        Checked(expression: .score($0), conjuncts: [])
      }
    case .condition(let parsed):
      if parsed.operator.isReference {
        return reference(parsed, &references).map { Checked(expression: $0, conjuncts: []) }
      }
      return condition(parsed).map {
        Checked(
          expression: .condition($0),
          conjuncts: [Conjunct(condition: $0, isNegated: false, location: parsed.location)])
      }
    }
  }

  private func reference(
    _ parsed: ParsedCondition, _ references: inout [Reference]
  ) -> Expression? {
    guard let operand = parsed.operands.first else { return nil }
    let written =
      switch operand.form {
      case .quoted(let text), .word(let text): text
      case .number(let number): number.description
      case .percent, .days, .time: operand.words
      }
    guard let segments else {
      faults.add(
        "reference",
        "expected a rule without \(parsed.operator.rawValue), found a reference to segment "
          + "'\(RuleText.visible(written))'",
        hint: "only rules of a segment catalogue may refer to segments", at: parsed.location)
      return nil
    }
    guard let name = segments.resolve(written) else {
      if segments.isRetired(written) {
        faults.add(
          "deleted_segment",
          "expected a segment, found '\(RuleText.visible(written))', which was published and has "
            + "left the catalogue",
          hint: "write it into the catalogue again, or this rule without it",
          at: operand.location)
      } else if segments.isUnruled(written) {
        faults.add(
          "unruled_segment",
          "expected a segment with a rule, found '\(RuleText.visible(written))', the default, which "
            + "has none",
          hint: "rules read what rules say: write what is meant, such as 'not' of the others",
          at: operand.location)
      } else {
        faults.add(
          "unknown_segment", "expected a segment, found '\(RuleText.visible(written))'",
          hint: Suggestion.hint(for: written, among: segments.names)
            ?? "the segments are \(segments.names.prefix(12).map { RuleText.visible($0) }.joined(separator: ", "))"
            + (segments.names.count > 12 ? ", …" : ""), at: operand.location)
      }
      return nil
    }
    if parsed.operator == .wasMemberOf {
      // The past is no circle: it asks about midnights that are over.
      return span(of: parsed).map { .wasMember(name, within: $0) }
    }
    references.append(Reference(name: name, location: operand.location))
    return .segment(name, isMember: parsed.operator == .memberOf)
  }

  // MARK: One condition

  private func condition(_ parsed: ParsedCondition) -> Condition? {
    guard let (name, location) = parsed.attribute else { return nil }
    guard let attribute = attributes.attribute(named: name) else {
      let names = attributes.attributeNames
      faults.add(
        "unknown_attribute", "expected an attribute, found '\(RuleText.visible(name))'",
        hint: Suggestion.hint(for: name, among: names)
          ?? "the attributes are \(names.prefix(12).joined(separator: ", "))"
          + (names.count > 12 ? ", …" : ""),
        at: location)
      return nil
    }
    guard parsed.operator.types.contains(attribute.type) else {
      faults.add(
        "type_mismatch",
        "expected an operator for \(attribute.words), found '\(parsed.operator.rawValue)'",
        hint: "it works on "
          + Set(parsed.operator.types.map(\.words)).sorted().joined(separator: ", "),
        at: parsed.location)
      return nil
    }
    if parsed.orMissing, !parsed.operator.takesOrMissing {
      faults.add(
        "syntax", "'or_missing' says nothing with '\(parsed.operator.rawValue)'",
        hint: "remove it", at: parsed.location)
      return nil
    }
    guard modifiersFit(parsed, attribute) else { return nil }
    let reader = LiteralReader(
      attribute: attribute, operator: parsed.operator, zone: zone, faults: faults)
    let values = parsed.operands.compactMap { reader.value($0) }
    guard values.count == parsed.operands.count else { return nil }
    var population: Expression?
    if let clause = parsed.population {
      population = self.population(clause)
      if population == nil { return nil }
    }
    let condition = Condition(
      attribute: attribute, operator: parsed.operator, operands: values,
      orMissing: parsed.orMissing, foldsCase: parsed.foldsCase, population: population)
    return isPossible(condition, at: parsed.location) ? condition : nil
  }

  /// Notes a condition that no value can fulfil.
  func isPossible(_ condition: Condition, at location: SourceLocation) -> Bool {
    let attribute = condition.attribute
    switch condition.operator {
    case .between:
      if case .between(let low?, let high?, _) = TextTest(condition), attribute.type == .text,
        low > high
      {
        return impossible(condition, "the lower bound is above the upper one", location)
      }
    case .contains, .startsWith, .endsWith:
      if condition.operands == [.text(ByteText(""))] {
        faults.add(
          "empty", "expected text after '\(condition.operator.rawValue)', found ''",
          hint: "every text holds the empty one; use is_present", at: location)
        return false
      }
    case .topPercent, .bottomPercent:
      if case .percent(let share) = condition.operands.first,
        share <= ExactDecimal(0) || share > ExactDecimal(100)
      {
        faults.add(
          "impossible", "expected a share above 0% and up to 100%, found \(share)%",
          at: location)
        return false
      }
    case .topCount, .bottomCount:
      if case .number(let count) = condition.operands.first,
        count < ExactDecimal(1) || !count.isWhole
      {
        faults.add(
          "impossible", "expected a whole number from 1, found \(count)",
          hint: "write top 20% or bottom 20% for a share", at: location)
        return false
      }
    case .equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .isIn, .notIn,
      .matches, .isMissing, .isPresent, .before, .after, .withinLast, .notWithinLast, .memberOf,
      .notMemberOf, .wasMemberOf:
      break
    }
    let lowered = condition.lowered(attribute.representation)
    guard case .ranges(let ranges) = lowered.test, !condition.operator.isPercentile,
      !condition.operator.isRelative
    else {
      return true
    }
    let possible = lowered.isNegated ? ranges.complement : ranges
    if possible.intersection(attribute.domain).isEmpty {
      let reason =
        condition.operator == .between && ranges.isEmpty
        ? "the lower bound is above the upper one"
        : "\(attribute.words) never has such a value"
      return impossible(condition, reason, location)
    }
    return true
  }

  private func impossible(
    _ condition: Condition, _ reason: String, _ location: SourceLocation
  ) -> Bool {
    faults.add(
      "impossible",
      "no customer can fulfil '\(RuleText.visible(condition.description))': \(reason)",
      at: location)
    return false
  }
}

extension ExactDecimal {
  var isWhole: Bool { scale == 0 }
}

extension Attribute.ValueType {
  /// As it stands in a message.
  var words: String {
    switch self {
    case .number, .real: "numbers"
    case .text: "text"
    case .boolean: "truth values"
    case .day: "dates"
    case .instant: "instants"
    }
  }
}

extension Attribute {
  /// The attribute and what it holds, for messages.
  var words: String {
    let kind =
      switch type {
      case .number, .real:
        switch unit {
        case .count: "a count"
        case .money: "an amount of money"
        case .ratio: "a ratio"
        case .days: "a number of days"
        case .score: "a score"
        case .none: "a number"
        }
      case .text: "text"
      case .boolean: "true or false"
      case .day: "a date"
      case .instant: "an instant"
      }
    return "\(RuleText.visible(question?.description ?? name)) (\(kind))"
  }
}

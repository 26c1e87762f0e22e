/// Scores, populations, and words that stand with some operators only.
extension RuleChecker {
  /// The checked score, nil after a fault was noted.
  func score(_ parsed: ParsedScore, references: inout [Reference]) -> Score? {
    var parts: [Score.Part] = []
    for (clause, weight) in parsed.parts {
      let checked = check(clause, insideAll: false, references: &references)
      let number = number(weight, "weight")
      if let number, number == ExactDecimal(0) {
        faults.add(
          "impossible", "expected a weight other than 0, found 0",
          hint: "a condition of no weight says nothing; remove it", at: weight.location)
        continue
      }
      if let checked, let number {
        parts.append(Score.Part(condition: checked.expression, weight: number))
      }
    }
    let threshold = number(parsed.threshold, "threshold")
    let leave = parsed.leaveBelow.flatMap { number($0, "leave_below") }
    guard let threshold, parts.count == parsed.parts.count, leave != nil || parsed.leaveBelow == nil
    else { return nil }
    let score = Score(parts: parts, threshold: threshold, leaveBelow: leave)
    return isPossible(score, parsed) ? score : nil
  }

  private func number(_ literal: Literal, _ key: String) -> ExactDecimal? {
    if case .number(let number) = literal.form { return number }
    faults.add(
      "type_mismatch", "expected a number after '\(key):', found \(literal.words)",
      at: literal.location)
    return nil
  }

  private func isPossible(_ score: Score, _ parsed: ParsedScore) -> Bool {
    guard let (least, greatest) = score.bounds, score.scaled != nil else {
      faults.add(
        "score_size", "expected weights that add up within 18 digits, found larger ones",
        hint: "use fewer decimals", at: parsed.location)
      return false
    }
    var isSound = true
    if score.threshold > greatest {
      faults.add(
        "impossible",
        "no customer can reach the threshold \(score.threshold): all weights add up to \(greatest)",
        at: parsed.threshold.location)
      isSound = false
    } else if score.threshold <= least {
      faults.add(
        "impossible",
        "every customer reaches the threshold \(score.threshold): the least sum is \(least)",
        hint: "raise the threshold", at: parsed.threshold.location)
      isSound = false
    }
    guard let leave = score.leaveBelow, let place = parsed.leaveBelow?.location else {
      return isSound
    }
    if leave >= score.threshold {
      faults.add(
        "contradiction",
        "expected 'leave_below' under the threshold \(score.threshold), found \(leave)",
        hint: "members stay down to it; whoever is below the threshold could not stay", at: place)
      isSound = false
    } else if leave <= least {
      faults.add(
        "contradiction",
        "no member can ever leave: the least sum is \(least), and 'leave_below' is \(leave)",
        at: place)
      isSound = false
    }
    if segments == nil {
      faults.add(
        "reference", "expected a rule without leave_below, found one",
        hint: "only rules of a segment catalogue know who was a member", at: place)
      isSound = false
    }
    return isSound
  }

  /// The time after `within`; nil after a fault was noted.
  func span(of parsed: ParsedCondition) -> TimeSpan? {
    guard let written = parsed.within else {
      faults.add(
        "syntax", "expected 'within' after was_member_of, found none",
        hint: "write was_member_of loyal within 30 days", at: parsed.location)
      return nil
    }
    guard let span = written.span, !span.isExact else {
      faults.add(
        "type_mismatch", "expected days, weeks or months after 'within', found \(written.words)",
        hint: "membership of the past is that of midnights: write within 30 days",
        at: written.location)
      return nil
    }
    return span
  }

  /// Whether `ci`, `where` and `within` may stand with the operator; notes a fault otherwise.
  func modifiersFit(_ parsed: ParsedCondition, _ attribute: Attribute) -> Bool {
    let name = parsed.operator.rawValue
    if parsed.foldsCase, !parsed.operator.takesCaseFolding || attribute.type != .text {
      faults.add(
        "syntax", "'ci' says nothing with '\(name)' and \(attribute.words)",
        hint: "it stands with = != in not_in contains starts_with ends_with matches of texts",
        at: parsed.location)
      return false
    }
    if let population = parsed.population, !parsed.operator.isPercentile {
      faults.add(
        "syntax", "'where' says nothing with '\(name)'",
        hint: "it says among whom top and bottom count; write all: [ …, … ] for both conditions",
        at: population.location)
      return false
    }
    if let within = parsed.within {
      faults.add(
        "syntax", "'within' says nothing with '\(name)'",
        hint: "it belongs to was_member_of; dates are compared by within_last",
        at: within.location)
      return false
    }
    return true
  }

  /// Among whom `top` and `bottom` count: a rule of its own; nil after a fault was noted.
  func population(_ clause: Clause) -> Expression? {
    var references: [Reference] = []
    guard let checked = check(clause, insideAll: false, references: &references) else {
      return nil
    }
    var isSound = true
    checked.expression.visit { part in
      let found: String? =
        switch part {
        case .segment, .wasMember: "a reference to a segment"
        case .score(let score): score.leaveBelow == nil ? nil : "a score with leave_below"
        case .condition(let condition):
          condition.operator.isPercentile ? "'\(condition.operator.rawValue)'" : nil
        case .all, .any, .not: nil
        }
      guard let found else { return }
      faults.add(
        "population", "expected conditions of single customers after 'where', found \(found)",
        hint: "who is counted is decided before any segment is; write its conditions out",
        at: clause.location)
      isSound = false
    }
    return isSound ? checked.expression : nil
  }
}

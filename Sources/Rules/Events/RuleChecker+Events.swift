extension RuleChecker {
  /// The condition over the attribute that answers a question; nil after a fault was noted.
  func condition(_ parsed: ParsedEvents) -> Condition? {
    let attribute: Attribute
    switch attributes.attribute(answering: parsed.question) {
    case .success(let answer): attribute = answer
    case .failure(let found):
      for fault in found.faults {
        let place = parsed.places[fault.part]
        faults.add(
          fault.code, fault.message, hint: fault.hint,
          at: place?.advanced(by: fault.offset) ?? parsed.location)
      }
      return nil
    }
    let reader = LiteralReader(
      attribute: attribute, operator: parsed.operator, zone: zone, faults: faults)
    let values = parsed.operands.compactMap { reader.value($0) }
    guard values.count == parsed.operands.count else { return nil }
    let condition = Condition(
      attribute: attribute, operator: parsed.operator, operands: values, orMissing: false)
    guard isPossible(condition, at: parsed.location) else { return nil }
    return isSelective(condition, at: parsed.location) ? condition : nil
  }

  /// Notes a condition that every number of events fulfils: it would select everyone.
  private func isSelective(_ condition: Condition, at location: SourceLocation) -> Bool {
    let lowered = condition.lowered(condition.attribute.representation)
    guard case .ranges(let ranges) = lowered.test else { return true }
    let failing = lowered.isNegated ? ranges : ranges.complement
    guard failing.intersection(condition.attribute.domain).isEmpty else { return true }
    faults.add(
      "everyone",
      "every customer fulfils '\(RuleText.visible(condition.description))'",
      hint: "write a number from 1", at: location)
    return false
  }
}

extension Condition {
  /// The short string of a condition over events: `did purchase >= 2 in 30 days`.
  func words(of question: EventQuestion, comparison: String) -> String {
    if question.subject == .events, operands == [.number(ExactDecimal(0))], `operator` == .equal {
      let events = question.head.dropFirst("did ".count)
      return "did_not \(events) \(question.tail)"
    }
    return "\(question.head) \(comparison) \(question.tail)"
  }
}

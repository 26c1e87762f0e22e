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

  /// Notes a condition that every number of events fulfils, which would select everyone, and one
  /// that asks for more periods than there are.
  private func isSelective(_ condition: Condition, at location: SourceLocation) -> Bool {
    let lowered = condition.lowered(condition.attribute.representation)
    guard case .ranges(let ranges) = lowered.test else { return true }
    var domain = condition.attribute.domain
    if case .periods(let count) = condition.attribute.question?.subject {
      domain = RangeSet(from: 0, to: Int128(count))
    }
    let (holding, failing) =
      lowered.isNegated ? (ranges.complement, ranges) : (ranges, ranges.complement)
    if failing.intersection(domain).isEmpty {
      faults.add(
        "everyone",
        "every customer fulfils '\(RuleText.visible(condition.description))'",
        hint: "write a number from 1", at: location)
      return false
    }
    if holding.intersection(domain).isEmpty {
      faults.add(
        "impossible",
        "no customer can fulfil '\(RuleText.visible(condition.description))': there are not so many "
          + "periods", at: location)
      return false
    }
    return true
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

import Diagnostics
import Yams

/// Sequences and funnels: steps with filters and gaps.
extension FeatureChecker {
  mutating func sequence(
    _ kind: String, _ operand: Node, _ fields: [String: Node], _ entry: Node
  ) -> Parsed? {
    let same = fields["same"].flatMap { node in
      reader.text(node, "a field such as item").flatMap { key($0, node) }
    }
    let window = window(fields, entry)
    guard case .sequence(let list) = operand, list.count >= 2, list.count <= 16 else {
      reader.report(
        operand, "bad_sequence",
        "expected a list of 2 to 16 steps, "
          + "found \(YAMLReader.words(operand))",
        "write [product_view, {event: cart_add, within: 10 minutes}]")
      return nil
    }
    var steps: [SequencePlan.Step] = []
    for (position, item) in list.enumerated() {
      guard let step = step(item, isFirst: position == 0) else { continue }
      if step.negated, position < list.count - 1 || kind == "funnel" {
        reader.report(
          item, "bad_sequence",
          kind == "funnel"
            ? "expected steps that happen, found one that must not"
            : "expected a step that happens before the last, found one that must not")
      }
      steps.append(step)
    }
    guard steps.count == list.count, let window else { return nil }
    let plan = SequencePlan(steps, same: same)
    guard plan.horizon <= SequencePlan.longestHorizon else {
      reader.report(
        operand, "bad_sequence", "expected gaps of together at most 400 days, found more")
      return nil
    }
    let slot = RingSlot(plan, isLifetime: window.length == .lifetime)
    let kinds = Set(steps.flatMap(\.filter.kinds)).sorted().joined(separator: ", ")
    return (
      kind == "funnel" ? .funnel(slot, window) : .aggregate(slot, window), .integer, .count,
      "events: \(kinds)"
    )
  }

  private mutating func step(_ node: Node, isFirst: Bool) -> SequencePlan.Step? {
    if node.mapping == nil {
      guard isFirst else {
        reader.report(
          node, "bad_sequence", "expected a step with within:, found \(YAMLReader.words(node))",
          "write {event: \(node.scalar?.string ?? "cart_add"), within: 10 minutes}")
        return nil
      }
      return kinds(of: node).map { SequencePlan.Step(EventFilter($0), within: 0) }
    }
    guard
      let parts = reader.fields(
        of: node, optional: ["event", "not", "where", "within"], what: "a step")
    else { return nil }
    guard let events = parts["event"] ?? parts["not"], parts["event"] == nil || parts["not"] == nil
    else {
      reader.report(node, "bad_sequence", "expected one of event, not")
      return nil
    }
    let negated = parts["not"] != nil
    let condition = condition(parts)
    let found = kinds(of: events)
    var within: Int64 = 0
    if isFirst {
      if let place = parts["within"] {
        reader.report(place, "misplaced_key", "expected no 'within' in the first step")
      }
      if negated {
        reader.report(events, "bad_sequence", "expected a first step that happens, found not")
        return nil
      }
    } else {
      guard let place = parts["within"] else {
        reader.report(
          node, "missing_key", "expected within: with a time, found none",
          "write within: 10 minutes")
        return nil
      }
      guard let gap = gap(place) else { return nil }
      within = gap
    }
    guard let found else { return nil }
    return SequencePlan.Step(
      EventFilter(found, where: condition), within: within, negated: negated)
  }

  private mutating func gap(_ node: Node) -> Int64? {
    guard let text = reader.text(node, "a time") else { return nil }
    switch SequencePlan.gap(text) {
    case .success(let gap): return gap
    case .failure(let error):
      reader.report(node, "bad_gap", error.message, error.hint)
      return nil
    }
  }
}

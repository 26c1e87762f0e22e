import Diagnostics

/// Reads conditions over events from maps:
///
/// - `{did: purchase, where: amount > 100, count: ">= 2", in: 30 days}`
/// - `{did_not: [purchase, refund], in: 30 days}`
/// - `{sequence: [product_view, {event: cart_add, within: 10 minutes}], same: item, in: 7 days}`
/// - `{regularly: purchase, in: 3 of 4 weeks}`
struct EventMapParser {
  let faults: FaultList

  private static let optionKeys = ["where", "count", "same", "in", "before", "customers_since"]
  private static let stepKeys = ["event", "not", "where", "within"]

  /// The verb of a map's keys; nil for maps that are no condition over events.
  static func verb(of names: [String]) -> EventWords.Verb? {
    names.lazy.compactMap { EventWords.Verb(rawValue: $0) }.first
  }

  /// The clause; nil after a fault was noted.
  func clause(
    _ entries: [(key: Document, value: Document)], _ verb: EventWords.Verb,
    at location: SourceLocation
  ) -> Clause? {
    var parts: [String: Document] = [:]
    var isSound = true
    for (key, value) in entries {
      let name = key.scalar?.text ?? ""
      if name == verb.rawValue || Self.optionKeys.contains(name) {
        parts[name] = value
        continue
      }
      faults.add(
        "unknown_key",
        "expected a key of '\(verb.rawValue)', found '\(RuleText.visible(name))'",
        hint: Suggestion.hint(for: name, among: Self.optionKeys)
          ?? "the keys are \(Self.optionKeys.joined(separator: ", "))", at: key.location)
      isSound = false
    }
    guard isSound, let operand = parts[verb.rawValue] else { return nil }
    var draft = EventDraft(verb, at: location)
    if verb == .sequence {
      guard steps(operand, &draft) else { return nil }
    } else {
      guard let step = events(operand, 0, &draft) else { return nil }
      draft.steps = [step]
    }
    guard filter(parts["where"], 0, &draft), same(parts["same"], &draft),
      window(parts, &draft), count(parts["count"], &draft),
      customersSince(parts["customers_since"], &draft)
    else { return nil }
    return draft.clause(faults)
  }

  // MARK: Events and steps

  private func events(
    _ document: Document, _ number: Int, _ draft: inout EventDraft
  ) -> EventQuestion.Step? {
    let documents: [Document] =
      if case .list(let items) = document.content { items } else { [document] }
    var events: [String] = []
    for item in documents {
      guard let text = text(item, "an event") else { return nil }
      draft.places[.event(step: number, index: events.count)] = place(item)
      events.append(text)
    }
    guard !events.isEmpty else {
      faults.add("empty", "expected an event, found an empty list", at: document.location)
      return nil
    }
    return EventQuestion.Step(events)
  }

  private func steps(_ document: Document, _ draft: inout EventDraft) -> Bool {
    guard case .list(let items) = document.content else {
      faults.add(
        "syntax", "expected a list of steps after 'sequence:', found \(document.words)",
        hint: "write sequence: [product_view, {event: cart_add, within: 10 minutes}]",
        at: document.location)
      return false
    }
    for item in items {
      guard let step = step(item, draft.steps.count, &draft) else { return false }
      draft.steps.append(step)
    }
    return true
  }

  /// A kind, a list of kinds, a short string, or a map with `event` or `not`.
  private func step(
    _ document: Document, _ number: Int, _ draft: inout EventDraft
  ) -> EventQuestion.Step? {
    switch document.content {
    case .list: return events(document, number, &draft)
    case .scalar(let scalar):
      var parser = EventStringParser(scanning: scalar, at: document.location, faults: faults)
      guard parser.scanner.tokenize(faults),
        let step = parser.step(number, of: .sequence, &draft)
      else { return nil }
      guard parser.scanner.isAtEnd else {
        faults.add(
          "syntax", "expected the end of the step, found \(parser.scanner.found)",
          hint: "write cart_add (amount > 5) within 10 minutes", at: parser.scanner.here)
        return nil
      }
      return step
    case .map(let entries):
      var parts: [String: Document] = [:]
      for (key, value) in entries {
        let name = key.scalar?.text ?? ""
        guard Self.stepKeys.contains(name) else {
          faults.add(
            "unknown_key", "expected a key of a step, found '\(RuleText.visible(name))'",
            hint: Suggestion.hint(for: name, among: Self.stepKeys)
              ?? "the keys are \(Self.stepKeys.joined(separator: ", "))", at: key.location)
          return nil
        }
        parts[name] = value
      }
      guard let operand = parts["event"] ?? parts["not"],
        parts["event"] == nil || parts["not"] == nil
      else {
        faults.add(
          "syntax",
          "expected one of event, not in a step, found "
            + (parts["event"] == nil ? "none" : "both"), at: document.location)
        return nil
      }
      guard var step = events(operand, number, &draft) else { return nil }
      step.isNegated = parts["not"] != nil
      if let within = parts["within"] {
        guard let text = text(within, "a time such as 10 minutes") else { return nil }
        step.within = text
        draft.places[.within(step: number)] = place(within)
      }
      if let filter = parts["where"] {
        guard let text = text(filter, "a condition such as amount > 100") else { return nil }
        step.filter = text
        draft.places[.filter(step: number)] = place(filter)
      }
      return step
    }
  }

  // MARK: Options

  private func filter(
    _ document: Document?, _ number: Int, _ draft: inout EventDraft
  ) -> Bool {
    guard let document else { return true }
    guard draft.verb != .sequence else {
      faults.add(
        "syntax", "expected no 'where' beside 'sequence', found one",
        hint: "each step has its own: {event: cart_add, where: amount > 5, within: 1 hour}",
        at: document.location)
      return false
    }
    guard let text = text(document, "a condition such as amount > 100") else { return false }
    draft.steps[number].filter = text
    draft.places[.filter(step: number)] = place(document)
    return true
  }

  private func same(_ document: Document?, _ draft: inout EventDraft) -> Bool {
    guard let document else { return true }
    guard let text = text(document, "item or properties.NAME") else { return false }
    draft.same = text
    draft.places[.same] = place(document)
    return true
  }

  private func customersSince(_ document: Document?, _ draft: inout EventDraft) -> Bool {
    guard let document else { return true }
    guard let text = text(document, "a time such as 90 days, or lifetime") else { return false }
    draft.customersSince = (text, place(document))
    return true
  }

  private func window(_ parts: [String: Document], _ draft: inout EventDraft) -> Bool {
    if parts["in"] != nil, let before = parts["before"] {
      faults.add("syntax", "expected 'in' or 'before', found both", at: before.location)
      return false
    }
    guard let document = parts["in"] ?? parts["before"] else { return true }
    guard let scalar = document.scalar, !document.isNull else {
      faults.add(
        "syntax", "expected a window such as 30 days, found \(document.words)",
        at: document.location)
      return false
    }
    var parser = EventStringParser(
      scanning: scalar, at: document.location, faults: faults)
    guard parser.scanner.tokenize(faults) else { return false }
    guard parser.window(&draft, isBefore: parts["before"] != nil) else { return false }
    guard parser.scanner.isAtEnd else {
      faults.add(
        "syntax", "expected a window such as 30 days, found \(document.words)",
        at: document.location)
      return false
    }
    return true
  }

  /// `2` for at least two, `">= 2"`, `"between 2 and 5"`.
  private func count(_ document: Document?, _ draft: inout EventDraft) -> Bool {
    guard let document else { return true }
    guard let scalar = document.scalar, !document.isNull else {
      faults.add(
        "syntax", "expected a number such as 2 or '>= 2', found \(document.words)",
        at: document.location)
      return false
    }
    if ExactDecimal(scalar.text) != nil {
      draft.comparison = (
        .greaterOrEqual, [Literal(bare: scalar.text, at: document.location)]
      )
      return true
    }
    var parser = EventStringParser(
      scanning: scalar, at: document.location, faults: faults)
    guard parser.scanner.tokenize(faults) else { return false }
    guard let comparison = parser.comparison(), parser.scanner.isAtEnd else {
      faults.add(
        "syntax", "expected a number such as 2 or '>= 2', found \(document.words)",
        at: document.location)
      return false
    }
    draft.comparison = comparison
    return true
  }

  // MARK: Scalars

  private func text(_ document: Document, _ wanted: String) -> String? {
    guard let text = document.scalar?.text, !document.isNull, !text.isEmpty else {
      faults.add(
        "syntax", "expected \(wanted), found \(document.words)", at: document.location)
      return nil
    }
    return text
  }

  private func place(_ document: Document) -> EventPlace {
    guard let scalar = document.scalar, scalar.keepsColumns, !scalar.text.contains("\n") else {
      return EventPlace(location: document.location, keepsColumns: false)
    }
    return EventPlace(location: document.location.advanced(by: scalar.offset))
  }
}

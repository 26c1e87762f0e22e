import Diagnostics

/// Reads conditions over events from short strings:
///
/// - `did purchase >= 2 in 30 days`, `did_not purchase in 30 days`
/// - `did_not purchase in 30 days customers_since 90 days`
/// - `did purchase (amount > 100) in previous 30 days`, `did product_view > 3 same item in 1 week`
/// - `sequence product_view then cart_add within 10 minutes same item in 7 days`
/// - `sequence cart_add then not purchase within 48 hours in 30 days`
/// - `first_time purchase in 30 days`, `stopped login in 30 days`, `restarted purchase in 60 days`
/// - `regularly purchase in 3 of 4 weeks`
struct EventStringParser {
  var scanner: EventScanner
  let faults: FaultList

  /// A parser where the text begins as a condition over events does, and not as one over an
  /// attribute of such a name; nil for other texts.
  init?(_ scalar: Document.Scalar, at location: SourceLocation, faults: FaultList) {
    let head = scalar.text.drop { $0.isWhitespace }.prefix { !$0.isWhitespace }.lowercased()
    guard EventWords.Verb(rawValue: head) != nil else { return nil }
    self.init(scanning: scalar, at: location, faults: faults)
    var ahead = scanner
    // What is wrong with the text is said when it is read.
    guard ahead.tokenize(FaultList()) else { return }
    ahead.advance()
    guard let next = ahead.next else { return }
    switch next.kind {
    case .filter, .quoted: break
    case .symbol: if next.text != "[" { return nil }
    case .word:
      let word = next.text.lowercased()
      let isNegation = head == "did" && word == "not" && ahead.word(1) != "in"
      if !isNegation,
        word == "is" || word == "not" || word == "top" || word == "bottom"
          || Operator.spellings[word] != nil
      {
        return nil
      }
    }
  }

  /// A parser of any part of a condition over events.
  init(scanning scalar: Document.Scalar, at location: SourceLocation, faults: FaultList) {
    scanner = EventScanner(scalar, at: location)
    self.faults = faults
  }

  /// The clause; nil after a fault was noted.
  mutating func clause() -> Clause? {
    guard scanner.tokenize(faults) else { return nil }
    let start = scanner.here
    guard let word = scanner.word(), var verb = EventWords.Verb(rawValue: word) else {
      return nil
    }
    scanner.advance()
    if verb == .did, scanner.takes("not") { verb = .didNot }
    var draft = EventDraft(verb, at: start)
    if verb == .sequence {
      guard steps(&draft) else { return nil }
    } else {
      guard let step = step(0, of: verb, &draft) else { return nil }
      draft.steps = [step]
    }
    guard tail(&draft) else { return nil }
    return draft.clause(faults)
  }

  // MARK: Events

  private mutating func steps(_ draft: inout EventDraft) -> Bool {
    repeat {
      guard let step = step(draft.steps.count, of: .sequence, &draft) else { return false }
      draft.steps.append(step)
    } while scanner.takes("then")
    return true
  }

  /// `purchase or refund (amount > 5) within 2 days`; only steps have `not` and `within`.
  mutating func step(
    _ number: Int, of verb: EventWords.Verb, _ draft: inout EventDraft
  ) -> EventQuestion.Step? {
    let isNegated = verb == .sequence && scanner.takes("not")
    guard let events = events(number, &draft) else { return nil }
    var step = EventQuestion.Step(events, isNegated: isNegated)
    guard filter(of: number, &step, &draft) else { return nil }
    if verb == .sequence, scanner.takes("within") {
      let place = scanner.here
      guard let gap = length("a time such as 10 minutes") else { return nil }
      draft.places[.within(step: number)] = EventPlace(
        location: place, keepsColumns: scanner.keepsColumns)
      step.within = gap
    }
    return step
  }

  private mutating func filter(
    of number: Int, _ step: inout EventQuestion.Step, _ draft: inout EventDraft
  ) -> Bool {
    let hasWord = scanner.word() == "where"
    if hasWord {
      let next = scanner.tokens.indices.contains(scanner.index + 1)
      guard next, scanner.tokens[scanner.index + 1].kind == .filter else { return true }
      scanner.advance()
    }
    guard let token = scanner.next, token.kind == .filter else { return true }
    scanner.advance()
    step.filter = token.text
    draft.places[.filter(step: number)] = EventPlace(
      location: scanner.location(token.start), keepsColumns: scanner.keepsColumns)
    return true
  }

  /// `purchase`, `purchase or refund`, `[purchase, refund]`.
  private mutating func events(_ number: Int, _ draft: inout EventDraft) -> [String]? {
    var events: [String] = []
    let isList = scanner.isSymbol("[")
    if isList { scanner.advance() }
    while true {
      guard let token = scanner.next, token.kind == .quoted || token.kind == .word,
        token.kind == .quoted || !EventWords.reserved.contains(token.text.lowercased())
      else {
        faults.add(
          "syntax", "expected an event, found \(scanner.found)",
          hint: "write did purchase >= 2 in 30 days", at: scanner.here)
        return nil
      }
      draft.places[.event(step: number, index: events.count)] = EventPlace(
        location: scanner.location(token.start), keepsColumns: scanner.keepsColumns)
      events.append(token.text)
      scanner.advance()
      if isList, scanner.isSymbol(",") {
        scanner.advance()
      } else if isList {
        guard scanner.isSymbol("]") else {
          faults.add(
            "syntax", "expected ',' or ']' in the list, found \(scanner.found)", at: scanner.here)
          return nil
        }
        scanner.advance()
        return events
      } else if !scanner.takes("or") {
        return events
      }
    }
  }

  // MARK: What follows

  /// The comparison, `same`, the window and a filter at the end, in any order.
  private mutating func tail(_ draft: inout EventDraft) -> Bool {
    while !scanner.isAtEnd {
      let place = EventPlace(location: scanner.here, keepsColumns: scanner.keepsColumns)
      switch scanner.word() {
      case "same" where draft.same == nil:
        scanner.advance()
        guard let token = scanner.next, token.kind == .word || token.kind == .quoted else {
          faults.add(
            "syntax", "expected item or properties.NAME after 'same', found \(scanner.found)",
            at: scanner.here)
          return false
        }
        draft.places[.same] = EventPlace(
          location: scanner.here, keepsColumns: scanner.keepsColumns)
        draft.same = token.text
        scanner.advance()
      case "in" where draft.window == nil, "before" where draft.window == nil,
        "within" where draft.window == nil && draft.verb != .sequence,
        "of" where draft.window == nil && draft.verb == .regularly:
        let isBefore = scanner.word() == "before"
        let isCompared = scanner.word() == "of"
        scanner.advance()
        guard window(&draft, isBefore: isBefore, isCompared: isCompared) else { return false }
      case "customers_since" where draft.customersSince == nil:
        scanner.advance()
        let at = EventPlace(location: scanner.here, keepsColumns: scanner.keepsColumns)
        guard let window = length("a time such as 90 days, or lifetime") else { return false }
        draft.customersSince = (window, at)
      case "where" where draft.steps.count == 1 && draft.steps[0].filter == nil:
        scanner.advance()
        let at = EventPlace(location: scanner.here, keepsColumns: scanner.keepsColumns)
        guard let rest = scanner.rest() else {
          faults.add(
            "syntax", "expected a condition after 'where', found the end of the condition",
            hint: "write where amount > 100", at: at.location)
          return false
        }
        draft.steps[0].filter = rest.text
        draft.places[.filter(step: 0)] = at
      default:
        guard draft.comparison == nil, let comparison = comparison() else {
          return unexpected(place.location)
        }
        draft.comparison = comparison
      }
    }
    return true
  }

  private func unexpected(_ place: SourceLocation) -> Bool {
    if let word = scanner.word(), ["and", "or", "&&", "||"].contains(word) {
      faults.add(
        "syntax", "expected the end of the condition, found \(scanner.found)",
        hint: "a string holds one condition; write all: [ …, … ] or any: [ …, … ]", at: place)
    } else {
      faults.add(
        "syntax", "expected a number, 'same', 'in' or the end, found \(scanner.found)",
        hint: "write did purchase (amount > 100) >= 2 in 30 days", at: place)
    }
    return false
  }

  /// `>= 2`, `between 2 and 5`; nil where there is none.
  mutating func comparison() -> (operator: Operator, operands: [Literal])? {
    guard let token = scanner.next, token.kind == .symbol || scanner.word() == "between",
      let op = Operator.spellings[token.text.lowercased()],
      [.equal, .notEqual, .greater, .greaterOrEqual, .less, .lessOrEqual, .between].contains(op)
    else { return nil }
    scanner.advance()
    guard let first = number() else { return nil }
    guard op == .between else { return (op, [first]) }
    guard scanner.takes("and"), let second = number() else { return nil }
    return (op, [first, second])
  }

  private mutating func number() -> Literal? {
    guard let token = scanner.next, token.kind == .word, ExactDecimal(token.text) != nil else {
      return nil
    }
    scanner.advance()
    return Literal(bare: token.text, at: scanner.location(token.start))
  }

  /// What follows `in` or `before`: `30 days`, `the last 30 days`, `previous 30 days`,
  /// `3 of 4 weeks`; after a comparison and `of`, `4 periods of 7 days`.
  mutating func window(
    _ draft: inout EventDraft, isBefore: Bool, isCompared: Bool = false
  ) -> Bool {
    if draft.verb == .regularly { return periods(&draft, isCompared: isCompared) }
    _ = scanner.takes("the")
    let isPrevious = scanner.takes("previous")
    if !isPrevious { _ = scanner.takes("last") }
    switch (isBefore, isPrevious) {
    case (false, false): draft.place = .last
    case (false, true): draft.place = .previous
    case (true, false): draft.place = .beforeLast
    case (true, true): draft.place = .beforePrevious
    }
    draft.places[.window] = EventPlace(
      location: scanner.here, keepsColumns: scanner.keepsColumns)
    guard let window = length("a window such as 30 days") else { return false }
    draft.window = window
    return true
  }

  /// `3 of 4 weeks`, or `4 periods of 7 days` after a comparison.
  private mutating func periods(_ draft: inout EventDraft, isCompared: Bool) -> Bool {
    func refuse() -> Bool {
      faults.add(
        "syntax", "expected a number of periods, found \(scanner.found)",
        hint: "write regularly purchase in 3 of 4 weeks", at: scanner.here)
      return false
    }
    if !isCompared {
      guard let least = number() else { return refuse() }
      draft.comparison = (.greaterOrEqual, [least])
      guard scanner.takes("of") else { return refuse() }
      _ = scanner.takes("the")
      _ = scanner.takes("last")
    }
    let place = EventPlace(location: scanner.here, keepsColumns: scanner.keepsColumns)
    guard let token = scanner.next, let count = Int(token.text) else { return refuse() }
    scanner.advance()
    draft.places[.window] = place
    draft.periods = count
    if scanner.takes("periods") {
      guard scanner.takes("of"), let window = length("a window such as 7 days") else {
        return refuse()
      }
      draft.window = window
      return true
    }
    guard let unit = scanner.word() else { return refuse() }
    scanner.advance()
    draft.window = "1 \(unit)"
    return true
  }

  /// `30 days` or `lifetime`: two words, or one.
  private mutating func length(_ wanted: String) -> String? {
    guard let first = scanner.next, first.kind == .word else {
      faults.add(
        "syntax", "expected \(wanted), found \(scanner.found)", at: scanner.here)
      return nil
    }
    scanner.advance()
    guard first.text.unicodeScalars.allSatisfy({ $0 >= "0" && $0 <= "9" }),
      let unit = scanner.next, unit.kind == .word
    else { return first.text.lowercased() }
    scanner.advance()
    return "\(first.text) \(unit.text.lowercased())"
  }
}

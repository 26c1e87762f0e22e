/// A condition over events as it was read: a question with the place of each part, and what its
/// answer is compared with.
struct ParsedEvents {
  var question: EventQuestion
  var places: [EventPart: EventPlace]
  var `operator`: Operator
  var operands: [Literal]
  var location: SourceLocation
}

/// Where a part of a question stands.
struct EventPlace {
  var location: SourceLocation
  /// Whether each scalar of the text is one column.
  var keepsColumns = true

  func advanced(by offset: Int) -> SourceLocation {
    keepsColumns ? location.advanced(by: offset) : location
  }
}

extension Literal {
  /// A whole number.
  init(whole number: Int64, at location: SourceLocation) {
    self.init(bare: String(number), at: location)
  }
}

extension Clause {
  /// The questions that it asks, in order.
  var questions: [EventQuestion] {
    switch self {
    case .all(let parts, _), .any(let parts, _): parts.flatMap(\.questions)
    case .not(let part, _): part.questions
    case .events(let events): [events.question]
    case .condition(let condition): condition.population?.questions ?? []
    case .score(let score): score.parts.flatMap(\.clause.questions)
    }
  }
}

/// Events with a filter and all that makes conditions of them, however they are written.
struct EventDraft {
  var verb: EventWords.Verb
  var steps: [EventQuestion.Step] = []
  var same: String?
  var window: String?
  var place = EventQuestion.Place.last
  var periods: Int?
  /// How long ago the customer must have done it already: `90 days`, or `lifetime` for ever.
  var customersSince: (window: String, place: EventPlace)?
  var comparison: (operator: Operator, operands: [Literal])?
  var places: [EventPart: EventPlace] = [:]
  var location: SourceLocation

  init(_ verb: EventWords.Verb, at location: SourceLocation) {
    self.verb = verb
    self.location = location
  }

  /// The clause; nil after a fault was noted.
  func clause(_ faults: FaultList) -> Clause? {
    guard isSound(faults) else { return nil }
    switch verb {
    case .did:
      let isKeyed = same != nil
      return condition(
        isKeyed ? .eventsOfOneKey : .events, comparison: comparison ?? (.greaterOrEqual, [one]))
    case .didNot:
      let clause = condition(.events, comparison: (.equal, [zero]))
      return customersSince.map { .all([clause, since($0)], location) } ?? clause
    case .sequence:
      return condition(.sequences, comparison: comparison ?? (.greaterOrEqual, [one]))
    case .regularly:
      return condition(.periods(of: periods ?? 1), comparison: comparison ?? (.equal, [one]))
    case .firstTime:
      return .all([some(.last), none(.beforeLast)], location)
    case .stopped:
      return .all([some(.previous), none(.last)], location)
    case .restarted:
      return .all([some(.last), none(.previous), some(.beforePrevious)], location)
    }
  }

  private var one: Literal { Literal(whole: 1, at: location) }
  private var zero: Literal { Literal(whole: 0, at: location) }

  private func some(_ place: EventQuestion.Place) -> Clause {
    condition(.events, place, comparison: (.greaterOrEqual, [one]))
  }
  private func none(_ place: EventQuestion.Place) -> Clause {
    condition(.events, place, comparison: (.equal, [zero]))
  }

  /// That the events, whatever their filter, have happened before.
  private func since(_ since: (window: String, place: EventPlace)) -> Clause {
    var earlier = EventDraft(.did, at: location)
    earlier.steps = steps.map { EventQuestion.Step($0.events) }
    earlier.window = since.window
    earlier.places = places
    earlier.places[.window] = since.place
    return earlier.some(since.window == "lifetime" ? .last : .beforeLast)
  }

  private func condition(
    _ subject: EventQuestion.Subject, _ place: EventQuestion.Place? = nil,
    comparison: (operator: Operator, operands: [Literal])
  ) -> Clause {
    .events(
      ParsedEvents(
        question: EventQuestion(
          subject, steps, same: same, window: window ?? "lifetime", place: place ?? self.place),
        places: places, operator: comparison.operator, operands: comparison.operands,
        location: location))
  }

  // MARK: What goes together

  private func isSound(_ faults: FaultList) -> Bool {
    func refuse(_ message: String, _ hint: String) -> Bool {
      faults.add("events", message, hint: hint, at: location)
      return false
    }
    let name = verb.rawValue
    let takesComparison = [.did, .sequence, .regularly].contains(verb)
    if comparison != nil, !takesComparison {
      return refuse(
        "expected no number with '\(name)', found one",
        verb == .didNot ? "write did purchase < 3 in 30 days" : "remove it")
    }
    if same != nil, ![.did, .sequence].contains(verb) {
      return refuse("expected no 'same' with '\(name)', found one", "it goes with did and sequence")
    }
    if customersSince != nil, verb != .didNot {
      return refuse(
        "expected no 'customers_since' with '\(name)', found one", "it narrows did_not")
    }
    if verb == .regularly, periods == nil || comparison == nil {
      return refuse(
        "expected a number of periods with 'regularly', found none",
        "write regularly purchase in 3 of 4 weeks")
    }
    if verb == .sequence, steps.count < 2 {
      return refuse(
        "expected a sequence of at least two steps, found \(steps.count)",
        "write sequence product_view then cart_add within 10 minutes in 7 days")
    }
    if [.firstTime, .stopped, .restarted].contains(verb), window == nil || window == "lifetime" {
      return refuse(
        "expected a window with '\(name)', found \(window ?? "none")",
        "write \(name) purchase in 30 days")
    }
    if place != .last, ![.did, .didNot].contains(verb) || same != nil || window == "lifetime" {
      return refuse(
        "expected a window that ends now, found another",
        "'previous' and 'before' go with did and did_not over a window of limited length")
    }
    return true
  }
}

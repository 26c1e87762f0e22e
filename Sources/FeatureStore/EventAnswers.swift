import Features
import Rules

/// What the features of a project answer to questions about events.
struct EventAnswers {
  let language: EventLanguage

  init(_ features: FeatureCatalogue) { language = EventLanguage(kinds: features.eventKinds) }

  /// The feature that answers a question, and the question in normal form.
  ///
  /// - Throws: every fault of the question.
  func answer(
    _ question: EventQuestion
  ) throws(EventFaults) -> (feature: HiddenFeature, question: EventQuestion) {
    var reading = Reading(language: language)
    let steps = question.steps.indices.map { reading.step(question, $0) }
    let same = question.same.flatMap { reading.key($0) }
    let window = reading.window(question)
    let filters = steps.compactMap { $0 }
    guard reading.faults.isEmpty, let window, let first = filters.first?.filter else {
      throw EventFaults(reading.faults)
    }
    var normal = question
    normal.window = window.length.words
    normal.same = same?.name
    normal.steps = filters.map { step in
      EventQuestion.Step(
        step.filter.kinds, where: step.filter.condition?.description,
        within: step.within > 0 ? SequencePlan.words(ofGap: step.within) : nil,
        isNegated: step.negated)
    }
    let feature: HiddenFeature
    switch question.subject {
    case .events:
      switch question.place {
      case .last, .previous: feature = .count(first, in: window)
      case .beforeLast, .beforePrevious: feature = .count(first, before: window)
      }
    case .eventsOfOneKey:
      guard let same else { throw reading.missingKey }
      feature = .most(first, of: same, in: window)
    case .sequences:
      let plan = SequencePlan(filters, same: same)
      if let fault = reading.fault(of: plan) { throw EventFaults([fault]) }
      feature = .sequences(plan, in: window)
    case .periods(let count): feature = .periods(first, window.length, of: count)
    }
    return (feature, normal)
  }
}

/// A question as it is read, part by part; every fault is kept.
private struct Reading {
  let language: EventLanguage
  var faults: [EventFault] = []

  var missingKey: EventFaults {
    EventFaults([
      EventFault(.same, code: "unknown_field", "expected what the events share, found none")
    ])
  }

  /// The value, nil after its problem was kept.
  private mutating func read<Value>(
    _ part: EventPart, _ body: (EventLanguage) throws(EventLanguage.Problem) -> Value
  ) -> Value? {
    do { return try body(language) } catch {
      faults.append(
        EventFault(
          part, offset: error.offset, code: error.code, error.message, hint: error.hint))
      return nil
    }
  }

  mutating func key(_ text: String) -> EventKey? {
    read(.same) { language throws(EventLanguage.Problem) in try language.key(text) }
  }

  mutating func step(_ question: EventQuestion, _ number: Int) -> SequencePlan.Step? {
    let step = question.steps[number]
    let before = faults.count
    var kinds: [String] = []
    for (index, event) in step.events.enumerated() {
      let kind = read(.event(step: number, index: index)) {
        language throws(EventLanguage.Problem) in try language.kind(event)
      }
      if let kind { kinds.append(kind) }
    }
    let condition = step.filter.flatMap { text in
      read(.filter(step: number)) {
        language throws(EventLanguage.Problem) in try language.condition(text)
      }
    }
    let gap = step.within.flatMap { text in
      read(.within(step: number)) { language throws(EventLanguage.Problem) in try language.gap(text)
      }
    }
    order(step, number, isLast: number == question.steps.count - 1)
    guard faults.count == before else { return nil }
    return SequencePlan.Step(
      EventFilter(kinds, where: condition), within: gap ?? 0, negated: step.isNegated)
  }

  /// Which steps have a time after the one before, and which may be negated.
  private mutating func order(_ step: EventQuestion.Step, _ number: Int, isLast: Bool) {
    if number == 0, step.within != nil {
      faults.append(
        EventFault(
          .within(step: 0), code: "bad_sequence",
          "expected no time in the first step, found 'within'", hint: "there is no step before it"))
    }
    if number > 0, step.within == nil {
      faults.append(
        EventFault(
          .event(step: number, index: 0), code: "bad_sequence",
          "expected a time after the step before, found none",
          hint: "write then \(step.events.first ?? "cart_add") within 10 minutes"))
    }
    if step.isNegated, number == 0 || !isLast {
      faults.append(
        EventFault(
          .event(step: number, index: 0), code: "bad_sequence",
          "expected 'not' in the last step only, found it in step \(number + 1)"))
    }
  }

  func fault(of plan: SequencePlan) -> EventFault? {
    if plan.steps.count > 16 {
      return EventFault(
        .whole, code: "bad_sequence",
        "expected a sequence of at most 16 steps, found \(plan.steps.count)")
    }
    guard plan.horizon > SequencePlan.longestHorizon else { return nil }
    return EventFault(
      .whole, code: "bad_sequence", "expected times of together at most 400 days, found more")
  }

  /// The window with the place that the question gives it.
  mutating func window(_ question: EventQuestion) -> Window? {
    let length = read(.window) {
      language throws(EventLanguage.Problem) in try language.window(question.window)
    }
    guard let length else { return nil }
    var windows = 1
    var window = Window(length)
    switch question.place {
    case .last, .beforeLast: break
    case .previous, .beforePrevious: window = Window(length, previous: 1)
    }
    windows += window.previous
    if case .periods(let count) = question.subject {
      guard (1...60).contains(count) else {
        return refuse("expected 1 to 60 periods, found \(count)")
      }
      windows = count
    }
    if length == .lifetime, windows > 1 || question.place != .last {
      return refuse("expected a window of limited length, found lifetime")
    }
    if let reach = Window(length, previous: windows - 1).reach, reach > Window.maximumDays {
      return refuse(
        "expected windows within \(Window.maximumDays) days, found one that starts \(reach) back")
    }
    return window
  }

  private mutating func refuse(_ message: String) -> Window? {
    faults.append(EventFault(.window, code: "bad_window", message))
    return nil
  }
}

extension FeatureCatalogue {
  /// The catalogue with the hidden features that answer questions about events; questions with
  /// faults, which the check of their rules reports, have none.
  public func answering(_ questions: some Sequence<EventQuestion>) -> FeatureCatalogue {
    let answers = EventAnswers(self)
    return adding(
      questions.flatMap { question in
        (try? answers.answer(question))?.feature.features ?? []
      })
  }
}

import FeatureOracle
import FeatureStore
import Features
import Foundation
import Rules
import Schedules
import Testing

/// Random conditions over events against a naive evaluator that knows nothing of features: it goes
/// through a customer's raw events for every question.
@Suite struct EventRulesOracleTests {
  private static let isLong = ProcessInfo.processInfo.environment["STRATA_LONG_TESTS"] == "1"

  @Test func conditionsEqualTheNaiveEvaluator() throws {
    var verdicts: [String: [Bool: Int]] = [:]
    for seed in 0..<(Self.isLong ? 900 : 90) {
      let shop = try RandomShop(seed: 9000 + seed, events: 150, customers: 7)
      var dice = Dice(seed: seed)
      let rules = (0..<14).map { _ in EventRule.random(&dice) }
      let declared = try FeatureCatalogue(yaml: "version: 1\nfeatures: []")
      let parsed = try rules.map {
        try Rule(parsing: $0.text, attributes: FeatureAttributes(declared))
      }
      let catalogue = declared.answering(
        parsed.flatMap { $0.attributes.compactMap(\.question) })
      let engine = MemoryEngine(catalogue, zone: shop.zone)
      let events = shop.known(through: shop.first + 4000)
      let everyone = shop.customers + [1_000_000]
      for asOf in instants(shop, &dice) {
        let known = events.filter { $0.at < asOf }
        let table =
          dice.chance(50)
          ? try engine.table(events, asOf: asOf, population: everyone)
          : try engine.stepped(events, asOf: asOf, population: everyone)
        for (rule, checked) in zip(rules, parsed) {
          let found = try checked.evaluate(FeatureColumns(table))
          for (row, customer) in table.index.ids.enumerated() {
            let naive = NaiveEvents(
              events: known.filter { $0.customer == customer }, asOf: asOf, zone: shop.zone)
            let expected = naive.fulfils(rule)
            verdicts[rule.form, default: [:]][expected, default: 0] += 1
            #expect(
              found.isTrue[row] == expected && !found.isUnknown[row],
              "seed \(seed), \(shop.zone.name), \(rule.text) of \(customer) as of \(asOf)")
          }
        }
      }
    }
    for form in EventRule.forms {
      for verdict in [true, false] {
        let count = verdicts[form]?[verdict] ?? 0
        #expect(count >= 100, "\(form) is \(verdict) in \(count) cases")
      }
    }
  }

  /// A midnight, an instant within a day, and one at which a bound falls on an event or just beside.
  private func instants(_ shop: RandomShop, _ dice: inout Dice) -> [Instant] {
    let days = LocalDays(zone: shop.zone)
    var day = shop.first + 70 + dice.below(60)
    if days.lastDay(before: days.end(of: day)) != day { day = day + 1 }
    let midnight = days.end(of: day)
    let within = midnight + .microseconds(1 + dice.below(80_000_000_000))
    let event = dice.pick(shop.deliveries)
    let bound = dice.pick(EventRule.exact)
    let near = event.at + .microseconds(Int(bound) + dice.below(3) - 1)
    return [midnight, within, near]
  }

  /// Every condition reads back as itself, and its short string is the one of the rule's version.
  @Test func conditionsReadBack() throws {
    let attributes = FeatureAttributes(try FeatureCatalogue(yaml: "version: 1\nfeatures: []"))
    var dice = Dice(seed: 7)
    for _ in 0..<500 {
      let rule = try Rule(parsing: EventRule.random(&dice).text, attributes: attributes)
      let parts: [Rules.Expression] =
        if case .all(let parts) = rule.expression { parts } else { [rule.expression] }
      for part in parts {
        let again = try Rule(parsing: part.description, attributes: attributes)
        #expect(again.expression == part)
        #expect(again.version == part.version)
        #expect(again.description == part.description)
      }
    }
  }
}

/// A random condition over events, in words and in parts.
struct EventRule {
  struct Filter: Sendable {
    let text: String
    let passes: @Sendable (ShopEvent) -> Bool
  }
  struct Step {
    var kinds: [String]
    var filter: Filter?
    var within: Int64 = 0
    var isNegated = false
  }
  enum Length: Equatable {
    case days(Int)
    case months(Int)
    case exact(Int64)
    case lifetime
  }
  enum Question {
    /// Events in the window, of one item where `same`; the window's place as in the text.
    case count(Step, same: Bool, place: String, Length, least: Int, most: Int)
    case sequence([Step], same: Bool, Length, least: Int)
    case firstTime(Step, Length)
    case stopped(Step, Length)
    case restarted(Step, Length)
    case regularly(Step, Length, of: Int, least: Int)
  }

  let form: String
  let text: String
  let question: Question

  static let forms = [
    "did", "did_not", "did same", "did previous", "did before", "sequence", "sequence not",
    "first_time", "stopped", "restarted", "regularly",
  ]
  /// Lengths to the microsecond that windows and gaps have.
  static let exact: [Int64] = [600, 7200, 86_400, 172_800, 259_200].map { $0 * 1_000_000 }

  private static let filters = [
    Filter(text: "amount > 100") { $0.amount.map { $0 > 1_000_000 } ?? false },
    Filter(text: "item = A1") { $0.item == "A1" },
    Filter(text: "item in [A2, 'b''3', A1]") { ["A1", "A2", "b'3"].contains($0.item) },
    Filter(text: "quantity >= 2 and amount <= 150") {
      ($0.quantity ?? 0) >= 2 && ($0.amount.map { $0 <= 1_500_000 } ?? false)
    },
    Filter(text: "properties.channel = web or item is missing") {
      $0.properties["channel"] == .text("web") || $0.item == nil
    },
    Filter(text: "not (item = A1 or item = A2)") {
      ($0.item.map { $0 != "A1" && $0 != "A2" }) ?? false
    },
    Filter(text: "properties.promo = true") { $0.properties["promo"] == .boolean(true) },
  ]

  private static func step(_ dice: inout Dice) -> Step {
    let kinds =
      dice.chance(70)
      ? [dice.pick(RandomShop.kinds)]
      : [dice.pick(["purchase", "refund"]), dice.pick(["page_view", "product_view"])]
    return Step(kinds: kinds, filter: dice.chance(35) ? dice.pick(filters) : nil)
  }

  private static func words(_ step: Step, _ dice: inout Dice) -> String {
    let kinds =
      dice.chance(50)
      ? step.kinds.joined(separator: " or ") : "[\(step.kinds.joined(separator: ", "))]"
    guard let filter = step.filter else { return kinds }
    return kinds + (dice.chance(50) ? " where" : "") + " (\(filter.text))"
  }

  private static func length(_ dice: inout Dice, limited: Bool = false) -> (Length, String) {
    switch dice.below(limited ? 5 : 6) {
    case 0, 1:
      let count = 1 + dice.below(60)
      return (.days(count), "\(count) days")
    case 2:
      let weeks = 1 + dice.below(8)
      return (.days(weeks * 7), weeks == 1 ? "1 week" : "\(weeks) weeks")
    case 3:
      let count = 1 + dice.below(3)
      return (.months(count), "\(count) months")
    case 4:
      if dice.chance(50) {
        let hours = 1 + dice.below(600)
        return (.exact(Int64(hours) * 3_600_000_000), "\(hours) hours")
      }
      let time = dice.pick(exact)
      return (.exact(time), "\(time / 60_000_000) minutes")
    default: return (.lifetime, "lifetime")
    }
  }

  static func random(_ dice: inout Dice) -> EventRule {
    let form = dice.pick(forms)
    switch form {
    case "sequence", "sequence not": return sequence(form, &dice)
    case "first_time", "stopped", "restarted":
      let step = step(&dice)
      let (length, window) = length(&dice, limited: true)
      let question: Question =
        switch form {
        case "first_time": .firstTime(step, length)
        case "stopped": .stopped(step, length)
        default: .restarted(step, length)
        }
      return EventRule(
        form: form, text: "\(form) \(words(step, &dice)) in \(window)", question: question)
    case "regularly":
      let step = step(&dice)
      let count = 2 + dice.below(4)
      let least = 1 + dice.below(2)
      let (length, unit): (Length, String) = dice.pick([
        (.days(1), "days"), (.days(7), "weeks"), (.months(1), "months"),
        (.exact(3_600_000_000), "hours"), (.days(7), "weeks"),
      ])
      return EventRule(
        form: form,
        text: "regularly \(words(step, &dice)) in \(least) of \(count) \(unit)",
        question: .regularly(step, length, of: count, least: least))
    default: return count(form, &dice)
    }
  }

  private static func count(_ form: String, _ dice: inout Dice) -> EventRule {
    let step = step(&dice)
    let place = form == "did previous" ? "previous" : form == "did before" ? "before" : "last"
    let (length, window) = length(&dice, limited: place != "last")
    let tail =
      switch place {
      case "previous": "in previous \(window)"
      case "before": dice.chance(30) ? "before previous \(window)" : "before \(window)"
      default: dice.chance(30) ? "in the last \(window)" : "in \(window)"
      }
    let isBeforePrevious = tail.hasPrefix("before previous")
    let (least, most, comparison): (Int, Int, String) =
      form == "did_not"
      ? (0, 0, "")
      : dice.pick([
        (1, .max, ""), (2, .max, ">= 2"), (2, .max, "> 1"), (0, 2, "<= 2"),
        (1, 3, "between 1 and 3"),
        (1, 1, "= 1"),
      ])
    let verb = form == "did_not" ? (dice.chance(50) ? "did_not" : "did not") : "did"
    let same = form == "did same"
    let text = [verb, words(step, &dice), comparison, same ? "same item" : "", tail]
      .filter { !$0.isEmpty }.joined(separator: " ")
    return EventRule(
      form: form, text: text.replacingOccurrences(of: "lifetime last", with: "lifetime"),
      question: .count(
        step, same: same, place: isBeforePrevious ? "before previous" : place, length,
        least: least, most: most))
  }

  private static func sequence(_ form: String, _ dice: inout Dice) -> EventRule {
    var steps: [Step] = []
    var words: [String] = []
    let count = 2 + dice.below(2)
    for number in 0..<count {
      var step = step(&dice)
      // Two of seven kinds seldom follow each other.
      if dice.chance(70) { step.kinds = ["cart_add", "page_view", "product_view"] }
      var text = self.words(step, &dice)
      if number > 0 {
        step.within = dice.pick(exact)
        step.isNegated = form == "sequence not" && number == count - 1
        text = (step.isNegated ? "not " : "") + text + " within \(step.within / 60_000_000) minutes"
      }
      steps.append(step)
      words.append(text)
    }
    let same = dice.chance(30)
    let (length, window) = length(&dice)
    let least = dice.chance(25) ? 2 : 1
    let text =
      "sequence " + words.joined(separator: " then ") + (least == 2 ? " >= 2" : "")
      + (same ? " same item" : "") + " in \(window)"
    return EventRule(
      form: form, text: text, question: .sequence(steps, same: same, length, least: least))
  }
}

/// The verdict of a condition on one customer's raw events before as-of.
struct NaiveEvents {
  let events: [ShopEvent]
  let asOf: Instant
  let zone: Zone

  func fulfils(_ rule: EventRule) -> Bool {
    switch rule.question {
    case .count(let step, let same, let place, let length, let least, let most):
      let found = events(step, place, length)
      guard same else { return (least...most).contains(found.count) }
      let items = Dictionary(grouping: found.filter { $0.item != nil }) { $0.item ?? "" }
      return (least...most).contains(items.values.map(\.count).max() ?? 0)
    case .sequence(let steps, let same, let length, let least):
      let begun = events(steps[0], "last", length).filter { !same || $0.item != nil }
      return begun.count { completes(steps, 0, $0, same) } >= least
    case .firstTime(let step, let length):
      return !events(step, "last", length).isEmpty && events(step, "before", length).isEmpty
    case .stopped(let step, let length):
      return events(step, "last", length).isEmpty && !events(step, "previous", length).isEmpty
    case .restarted(let step, let length):
      return !events(step, "last", length).isEmpty && events(step, "previous", length).isEmpty
        && !events(step, "before previous", length).isEmpty
    case .regularly(let step, let length, let count, let least):
      let active = (0..<count).count { back in
        let (start, end) = bounds(length, back)
        return events.contains { passes(step, $0) && $0.at >= start && $0.at < end }
      }
      return active >= least
    }
  }

  private func passes(_ step: EventRule.Step, _ event: ShopEvent) -> Bool {
    step.kinds.contains(event.kind) && step.filter?.passes(event) ?? true
  }

  private func events(
    _ step: EventRule.Step, _ place: String, _ length: EventRule.Length
  ) -> [ShopEvent] {
    let (start, end) =
      switch place {
      case "last": bounds(length, 0)
      case "previous": bounds(length, 1)
      case "before": (Instant(microseconds: .min), bounds(length, 0).0)
      default: (Instant(microseconds: .min), bounds(length, 1).0)
      }
    return events.filter { passes(step, $0) && $0.at >= start && $0.at < end }
  }

  /// The window so many windows back, half-open.
  private func bounds(_ length: EventRule.Length, _ back: Int) -> (Instant, Instant) {
    var today = zone.day(of: asOf) + 2
    while zone.midnight(today) >= asOf { today = today - 1 }
    let count: Int
    switch length {
    case .exact(let time):
      return (
        Instant(microseconds: asOf.microseconds - time * Int64(back + 1)),
        Instant(microseconds: asOf.microseconds - time * Int64(back))
      )
    case .lifetime: return (Instant(microseconds: .min), asOf)
    case .days(let days): count = days
    case .months(let months):
      count = Int(today.number - today.adding(months: -months).number)
    }
    return (
      zone.midnight(today - ((back + 1) * count - 1)),
      back == 0 ? asOf : zone.midnight(today - (back * count - 1))
    )
  }

  private func completes(
    _ steps: [EventRule.Step], _ number: Int, _ event: ShopEvent, _ same: Bool
  ) -> Bool {
    guard number + 1 < steps.count else { return true }
    let next = steps[number + 1]
    let following = events.filter { other in
      let gap = other.at.microseconds - event.at.microseconds
      return passes(next, other) && gap > 0 && gap < next.within
        && (!same || other.item == event.item)
    }
    guard next.isNegated else {
      return following.contains { completes(steps, number + 1, $0, same) }
    }
    return following.isEmpty && event.at.microseconds + next.within <= asOf.microseconds
  }
}

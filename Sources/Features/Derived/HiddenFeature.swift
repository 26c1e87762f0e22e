/// A feature that nobody declared: what a rule asks about events, with what it is computed from.
///
/// Its name follows from what it means, so that equal questions share one column on every road, and
/// begins with `_`, which no declared name does.
public struct HiddenFeature: Sendable, Hashable {
  /// The features that the answer is computed from, and the answer, which is the last.
  public let features: [FeatureDefinition]
  /// The answer: a whole number, never null.
  public let answer: FeatureDefinition

  private init(_ answer: FeatureDefinition, from operands: [FeatureDefinition] = []) {
    self.answer = answer
    features = operands + [answer]
  }

  /// How many events there are in the window.
  public static func count(_ filter: EventFilter, in window: Window) -> HiddenFeature {
    let term = FeatureDefinition.Term(measure: Measure(.count, of: filter), negative: false)
    return HiddenFeature(
      FeatureDefinition(
        hidden: .total([term], window), filter.kinds,
        "Events in \(window.phrase): \(filter)"))
  }

  /// How many events there are of that key which has the most in the window.
  public static func most(
    _ filter: EventFilter, of key: EventKey, in window: Window
  ) -> HiddenFeature {
    let slot = RingSlot(filter, .keys(key), isLifetime: window.length == .lifetime)
    return HiddenFeature(
      FeatureDefinition(
        hidden: .most(slot, window), filter.kinds,
        "Most events of one \(key.name) in \(window.phrase): \(filter)"))
  }

  /// How many sequences that began in the window were completed.
  public static func sequences(_ plan: SequencePlan, in window: Window) -> HiddenFeature {
    let slot = RingSlot(plan, isLifetime: window.length == .lifetime)
    return HiddenFeature(
      FeatureDefinition(
        hidden: .aggregate(slot, window), Set(plan.steps.flatMap(\.filter.kinds)).sorted(),
        "Sequences begun in \(window.phrase)"))
  }

  /// How many events are earlier than the window.
  public static func count(_ filter: EventFilter, before window: Window) -> HiddenFeature {
    let windows = (0...window.previous).map { Window(window.length, previous: $0) }
    let parts = [count(filter, in: .lifetime)] + windows.map { count(filter, in: $0) }
    var formula = Formula.feature(parts[0].answer.name)
    for part in parts.dropFirst() {
      formula = .binary(.subtract, formula, .feature(part.answer.name))
    }
    return HiddenFeature(
      FeatureDefinition(
        hidden: .formula(formula), filter.kinds,
        "Events before \(window.phrase): \(filter)"),
      from: parts.map(\.answer))
  }

  /// In how many of the newest `count` windows, which follow each other, there is an event.
  public static func periods(
    _ filter: EventFilter, _ length: Window.Length, of count: Int
  ) -> HiddenFeature {
    let parts = (0..<max(1, count)).map {
      HiddenFeature.count(filter, in: Window(length, previous: $0)).answer
    }
    let flags = parts.map { Formula.call(.min, [.feature($0.name), .number(1, scale: 0)]) }
    let sum = flags.dropFirst().reduce(flags[0]) { .binary(.add, $0, $1) }
    return HiddenFeature(
      FeatureDefinition(
        hidden: .formula(sum), filter.kinds,
        "Of \(count) times \(length.words), those with an event: \(filter)"), from: parts)
  }
}

extension FeatureDefinition {
  /// Whether nobody declared it: it is what a rule asks about events.
  public var isHidden: Bool { name.utf8.first == UInt8(ascii: "_") }

  /// A feature named after what it means.
  fileprivate init(hidden expression: Expression, _ kinds: [String], _ description: String) {
    self.init(
      name: "", aliases: [], description: description, owner: nil,
      source: "events: " + kinds.joined(separator: ", "), type: .integer, unit: .count,
      expression: expression, line: 0)
    let hash = String(Checksum.of(Array(meaning().utf8)), radix: 16)
    let words = kinds.joined(separator: "_or_").lowercased().unicodeScalars.filter {
      ($0 >= "a" && $0 <= "z") || ($0 >= "0" && $0 <= "9") || $0 == "_"
    }
    let head = String(String.UnicodeScalarView(words.prefix(30)))
    self = FeatureDefinition(
      name: "_\(head)_" + String(repeating: "0", count: 16 - hash.count) + hash, aliases: aliases,
      description: description, owner: owner, source: source, type: type, unit: unit,
      expression: expression, line: line)
  }
}

extension Window {
  /// The window as part of a sentence: `the last 30 days`.
  fileprivate var phrase: String { length == .lifetime ? "all time" : "the \(self)" }
}

import Diagnostics

/// The words of events for those that ask about them elsewhere, as rules do: kinds, conditions,
/// windows and times, in the language of `features.yaml`.
public struct EventLanguage: Sendable {
  /// What is wrong with a text.
  public struct Problem: Error, Sendable, Hashable {
    /// A stable name without the room's: `unknown_event`.
    public let code: String
    /// What was expected and what was found.
    public let message: String
    /// What to do; nil where there is nothing general to say.
    public let hint: String?
    /// Characters from the text's beginning.
    public let offset: Int

    init(_ code: String, _ message: String, hint: String? = nil, offset: Int = 0) {
      self.code = code
      self.message = message
      self.hint = hint
      self.offset = offset
    }
  }

  /// The kinds that there are.
  public let kinds: [String]

  /// The language of a project with these kinds of events.
  public init(kinds: [String]) { self.kinds = kinds }

  /// The kind that a text names.
  public func kind(_ text: String) throws(Problem) -> String {
    if kinds.contains(text) { return text }
    throw Problem(
      "unknown_event", "expected an event kind, found '\(text)'",
      hint: Suggestion.hint(for: text, among: kinds)
        ?? "kinds of your own are declared in 'kinds:' of sources.yaml")
  }

  /// The condition of a text in normal form: unknown fields, types that do not fit and what cannot be
  /// read are problems.
  public func condition(_ text: String) throws(Problem) -> Condition {
    if let place = text.unicodeScalars.firstIndex(of: "\0") {
      throw Problem(
        "nul", "expected text, found a NUL character in it",
        hint: "no stored text holds one; remove it",
        offset: text.unicodeScalars.distance(from: text.startIndex, to: place))
    }
    do { return try ConditionParser.parse(text).normalised } catch {
      let problem = error as? TextProblem
      throw Problem(
        "bad_filter", problem?.message ?? "\(error)", hint: problem?.hint,
        offset: problem?.offset ?? 0)
    }
  }

  /// What events share: `item` or `properties.NAME`.
  public func key(_ text: String) throws(Problem) -> EventKey {
    if let key = EventKey(name: text), !text.unicodeScalars.contains("\0") { return key }
    throw Problem(
      "unknown_field", "expected the field item or properties.NAME, found '\(text)'",
      hint: Suggestion.hint(for: text, among: ["item"]) ?? "write item or properties.\(text)")
  }

  /// The length of a window: minutes, hours, days, weeks, months or `lifetime`.
  public func window(_ text: String) throws(Problem) -> Window.Length {
    switch Window.Length.parse(text) {
    case .success(let length): return length
    case .failure(let error): throw Problem("bad_window", error.message, hint: error.hint)
    }
  }

  /// The time between two steps in microseconds.
  public func gap(_ text: String) throws(Problem) -> Int64 {
    switch SequencePlan.gap(text) {
    case .success(let gap): return gap
    case .failure(let error): throw Problem("bad_gap", error.message, hint: error.hint)
    }
  }
}

extension SequencePlan {
  /// The longest that a sequence may take from its first step, in microseconds: 400 days.
  public static let longestHorizon: Int64 = 400 * 86_400_000_000

  private static let unitSeconds: [(name: String, seconds: Int64)] = [
    ("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1),
  ]

  /// `90 seconds`, `10 minutes`, `48 hours`, `7 days`, `2 weeks`, in microseconds; a day is 24 hours.
  static func gap(_ text: String) -> Result<Int64, FeatureError> {
    let words = text.split(separator: " ").map(String.init)
    let unit = words.last.map { $0.hasSuffix("s") ? String($0.dropLast()) : $0 } ?? ""
    guard words.count == 2, let count = Int64(words[0]), count >= 1,
      let seconds = unitSeconds.first(where: { $0.name == unit })?.seconds
    else {
      return .failure(
        FeatureError(
          code: "features.bad_gap",
          message: "expected a time such as 10 minutes, found '\(text)'",
          hint: Suggestion.hint(for: unit, among: unitSeconds.map(\.name))
            ?? "a number and seconds, minutes, hours, days or weeks"))
    }
    guard count <= longestHorizon / 1_000_000 / seconds else {
      return .failure(
        FeatureError(
          code: "features.bad_gap", message: "expected a time of at most 400 days, found '\(text)'")
      )
    }
    return .success(count * seconds * 1_000_000)
  }

  /// A time between steps as ``gap(_:)`` reads it, in the greatest unit that divides it.
  public static func words(ofGap gap: Int64) -> String {
    let seconds = gap / 1_000_000
    let unit = unitSeconds.first { seconds % $0.seconds == 0 } ?? ("second", 1)
    let count = seconds / unit.seconds
    return "\(count) \(unit.name)\(count == 1 ? "" : "s")"
  }
}

extension Window.Length {
  /// The length as ``EventLanguage/window(_:)`` reads it, weeks as days and hours where they are whole.
  public var words: String {
    func counted(_ count: Int, _ unit: String) -> String {
      "\(count) \(unit)\(count == 1 ? "" : "s")"
    }
    switch self {
    case .days(let count): return counted(count, "day")
    case .months(let count): return counted(count, "month")
    case .lifetime: return "lifetime"
    case .minutes(let count):
      return count % 60 == 0 ? counted(count / 60, "hour") : counted(count, "minute")
    }
  }
}

extension Condition {
  /// The condition in one spelling: groups flattened, parts sorted and each once, double `not` gone,
  /// lists sorted.
  public var normalised: Condition {
    switch self {
    case .all(let parts): Condition.group(parts, isAll: true)
    case .any(let parts): Condition.group(parts, isAll: false)
    case .not(let part):
      if case .not(let inner) = part.normalised { inner } else { .not(part.normalised) }
    case .among(let field, let literals):
      Condition.sorted(field, literals)
    case .test, .missing: self
    }
  }

  private static func sorted(_ field: Field, _ literals: [Literal]) -> Condition {
    let sorted = distinct(literals)
    if sorted.count == 1, let only = sorted.first { return .test(field, .equal, only) }
    return .among(field, sorted)
  }

  private static func group(_ parts: [Condition], isAll: Bool) -> Condition {
    var flat: [Condition] = []
    for part in parts.map(\.normalised) {
      switch part {
      case .all(let inner) where isAll: flat += inner
      case .any(let inner) where !isAll: flat += inner
      case .all, .any, .not, .test, .among, .missing: flat.append(part)
      }
    }
    let sorted = distinct(flat)
    if sorted.count == 1, let only = sorted.first { return only }
    return isAll ? .all(sorted) : .any(sorted)
  }

  /// Each once, in the order of the texts' bytes: `String`'s `==` would take NFC and NFD for equal.
  private static func distinct<Part: CustomStringConvertible>(_ parts: [Part]) -> [Part] {
    var byText: [[UInt8]: Part] = [:]
    for part in parts { byText[Array(part.description.utf8)] = part }
    return byText.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
  }
}

/// What a rule asks about a customer's events, in words: which, how many, within which time.
///
/// Rules know events by words only; the attribute catalogue knows what they mean, and answers with
/// an attribute that holds the number asked for. Equal questions in normal form have equal answers.
public struct EventQuestion: Sendable, Hashable {
  /// Events of one step of a sequence, or those that are counted.
  public struct Step: Sendable, Hashable {
    /// The kinds of events, any of which will do; at least one.
    public var events: [String]
    /// What else must hold of an event, `amount > 100`; nil where the kind is enough.
    public var filter: String?
    /// How long after the step before, `10 minutes`; nil for the first step.
    public var within: String?
    /// Whether no such event may come; the last step of a sequence only.
    public var isNegated: Bool

    /// A step.
    public init(
      _ events: [String], where filter: String? = nil, within: String? = nil,
      isNegated: Bool = false
    ) {
      self.events = events
      self.filter = filter
      self.within = within
      self.isNegated = isNegated
    }
  }

  /// What the answer is a number of.
  public enum Subject: Sendable, Hashable {
    /// Events.
    case events
    /// Events of that key which has the most: how often the favourite product was viewed.
    case eventsOfOneKey
    /// Completed sequences.
    case sequences
    /// Periods with an event, among so many that follow each other.
    case periods(of: Int)
  }

  /// Where the window lies.
  public enum Place: Sendable, Hashable {
    /// It ends now.
    case last
    /// It ends where the last one begins.
    case previous
    /// All that is earlier than the last one.
    case beforeLast
    /// All that is earlier than the previous one.
    case beforePrevious
  }

  /// What is counted.
  public var subject: Subject
  /// One step, or those of a sequence.
  public var steps: [Step]
  /// What the events must share, `item` or `properties.NAME`; nil where any will do.
  public var same: String?
  /// The window's length, `30 days` or `lifetime`.
  public var window: String
  /// Where the window lies.
  public var place: Place

  /// A question.
  public init(
    _ subject: Subject, _ steps: [Step], same: String? = nil, window: String,
    place: Place = .last
  ) {
    self.subject = subject
    self.steps = steps
    self.same = same
    self.window = window
    self.place = place
  }
}

extension EventQuestion: CustomStringConvertible {
  /// The question as it stands before a comparison: `did purchase (amount > 100)`.
  var head: String {
    var text: String
    switch subject {
    case .events, .eventsOfOneKey: text = "did "
    case .sequences: text = "sequence "
    case .periods: text = "regularly "
    }
    text += steps.map(\.description).joined(separator: " then ")
    if let same { text += " same \(RuleText.eventName(same))" }
    return text
  }

  /// What follows the comparison: `in 30 days`.
  var tail: String {
    if case .periods(let count) = subject { return "of \(count) periods of \(window)" }
    switch place {
    case .last: return "in \(window)"
    case .previous: return "in previous \(window)"
    case .beforeLast: return "before \(window)"
    case .beforePrevious: return "before previous \(window)"
    }
  }

  /// The question in words, without a comparison.
  public var description: String { "\(head) \(tail)" }
}

extension EventQuestion.Step: CustomStringConvertible {
  /// The step as it is written: `not purchase (amount > 5) within 2 days`.
  public var description: String {
    (isNegated ? "not " : "")
      + events.map(RuleText.eventName).joined(separator: " or ")
      + (filter.map { " (\($0))" } ?? "") + (within.map { " within \($0)" } ?? "")
  }
}

extension RuleText {
  /// The name of an event or key as it stands in a short string: bare where that reads back.
  static func eventName(_ name: String) -> String {
    let bare = name.unicodeScalars.allSatisfy {
      $0.isASCII
        && ($0.properties.isAlphabetic || $0 == "_" || $0 == "." || ($0 >= "0" && $0 <= "9"))
    }
    return bare && !name.isEmpty && !EventWords.reserved.contains(name) ? name : quoted(name)
  }
}

/// The words that have a meaning of their own in conditions over events.
enum EventWords {
  /// How a condition over events begins.
  enum Verb: String, CaseIterable {
    case did
    case didNot = "did_not"
    case sequence
    case firstTime = "first_time"
    case stopped
    case restarted
    case regularly
  }

  /// Words that cannot stand for events without quotes.
  static let reserved: Set<String> = [
    "or", "and", "not", "then", "where", "same", "in", "within", "before", "of", "between", "the",
    "last", "previous", "lifetime", "periods", "customers_since",
  ]
}

/// A part of a question, to say where a fault stands.
public enum EventPart: Sendable, Hashable {
  /// One of a step's events.
  case event(step: Int, index: Int)
  /// A step's filter.
  case filter(step: Int)
  /// A step's time after the one before.
  case within(step: Int)
  /// What events must share.
  case same
  /// The window.
  case window
  /// All of it.
  case whole
}

/// What is wrong with a question.
public struct EventFault: Sendable, Hashable {
  /// What it is about.
  public var part: EventPart
  /// Characters from the part's beginning.
  public var offset: Int
  /// A stable name without the room's: `unknown_event`.
  public var code: String
  /// What was expected and what was found.
  public var message: String
  /// What to do.
  public var hint: String?

  /// A fault of a part.
  public init(
    _ part: EventPart, offset: Int = 0, code: String, _ message: String, hint: String? = nil
  ) {
    self.part = part
    self.offset = offset
    self.code = code
    self.message = message
    self.hint = hint
  }
}

/// Every fault of a question.
public struct EventFaults: Error, Sendable, Hashable {
  /// At least one.
  public let faults: [EventFault]

  /// The faults of a question.
  public init(_ faults: [EventFault]) { self.faults = faults }
}

extension AttributeCatalogue {
  /// Refuses questions: a catalogue without events.
  public func attribute(answering question: EventQuestion) -> Result<Attribute, EventFaults> {
    .failure(
      EventFaults([
        EventFault(
          .whole, code: "events_unknown",
          "expected a condition over attributes, found one over events",
          hint: "only the rules of a project with features know its events")
      ]))
  }
}

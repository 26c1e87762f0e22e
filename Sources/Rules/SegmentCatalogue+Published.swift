import Foundation
import Schedules

extension SegmentCatalogue {
  /// A rule as a publication keeps it.
  public struct PublishedRule: Sendable, Hashable {
    /// The segment's name.
    public let name: String
    /// The segment's title.
    public let title: String
    /// The rule in its normal form, as ``Expression/description`` writes it.
    public let rule: String

    /// A rule of a name and a title.
    public init(name: String, title: String, rule: String) {
      self.name = name
      self.title = title
      self.rule = rule
    }
  }

  /// The catalogue that publications kept: rules in their normal form, which may refer to each other.
  ///
  /// - Parameter kept: segments whose rules are there already, which the rules may refer to, too.
  /// - Throws: every fault at once, such as an attribute that has gone since.
  public static func published(
    _ rules: [PublishedRule], beside kept: [Segment] = [], attributes: any AttributeCatalogue,
    zone: Zone? = nil
  ) throws(RuleErrors) -> SegmentCatalogue {
    let entries = rules.map { rule -> [String: Any] in
      ["name": rule.name, "title": rule.title, "rule": NormalText.clause(of: rule.rule[...])]
    }
    let text: String
    do {
      let data = try JSONSerialization.data(withJSONObject: ["segments": entries])
      text = String(decoding: data, as: UTF8.self)
    } catch {
      throw RuleErrors([
        RuleError(code: "rules.published", message: "expected rules as texts, found \(error)")
      ])
    }
    let faults = FaultList()
    let reader = SegmentReader(faults: faults)
    let document = try Document.json(text, file: nil)
    // A list without segments is a fault of a file, and none here.
    let drafts =
      rules.isEmpty ? [] : reader.entries(of: document).compactMap { reader.draft($0) }
    let place = SourceLocation(line: 1, column: 1)
    var segments = kept
    var references = Dictionary(
      kept.map { segment in
        (
          segment.name,
          segment.dependencies.map { RuleChecker.Reference(name: $0, location: place) }
        )
      }
    ) { first, _ in first }
    let checker = RuleChecker(
      attributes: attributes, zone: zone, faults: faults,
      segments: SegmentNames((kept.map(\.name) + rules.map(\.name))))
    for draft in drafts {
      faults.segment = draft.name
      guard let clause = draft.clause, let (expression, found) = checker.check(clause) else {
        continue
      }
      references[draft.name] = found
      segments.append(Segment(name: draft.name, title: draft.title, rule: Rule(expression)))
    }
    faults.segment = nil
    let order = dependencyOrder(segments.map(\.name), references, faults)
    try faults.throwIfAny()
    return SegmentCatalogue(segments: segments, evaluationOrder: order)
  }
}

/// Reads the groups of a rule's normal form: `all(…, …)`, `any(…, …)`, `not(…)`, `score(…) >= 3, leave
/// below 2`, and `… where all(…)`; what is no group is a short string.
enum NormalText {
  /// The text as a clause of a JSON catalogue: an object for a group, a string for a condition.
  static func clause(of text: Substring) -> Any {
    for word in ["all", "any", "not"] {
      guard text.hasPrefix(word + "("), let inner = inside(text.dropFirst(word.count)) else {
        continue
      }
      return [word: word == "not" ? clause(of: inner) : parts(of: inner).map { clause(of: $0) }]
    }
    return score(of: text) ?? population(of: text) ?? String(text)
  }

  /// `score(2 x …, 1 x …) >= 3, leave below 2` as a map; nil for another text.
  private static func score(of text: Substring) -> Any? {
    guard text.hasPrefix("score("), let end = partner(of: text.dropFirst(5)) else { return nil }
    let sign = ") >= "
    let inner = text[text.index(text.startIndex, offsetBy: 6)..<end]
    guard text[end...].hasPrefix(sign) else { return nil }
    let bounds = text[end...].dropFirst(sign.count)
      .split(separator: ", leave below ", maxSplits: 1)
    guard let threshold = bounds.first else { return nil }
    let parts = self.parts(of: inner).map { part -> [String: Any] in
      let halves = part.split(separator: " x ", maxSplits: 1)
      guard halves.count == 2 else { return ["when": String(part)] }
      return ["weight": number(halves[0]), "when": clause(of: halves[1])]
    }
    var map: [String: Any] = ["score": parts, "threshold": number(threshold)]
    if bounds.count == 2 { map["leave_below"] = number(bounds[1]) }
    return map
  }

  /// A number as JSON has it.
  private static func number(_ text: Substring) -> Any {
    if let whole = Int64(text) { return whole }
    if let real = Double(text) { return real }
    return String(text)
  }

  /// `ltv top 20% where all(…)` as a map; nil for another text, also for one whose population is a
  /// condition, which short strings read.
  private static func population(of text: Substring) -> Any? {
    let groups = ["all(", "any(", "not(", "score("]
    let wheres = text.ranges(of: " where ")
    guard
      let range = wheres.first(where: { range in
        groups.contains { text[range.upperBound...].hasPrefix($0) }
      })
    else { return nil }
    for (word, whole) in [(" top ", "top"), (" bottom ", "bottom")] {
      guard let sign = text[..<range.lowerBound].ranges(of: word).last else { continue }
      let value = text[sign.upperBound..<range.lowerBound]
      var name = String(text[..<sign.lowerBound])
      if name.hasPrefix("'"), name.hasSuffix("'"), name.count > 1 {
        name = String(name.dropFirst().dropLast()).replacing("''", with: "'")
      }
      return [
        "attribute": name, "operator": "\(whole)_\(value.hasSuffix("%") ? "percent" : "count")",
        "value": String(value), "where": clause(of: text[range.upperBound...]),
      ]
    }
    return nil
  }

  /// What stands between a parenthesis that begins the text and its partner that ends it; nil where
  /// the partner stands elsewhere.
  private static func inside(_ text: Substring) -> Substring? {
    guard let end = partner(of: text), text.utf8.index(after: end) == text.endIndex else {
      return nil
    }
    return text[text.utf8.index(after: text.startIndex)..<end]
  }

  /// Where the parenthesis that begins the text has its partner; nil without one.
  private static func partner(of text: Substring) -> Substring.Index? {
    var depth = 0
    for (index, byte) in scan(text) {
      if byte == UInt8(ascii: "(") { depth += 1 }
      guard byte == UInt8(ascii: ")") else { continue }
      depth -= 1
      if depth == 0 { return index }
    }
    return nil
  }

  /// The parts between commas that stand in no brackets.
  private static func parts(of text: Substring) -> [Substring] {
    var parts: [Substring] = []
    var start = text.startIndex
    var depth = 0
    for (index, byte) in scan(text) {
      switch byte {
      case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      case UInt8(ascii: ",") where depth == 0:
        parts.append(text[start..<index])
        start = text.utf8.index(after: index)
      default: break
      }
    }
    parts.append(text[start...])
    // The lower threshold of a score stands behind a comma of its own.
    var joined: [Substring] = []
    for part in parts {
      let trimmed = part.drop { $0 == " " }
      if trimmed.hasPrefix("leave below "), let before = joined.popLast() {
        joined.append(text[before.startIndex..<trimmed.endIndex])
      } else {
        joined.append(trimmed)
      }
    }
    return joined
  }

  /// The bytes outside quotes, with their places; a quote within quotes is written twice, which ends
  /// and begins them again.
  private static func scan(_ text: Substring) -> [(Substring.Index, UInt8)] {
    var isQuoted = false
    var found: [(Substring.Index, UInt8)] = []
    for index in text.utf8.indices {
      let byte = text.utf8[index]
      if byte == UInt8(ascii: "'") {
        isQuoted.toggle()
      } else if !isQuoted {
        found.append((index, byte))
      }
    }
    return found
  }
}

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
  /// - Throws: every fault at once, such as an attribute that has gone since.
  public static func published(
    _ rules: [PublishedRule], attributes: any AttributeCatalogue, zone: Zone? = nil
  ) throws(RuleErrors) -> SegmentCatalogue {
    let segments = rules.map { rule -> [String: Any] in
      ["name": rule.name, "title": rule.title, "rule": NormalText.clause(of: rule.rule[...])]
    }
    let text: String
    do {
      let data = try JSONSerialization.data(withJSONObject: ["segments": segments])
      text = String(decoding: data, as: UTF8.self)
    } catch {
      throw RuleErrors([
        RuleError(code: "rules.published", message: "expected rules as texts, found \(error)")
      ])
    }
    return try parse(text, format: .json, attributes: attributes, zone: zone)
  }
}

/// Reads the groups of a rule's normal form: `all(…, …)`, `any(…, …)`, `not(…)`; what is no group is a
/// short string.
enum NormalText {
  /// The text as a clause of a JSON catalogue: an object for a group, a string for a condition.
  static func clause(of text: Substring) -> Any {
    for word in ["all", "any", "not"] {
      guard text.hasPrefix(word + "("), let inner = inside(text.dropFirst(word.count)) else {
        continue
      }
      return [word: word == "not" ? clause(of: inner) : parts(of: inner).map { clause(of: $0) }]
    }
    return String(text)
  }

  /// What stands between a parenthesis that begins the text and its partner that ends it; nil where
  /// the partner stands elsewhere.
  private static func inside(_ text: Substring) -> Substring? {
    var depth = 0
    for (index, byte) in scan(text) {
      if byte == UInt8(ascii: "(") { depth += 1 }
      guard byte == UInt8(ascii: ")") else { continue }
      depth -= 1
      if depth == 0 {
        let after = text.utf8.index(after: index)
        return after == text.endIndex
          ? text[text.utf8.index(after: text.startIndex)..<index] : nil
      }
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
    return parts.map { $0.drop { $0 == " " } }
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

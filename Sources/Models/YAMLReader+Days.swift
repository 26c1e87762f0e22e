import Diagnostics
import Yams

extension YAMLReader {
  /// `60 days` or `8 weeks`, in days, nil after reporting anything else.
  mutating func days(_ node: Node?, _ what: String) -> Int? {
    guard let node else { return nil }
    let words = node.scalar?.string.split(separator: " ") ?? []
    let units = ["day": 1, "days": 1, "week": 7, "weeks": 7]
    guard words.count == 2, let count = Int(words[0]), let unit = units[String(words[1])],
      (1...3_650).contains(count), count * unit <= 3_650
    else {
      report(
        node, "bad_value", "expected \(what) such as '60 days', found \(Self.words(node))",
        "days and weeks, at least one day, at most 3650 days")
      return nil
    }
    return count * unit
  }
}

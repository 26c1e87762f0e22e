import Diagnostics
import Foundation
import Warehouse
import Yams

/// Where a source's rows stand, and where reading goes on.
extension SourceParser {
  private static let places = ["file", "files", "query", "postgres"]

  /// Where the rows stand; nil where that cannot be told, which is noted.
  func location(_ fields: [String: Node], _ node: Node) -> SourceDefinition.Location? {
    // A query beside postgres is what is read there.
    let found = Self.places.filter { fields[$0] != nil && !($0 == "query" && isRemote(fields)) }
    guard found.count == 1, let place = found.first, let value = fields[place] else {
      reader.note(
        "inputs.bad_catalogue",
        "expected one of \(Self.places.joined(separator: ", ")), found "
          + (found.isEmpty ? "none" : found.joined(separator: " and ")), at: node)
      return nil
    }
    if let table = fields["table"], place != "postgres" {
      reader.note("inputs.bad_catalogue", "a table belongs to a postgres source", at: table)
    }
    switch place {
    case "file": return path(value, of: "file").map { .file($0) }
    case "files": return path(value, of: "files").map { .files(pattern: $0) }
    case "query": return query(value).map { .query($0) }
    default: return remote(value, fields)
    }
  }

  private func isRemote(_ fields: [String: Node]) -> Bool { fields["postgres"] != nil }

  private func expanded(_ node: Node, of key: String) -> String? {
    guard let text = reader.text(node, of: key) else { return nil }
    let (value, missing) = EnvironmentText.expand(text, environment)
    for name in missing {
      reader.note(
        "inputs.unset_variable", "expected a value for ${\(name)}, found none",
        hint: "set \(name), or write ${\(name):-default}", at: node)
    }
    return value
  }

  private func path(_ node: Node, of key: String) -> String? {
    expanded(node, of: key).map { text in
      let path = URL(fileURLWithPath: text, relativeTo: folder).standardizedFileURL.path
      // A trailing slash says that a folder is meant.
      return text.hasSuffix("/") && !path.hasSuffix("/") ? path + "/" : path
    }
  }

  private func query(_ node: Node) -> String? {
    reader.text(node, of: "query").map { text in
      let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
      return trimmed.hasSuffix(";") ? String(trimmed.dropLast()) : trimmed
    }
  }

  private func remote(
    _ node: Node, _ fields: [String: Node]
  ) -> SourceDefinition.Location? {
    guard let text = expanded(node, of: "postgres") else { return nil }
    var options = ConnectionOptions(text)
    options.applicationName = "strata source"
    switch (fields["query"], fields["table"]) {
    case (let asked?, nil): return query(asked).map { .postgres(options, .query($0)) }
    case (nil, let named?):
      guard let name = reader.text(named, of: "table") else { return nil }
      let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      guard parts.count <= 2, !parts.contains("") else {
        reader.note(
          "inputs.bad_catalogue", "expected a table or schema.table, found '\(name)'", at: named)
        return nil
      }
      return .postgres(options, .table(parts))
    case (let asked, _):
      reader.note(
        "inputs.bad_catalogue",
        "expected either 'query' or 'table' beside 'postgres', found "
          + (asked == nil ? "neither" : "both"), at: node)
      return nil
    }
  }

  // MARK: Going on

  /// How a query source goes on: `watermark` with `overlap`, or `cut: xmin`.
  func advance(
    _ fields: [String: Node], _ location: SourceDefinition.Location?
  ) -> SourceDefinition.Advance {
    var overlap = Duration.zero
    if let node = fields["overlap"] {
      overlap = duration(node, of: "overlap") ?? .zero
      if fields["watermark"] == nil {
        reader.note("inputs.bad_catalogue", "an overlap belongs to a watermark", at: node)
      }
    }
    if let node = fields["cut"], let text = reader.text(node, of: "cut") {
      if text != "xmin" {
        reader.note("inputs.bad_catalogue", "expected cut: xmin, found '\(text)'", at: node)
      }
      if fields["watermark"] != nil {
        reader.note(
          "inputs.bad_catalogue", "expected either 'watermark' or 'cut', found both", at: node)
      }
      guard case .postgres(_, .table) = location else {
        reader.note(
          "inputs.bad_catalogue", "cut: xmin belongs to a table of a postgres source",
          hint: "a query's rows have no transactions; name a table, or a watermark column", at: node
        )
        return .everything
      }
      return .transactions
    }
    guard let node = fields["watermark"], let name = reader.text(node, of: "watermark") else {
      return .everything
    }
    return .column(name, overlap: overlap)
  }

  /// `freshness: {warn: 26h, stop: 3d}`.
  func freshness(_ node: Node) -> SourceDefinition.FreshnessLimits? {
    let fields = reader.fields(node, of: "freshness", known: ["warn", "stop"])
    let warn = fields["warn"].flatMap { duration($0, of: "warn") }
    let stop = fields["stop"].flatMap { duration($0, of: "stop") }
    guard warn != nil || stop != nil else {
      reader.note("inputs.bad_catalogue", "expected warn, stop or both in freshness", at: node)
      return nil
    }
    if let warn, let stop, warn > stop {
      reader.note(
        "inputs.bad_catalogue",
        "expected warn before stop, found \(DurationText.words(warn)) "
          + "and \(DurationText.words(stop))", at: node)
    }
    return SourceDefinition.FreshnessLimits(warn: warn, stop: stop)
  }

  /// A duration such as `90s`, `15m`, `26h` or `3d`; a problem is noted.
  func duration(_ node: Node, of key: String) -> Duration? {
    guard let text = reader.text(node, of: key) else { return nil }
    if let duration = DurationText.parse(text) { return duration }
    reader.note(
      "inputs.bad_duration",
      "expected a duration such as 15m, 26h or 3d for '\(key)', found "
        + "'\(text)'", at: node)
    return nil
  }

  /// `corrections: accept` (the default) or `reject`.
  func takesCorrections(_ node: Node?) -> Bool {
    guard let node, let text = reader.text(node, of: "corrections") else { return true }
    if text == "accept" || text == "reject" { return text == "accept" }
    reader.note(
      "inputs.bad_catalogue", "expected corrections: accept or reject, found '\(text)'", at: node)
    return true
  }
}

/// Durations as catalogues write them.
public enum DurationText {
  private static let units: [(suffix: Character, seconds: Int)] = [
    ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1),
  ]

  /// `26h` and the like: a whole number and one of s, m, h, d; nil for anything else.
  static func parse(_ text: String) -> Duration? {
    guard let last = text.last, let unit = units.first(where: { $0.suffix == last }),
      let count = Int(text.dropLast().trimmingCharacters(in: .whitespaces)),
      (0...36_500 * 86_400 / unit.seconds).contains(count)
    else { return nil }
    return .seconds(count * unit.seconds)
  }

  /// The two largest units that matter: `3d 4h`, `26m`, `0s`; a minus sign before negative ones.
  public static func words(_ duration: Duration) -> String {
    var rest = abs(duration.components.seconds)
    var words: [String] = []
    for unit in units where words.count < 2 {
      let count = rest / Int64(unit.seconds)
      rest %= Int64(unit.seconds)
      if count > 0 { words.append("\(count)\(unit.suffix)") }
    }
    let sign = duration < .zero && !words.isEmpty ? "-" : ""
    return words.isEmpty ? "0s" : sign + words.joined(separator: " ")
  }
}

import Diagnostics
import Yams

/// Turns YAML into checked features; every problem is reported, none stops the check.
struct FeatureChecker {
  var reader: YAMLReader
  /// Where each name was declared, to report the second use of it.
  var declared: [String: Int] = [:]

  var problems: [FileProblem] {
    reader.problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
  }

  /// The event kinds that features may name.
  let eventKinds: [String]

  init(file: String, eventKinds: [String] = EventKind.names) {
    reader = YAMLReader(file: file, area: "features")
    self.eventKinds = eventKinds
  }

  /// A feature that was read, with the nodes that later checks point at.
  struct Draft {
    var feature: FeatureDefinition
    var fields: [String: Node]
  }

  /// The features of a document; only meaningful where `problems` stays empty.
  mutating func check(_ yaml: String) -> [FeatureDefinition] {
    guard let root = reader.compose(yaml, expecting: "version and features"),
      let top = reader.fields(of: root, optional: ["version", "features"], what: "a catalogue")
    else { return [] }
    if let version = top["version"] {
      _ = reader.integer(version, 1...1, "version")
    } else {
      reader.report(root, "missing_key", "expected version: 1, found no version")
    }
    guard let list = top["features"] else {
      reader.report(root, "missing_key", "expected features: with a list, found none")
      return []
    }
    guard case .sequence(let entries) = list else {
      let found = YAMLReader.words(list)
      reader.report(list, "bad_entry", "expected a list of features, found \(found)")
      return []
    }
    var drafts: [Draft] = []
    for entry in entries {
      if let draft = draft(entry) { drafts.append(draft) }
    }
    return resolve(drafts)
  }

  private static let commonKeys = [
    "name", "description", "aliases", "owner", "source", "kind",
  ]
  private static let kindKeys: [String: [String]] = [
    "count": ["window", "previous", "minus", "where"],
    "sum": ["window", "previous", "minus", "where"],
    "avg": ["window", "previous", "where"], "min": ["window", "previous", "where"],
    "max": ["window", "previous", "where"], "first": ["window", "previous", "where"],
    "last": ["window", "previous", "where"], "distinct": ["window", "previous", "where"],
    "most_of_one": ["window", "previous", "where"],
    "days_active": ["window", "previous", "where"],
    "rate": ["of", "window", "previous", "where", "min_denominator"],
    "trend": ["window", "previous", "where", "as", "periods", "min_denominator"],
    "sequence": ["window", "previous", "same"], "funnel": ["window", "previous", "same"],
    "recency": ["where"], "since_first": ["where"], "ratio": ["to", "min_denominator"],
    "band": ["bands", "missing"], "rank": ["bins", "best"], "rfm": ["bins"], "weighted": [],
    "formula": [], "profile": ["type"], "score": [],
  ]
  private static let kindNames = [
    "count", "sum", "avg", "min", "max", "first", "last", "distinct", "most_of_one",
    "days_active", "rate", "trend", "sequence", "funnel", "recency", "since_first", "ratio",
    "band", "rank", "rfm", "weighted", "formula", "profile", "score",
  ]
  private static let optionKeys = Set(kindKeys.values.flatMap { $0 }).sorted()

  private mutating func draft(_ entry: Node) -> Draft? {
    let known =
      ["name"] + Self.kindNames + Self.optionKeys + Self.commonKeys.dropFirst()
    guard let fields = reader.fields(of: entry, optional: known, what: "a feature") else {
      return nil
    }
    let name = name(fields, entry)
    let kinds = Self.kindNames.filter { fields[$0] != nil }
    guard let kind = kinds.first, kinds.count == 1, let operand = fields[kind] else {
      let found = kinds.isEmpty ? "none of them" : kinds.joined(separator: " and ")
      reader.report(
        entry, "feature_kind",
        "expected one of \(Self.kindNames.joined(separator: ", ")), found \(found)")
      return nil
    }
    for key in fields.keys.sorted() where key != kind && !Self.commonKeys.contains(key) {
      if let node = fields[key], Self.kindKeys[kind]?.contains(key) != true,
        !Self.kindNames.contains(key)
      {
        reader.report(node, "misplaced_key", "expected no '\(key)' beside '\(kind)'")
      }
    }
    let aliases = aliases(fields["aliases"])
    guard let parsed = expression(kind, operand, fields, entry), let name else { return nil }
    let unit = unit(fields["kind"], of: kind, derived: parsed.unit)
    let feature = FeatureDefinition(
      name: name, aliases: aliases,
      description: fields["description"].flatMap { reader.text($0, "a description") } ?? "",
      owner: fields["owner"].flatMap { reader.text($0, "an owner") },
      source: fields["source"].flatMap { reader.text($0, "a source") } ?? parsed.source,
      type: parsed.type, unit: unit, expression: parsed.expression, line: entry.mark?.line ?? 1)
    return Draft(feature: feature, fields: fields)
  }

  // MARK: Names

  private mutating func name(_ fields: [String: Node], _ entry: Node) -> String? {
    guard let node = fields["name"] else {
      reader.report(entry, "missing_key", "expected a name, found a feature without one")
      return nil
    }
    guard let name = reader.text(node, "a name") else { return nil }
    let letters = name.utf8
    let plain = letters.allSatisfy { $0 == 95 || (48...57).contains($0) || (97...122).contains($0) }
    guard plain, let first = letters.first, (97...122).contains(first), letters.count <= 63 else {
      reader.report(
        node, "bad_name",
        "expected a name of lower-case letters, digits and _ with at most 63 bytes, "
          + "found '\(name)'", "other spellings can be aliases")
      return nil
    }
    claim(name, node)
    return name
  }

  private mutating func aliases(_ node: Node?) -> [String] {
    guard let node else { return [] }
    var aliases: [String] = []
    for (alias, place) in reader.texts(node, "an alias") {
      claim(alias, place)
      aliases.append(alias)
    }
    return aliases
  }

  private mutating func claim(_ name: String, _ node: Node) {
    if let line = declared[name] {
      reader.report(
        node, "duplicate_name", "expected a new name, found '\(name)' again",
        "it stands on line \(line) already")
    } else {
      declared[name] = node.mark?.line ?? 1
    }
  }

  private mutating func unit(
    _ node: Node?, of kind: String, derived: FeatureUnit
  ) -> FeatureUnit {
    guard let node, let text = reader.text(node, "a kind") else { return derived }
    let known = FeatureUnit.allCases.filter { $0 != .none }.map(\.rawValue)
    guard let unit = FeatureUnit(rawValue: text), unit != .none else {
      reader.report(
        node, "unknown_unit", "expected one of \(known.joined(separator: ", ")), found '\(text)'",
        Suggestion.hint(for: text, among: known))
      return derived
    }
    return unit
  }
}

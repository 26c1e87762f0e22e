import Diagnostics
import Yams

/// Turns YAML into checked features; every problem is reported, none stops the check.
struct FeatureChecker {
  private var reader: YAMLReader
  /// Where each name was declared, to report the second use of it.
  private var declared: [String: Int] = [:]

  var problems: [FileProblem] {
    reader.problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
  }

  init(file: String) { reader = YAMLReader(file: file, area: "features") }

  /// A feature that was read, with the nodes that later checks point at.
  private struct Draft {
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
    let features = drafts.map(\.feature)
    let known = Dictionary(features.map { ($0.name, $0) }) { first, _ in first }
    return drafts.map { resolveRatio($0, known) }
  }

  private static let commonKeys = [
    "name", "description", "aliases", "owner", "source", "kind",
  ]
  private static let kindKeys: [String: [String]] = [
    "count": ["window", "previous", "minus"], "sum": ["window", "previous", "minus"],
    "recency": [], "ratio": ["to", "min_denominator"], "profile": ["type"], "score": [],
  ]
  private static let kindNames = ["count", "sum", "recency", "ratio", "profile", "score"]

  private mutating func draft(_ entry: Node) -> Draft? {
    let known =
      ["name"] + Self.kindNames + ["window", "previous", "minus", "to", "min_denominator", "type"]
      + Self.commonKeys.dropFirst()
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

  // MARK: Expressions

  private typealias Parsed = (
    expression: FeatureDefinition.Expression, type: FeatureType, unit: FeatureUnit, source: String
  )

  private mutating func expression(
    _ kind: String, _ operand: Node, _ fields: [String: Node], _ entry: Node
  ) -> Parsed? {
    switch kind {
    case "count", "sum": return total(kind, operand, fields, entry)
    case "recency":
      guard let measure = count(of: operand) else { return nil }
      let source = "events: " + measure.kinds.joined(separator: ", ")
      return (.recency(measure), .integer, .days, source)
    case "ratio":
      guard let to = fields["to"] else {
        reader.report(entry, "missing_key", "expected to: with the denominator, found none")
        return nil
      }
      let names = (reader.text(operand, "a feature"), reader.text(to, "a feature"))
      guard let numerator = names.0, let denominator = names.1 else { return nil }
      let expression = FeatureDefinition.Expression.ratio(
        numerator: numerator, denominator: denominator, minimum: 1)
      return (expression, .real, .ratio, "features: \(numerator), \(denominator)")
    case "profile":
      guard let attribute = reader.text(operand, "a profile attribute") else { return nil }
      let type = profileType(fields["type"])
      let numeric: Set<FeatureType> = [.integer, .decimal]
      return (
        .profile(attribute: attribute), type, numeric.contains(type) ? .number : .none,
        "profile: \(attribute)"
      )
    default:
      guard let model = reader.text(operand, "a model") else { return nil }
      return (.score(model: model), .real, .score, "model: \(model)")
    }
  }

  private mutating func profileType(_ node: Node?) -> FeatureType {
    guard let node, let text = reader.text(node, "a type") else { return .text }
    let known = FeatureType.allCases.filter { $0 != .real }.map(\.rawValue)
    guard let type = FeatureType(rawValue: text), type != .real else {
      reader.report(
        node, "unknown_type", "expected one of \(known.joined(separator: ", ")), found '\(text)'",
        Suggestion.hint(for: text, among: known))
      return .text
    }
    return type
  }

  private mutating func total(
    _ kind: String, _ operand: Node, _ fields: [String: Node], _ entry: Node
  ) -> Parsed? {
    func measure(_ node: Node) -> Measure? { kind == "count" ? count(of: node) : sum(of: node) }
    let plus = measure(operand)
    let minus = fields["minus"].map { (node: $0, measure: measure($0)) }
    let window = window(fields, entry)
    guard let plus, let window else { return nil }
    var terms = [FeatureDefinition.Term(measure: plus, negative: false)]
    if let minus {
      guard let measure = minus.measure else { return nil }
      guard measure.value == plus.value else {
        reader.report(
          minus.node, "mixed_fields",
          "expected the same field on both sides, found \(plus.value) minus \(measure.value)")
        return nil
      }
      terms.append(FeatureDefinition.Term(measure: measure, negative: true))
    }
    let kinds = terms.flatMap(\.measure.kinds)
    let money = plus.value == .amount
    return (
      .total(terms, window), money ? .decimal : .integer, money ? .money : .count,
      "events: " + kinds.joined(separator: ", ")
    )
  }

  private mutating func window(_ fields: [String: Node], _ entry: Node) -> Window? {
    guard let node = fields["window"] else {
      reader.report(
        entry, "missing_key", "expected a window, found none",
        "write window: 30 days, or window: lifetime")
      return nil
    }
    guard let text = reader.text(node, "a window") else { return nil }
    let length: Window.Length
    switch Window.Length.parse(text) {
    case .success(let parsed): length = parsed
    case .failure(let error):
      reader.report(node, "bad_window", error.message, error.hint)
      return nil
    }
    guard let previous = fields["previous"] else { return Window(length) }
    guard let back = reader.integer(previous, 0...Window.maximumDays, "previous") else {
      return nil
    }
    let window = Window(length, previous: back)
    if length == .lifetime, back > 0 {
      reader.report(previous, "bad_window", "expected no previous window of a lifetime")
      return nil
    }
    if let reach = window.reach, reach > Window.maximumDays {
      reader.report(
        previous, "bad_window",
        "expected windows within \(Window.maximumDays) days, found one that starts \(reach) back")
      return nil
    }
    return window
  }

  // MARK: Operands

  private mutating func count(of node: Node) -> Measure? {
    var kinds: [String] = []
    var sound = true
    for (text, place) in reader.texts(node, "an event kind") {
      if let kind = eventKind(text, place, field: nil) { kinds.append(kind) } else { sound = false }
    }
    return sound && !kinds.isEmpty ? Measure(.count, of: kinds) : nil
  }

  private mutating func sum(of node: Node) -> Measure? {
    var kinds: [String] = []
    var values: Set<Measure.Value> = []
    var sound = true
    for (text, place) in reader.texts(node, "a field such as purchase.amount") {
      let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2 else {
        reader.report(
          place, "bad_field", "expected a kind and a field, found '\(text)'",
          "write purchase.amount or purchase.quantity")
        sound = false
        continue
      }
      if let kind = eventKind(parts[0], place, field: parts[1]) {
        kinds.append(kind)
      } else {
        sound = false
      }
      guard parts[1] != "count", let value = Measure.Value(rawValue: parts[1]) else {
        reader.report(
          place, "bad_field", "expected the field amount or quantity, found '\(parts[1])'",
          Suggestion.hint(for: parts[1], among: ["amount", "quantity"]))
        sound = false
        continue
      }
      values.insert(value)
    }
    guard sound, !kinds.isEmpty, let value = values.first else { return nil }
    guard values.count == 1 else {
      reader.report(node, "mixed_fields", "expected one field, found amount and quantity")
      return nil
    }
    return Measure(value, of: kinds)
  }

  private mutating func eventKind(_ text: String, _ node: Node, field: String?) -> String? {
    if EventKind.names.contains(text) { return text }
    let suggestion = Suggestion.nearest(to: text, among: EventKind.names)
    let full = suggestion.map { name in field.map { "\(name).\($0)" } ?? name }
    let hint =
      text.contains(".")
      ? "count takes a kind alone; a field is for sum"
      : full.map { "did you mean '\($0)'?" }
    reader.report(node, "unknown_kind", "expected an event kind, found '\(text)'", hint)
    return nil
  }

  // MARK: Ratios

  /// Checks a ratio's operands and scales its minimum, now that every feature is known.
  private mutating func resolveRatio(
    _ draft: Draft, _ known: [String: FeatureDefinition]
  ) -> FeatureDefinition {
    guard case .ratio(let numerator, let denominator, _) = draft.feature.expression else {
      return draft.feature
    }
    let over = operand(numerator, draft.fields["ratio"], known)
    let under = operand(denominator, draft.fields["to"], known)
    guard let over, let under else { return draft.feature }
    let scale = under.scale ?? 0
    var minimum: Int64 = 1
    if let node = draft.fields["min_denominator"] {
      guard let value = node.scalar.flatMap({ Self.decimal($0.string, scale: scale) }), value > 0
      else {
        reader.report(
          node, "bad_value",
          "expected a positive number with at most \(scale) decimals, "
            + "found \(YAMLReader.words(node))")
        return draft.feature
      }
      minimum = value
    }
    let derived: FeatureUnit =
      over.unit == under.unit ? .ratio : over.unit == .money ? .money : .number
    let feature = draft.feature
    return FeatureDefinition(
      name: feature.name, aliases: feature.aliases, description: feature.description,
      owner: feature.owner, source: feature.source, type: .real,
      unit: draft.fields["kind"] == nil ? derived : feature.unit,
      expression: .ratio(numerator: over.name, denominator: under.name, minimum: minimum),
      line: feature.line)
  }

  private mutating func operand(
    _ name: String, _ node: Node?, _ known: [String: FeatureDefinition]
  ) -> FeatureDefinition? {
    guard let node else { return nil }
    guard let feature = known[name] ?? known.values.first(where: { $0.aliases.contains(name) })
    else {
      // A feature whose own entry is faulty is declared all the same: one problem, not two.
      if declared[name] == nil {
        reader.report(
          node, "unknown_feature", "expected a feature, found '\(name)'",
          Suggestion.hint(for: name, among: declared.keys))
      }
      return nil
    }
    switch feature.expression {
    case .total, .recency: return feature
    case .ratio, .profile, .score:
      reader.report(
        node, "ratio_operand", "expected a count, sum or recency, found '\(name)', which is none")
      return nil
    }
  }

  /// A plain decimal as `value * 10^scale`; nil where it is none, has more decimals or overflows.
  static func decimal(_ text: String, scale: Int) -> Int64? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = parts.count == 2 ? parts[1] : ""
    let digits = parts[0] + fraction
    guard fraction.count <= scale, !parts[0].isEmpty, digits.utf8.allSatisfy({ 48...57 ~= $0 }),
      parts.count == 1 || !fraction.isEmpty
    else { return nil }
    return Int64(digits + String(repeating: "0", count: scale - fraction.count))
  }
}

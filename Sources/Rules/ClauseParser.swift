import Diagnostics

/// Reads clauses from documents: maps with `all`, `any`, `not`, criteria, and short strings.
struct ClauseParser {
  let faults: FaultList

  /// `all`, `any` and `not` within each other.
  static let limitOfDepth = 64
  private static let groupKeys = ["all", "any", "not"]
  private static let scoreKeys = ["score", "threshold", "leave_below"]
  private static let partKeys = ["when", "weight"]
  private static let referenceKeys = [
    Operator.memberOf.rawValue, Operator.notMemberOf.rawValue, Operator.wasMemberOf.rawValue,
  ]
  private static let conditionKeys = [
    "attribute", "operator", "value", "values", "or_missing", "ci", "where", "within",
  ]

  /// The clause of a document; nil after a fault was noted.
  func clause(_ document: Document, depth: Int = 0) -> Clause? {
    if depth > Self.limitOfDepth {
      faults.add(
        "too_deep", "expected at most \(Self.limitOfDepth) levels of all, any and not, found more",
        hint: "give the inner part a name as a segment and refer to it with member_of",
        at: document.location)
      return nil
    }
    switch document.content {
    case .scalar(let scalar):
      if document.isNull {
        faults.add("empty", "expected a condition, found nothing", at: document.location)
        return nil
      }
      if var parser = EventStringParser(scalar, at: document.location, faults: faults) {
        return parser.clause()
      }
      var parser = ShortStringParser(scalar, at: document.location, faults: faults)
      return parser.condition().map(Clause.condition)
    case .list:
      faults.add(
        "syntax", "expected a condition, found a list",
        hint: "write 'all:' or 'any:' before the list", at: document.location)
      return nil
    case .map(let entries): return map(entries, at: document.location, depth: depth)
    }
  }

  private func map(
    _ entries: [(key: Document, value: Document)], at location: SourceLocation, depth: Int
  ) -> Clause? {
    let names = entries.map { $0.key.scalar?.text ?? "" }
    if let verb = EventMapParser.verb(of: names) {
      return EventMapParser(faults: faults).clause(entries, verb, at: location)
    }
    if names.contains("score") { return score(entries, at: location, depth: depth) }
    if names.contains(Operator.wasMemberOf.rawValue) {
      return wasMember(entries, at: location).map(Clause.condition)
    }
    if names.contains(where: { Self.conditionKeys.contains($0) }) {
      return criterion(entries, at: location, depth: depth).map(Clause.condition)
    }
    guard entries.count == 1, let entry = entries.first else {
      faults.add(
        "syntax",
        "expected one of all, any, not, found "
          + (entries.isEmpty ? "an empty map" : "\(entries.count) keys"),
        hint: "put several conditions into one list below 'all:'", at: location)
      return nil
    }
    switch names[0] {
    case "all", "any":
      let isAll = names[0] == "all"
      guard let children = list(entry.value, of: names[0], depth: depth) else { return nil }
      return isAll ? .all(children, location) : .any(children, location)
    case "not":
      return clause(entry.value, depth: depth + 1).map { .not($0, location) }
    case Operator.memberOf.rawValue, Operator.notMemberOf.rawValue:
      guard let op = Operator(rawValue: names[0]),
        let operand = literal(entry.value)
      else { return nil }
      return .condition(
        ParsedCondition(attribute: nil, operator: op, operands: [operand], location: location))
    default:
      let known = Self.groupKeys + ["score"] + Self.referenceKeys + Self.conditionKeys
      faults.add(
        "unknown_key", "expected all, any, not or a criterion, found key '\(visible(entry.key))'",
        hint: Suggestion.hint(for: names[0], among: known), at: entry.key.location)
      return nil
    }
  }

  /// `{score: [{when: …, weight: 2}, …], threshold: 5, leave_below: 3}`.
  private func score(
    _ entries: [(key: Document, value: Document)], at location: SourceLocation, depth: Int
  ) -> Clause? {
    guard let parts = keyed(entries, Self.scoreKeys, of: "score") else { return nil }
    guard let threshold = parts["threshold"] else {
      faults.add(
        "syntax", "expected a 'threshold' beside 'score', found none",
        hint: "write the sum from which the score is true", at: location)
      return nil
    }
    guard let list = parts["score"], case .list(let items) = list.content else {
      faults.add(
        "syntax", "expected a list after 'score:', found \(parts["score"]?.words ?? "none")",
        hint: "write score: [{when: …, weight: 2}, …]", at: parts["score"]?.location ?? location)
      return nil
    }
    guard !items.isEmpty else {
      faults.add(
        "empty", "expected at least one condition in 'score:', found none",
        hint: "write score: [{when: …, weight: 2}, …]", at: list.location)
      return nil
    }
    var found: [(clause: Clause, weight: Literal)] = []
    for item in items {
      guard case .map(let entries) = item.content else {
        faults.add(
          "syntax", "expected a condition with its weight, found \(item.words)",
          hint: "write {when: …, weight: 2}", at: item.location)
        continue
      }
      guard let part = keyed(entries, Self.partKeys, of: "part of a score") else { continue }
      guard let when = part["when"] else {
        faults.add(
          "syntax", "expected 'when' in the part of a score, found none",
          hint: "write {when: …, weight: 2}", at: item.location)
        continue
      }
      let weight = part["weight"].map { literal($0) } ?? Literal(bare: "1", at: item.location)
      if let clause = clause(when, depth: depth + 1), let weight { found.append((clause, weight)) }
    }
    let leave = parts["leave_below"].flatMap { literal($0) }
    guard let threshold = literal(threshold), !found.isEmpty,
      leave != nil || parts["leave_below"] == nil
    else { return nil }
    // Parts that were refused keep the score from being used; the others are checked too.
    return .score(
      ParsedScore(
        parts: found, threshold: threshold, leaveBelow: leave, location: location))
  }

  /// `{was_member_of: loyal, within: 30 days}`.
  private func wasMember(
    _ entries: [(key: Document, value: Document)], at location: SourceLocation
  ) -> ParsedCondition? {
    let key = Operator.wasMemberOf.rawValue
    guard let parts = keyed(entries, [key, "within"], of: key), let name = parts[key],
      let operand = literal(name)
    else { return nil }
    var condition = ParsedCondition(
      attribute: nil, operator: .wasMemberOf, operands: [operand], location: location)
    condition.within = parts["within"].flatMap { literal($0) }
    if parts["within"] != nil, condition.within == nil { return nil }
    return condition
  }

  /// The values by their keys, nil after an unknown key was noted.
  private func keyed(
    _ entries: [(key: Document, value: Document)], _ keys: [String], of what: String
  ) -> [String: Document]? {
    var parts: [String: Document] = [:]
    var isSound = true
    for (key, value) in entries {
      let name = key.scalar?.text ?? ""
      if keys.contains(name) {
        parts[name] = value
      } else {
        faults.add(
          "unknown_key", "expected a key of \(what), found '\(visible(key))'",
          hint: Suggestion.hint(for: name, among: keys)
            ?? "the keys are \(keys.joined(separator: ", "))", at: key.location)
        isSound = false
      }
    }
    return isSound ? parts : nil
  }

  /// Whether a key holds true; nil after a fault was noted.
  private func flag(_ document: Document?, _ key: String) -> Bool? {
    guard let document else { return false }
    switch document.scalar?.text {
    case "true": return true
    case "false": return false
    default:
      faults.add(
        "syntax", "expected true or false after '\(key):', found \(document.words)",
        at: document.location)
      return nil
    }
  }

  private func visible(_ document: Document) -> String {
    document.scalar.map { RuleText.visible($0.text) } ?? document.words
  }

  /// The children of a group; the list may not be empty: it would mean everyone, or no one.
  func list(_ document: Document, of key: String, depth: Int) -> [Clause]? {
    guard case .list(let items) = document.content else {
      faults.add(
        "syntax", "expected a list after '\(key):', found \(document.words)",
        hint: "write \(key): [ …, … ]", at: document.location)
      return nil
    }
    guard !items.isEmpty else {
      faults.add(
        "empty", "expected at least one condition in '\(key):', found none",
        hint: "an empty list selects no one and everyone; remove it or write a condition",
        at: document.location)
      return nil
    }
    // Parts that were refused are left out, so that the others are checked too; the faults that
    // were noted keep the group from being used.
    let found = items.compactMap { clause($0, depth: depth + 1) }
    return found.isEmpty ? nil : found
  }

  /// `{attribute:, operator:, value:}`.
  private func criterion(
    _ entries: [(key: Document, value: Document)], at location: SourceLocation, depth: Int
  ) -> ParsedCondition? {
    let known = keyed(entries, Self.conditionKeys, of: "a criterion")
    var sound = known != nil
    // What else is wrong with it is told too.
    let parts =
      known
      ?? Dictionary(
        entries.map { ($0.key.scalar?.text ?? "", $0.value) }, uniquingKeysWith: { one, _ in one })
    let value = parts["value"] ?? parts["values"]
    if let values = parts["values"], parts["value"] != nil {
      faults.add(
        "syntax", "expected 'value' or 'values', found both", at: values.location)
      sound = false
    }
    let orMissing = flag(parts["or_missing"], "or_missing")
    let foldsCase = flag(parts["ci"], "ci")
    if orMissing == nil || foldsCase == nil { sound = false }
    var population: Clause?
    if let document = parts["where"] {
      population = clause(document, depth: depth + 1)
      if population == nil { sound = false }
    }
    let within = parts["within"].flatMap { literal($0) }
    if parts["within"] != nil, within == nil { sound = false }
    var name: (String, SourceLocation)?
    if let attribute = parts["attribute"] {
      if let scalar = attribute.scalar, !scalar.text.isEmpty {
        name = (scalar.text, attribute.location)
      } else {
        faults.add(
          "syntax", "expected an attribute's name, found \(attribute.words)",
          at: attribute.location)
        sound = false
      }
    }
    guard let written = parts["operator"] else {
      faults.add(
        "syntax", "expected an 'operator' in the criterion, found none",
        hint: "for example operator: '>='", at: location)
      return nil
    }
    guard let op = `operator`(written, value: value), sound else { return nil }
    if name == nil, !op.isReference {
      faults.add("syntax", "expected an 'attribute' in the criterion, found none", at: location)
      return nil
    }
    guard let operands = operands(value, of: op, at: location) else { return nil }
    return ParsedCondition(
      attribute: op.isReference ? nil : name, operator: op, operands: operands,
      orMissing: orMissing ?? false, foldsCase: foldsCase ?? false, population: population,
      within: within, location: location)
  }

  /// The operator of a criterion; `top` and `bottom` are told apart by their value.
  private func `operator`(_ document: Document, value: Document?) -> Operator? {
    guard let text = document.scalar?.text else {
      faults.add("syntax", "expected an operator, found \(document.words)", at: document.location)
      return nil
    }
    let name = text.lowercased()
    if name == "top" || name == "bottom" {
      let form = value?.scalar.map { Literal.form(of: $0.text) }
      if case .percent = form { return name == "top" ? .topPercent : .bottomPercent }
      return name == "top" ? .topCount : .bottomCount
    }
    if let op = Operator.spellings[name] { return op }
    faults.add(
      "unknown_operator", OperatorWords.unknown(text), hint: OperatorWords.hint(text),
      at: document.location)
    return nil
  }

  private func operands(
    _ value: Document?, of op: Operator, at location: SourceLocation
  ) -> [Literal]? {
    switch op.arity {
    case .none:
      // `value: true` is what forms and generated criteria send with is_missing.
      guard let value, !value.isNull, value.scalar?.text != "true" else { return [] }
      faults.add(
        "arity", "expected no value with '\(op.rawValue)', found \(value.words)",
        at: value.location)
      return nil
    case .one:
      guard let value else {
        faults.add(
          "arity", "expected a value with '\(op.rawValue)', found none", at: location)
        return nil
      }
      return literal(value).map { [$0] }
    case .two, .list:
      guard let value, case .list(let items) = value.content else {
        faults.add(
          "arity",
          "expected \(op.arity.words) with '\(op.rawValue)', found "
            + (value?.words ?? "none"),
          hint: op.arity == .two ? "write value: [3, 5]" : "write value: [PT, ES]",
          at: value?.location ?? location)
        return nil
      }
      let found = items.compactMap { literal($0) }
      guard found.count == items.count else { return nil }
      return OperatorWords.counted(found, of: op, at: value.location, faults: faults)
    }
  }

  private func literal(_ document: Document) -> Literal? {
    if document.isNull {
      faults.add(
        "type_mismatch", "expected a value, found null",
        hint: "use is_missing or is_present to test for null", at: document.location)
      return nil
    }
    guard let scalar = document.scalar else {
      faults.add("arity", "expected one value, found \(document.words)", at: document.location)
      return nil
    }
    switch scalar.style {
    case .plain: return Literal(bare: scalar.text, at: document.location)
    case .quoted: return Literal(quoted: scalar.text, at: document.location)
    }
  }
}

/// Messages about operators, shared by both ways of writing them.
enum OperatorWords {
  static func unknown(_ text: String) -> String {
    "expected an operator, found '\(RuleText.visible(text))'"
  }

  static func hint(_ text: String) -> String {
    return Suggestion.hint(for: text, among: Array(Operator.spellings.keys))
      ?? "the operators are "
      + Operator.allCases.map(\.rawValue).joined(separator: " ")
  }

  /// The operands where there are as many as the operator takes; nil after a fault was noted.
  static func counted(
    _ operands: [Literal], of op: Operator, at location: SourceLocation, faults: FaultList
  ) -> [Literal]? {
    switch op.arity {
    case .none where operands.isEmpty, .one where operands.count == 1,
      .two where operands.count == 2, .list where !operands.isEmpty:
      return operands
    case .list:
      faults.add(
        "empty", "expected at least one value in the list after '\(op.rawValue)', found none",
        hint: "an empty list matches no one; remove the condition or write a value", at: location)
      return nil
    case .none, .one, .two:
      faults.add(
        "arity",
        "expected \(op.arity.words) with '\(op.rawValue)', found \(operands.count)",
        at: location)
      return nil
    }
  }
}

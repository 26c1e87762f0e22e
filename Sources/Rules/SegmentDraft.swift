import Diagnostics

/// A segment as it was read, before its rule is checked.
struct SegmentDraft {
  var name: String
  var nameLocation: SourceLocation
  var title: String?
  var description: String?
  var clause: Clause?
  var priority: Int?
  var group: String?
  var groupLocation: SourceLocation?
  /// Whether it has a rule; only the default segment may lack one.
  var isRuled = true
  var weight: Double?
  var channels: [String] = []
  var promotion: String?
  var location: SourceLocation
}

/// Reads segment entries: `name` and `rule`, or the criteria form's `segment` and `criteria`.
struct SegmentReader {
  let faults: FaultList
  /// The segment that may lack a rule, as it is named at the top of the catalogue.
  var fallback: String?

  private static let keys = [
    "name", "segment", "title", "description", "rule", "criteria", "priority", "group", "weight",
    "channels", "promotion",
  ]

  /// The entries of a catalogue: a map with `segments`, a list of entries, or one entry.
  func entries(of document: Document) -> [Document] {
    switch document.content {
    case .list(let items):
      if items.isEmpty { reportNoSegments(at: document.location) }
      return items
    case .map(let pairs):
      let names = pairs.map { $0.key.scalar?.text ?? "" }
      if names.contains("segment") || (names.contains("name") && !names.contains("segments")) {
        return [document]
      }
      return catalogue(pairs, at: document.location)
    case .scalar:
      faults.add(
        "syntax", "expected a catalogue of segments, found \(document.words)",
        hint: "write 'segments:' and a list below it", at: document.location)
      return []
    }
  }

  private func reportNoSegments(at location: SourceLocation) {
    faults.add(
      "empty", "expected at least one segment, found none",
      hint: "write 'segments:' and a list below it", at: location)
  }

  private func catalogue(
    _ pairs: [(key: Document, value: Document)], at location: SourceLocation
  ) -> [Document] {
    var items: [Document]?
    for (key, value) in pairs {
      switch key.scalar?.text ?? "" {
      case "version":
        if value.scalar?.text != "1" {
          faults.add(
            "version", "expected version 1, found \(value.words)",
            hint: "this program reads version 1", at: value.location)
        }
      case "segments":
        if case .list(let list) = value.content {
          items = list
          if list.isEmpty { reportNoSegments(at: value.location) }
        } else if value.isNull {
          items = []
          reportNoSegments(at: value.location)
        } else {
          items = []
          faults.add(
            "syntax", "expected a list after 'segments:', found \(value.words)",
            hint: "begin each segment with '- name:'", at: value.location)
        }
      case let other where PolicyReader.keys.contains(other): break
      case let other:
        let known = ["version", "segments"] + PolicyReader.keys
        faults.add(
          "unknown_key",
          "expected \(known.joined(separator: ", ")), found key '\(RuleText.visible(other))'",
          hint: Suggestion.hint(for: other, among: known), at: key.location)
      }
    }
    if items == nil {
      faults.add("empty", "expected 'segments:', found none", at: location)
    }
    return items ?? []
  }

  /// The segment of an entry; nil where it has no usable name.
  func draft(_ document: Document) -> SegmentDraft? {
    guard case .map(let pairs) = document.content else {
      faults.add(
        "syntax", "expected a segment, found \(document.words)",
        hint: "write {name: …, rule: …}", at: document.location)
      return nil
    }
    var parts: [String: (key: Document, value: Document)] = [:]
    for (key, value) in pairs {
      let name = key.scalar?.text ?? ""
      if Self.keys.contains(name) {
        parts[name] = (key, value)
      } else {
        faults.add(
          "unknown_key", "expected a key of a segment, found '\(RuleText.visible(name))'",
          hint: Suggestion.hint(for: name, among: Self.keys)
            ?? "the keys are \(Self.keys.joined(separator: ", "))", at: key.location)
      }
    }
    if let (key, _) = parts["segment"], parts["name"] != nil {
      faults.add("syntax", "expected 'name' or 'segment', found both", at: key.location)
    }
    guard let (key, value) = parts["name"] ?? parts["segment"] else {
      faults.add(
        "syntax", "expected a segment's name, found none",
        hint: "write name: high_value", at: document.location)
      return nil
    }
    guard let name = name(value) else { return nil }
    faults.segment = name
    defer { faults.segment = nil }
    var draft = SegmentDraft(
      name: name, nameLocation: value.location, location: document.location)
    draft.title = text(parts["title"]?.value, "title")
    draft.description = text(parts["description"]?.value, "description")
    draft.group = text(parts["group"]?.value, "group")
    draft.groupLocation = parts["group"]?.value.location
    draft.priority = number(parts["priority"]?.value, "priority", as: Int.init)
    draft.weight = number(parts["weight"]?.value, "weight") { text in
      ExactDecimal(text)?.double
    }
    draft.channels = list(parts["channels"]?.value, "channels")
    draft.promotion = text(parts["promotion"]?.value, "promotion")
    let isFallback = fallback == name || fallback == Segment.slug(of: name)
    draft.isRuled = !isFallback || parts["rule"] != nil || parts["criteria"] != nil
    if draft.isRuled { draft.clause = clause(parts, at: key.location) }
    return draft
  }

  private func clause(
    _ parts: [String: (key: Document, value: Document)], at location: SourceLocation
  ) -> Clause? {
    let parser = ClauseParser(faults: faults)
    switch (parts["rule"], parts["criteria"]) {
    case (let rule?, nil): return parser.clause(rule.value)
    case (nil, let criteria?):
      return parser.list(criteria.value, of: "criteria", depth: 0)
        .map { .all($0, criteria.value.location) }
    case (nil, nil):
      faults.add(
        "empty", "expected a 'rule' or 'criteria', found none",
        hint: "a segment without a rule would hold everyone", at: location)
    case (_?, let criteria?):
      faults.add("syntax", "expected 'rule' or 'criteria', found both", at: criteria.key.location)
    }
    return nil
  }

  private func name(_ document: Document) -> String? {
    guard let text = document.scalar?.text, !document.isNull, !text.isEmpty else {
      faults.add(
        "name", "expected a segment's name, found \(document.words)", at: document.location)
      return nil
    }
    let isControlled = text.unicodeScalars.contains {
      $0.properties.generalCategory == .control
        || $0.properties.generalCategory == .lineSeparator
        || $0.properties.generalCategory == .paragraphSeparator
    }
    guard !isControlled, text.utf8.count <= 255,
      text.unicodeScalars.contains(where: { !$0.properties.isWhitespace })
    else {
      faults.add(
        "name",
        "expected a name of at most 255 bytes without control characters, found "
          + "'\(RuleText.visible(text))'",
        at: document.location)
      return nil
    }
    return text
  }

  private func text(_ document: Document?, _ key: String) -> String? {
    guard let document, !document.isNull else { return nil }
    guard let text = document.scalar?.text, !text.unicodeScalars.contains("\0") else {
      faults.add(
        "syntax", "expected text after '\(key):', found \(document.words)",
        at: document.location)
      return nil
    }
    return text
  }

  private func number<Value>(
    _ document: Document?, _ key: String, as convert: (String) -> Value?
  ) -> Value? {
    guard let document, !document.isNull else { return nil }
    guard let scalar = document.scalar, scalar.style == .plain, let value = convert(scalar.text)
    else {
      faults.add(
        "syntax", "expected a number after '\(key):', found \(document.words)",
        at: document.location)
      return nil
    }
    return value
  }

  private func list(_ document: Document?, _ key: String) -> [String] {
    guard let document, !document.isNull else { return [] }
    guard case .list(let items) = document.content else {
      faults.add(
        "syntax", "expected a list after '\(key):', found \(document.words)",
        at: document.location)
      return []
    }
    return items.compactMap { text($0, key) }
  }
}

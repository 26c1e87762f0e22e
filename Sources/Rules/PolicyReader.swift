import Diagnostics

/// Reads and checks what stands beside `segments:` at the top of a catalogue.
struct PolicyReader {
  static let keys = ["primary", "fatigue", "default", "budget", "near_duplicates"]

  let faults: FaultList

  /// A policy as it was read, before it is checked against the segments.
  struct Draft {
    var primary = SegmentPolicy.Primary.priority
    var primaryLocation: SourceLocation?
    var fatigue: [(channel: String, most: Int, location: SourceLocation)] = []
    var fallback: (name: String, location: SourceLocation)?
    var budget: (most: Int, location: SourceLocation)?
    var nearDuplicates = SegmentPolicy.NearDuplicates.warn
  }

  /// The policy of a catalogue; that of one that says nothing where it is a list or one segment.
  func draft(_ document: Document) -> Draft {
    var draft = Draft()
    guard case .map(let pairs) = document.content else { return draft }
    for (key, value) in pairs {
      switch key.scalar?.text ?? "" {
      case "primary":
        draft.primary = word(value, "primary") ?? .priority
        draft.primaryLocation = value.location
      case "near_duplicates": draft.nearDuplicates = word(value, "near_duplicates") ?? .warn
      case "budget":
        draft.budget = count(value, "budget").map { ($0, value.location) }
      case "fatigue": draft.fatigue = fatigue(value)
      case "default": draft.fallback = fallback(value)
      default: break
      }
    }
    return draft
  }

  private func word<Word: RawRepresentable & CaseIterable>(
    _ document: Document, _ key: String
  ) -> Word? where Word.RawValue == String {
    let text = document.scalar?.text ?? ""
    if let word = Word(rawValue: text) { return word }
    let words = Word.allCases.map(\.rawValue)
    faults.add(
      "policy",
      "expected \(words.joined(separator: " or ")) after '\(key):', found \(document.words)",
      hint: Suggestion.hint(for: text, among: words), at: document.location)
    return nil
  }

  private func count(_ document: Document, _ key: String) -> Int? {
    guard let scalar = document.scalar, scalar.style == .plain, let value = Int(scalar.text),
      value >= 1
    else {
      faults.add(
        "policy", "expected a whole number of 1 or more for '\(key)', found \(document.words)",
        at: document.location)
      return nil
    }
    return value
  }

  private func fatigue(
    _ document: Document
  ) -> [(channel: String, most: Int, location: SourceLocation)] {
    guard case .map(let pairs) = document.content, !pairs.isEmpty else {
      faults.add(
        "policy", "expected channels and numbers after 'fatigue:', found \(document.words)",
        hint: "write fatigue: {email: 2}", at: document.location)
      return []
    }
    return pairs.compactMap { key, value in
      guard let channel = key.scalar?.text, !channel.isEmpty else {
        faults.add(
          "policy", "expected a channel, found \(key.words)", at: key.location)
        return nil
      }
      return count(value, RuleText.visible(channel)).map { (channel, $0, key.location) }
    }
  }

  private func fallback(_ document: Document) -> (name: String, location: SourceLocation)? {
    var found: Document? = document
    if case .map(let pairs) = document.content {
      found = nil
      for (key, value) in pairs {
        let name = key.scalar?.text ?? ""
        if name == "segment" {
          found = value
        } else {
          faults.add(
            "unknown_key", "expected 'segment', found key '\(RuleText.visible(name))'",
            hint: Suggestion.hint(for: name, among: ["segment"]), at: key.location)
        }
      }
    }
    guard let found, let text = found.scalar?.text, !found.isNull, !text.isEmpty else {
      faults.add(
        "policy", "expected a segment after 'default:', found \((found ?? document).words)",
        hint: "write default: {segment: everyone_else}", at: (found ?? document).location)
      return nil
    }
    return (text, found.location)
  }

  /// The policy, checked against the segments.
  func policy(_ draft: Draft, of segments: [SegmentDraft]) -> SegmentPolicy {
    checkGroups(segments)
    checkChannels(draft, segments)
    if draft.primary == .score { checkWeights(draft, segments) }
    if let budget = draft.budget, segments.count > budget.most {
      faults.add(
        "over_budget",
        "expected at most \(budget.most) segments, found \(segments.count)",
        hint: "retire a segment, or raise the budget", at: budget.location)
    }
    return SegmentPolicy(
      primary: draft.primary,
      fatigue: Dictionary(draft.fatigue.map { ($0.channel, $0.most) }) { first, _ in first },
      fallback: fallback(draft, segments), budget: draft.budget?.most,
      nearDuplicates: draft.nearDuplicates)
  }

  private func fallback(
    _ draft: Draft, _ segments: [SegmentDraft]
  ) -> SegmentPolicy.Default? {
    guard let (written, location) = draft.fallback else { return nil }
    let names = segments.map(\.name)
    guard let name = SegmentNames(names).resolve(written),
      let segment = segments.first(where: { RuleText.same($0.name, name) })
    else {
      faults.add(
        "unknown_segment",
        "expected a segment of the catalogue as default, found '\(RuleText.visible(written))'",
        hint: Suggestion.hint(for: written, among: names, noun: "segments"), at: location)
      return nil
    }
    return SegmentPolicy.Default(
      name: name,
      withoutRule: segment.isRuled
        ? nil
        : SegmentPolicy.Unruled(
          title: segment.title ?? name, description: segment.description,
          priority: segment.priority, weight: segment.weight))
  }

  /// A group excludes others: one of a single segment is a slip of the pen.
  private func checkGroups(_ segments: [SegmentDraft]) {
    var groups: [String: [SegmentDraft]] = [:]
    for segment in segments {
      if let group = segment.group { groups[group, default: []].append(segment) }
    }
    for segment in segments {
      guard let group = segment.group, groups[group]?.count == 1 else { continue }
      faults.segment = segment.name
      faults.add(
        "group_of_one",
        "expected at least two segments in group '\(RuleText.visible(group))', found one",
        hint: Suggestion.hint(for: group, among: groups.keys.filter { $0 != group }.sorted())
          ?? "a group's segments exclude each other: name it in another one, or leave it out",
        at: segment.groupLocation ?? segment.nameLocation)
      faults.segment = nil
    }
  }

  private func checkChannels(_ draft: Draft, _ segments: [SegmentDraft]) {
    let known = Set(segments.flatMap(\.channels)).sorted()
    for (channel, _, location) in draft.fatigue where !known.contains(channel) {
      faults.add(
        "unknown_channel",
        "expected a channel of some segment, found '\(RuleText.visible(channel))'",
        hint: Suggestion.hint(for: channel, among: known, noun: "channels")
          ?? "a segment names its channels: channels: [\(RuleText.visible(channel))]",
        at: location)
    }
  }

  private func checkWeights(_ draft: Draft, _ segments: [SegmentDraft]) {
    for segment in segments where segment.weight == nil {
      faults.segment = segment.name
      faults.add(
        "missing_weight",
        "expected a weight, because the catalogue says 'primary: score', found none",
        hint: "write weight: 1", at: segment.nameLocation)
      faults.segment = nil
    }
  }
}

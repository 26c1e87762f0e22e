import Foundation
import Schedules

/// The checked segments of a project.
public struct SegmentCatalogue: Sendable {
  /// How a catalogue is written.
  public enum Format: Sendable {
    /// YAML 1.1, which most JSON is too.
    case yaml
    /// RFC 8259.
    case json
  }

  /// The segments in the order written.
  public let segments: [Segment]
  /// Their names in an order in which every segment follows those it refers to.
  public let evaluationOrder: [String]
  /// What the project says of its segments together.
  public let policy: SegmentPolicy
  private let byName: [String: Int]

  /// Checked segments, for callers that build them; `order` must hold every name once.
  init(
    segments: [Segment], evaluationOrder order: [String], policy: SegmentPolicy = SegmentPolicy()
  ) {
    self.segments = segments
    evaluationOrder = order
    self.policy = policy
    byName = Dictionary(segments.enumerated().map { ($1.name, $0) }) { first, _ in first }
  }

  /// The segment of a name or slug, nil where there is none.
  public func segment(named name: String) -> Segment? {
    if let index = byName[name] { return segments[index] }
    return segments.first { $0.slug == name }
  }

  /// The attributes that the rules test, each once, by name.
  public var attributes: [Attribute] {
    var found: [String: Attribute] = [:]
    for segment in segments {
      for attribute in segment.attributes { found[attribute.name] = attribute }
    }
    return found.values.sorted { $0.name < $1.name }
  }

  /// Reads and checks a file; `.json` is JSON, anything else YAML.
  ///
  /// - Parameters:
  ///   - zone: the zone of days that are compared with instants; nil refuses them.
  ///   - retired: names of segments that were published and are gone, so that a reference to one is
  ///     told from a typing error.
  /// - Throws: every fault at once, with file, line and column.
  public static func load(
    path: String, attributes: any AttributeCatalogue, zone: Zone? = nil, retired: [String] = []
  ) throws(RuleErrors) -> SegmentCatalogue {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw RuleErrors([
        RuleError(
          code: "rules.file_unreadable",
          message: "expected a file of segments, cannot read '\(path)'",
          hint: "is it there, and may this user read it?")
      ])
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw RuleErrors([
        RuleError(
          code: "rules.file_unreadable",
          message: "expected UTF-8 text in '\(path)', found other bytes",
          hint: "save it as UTF-8")
      ])
    }
    return try parse(
      text, format: path.lowercased().hasSuffix(".json") ? .json : .yaml, file: path,
      attributes: attributes, zone: zone, retired: retired)
  }

  /// What the rules of a file ask about events; nothing of rules that cannot be read, whose faults
  /// ``load(path:attributes:zone:)`` reports.
  public static func questions(path: String) -> [EventQuestion] {
    guard let data = FileManager.default.contents(atPath: path),
      let text = String(validating: data, as: UTF8.self)
    else { return [] }
    return questions(text, format: path.lowercased().hasSuffix(".json") ? .json : .yaml)
  }

  /// What the rules of a catalogue ask about events, as ``questions(path:)``.
  public static func questions(_ text: String, format: Format = .yaml) -> [EventQuestion] {
    let document: Document? =
      switch format {
      case .yaml: try? Document.yaml(text, file: nil)
      case .json: try? Document.json(text, file: nil)
      }
    guard let document else { return [] }
    let reader = SegmentReader(faults: FaultList())
    return reader.entries(of: document).flatMap { reader.draft($0)?.clause?.questions ?? [] }
  }

  /// Checks a catalogue: a map with `segments`, a list of segments, or one segment.
  ///
  /// - Throws: every fault at once, with line and column.
  public static func parse(
    _ text: String, format: Format = .yaml, file: String? = nil,
    attributes: any AttributeCatalogue, zone: Zone? = nil, retired: [String] = []
  ) throws(RuleErrors) -> SegmentCatalogue {
    let document =
      switch format {
      case .yaml: try Document.yaml(text, file: file)
      case .json: try Document.json(text, file: file)
      }
    let faults = FaultList()
    let policies = PolicyReader(faults: faults)
    let policyDraft = policies.draft(document)
    let reader = SegmentReader(faults: faults, fallback: policyDraft.fallback?.name)
    let drafts = reader.entries(of: document).compactMap { reader.draft($0) }
    reportDuplicates(drafts, faults)
    let policy = policies.policy(policyDraft, of: drafts)
    // A segment without a rule has no members of its own that a rule could refer to.
    let ruled = drafts.filter(\.isRuled)
    let names = SegmentNames(
      ruled.map(\.name), retired: retired,
      unruled: policy.fallback?.withoutRule == nil ? nil : policy.fallback?.name)
    let checker = RuleChecker(
      attributes: attributes, zone: zone, faults: faults, segments: names)
    var segments: [Segment] = []
    var references: [String: [RuleChecker.Reference]] = [:]
    for draft in ruled {
      faults.segment = draft.name
      guard let clause = draft.clause, let (expression, found) = checker.check(clause) else {
        continue
      }
      references[draft.name] = found
      segments.append(
        Segment(
          name: draft.name, title: draft.title, description: draft.description,
          rule: Rule(expression), priority: draft.priority, group: draft.group,
          weight: draft.weight, channels: draft.channels, promotion: draft.promotion,
          location: draft.location))
    }
    faults.segment = nil
    let order = dependencyOrder(ruled.map(\.name), references, faults)
    try faults.throwIfAny()
    return SegmentCatalogue(segments: segments, evaluationOrder: order, policy: policy)
  }

  /// Names that are equal, also in another Unicode normal form, or give one view name.
  private static func reportDuplicates(_ drafts: [SegmentDraft], _ faults: FaultList) {
    var byName: [String: SegmentDraft] = [:]
    var bySlug: [String: SegmentDraft] = [:]
    for draft in drafts {
      let slug = Segment.slug(of: draft.name)
      // `String`'s == compares by canonical equivalence, so NFC and NFD are one name here.
      if let first = byName[draft.name] {
        let sameBytes = RuleText.same(first.name, draft.name)
        faults.add(
          "duplicate_name",
          "expected each segment name once, found '\(RuleText.visible(draft.name))' again"
            + (sameBytes ? "" : " (written with other Unicode code points)"),
          hint: "the first stands at \(first.nameLocation)", at: draft.nameLocation)
      } else if let first = bySlug[slug] {
        faults.add(
          "duplicate_name",
          "expected names with distinct SQL names, found '\(RuleText.visible(draft.name))' and "
            + "'\(RuleText.visible(first.name))', which both become \"\(slug)\"",
          hint: "identifiers are lower case, letters and digits, at most 63 bytes; rename one",
          at: draft.nameLocation)
      } else {
        byName[draft.name] = draft
        bySlug[slug] = draft
      }
    }
  }
}

/// What a publication writes into the catalogue tables and does to the views of `audience`,
/// decided from what stands there.
struct CatalogueUpdate: Sendable {
  /// A segment as it stands in the database.
  struct Stored: Sendable {
    let id: Int32
    let name: String
    let title: String
    let description: String
    /// Its view in `audience`; nil where it is not live.
    let view: String?
  }

  /// A rule version as it stands in the database.
  struct StoredVersion: Sendable {
    let id: Int32
    let segment: Int32
    let hash: String
  }

  /// A row of `segments.segment`; the names of the columns are the keys.
  struct SegmentRow: Encodable, Sendable {
    let segment_id: Int32
    let name: String
    let title: String
    let description: String
    let priority: Int?
    let rank: Int
    let version_id: Int32
    let uses_score: Bool
    let is_live: Bool
    let audience_view: String?
    let promotion: String?
  }

  /// A row of `segments.rule_version`, without the publication.
  struct VersionRow: Encodable, Sendable {
    let version_id: Int32
    let segment_id: Int32
    let hash: String
    let rule: String
    let uses_score: Bool
  }

  /// A view to make, to drop, or to describe anew.
  enum ViewChange: Sendable, Equatable {
    case create(view: String, segment: Int32, comment: String)
    case describe(view: String, comment: String)
    case drop(view: String)
  }

  private(set) var segments: [SegmentRow] = []
  private(set) var versions: [VersionRow] = []
  private(set) var views: [ViewChange] = []
  /// The ids of every segment of the plan: by name.
  private(set) var ids: [String: (segment: Int32, version: Int32)] = [:]

  /// Decides the rows of a plan's segments.
  init(
    for plan: PublicationPlan, stored: [Stored], versions storedVersions: [StoredVersion]
  ) {
    let byName = Dictionary(stored.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var versionIDs: [String: Int32] = [:]
    for version in storedVersions { versionIDs["\(version.segment) \(version.hash)"] = version.id }
    let ranked = SegmentDefinition.ranked(plan.changes.filter(\.isLive).map(\.definition))
    let ranks = Dictionary(
      ranked.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    var nextSegment = (stored.map(\.id).max() ?? 0) + 1
    var nextVersion = (storedVersions.map(\.id).max() ?? 0) + 1
    // Names of views that go in this publication stay taken until the next.
    var taken = Set(stored.compactMap(\.view))

    for change in plan.changes {
      let definition = change.definition
      let before = byName[definition.name]
      let id = before?.id ?? nextSegment
      if before == nil { nextSegment += 1 }
      let version: Int32
      if let known = versionIDs["\(id) \(definition.ruleVersion)"] {
        version = known
      } else {
        version = nextVersion
        nextVersion += 1
        versions.append(
          VersionRow(
            version_id: version, segment_id: id, hash: definition.ruleVersion,
            rule: definition.rule, uses_score: definition.usesScore))
      }
      ids[definition.name] = (id, version)
      var view: String?
      if change.isLive {
        let comment = Self.comment(definition.title, definition.description)
        if let existing = before?.view {
          view = existing
          if let before, comment != Self.comment(before.title, before.description) {
            views.append(.describe(view: existing, comment: comment))
          }
        } else {
          let name = AudienceView.name(for: definition.name, id: id, taken: taken)
          taken.insert(name)
          view = name
          views.append(.create(view: name, segment: id, comment: comment))
        }
      } else if let existing = before?.view {
        views.append(.drop(view: existing))
      }
      segments.append(
        SegmentRow(
          segment_id: id, name: definition.name, title: definition.title,
          description: definition.description, priority: definition.priority,
          rank: ranks[definition.name] ?? ranked.count, version_id: version,
          uses_score: definition.usesScore, is_live: change.isLive, audience_view: view,
          promotion: definition.promotion))
    }
  }

  private static func comment(_ title: String, _ description: String) -> String {
    description.isEmpty ? "\(title): its members now." : "\(title): its members now. \(description)"
  }
}

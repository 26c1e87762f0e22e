import Warehouse

/// The segments and rule versions of a past publication. What is live is not touched: a segment that
/// the database does not know becomes one that has left the catalogue.
struct PastCatalogue: Sendable {
  /// By name, of the evaluation's segments.
  let ids: [String: (segment: Int32, version: Int32)]
  /// Versions whose rules read a model score.
  let scored: Set<Int32>
  private let segments: [CatalogueUpdate.SegmentRow]
  private let versions: [CatalogueUpdate.VersionRow]

  static func load(
    for new: SegmentEvaluation, on connection: Connection
  ) async throws -> PastCatalogue {
    let stored = try await connection.query(SQL(file: "queries/segments/select_segments.sql"))
    let known = try await connection.query(SQL(file: "queries/segments/select_rule_versions.sql"))
    var segmentIDs: [String: Int32] = [:]
    for row in stored { segmentIDs[try row.get("name")] = try row.get("segment_id") }
    var versionIDs: [String: Int32] = [:]
    var scored: Set<Int32> = []
    for row in known {
      let id = try row.get("version_id", as: Int32.self)
      let segment = try row.get("segment_id", as: Int32.self)
      versionIDs["\(segment) \(try row.get("hash", as: String.self))"] = id
      if try row.get("uses_score", as: Bool.self) { scored.insert(id) }
    }
    return PastCatalogue(
      new.segments, segments: segmentIDs, versions: versionIDs, scored: scored)
  }

  /// - Parameter versions: by segment id, a space, and the hash.
  init(
    _ definitions: [SegmentDefinition], segments known: [String: Int32],
    versions knownVersions: [String: Int32], scored: Set<Int32>
  ) {
    var nextSegment = (known.values.max() ?? 0) + 1
    var nextVersion = (knownVersions.values.max() ?? 0) + 1
    var ids: [String: (segment: Int32, version: Int32)] = [:]
    var scored = scored
    var rows: [CatalogueUpdate.SegmentRow] = []
    var versions: [CatalogueUpdate.VersionRow] = []
    for definition in definitions {
      let segment = known[definition.name] ?? nextSegment
      var version = knownVersions["\(segment) \(definition.ruleVersion)"]
      if version == nil {
        versions.append(
          CatalogueUpdate.VersionRow(
            version_id: nextVersion, segment_id: segment, hash: definition.ruleVersion,
            rule: definition.rule, uses_score: definition.usesScore))
        if definition.usesScore { scored.insert(nextVersion) }
        version = nextVersion
        nextVersion += 1
      }
      if known[definition.name] == nil {
        nextSegment += 1
        rows.append(
          CatalogueUpdate.SegmentRow(
            segment_id: segment, name: definition.name, title: definition.title,
            description: definition.description, priority: definition.priority, rank: known.count,
            version_id: version ?? 0, uses_score: definition.usesScore, is_live: false,
            audience_view: nil, promotion: definition.promotion))
      }
      ids[definition.name] = (segment, version ?? 0)
    }
    self.ids = ids
    self.scored = scored
    segments = rows
    self.versions = versions
  }

  /// The ids of an evaluation's segments, in its order.
  func liveIDs(of evaluation: SegmentEvaluation) -> [(segment: Int32, version: Int32)] {
    evaluation.segments.compactMap { ids[$0.name] }
  }

  /// The rule version of each segment.
  func versions(of evaluation: SegmentEvaluation) -> [Int32: Int32] {
    Dictionary(liveIDs(of: evaluation).map { ($0.segment, $0.version) }) { first, _ in first }
  }

  func write(publication id: Int32, on connection: Connection) async throws {
    if !segments.isEmpty {
      try await connection.execute(
        SQL(
          file: "queries/segments/upsert_segments.sql",
          JSONText(try EvaluationStore.json(segments))))
    }
    if versions.isEmpty { return }
    try await connection.execute(
      SQL(
        file: "queries/segments/insert_rule_versions.sql",
        JSONText(try EvaluationStore.json(versions)), id))
  }
}

import FeatureStore
import Features
import Rules
import Schedules
import Warehouse

/// Finds what stands behind the values of a clause tree: events, spans of profiles, versions of models.
struct EvidenceFinder {
  let reader: EvidenceReader
  let pool: ConnectionPool
  let features: FeatureCatalogue
  let zone: Zone
  let customer: Int64
  let asOf: Instant
  /// What had been recorded by then; nil for what is believed now.
  let knownAt: Instant?
  /// At most so many events of each selection.
  let limit: Int
  /// One answer for each question, however many clauses ask it.
  private var found: [EvidenceSelection: Evidence] = [:]
  private var sources: [String: String] = [:]

  init(
    reader: EvidenceReader, pool: ConnectionPool, features: FeatureCatalogue, zone: Zone,
    customer: Int64, asOf: Instant, knownAt: Instant?, limit: Int
  ) {
    self.reader = reader
    self.pool = pool
    self.features = features
    self.zone = zone
    self.customer = customer
    self.asOf = asOf
    self.knownAt = knownAt
    self.limit = limit
  }

  /// A clause with its evidence, and its parts with theirs.
  mutating func clause(_ tree: Explanation) async throws -> ExplainedClause {
    var evidence: [Evidence] = []
    var source: String?
    // Scores of a rule, and membership of the past, are no features.
    if let attribute = tree.attribute, features.feature(named: attribute) != nil {
      for selection in try features.evidence(of: attribute, asOf: asOf, zone: zone) {
        evidence.append(try await events(selection))
      }
      source = try await self.source(of: attribute)
    }
    var children: [ExplainedClause] = []
    for child in tree.children { children.append(try await clause(child)) }
    return ExplainedClause(
      clause: tree.clause, verdict: tree.verdict, attribute: tree.attribute, actual: tree.actual,
      threshold: tree.threshold, cut: tree.cut, evidence: evidence, source: source,
      children: children)
  }

  private mutating func events(_ selection: EvidenceSelection) async throws -> Evidence {
    if let known = found[selection] { return known }
    let evidence = try await reader.read(
      selection, of: customer, knownAt: knownAt, limit: limit)
    found[selection] = evidence
    return evidence
  }

  /// Where a value comes from that is not made of events.
  private mutating func source(of attribute: String) async throws -> String? {
    if let known = sources[attribute] { return known }
    let source: String
    switch features.feature(named: attribute)?.expression {
    case .score(let model):
      let midnight = LocalDays(zone: zone).lastMidnight(at: asOf)
      let row = try await pool.first(
        SQL(file: "queries/segments/find_score.sql", model, midnight))
      guard let row else { return "model \(model) gave no scores at this midnight" }
      let version = try row.get("version", as: Int32.self)
      let at = LocalText.time(try row.get("scored_at", as: Instant.self), zone)
      source = "model \(model) version \(version), scored \(at)"
    case .profile(let name):
      guard let span = try await reader.profile(of: customer, asOf: asOf, knownAt: knownAt) else {
        return "the customer has no profile"
      }
      let since = span.since.map { "since \(LocalText.time($0, zone))" } ?? "as first recorded"
      let recorded = span.recordedAt.map { ", recorded \(LocalText.time($0, zone))" } ?? ""
      source = "profile attribute \(name), profile \(since)\(recorded)"
    default: return nil
    }
    sources[attribute] = source
    return source
  }
}

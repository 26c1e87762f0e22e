import FeatureStore
import Features
import Orchestrator
import Pipeline
import Schedules

/// A run that is asked for what was known at an instant: it builds features as they were known then,
/// evaluates the rules on them and reports, and changes nothing that readers see.
///
/// Nothing is loaded, trained, scored or published: the belief of today stays the one that is
/// published. Definitions are those of today's catalogues; the scores are those stored for the
/// midnight.
public enum KnownAt {
  /// The parameter of such a run, RFC 3339; runs without it are of what is known now.
  public static let parameter = "known_at"

  /// Parameters with the instant added; nil adds nothing.
  ///
  /// - Throws: ``TaskError`` `task.known_at` for a DAG that builds no features.
  public static func adding(
    _ instant: Instant?, to params: JSONValue, of dag: DAG
  ) throws -> JSONValue {
    guard let instant else { return params }
    guard dag.tasks.contains(where: { $0.kind == BuildFeatures.kind }) else {
      throw TaskError(
        code: "task.known_at",
        message: "expected a DAG that builds features, found '\(dag.name)', which does not",
        hint: "what was known at an instant is told of features, and of rules on them")
    }
    guard case .object(var members) = params else { return params }
    members[parameter] = .string(instant.description)
    return .object(members)
  }
}

extension TaskContext {
  /// The instant whose knowledge the run is of; nil for what is known now.
  ///
  /// - Throws: ``TaskError`` `task.known_at` for a parameter that is no instant.
  func knownAt() throws -> Instant? {
    guard let value = run.params[KnownAt.parameter] else { return nil }
    if case .null = value { return nil }
    guard case .string(let text) = value, let instant = Instant(rfc3339: text) else {
      throw TaskError(
        code: "task.known_at",
        message: "expected the parameter known_at as an RFC 3339 instant, found \(value)",
        hint: "for example 2024-03-10T03:00:00Z")
    }
    return instant
  }

  /// Whether a task leaves everything as it is, because the run is of what was known once; says so.
  func keepsAll(_ what: String) throws -> Bool {
    guard let instant = try knownAt() else { return false }
    log.notice("as known at \(instant): \(what)")
    return true
  }

  /// The features that a reference is of.
  func features(
    _ reference: FeatureReference, _ definitions: FeatureCatalogue
  ) async throws -> FeatureTable {
    if let instant = reference.knownAt {
      return try await KnownFeatures(pool: pool, zone: zone, knownAt: instant).build(
        definitions, asOf: reference.asOf
      ).table
    }
    return try await FeatureBuilder(pool: pool, zone: zone).build(
      definitions, asOf: reference.asOf, saving: false
    ).table
  }
}

extension BuildFeatures {
  /// Features as they were known at an instant; neither tiles nor states are touched.
  func build(knownAt instant: Instant, in context: TaskContext) async throws -> FeatureReference {
    let definitions = try context.catalogues().features(catalogue)
    let built = try await KnownFeatures(
      pool: context.pool, zone: context.zone, knownAt: instant
    ).build(definitions, asOf: context.asOf)
    let customers = built.table.index.count
    context.log.info("\(customers) customers as known at \(instant), \(built.rowsRead) rows read")
    return FeatureReference(
      asOf: context.asOf, catalogue: catalogue, tileVersion: built.tileVersion,
      customers: customers, features: definitions.features.count, advancedFrom: nil,
      loadsFolded: 0, tilesWritten: 0, rowsRead: built.rowsRead, knownAt: instant)
  }
}

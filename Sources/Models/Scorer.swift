import FeatureStore
import Columns
import Features
import Learning
import Rules
import Schedules
import Warehouse

/// Where the scores of a midnight stand: what a task hands to the next one.
public struct ScoreReference: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The model and version that scored.
  public let model: ModelReference
  /// The local midnight that the features were of.
  public let asOf: Instant
  /// The number of customers in the model's population.
  public let customers: Int

  /// `churn v3 at 2025-06-01T00:00:00Z, 1200 customers`.
  public var description: String { "\(model) at \(asOf), \(customers) customers" }
}

/// Scores customers with a model of the registry and keeps the scores by midnight.
public struct Scorer: Sendable {
  private let pool: ConnectionPool
  let registry: ModelRegistry
  let zone: Zone
  private let clock: any WallClock

  /// A scorer over a project's database.
  public init(_ pool: ConnectionPool, zone: Zone, clock: any WallClock = SystemClock()) {
    self.pool = pool
    registry = ModelRegistry(pool)
    self.zone = zone
    self.clock = clock
  }

  /// Scores the model's population in a table of a local midnight and stores the scores.
  ///
  /// Scoring a midnight again replaces its scores; the same scores again change nothing.
  /// - Throws: `models.not_midnight`; `models.unknown_version`; `models.stale_model` where a
  ///   feature has changed its meaning since the training; errors of features, learners and the
  ///   database.
  public func score(
    _ reference: ModelReference, _ table: FeatureTable,
    fence: @escaping Trainer.Fence = { _ in }
  ) async throws -> ScoreReference {
    try checkMidnight(table.asOf)
    let scoring = try await scoring(reference, table.catalogue)
    return try await store([try await scoring(table)], reference, table.asOf, fence)
  }

  /// Scores the model's population among everyone, customer range by customer range, and stores the
  /// scores.
  ///
  /// - Throws: as ``score(_:_:fence:)``, and what building features throws.
  public func score(
    _ reference: ModelReference, everyoneFrom builder: FeatureBuilder,
    _ catalogue: FeatureCatalogue, asOf: Instant, fence: @escaping Trainer.Fence = { _ in }
  ) async throws -> ScoreReference {
    try checkMidnight(asOf)
    let scoring = try await scoring(reference, catalogue)
    let read = try catalogue.restricted(to: scoring.features)
    let others = try await scores(for: read, asOf: asOf)
    // An id and a score of each.
    let built = try await builder.eachRange(
      read, asOf: asOf, population: scoring.percentileFeatures, wholeBytes: 12,
      supply: { try others.supply(&$0) }, prepare: { try scoring.cuts(over: $0) }
    ) { table, cuts in
      try await scoring(table, cuts)
    }
    return try await store(built.parts, reference, asOf, fence)
  }

  private func checkMidnight(_ asOf: Instant) throws {
    guard LocalDays(zone: zone).isMidnight(asOf) else {
      throw ModelError(
        code: "models.not_midnight",
        message: "expected features of a midnight in \(zone.name), found \(asOf)",
        hint: "within a day the scores of the last midnight count")
    }
  }

  private func scoring(
    _ reference: ModelReference, _ catalogue: FeatureCatalogue
  ) async throws -> Scoring {
    let version = try await registry.version(reference)
    return Scoring(
      population: try Self.population(version, in: catalogue, zone: zone),
      fitted: try await registry.fitted(reference))
  }

  private func store(
    _ parts: [Scoring.Part], _ reference: ModelReference, _ asOf: Instant,
    _ fence: @escaping Trainer.Fence
  ) async throws -> ScoreReference {
    var scored = parts.flatMap { zip($0.index.ids, $0.scores) }
    if parts.count > 1 { scored.sort { $0.0 < $1.0 } }
    let index = IDIndex(sorted: scored.map(\.0))
    let payload = ScorePayload.encode(index, scored.map(\.1))
    let now = clock.now()
    try await pool.transaction { connection in
      try await fence(connection)
      try await connection.execute(
        SQL(
          file: "queries/models/upsert_score.sql", reference.model, asOf,
          Int32(reference.version), index.count, payload, now))
    }
    return ScoreReference(model: reference, asOf: asOf, customers: index.count)
  }

  /// The population rule that the version was trained with, if its features still mean the same.
  private static func population(
    _ version: ModelVersion, in catalogue: FeatureCatalogue, zone: Zone
  ) throws -> Rule {
    let definition = version.lineage.definition
    let attributes = FeatureAttributes(catalogue)
    let population = try Rule(parsing: definition.population, attributes: attributes, zone: zone)
    let label = try Rule(parsing: definition.label, attributes: attributes, zone: zone)
    let reads = definition.features + (population.attributes + label.attributes).map(\.name)
    let hash = try definition.hash(of: catalogue, reading: reads)
    guard hash == version.lineage.definitionHash else {
      throw ModelError(
        code: "models.stale_model",
        message: "expected the features that \(version.reference) was trained on, found some that "
          + "have changed their meaning", hint: "train \(definition.name) again")
    }
    return population
  }

  /// The scores that count at an instant, those of the last local midnight, for a table's rows.
  ///
  /// Null for customers outside the model's population; nil where that midnight has no scores.
  /// - Throws: `models.damaged_scores`; ``WarehouseError``.
  public func column(of model: String, asOf: Instant, for index: IDIndex) async throws -> Column? {
    try await scores(of: model, asOf: asOf).map { $0.column(for: index) }
  }

  private func scores(of model: String, asOf: Instant) async throws -> MidnightScores.Scores? {
    let midnight = zone.midnight(LocalDays(zone: zone).day(of: asOf))
    let row = try await pool.first(
      SQL(file: "queries/models/select_score.sql", model, midnight))
    guard let row else { return nil }
    let (index, scores) = try ScorePayload.decode(try row.get("payload", as: [UInt8].self))
    return MidnightScores.Scores(index: index, scores: scores)
  }

  /// The scores of all score features of a catalogue that count at an instant, read once for tables
  /// of any customers.
  ///
  /// - Throws: as ``column(of:asOf:for:)``.
  public func scores(
    for catalogue: FeatureCatalogue, asOf: Instant
  ) async throws -> MidnightScores {
    var all = MidnightScores()
    for feature in catalogue.external {
      guard case .score(let model) = feature.expression, all.found[model] == nil,
        !all.missing.contains(model)
      else { continue }
      if let found = try await scores(of: model, asOf: asOf) {
        all.found[model] = found
      } else {
        all.missing.append(model)
      }
    }
    return all
  }

  /// Gives a table the columns of all its score features, null where a model has no scores yet.
  ///
  /// - Returns: the models that have none at that midnight.
  @discardableResult
  public func supply(_ table: inout FeatureTable) async throws -> [String] {
    let scores = try await scores(for: table.catalogue, asOf: table.asOf)
    try scores.supply(&table)
    return scores.missing
  }
}

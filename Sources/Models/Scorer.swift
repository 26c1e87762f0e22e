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
    guard LocalDays(zone: zone).isMidnight(table.asOf) else {
      throw ModelError(
        code: "models.not_midnight",
        message: "expected features of a midnight in \(zone.name), found \(table.asOf)",
        hint: "within a day the scores of the last midnight count")
    }
    let version = try await registry.version(reference)
    let population = try Self.population(version, in: table.catalogue, zone: zone)
    let fitted = try await registry.fitted(reference)
    let rows = try population.members(of: table).rows
    let scores = try await Learners.make(fitted.learner).scores(
      of: fitted, for: table.matrix(of: fitted.featureNames, rows: rows))
    let index = IDIndex(sorted: rows.map { table.index.ids[$0] })
    let payload = ScorePayload.encode(index, scores)
    let now = clock.now()
    try await pool.transaction { connection in
      try await fence(connection)
      try await connection.execute(
        SQL(
          file: "queries/models/upsert_score.sql", reference.model, table.asOf,
          Int32(reference.version), index.count, payload, now))
    }
    return ScoreReference(model: reference, asOf: table.asOf, customers: index.count)
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
    let midnight = zone.midnight(LocalDays(zone: zone).day(of: asOf))
    let row = try await pool.first(
      SQL(file: "queries/models/select_score.sql", model, midnight))
    guard let row else { return nil }
    let (known, scores) = try ScorePayload.decode(try row.get("payload", as: [UInt8].self))
    var values = [Double](repeating: 0, count: index.count)
    var present = Bitset(count: index.count)
    for (row, place) in known.rows(in: index).enumerated() where place >= 0 {
      values[place] = Double(scores[row])
      present[place] = true
    }
    return .real(Dense(values, present: present))
  }

  /// Gives a table the columns of all its score features, null where a model has no scores yet.
  ///
  /// - Returns: the models that have none at that midnight.
  @discardableResult
  public func supply(_ table: inout FeatureTable) async throws -> [String] {
    var missing: [String] = []
    for feature in table.catalogue.external {
      guard case .score(let model) = feature.expression else { continue }
      let scores = try await column(of: model, asOf: table.asOf, for: table.index)
      if scores == nil { missing.append(model) }
      let nothing = Column.real(
        Dense(
          Array(repeating: 0, count: table.index.count),
          present: Bitset(count: table.index.count)))
      try table.supply(scores ?? nothing, for: feature.name)
    }
    return missing
  }
}

import Crypto
import Foundation
import Learning
import Schedules
import Warehouse

/// Trained models in the database: immutable versions, one champion at any instant.
///
/// A champion is looked up as of an instant, so that a run over a past day never uses a model that
/// has seen later days.
public struct ModelRegistry: Sendable {
  private let pool: ConnectionPool

  /// The registry of a database.
  public init(_ pool: ConnectionPool) { self.pool = pool }

  // MARK: Reading

  /// One version.
  ///
  /// - Throws: `models.unknown_version`; ``WarehouseError``.
  public func version(_ reference: ModelReference) async throws -> ModelVersion {
    let row = try await pool.first(
      SQL(
        file: "queries/models/select_version.sql", reference.model, Int32(reference.version)))
    guard let row else { throw Self.unknown(reference) }
    return try Self.version(row)
  }

  /// The latest champion that saw nothing at or after an instant; nil where there is none.
  public func champion(_ model: String, asOf: Instant) async throws -> ModelVersion? {
    try await pool.first(SQL(file: "queries/models/select_champion.sql", model, asOf))
      .map(Self.version)
  }

  /// The last training up to an instant, champion or not; nil where there is none.
  public func latest(_ model: String, asOf: Instant) async throws -> ModelVersion? {
    try await pool.first(SQL(file: "queries/models/select_latest.sql", model, asOf))
      .map(Self.version)
  }

  /// Every version of a model, or of all models, newest data first.
  public func versions(of model: String? = nil) async throws -> [ModelVersion] {
    try await pool.query(SQL(file: "queries/models/list_versions.sql", model)).map(Self.version)
  }

  /// What it takes to score with a version, the bytes included.
  ///
  /// - Throws: `models.unknown_version`; ``WarehouseError``.
  public func fitted(_ reference: ModelReference) async throws -> FittedModel {
    let row = try await pool.first(
      SQL(file: "queries/models/select_bytes.sql", reference.model, Int32(reference.version)))
    guard let row else { throw Self.unknown(reference) }
    return FittedModel(
      learner: try row.get("learner"), featureNames: try row.get("feature_names"),
      bytes: try row.get("bytes"), curve: try Self.decode(row, "curve"),
      importance: try Self.decode(row, "importance"))
  }

  // MARK: Writing

  /// Stores a model in one transaction, after `fence`; one that is there already is returned.
  func store(
    _ trained: TrainedModel, now: Instant,
    fence: @escaping @Sendable (Connection) async throws -> Void
  ) async throws -> (reference: ModelReference, isChampion: Bool) {
    let lineage = trained.lineage
    let name = lineage.definition.name
    let digest = Array(SHA256.hash(data: trained.fitted.bytes))
    let previous = try trained.previousMetrics.map(Self.encode)
    let (definition, cuts, metrics, calibration, curve, importance) = (
      try Self.encode(lineage.definition), try Self.encode(lineage.cuts),
      try Self.encode(trained.metrics), try Self.encode(trained.calibration),
      try Self.encode(trained.fitted.curve), try Self.encode(trained.fitted.importance)
    )
    return try await pool.transaction { connection in
      try await fence(connection)
      try await connection.execute(SQL(file: "queries/models/lock_model.sql", name))
      if let row = try await connection.first(
        SQL(
          file: "queries/models/find_identical.sql", name, lineage.asOf, lineage.definitionHash,
          digest))
      {
        return (
          ModelReference(model: name, version: Int(try row.get("version", as: Int32.self))),
          try row.get("champion")
        )
      }
      let row = try await connection.first(
        SQL(
          file: "queries/models/insert_version.sql", name, trained.isChampion,
          trained.fitted.learner, trained.fitted.bytes, digest, trained.fitted.featureNames,
          definition, lineage.definitionHash, lineage.asOf, lineage.zone,
          Int32(lineage.definition.horizonDays), cuts, lineage.rows, metrics, previous,
          calibration, curve, importance, trained.trainSeconds, now))
      guard let row else {
        throw ModelError(
          code: "models.not_stored", message: "expected a version of \(name), found no row",
          isPermanent: false)
      }
      return (
        ModelReference(model: name, version: Int(try row.get("version", as: Int32.self))),
        trained.isChampion
      )
    }
  }

  // MARK: Rows

  private static func unknown(_ reference: ModelReference) -> ModelError {
    ModelError(
      code: "models.unknown_version", message: "expected \(reference) in the registry, found none",
      hint: "train the model first")
  }

  private static func version(_ row: Row) throws -> ModelVersion {
    ModelVersion(
      reference: ModelReference(
        model: try row.get("model"), version: Int(try row.get("version", as: Int32.self))),
      isChampion: try row.get("champion"), learner: try row.get("learner"),
      featureNames: try row.get("feature_names"),
      lineage: ModelLineage(
        definition: try decode(row, "definition"), definitionHash: try row.get("definition_hash"),
        asOf: try row.get("as_of"), zone: try row.get("zone"), cuts: try decode(row, "cuts")),
      metrics: try decode(row, "metrics"),
      previousMetrics: try row.get("previous_metrics", as: JSONText?.self)
        .map { try decode($0, ModelMetrics.self, "previous_metrics") },
      calibration: try decode(row, "calibration"), curve: try decode(row, "curve"),
      importance: try decode(row, "importance"), trainSeconds: try row.get("train_seconds"),
      trainedAt: try row.get("trained_at"))
  }

  private static func encode(_ value: some Encodable) throws -> JSONText {
    JSONText(String(decoding: try JSONEncoder().encode(value), as: UTF8.self))
  }

  private static func decode<T: Decodable>(_ row: Row, _ column: String) throws -> T {
    try decode(try row.get(column, as: JSONText.self), T.self, column)
  }

  private static func decode<T: Decodable>(
    _ json: JSONText, _ type: T.Type, _ column: String
  ) throws -> T {
    do { return try JSONDecoder().decode(type, from: Data(json.text.utf8)) } catch {
      throw ModelError(
        code: "models.damaged_version",
        message: "expected \(T.self) in column \(column) of models.version, found: \(error)",
        hint: "the row was written by another release; train the model again")
    }
  }
}

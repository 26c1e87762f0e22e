import Columns
import Features
import Schedules
import Warehouse

/// One customer's features at any instant, as they are known now or were known at another instant.
///
/// What was recorded of the customer since then decides the road: where nothing was, the tiles tell
/// the same, at a fraction of the cost.
public struct CustomerFeatures: Sendable {
  /// A customer's features, and how they were come by.
  public struct Found: Sendable {
    /// One row; none for a customer who was not known then.
    public let table: FeatureTable
    /// Whether what is believed now serves: nothing that matters was recorded since.
    public let isCurrent: Bool
  }

  let pool: ConnectionPool
  let zone: Zone

  /// A reader of a project whose days are those of `zone`.
  public init(pool: ConnectionPool, zone: Zone) {
    self.pool = pool
    self.zone = zone
  }

  /// The features of a customer at `asOf`.
  ///
  /// - Parameters:
  ///   - knownAt: what had been recorded by then; nil for all that has landed.
  ///   - now: the clock's time, for what has landed and is in no tile yet.
  /// - Throws: as ``FeatureBuilder/features(of:_:asOf:)`` and ``KnownFeatures/build(_:asOf:customers:)``.
  public func build(
    of customer: Int64, _ catalogue: FeatureCatalogue, asOf: Instant, knownAt: Instant?,
    now: Instant
  ) async throws -> Found {
    let differs = try await isRecorded(
      customer, after: knownAt, before: asOf, isRelative: catalogue.isPopulationRelative)
    if !differs {
      do {
        let table = try await FeatureBuilder(pool: pool, zone: zone).features(
          of: customer, catalogue, asOf: asOf)
        return Found(table: table, isCurrent: true)
      } catch let error as FeatureStoreError where error.code == "feature_store.missing_measure" {
        // A feature that no night has built: its events are there.
      }
    }
    let known = KnownFeatures(pool: pool, zone: zone, knownAt: knownAt ?? now)
    let built = try await known.build(catalogue, asOf: asOf, customers: [customer])
    return Found(table: built.table, isCurrent: false)
  }

  /// Whether something that counts at `asOf` is in no tile yet, or was recorded after an instant.
  private func isRecorded(
    _ customer: Int64, after knownAt: Instant?, before asOf: Instant, isRelative: Bool
  ) async throws -> Bool {
    let instant = knownAt ?? Instant(microseconds: .max)
    return try await pool.withConnection { connection in
      let loads = try await connection.query(
        SQL(file: "queries/features/list_loads_after.sql", instant, asOf)
      ).map { try $0.get("load_id", as: Int64.self) }
      // Anybody's event may move anybody's rank.
      if isRelative, !loads.isEmpty { return true }
      return try await connection.first(
        SQL(file: "queries/features/find_recorded_after.sql", customer, loads, instant, asOf)
      )?.get("is_recorded", as: Bool.self) ?? false
    }
  }
}

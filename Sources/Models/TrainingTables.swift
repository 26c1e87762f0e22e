import FeatureStore
import Features
import Schedules
import Warehouse

/// Where training sets come from: the feature store, or tables in memory.
public protocol TrainingTables: Sendable {
  /// The first local day with an event; nil where there is none.
  func firstDay() async throws -> Day?

  /// The feature tables at the ends of some days, in the order of the days.
  ///
  /// The tables must hold the named features at least.
  func tables(of days: [Day], reading features: [String]) async throws -> [FeatureTable]
}

/// Training tables from the day tiles in the database, all days in one pass.
public struct StoredTrainingTables: TrainingTables {
  private let pool: ConnectionPool
  private let catalogue: FeatureCatalogue
  private let zone: Zone

  /// The tables of a project; the loads must be folded before.
  public init(_ pool: ConnectionPool, catalogue: FeatureCatalogue, zone: Zone) {
    self.pool = pool
    self.catalogue = catalogue
    self.zone = zone
  }

  /// The local day of the first event that was folded; nil where there is none.
  public func firstDay() async throws -> Day? {
    try await pool.first(SQL(file: "queries/models/select_first_event.sql"))?
      .get("first_occurred_at", as: Instant?.self)
      .map { LocalDays(zone: zone).day(of: $0) }
  }

  /// The tables with the named features only, so that each state stays small.
  ///
  /// - Throws: errors of the feature store and the database.
  public func tables(of days: [Day], reading features: [String]) async throws -> [FeatureTable] {
    try await FeatureBuilder(pool: pool, zone: zone)
      .build(catalogue.restricted(to: features), atEndsOf: days)
  }
}

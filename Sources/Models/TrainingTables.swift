import Features
import Schedules

/// Where training sets come from: the feature store, or tables in memory.
public protocol TrainingTables: Sendable {
  /// The first local day with an event; nil where there is none.
  func firstDay() async throws -> Day?

  /// The feature tables at the ends of some days, in the order of the days.
  ///
  /// The tables must hold the named features at least.
  func tables(of days: [Day], reading features: [String]) async throws -> [FeatureTable]
}

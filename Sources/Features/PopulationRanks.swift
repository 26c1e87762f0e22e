import Columns
import Schedules

/// The population-relative features of everyone at a local midnight, from which tables of a part of
/// the customers, or of an instant within the day, take theirs.
public struct PopulationRanks: Sendable {
  /// The midnight.
  public let asOf: Instant
  private let index: IDIndex
  /// What could not be computed is thrown where it is read.
  private let ranks: [String: Result<Dense<Int64>, FeatureError>]

  /// Ranks the customers of a table by every population-relative feature of its catalogue.
  ///
  /// - Parameter table: everyone at a local midnight.
  public init(_ table: FeatureTable) throws {
    asOf = table.asOf
    index = table.index
    var ranks: [String: Result<Dense<Int64>, FeatureError>] = [:]
    for feature in table.catalogue.features where feature.isPopulationRelative {
      do { ranks[feature.name] = .success(try table.ranks(feature)) } catch let error
        as FeatureError
      {
        ranks[feature.name] = .failure(error)
      }
    }
    self.ranks = ranks
  }

  /// The ranks of some customers; null for those who were unknown at the midnight.
  func ranks(of feature: FeatureDefinition, for customers: IDIndex) throws -> Dense<Int64> {
    guard let found = ranks[feature.name] else {
      throw FeatureError(
        code: "features.no_midnight",
        message: "expected the ranks of \(asOf) for '\(feature.name)', found none",
        hint: "population-relative values are those of the last local midnight: fix(at:)")
    }
    let values = try found.get()
    return index == customers ? values : values.rearranged(index, to: customers)
  }
}

import Features
import Schedules
import Warehouse

/// Holds the features of a catalogue to one currency each.
enum CurrencyCheck {
  /// - Throws: ``FeatureStoreError`` `feature_store.mixed_currencies` for the first feature whose
  ///   amounts came in several, as far as was known.
  static func check(
    _ catalogue: FeatureCatalogue, _ knowledge: Knowledge = .now, on connection: Connection
  ) async throws {
    var end = Instant(microseconds: .max)
    if case .at(let instant) = knowledge { end = instant }
    // In the order of the catalogue, so that the same feature is named each time.
    var checked: Set<[String]> = [[]]
    for kinds in catalogue.features.map(\.amountKinds) where checked.insert(kinds).inserted {
      let row = try await connection.first(
        SQL(file: "queries/features/find_mixed_currencies.sql", kinds, end))
      guard let row else { continue }
      let currencies: [String] = try row.get("currencies")
      let feature = catalogue.features.first { $0.amountKinds == kinds }?.name ?? ""
      throw FeatureStoreError(
        code: "feature_store.mixed_currencies",
        message: "expected amounts of one currency for '\(feature)', found "
          + currencies.joined(separator: " and "),
        hint: "convert amounts where they are loaded, or make a feature for each kind of event")
    }
  }
}

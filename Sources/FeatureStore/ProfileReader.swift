import Columns
import Features
import Schedules
import Warehouse

/// Reads the customers known at an instant and the profile attributes that features name.
struct ProfileReader {
  /// The profile features, one column each.
  let features: [(feature: FeatureDefinition, attribute: String)]

  init(_ catalogue: FeatureCatalogue) {
    features = catalogue.features.compactMap { feature in
      if case .profile(let attribute) = feature.expression { (feature, attribute) } else { nil }
    }
  }

  /// Everyone first seen before `asOf`, or without such a time.
  static func population(
    asOf: Instant, _ customers: CustomerChoice, _ knowledge: Knowledge = .now,
    on connection: Connection
  ) async throws -> IDIndex {
    let sql = knowledge.copyCustomers(seenBefore: asOf, among: customers)
    let ids = try await connection.copyOut(sql.named("copy customers"), into: [Int64]()) {
      var row = CopyText($1)
      $0.append(try row.integer())
    }
    return IDIndex(sorted: ids)
  }

  /// Gives the table the columns of its profile features: what held just before its as-of, with
  /// derived attributes and what stands in for missing values.
  ///
  /// - Throws: ``FeatureStoreError`` `feature_store.bad_profile_value` naming the customer, for an
  ///   attribute of which the project says nothing.
  func supply(
    _ table: inout FeatureTable, _ customers: CustomerChoice, _ knowledge: Knowledge = .now,
    on connection: Connection
  ) async throws {
    if features.isEmpty { return }
    let known = try await ProfileAttributes.read(on: connection)
    let sources = features.map { known.source(of: $0.attribute) }
    let attributes = SQL.joined(sources.map { "p.attributes ->> \($0)" })
    // A statement at as-of itself does not exist for it, so the span before it counts.
    let sql: SQL = """
      COPY (
        SELECT p.customer_id, \(fragment: attributes) FROM facts.customer_profile AS p
        WHERE \(fragment: knowledge.believes("p"))
          AND p.valid_from < \(table.asOf) AND p.valid_to >= \(table.asOf)
          \(fragment: customers.condition("p"))
      ) TO STDOUT
      """
    let index = table.index
    let start = ProfileFilling(features, known, index: index, day: table.day)
    let filling = try await connection.copyOut(sql.named("copy profiles"), into: start) {
      filling, bytes in
      var row = CopyText(bytes)
      let customer = try row.integer()
      guard let place = index.row(of: customer) else { return }
      filling.describe(place)
      for position in filling.positions {
        try filling.set(position, place, customer, try row.text())
      }
    }
    try filling.finish(&table)
  }
}

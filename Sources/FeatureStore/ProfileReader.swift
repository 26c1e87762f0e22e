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
    let day = table.day
    let names = features.map(\.attribute)
    let isDefined = names.map(known.isDefined)
    var start = Filling(
      columns: features.map { ProfileColumn(type: $0.feature.type, count: index.count) },
      isDescribed: Bitset(count: index.count))
    start = try await connection.copyOut(sql.named("copy profiles"), into: start) {
      filling, bytes in
      var row = CopyText(bytes)
      let customer = try row.integer()
      guard let place = index.row(of: customer) else { return }
      filling.isDescribed[place] = true
      for position in names.indices {
        let given = try row.text()
        let name = names[position]
        guard isDefined[position] else {
          guard let given, !filling.columns[position].set(place, given) else { continue }
          throw FeatureStoreError(
            code: "feature_store.bad_profile_value",
            message:
              "expected \(filling.columns[position].type.rawValue) in the profile of customer "
              + "\(customer), found '\(String(decoding: given, as: UTF8.self))' in '\(name)'",
            hint:
              "correct the customer's row, declare the feature as text, or say in 'profile:' of "
              + "sources.yaml what stands in")
        }
        let text = given.map { String(decoding: $0, as: UTF8.self) }
        guard let value = known.value(of: name, given: text, on: day),
          !filling.columns[position].set(place, Array(value.utf8)),
          let fallback = known.fallback(name)
        else { continue }
        // Of another type: as good as missing.
        _ = filling.columns[position].set(place, Array(fallback.utf8))
      }
    }
    start.fillMissing(names, known, on: day)
    for (column, entry) in zip(start.columns, features) {
      try table.supply(column.column, for: entry.feature.name)
    }
  }

  /// The columns while rows come in, and whose profile has come.
  private struct Filling: Sendable {
    var columns: [ProfileColumn]
    var isDescribed: Bitset

    /// Gives those of whom nothing is known what stands in.
    mutating func fillMissing(_ names: [String], _ known: ProfileAttributes, on day: Day) {
      for (position, name) in names.enumerated() {
        guard let value = known.value(of: name, given: nil, on: day) else { continue }
        let bytes = Array(value.utf8)
        for place in 0..<isDescribed.count where !isDescribed[place] {
          _ = columns[position].set(place, bytes)
        }
      }
    }
  }
}

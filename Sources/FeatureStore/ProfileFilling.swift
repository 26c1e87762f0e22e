import Columns
import Features
import Schedules

/// The columns of profile features while rows come in, and whose profile has come.
struct ProfileFilling: Sendable {
  private let features: [(feature: FeatureDefinition, attribute: String)]
  private let known: ProfileAttributes
  private let isDefined: [Bool]
  private let day: Day
  private var columns: [ProfileColumn]
  private var isDescribed: Bitset

  init(
    _ features: [(feature: FeatureDefinition, attribute: String)], _ known: ProfileAttributes,
    index: IDIndex, day: Day
  ) {
    self.features = features
    self.known = known
    self.day = day
    isDefined = features.map { known.isDefined($0.attribute) }
    columns = features.map { ProfileColumn(type: $0.feature.type, count: index.count) }
    isDescribed = Bitset(count: index.count)
  }

  /// The columns' numbers.
  var positions: Range<Int> { features.indices }

  /// Notes that the customer of a row has a profile.
  mutating func describe(_ place: Int) { isDescribed[place] = true }

  /// Gives a row what follows from what sources gave.
  ///
  /// - Throws: ``FeatureStoreError`` `feature_store.bad_profile_value`.
  mutating func set(
    _ position: Int, _ place: Int, _ customer: Int64, _ given: [UInt8]?
  ) throws {
    let name = features[position].attribute
    guard isDefined[position] else {
      guard let given, !columns[position].set(place, given) else { return }
      throw FeatureStoreError(
        code: "feature_store.bad_profile_value",
        message:
          "expected \(columns[position].type.rawValue) in the profile of customer "
          + "\(customer), found '\(String(decoding: given, as: UTF8.self))' in '\(name)'",
        hint:
          "correct the customer's row, declare the feature as text, or say in 'profile:' of "
          + "sources.yaml what stands in")
    }
    let text = given.map { String(decoding: $0, as: UTF8.self) }
    guard let value = known.value(of: name, given: text, on: day),
      !columns[position].set(place, Array(value.utf8)), let fallback = known.fallback(name)
    else { return }
    // Of another type: as good as missing.
    _ = columns[position].set(place, Array(fallback.utf8))
  }

  /// Gives a row what another one has, of whom sources gave the same.
  mutating func copy(_ position: Int, from source: Int, to place: Int) {
    columns[position].copy(from: source, to: place)
  }

  /// Gives those of whom nothing is known what stands in, and the columns to the table.
  consuming func finish(_ table: inout FeatureTable) throws {
    for position in positions {
      guard let value = known.value(of: features[position].attribute, given: nil, on: day) else {
        continue
      }
      let bytes = Array(value.utf8)
      for place in 0..<isDescribed.count where !isDescribed[place] {
        _ = columns[position].set(place, bytes)
      }
    }
    for (column, entry) in zip(columns, features) {
      try table.supply(column.column, for: entry.feature.name)
    }
  }
}

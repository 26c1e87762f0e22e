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

  /// Everyone with `first_seen_at` before `asOf` or without one.
  static func population(
    asOf: Instant, _ customers: CustomerChoice, on connection: Connection
  ) async throws -> IDIndex {
    let sql: SQL = """
      COPY (
        SELECT customer_id FROM facts.customers AS c
        WHERE (first_seen_at < \(asOf) OR first_seen_at IS NULL)
          \(fragment: customers.condition("c"))
        ORDER BY customer_id
      ) TO STDOUT
      """
    let ids = try await connection.copyOut(sql.named("copy customers"), into: [Int64]()) {
      var row = CopyText($1)
      $0.append(try row.integer())
    }
    return IDIndex(sorted: ids)
  }

  /// Gives the table the columns of its profile features: what held just before its as-of, as it is
  /// believed now, with derived attributes and what stands in for missing values.
  ///
  /// - Throws: ``FeatureStoreError`` `feature_store.bad_profile_value` naming the customer, for an
  ///   attribute of which the project says nothing.
  func supply(
    _ table: inout FeatureTable, _ customers: CustomerChoice, on connection: Connection
  ) async throws {
    if features.isEmpty { return }
    let known = try await ProfileAttributes.read(on: connection)
    let sources = features.map { known.source(of: $0.attribute) }
    let attributes = SQL.joined(sources.map { "attributes ->> \($0)" })
    // A statement at as-of itself does not exist for it, so the span before it counts.
    let sql: SQL = """
      COPY (
        SELECT customer_id, \(fragment: attributes) FROM facts.customer_profile AS p
        WHERE recorded_to = 'infinity' AND valid_from < \(table.asOf) AND valid_to >= \(table.asOf)
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

/// A column that is filled row by row from text.
struct ProfileColumn: Sendable {
  let type: FeatureType
  private var numbers: [Int64] = []
  private var codes: [Int32] = []
  private var flags: [Bool] = []
  private var present: Bitset
  private var dictionary: [String] = []
  private var known: [[UInt8]: Int32] = [:]

  init(type: FeatureType, count: Int) {
    self.type = type
    present = Bitset(count: count)
    switch type {
    case .text, .date: codes = Array(repeating: 0, count: count)
    case .boolean: flags = Array(repeating: false, count: count)
    case .integer, .decimal, .real, .timestamp: numbers = Array(repeating: 0, count: count)
    }
  }

  /// Sets a row; false where the text is no value of the type.
  mutating func set(_ row: Int, _ text: [UInt8]) -> Bool {
    let string = String(decoding: text, as: UTF8.self)
    switch type {
    case .text:
      // Bytes and not String as key: two normal forms of one text are two values.
      if let code = known[text] {
        codes[row] = code
      } else {
        let code = Int32(dictionary.count)
        dictionary.append(string)
        known[text] = code
        codes[row] = code
      }
    case .integer:
      guard let value = Int64(string) else { return false }
      numbers[row] = value
    case .decimal:
      guard let value = Decimals.parse(string) else { return false }
      numbers[row] = value
    case .boolean:
      guard let value = ["true": true, "false": false][string] else { return false }
      flags[row] = value
    case .date:
      guard let value = Day(iso8601: string) else { return false }
      codes[row] = value.number
    case .timestamp:
      guard let value = Instant(rfc3339: string) else { return false }
      numbers[row] = value.microseconds
    case .real: return false
    }
    present[row] = true
    return true
  }

  /// The finished column.
  var column: Column {
    switch type {
    case .text: .text(Dense(codes, present: present), dictionary: dictionary)
    case .integer: .integer(Dense(numbers, present: present), scale: 0)
    case .decimal: .integer(Dense(numbers, present: present), scale: 4)
    case .boolean: .boolean(Dense(flags, present: present))
    case .date: .day(Dense(codes, present: present))
    case .timestamp, .real: .instant(Dense(numbers, present: present))
    }
  }
}

/// Exact decimals of scale 4.
enum Decimals {
  /// `12.5` as 125000; nil for anything but a plain decimal with at most four decimals.
  static func parse(_ text: String) -> Int64? {
    let negative = text.hasPrefix("-")
    let parts = text.dropFirst(negative ? 1 : 0)
      .split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = parts.count == 2 ? parts[1] : ""
    guard let whole = parts.first, !whole.isEmpty, fraction.count <= 4,
      (whole + fraction).utf8.allSatisfy({ 48...57 ~= $0 }), parts.count == 1 || !fraction.isEmpty
    else { return nil }
    let digits = whole + fraction + String(repeating: "0", count: 4 - fraction.count)
    return Int64((negative ? "-" : "") + digits)
  }
}

import Columns
import Features
import Schedules
import Warehouse

/// Who was known when: the population of every instant up to one, read once.
struct PopulationHistory: Sendable {
  private var ids: [Int64] = []
  /// Microseconds at which a customer is known; the least number for those known from the first.
  private var since: [Int64] = []

  /// Reads what ``known(at:)`` needs of instants from `first` through `last`.
  static func read(
    from first: Instant, through last: Instant, on connection: Connection
  ) async throws -> PopulationHistory {
    // What was known before counts as known just before; null, which is passed over, does too.
    let before = Instant(microseconds: first.microseconds - 1)
    let sql: SQL = """
      COPY (
        SELECT customer_id,
          (extract(epoch FROM greatest(first_seen_at, \(before))) * 1000000)::bigint
        FROM facts.customers
        WHERE first_seen_at < \(last) OR first_seen_at IS NULL
        ORDER BY customer_id
      ) TO STDOUT
      """
    return try await connection.copyOut(
      sql.named("copy customers of many days"), into: PopulationHistory()
    ) {
      var row = CopyText($1)
      $0.ids.append(try row.integer())
      $0.since.append(try row.integer())
    }
  }

  /// Everyone with `first_seen_at` before an instant or without one.
  func known(at asOf: Instant) -> IDIndex {
    var known: [Int64] = []
    known.reserveCapacity(ids.count)
    for row in ids.indices where since[row] < asOf.microseconds { known.append(ids[row]) }
    return IDIndex(sorted: known)
  }

  /// Everyone at any time.
  var everyone: IDIndex { IDIndex(sorted: ids) }
}

/// The profiles of everyone over many days, read once.
struct ProfileHistory: Sendable {
  private let features: [(feature: FeatureDefinition, attribute: String)]
  private let known: ProfileAttributes
  private var rows = Rows()
  private let last: Instant

  /// Spans of profiles, and by attribute which of the texts that sources gave.
  private struct Rows: Sendable {
    var customers: [Int64] = []
    /// Half-open the other way round, in microseconds: a statement at as-of does not exist for it.
    var from: [Int64] = []
    var to: [Int64] = []
    var codes: [[Int32]] = []
    var texts: [[[UInt8]?]] = []
    var numbers: [[[UInt8]?: Int32]] = []
  }

  private init(
    _ features: [(feature: FeatureDefinition, attribute: String)], _ known: ProfileAttributes,
    _ last: Instant
  ) {
    self.features = features
    self.known = known
    self.last = last
  }

  /// Reads what the tables of midnights from `first` through `last` need.
  static func read(
    _ catalogue: FeatureCatalogue, from first: Instant, through last: Instant,
    on connection: Connection
  ) async throws -> ProfileHistory {
    let features = ProfileReader(catalogue).features
    let known = try await ProfileAttributes.read(on: connection)
    var history = ProfileHistory(features, known, last)
    if features.isEmpty { return history }
    let count = features.count
    let attributes = SQL.joined(
      features.map { "attributes ->> \(known.source(of: $0.attribute))" })
    let before = Instant(microseconds: first.microseconds - 1)
    let sql: SQL = """
      COPY (
        SELECT customer_id,
          (extract(epoch FROM greatest(valid_from, \(before))) * 1000000)::bigint,
          (extract(epoch FROM least(valid_to, \(last))) * 1000000)::bigint,
          \(fragment: attributes)
        FROM facts.customer_profile
        WHERE recorded_to = 'infinity' AND valid_from < \(last) AND valid_to >= \(first)
      ) TO STDOUT
      """
    var start = Rows()
    start.codes = Array(repeating: [], count: count)
    start.texts = Array(repeating: [], count: count)
    start.numbers = Array(repeating: [:], count: count)
    history.rows = try await connection.copyOut(
      sql.named("copy profiles of many days"), into: start
    ) { rows, bytes in
      var row = CopyText(bytes)
      rows.customers.append(try row.integer())
      rows.from.append(try row.integer())
      rows.to.append(try row.integer())
      for position in 0..<count {
        let text = try row.text()
        let next = Int32(rows.texts[position].count)
        let code = rows.numbers[position][text] ?? next
        if code == next {
          rows.numbers[position][text] = next
          rows.texts[position].append(text)
        }
        rows.codes[position].append(code)
      }
    }
    return history
  }

  /// Gives a table of one of the midnights its profile columns, as ``ProfileReader`` does.
  ///
  /// What follows from a text is found out once a day, however many customers have it.
  /// - Throws: ``FeatureStoreError`` `feature_store.bad_profile_value`.
  func supply(_ table: inout FeatureTable) throws {
    if features.isEmpty { return }
    var filling = ProfileFilling(features, known, index: table.index, day: table.day)
    var models = rows.texts.map { Array(repeating: Int32(-1), count: $0.count) }
    let asOf = table.asOf.microseconds
    for row in rows.customers.indices where rows.from[row] < asOf && rows.to[row] >= asOf {
      guard let place = table.index.row(of: rows.customers[row]) else { continue }
      filling.describe(place)
      for position in filling.positions {
        let code = Int(rows.codes[position][row])
        let model = models[position][code]
        if model >= 0 {
          filling.copy(position, from: Int(model), to: place)
        } else {
          try filling.set(
            position, place, rows.customers[row], rows.texts[position][code])
          models[position][code] = Int32(place)
        }
      }
    }
    try filling.finish(&table)
  }
}

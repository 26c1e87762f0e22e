import Schedules
import Warehouse

/// Open spells that end, to be sent as arrays: the nightly, the series' and the steps' way to move them.
///
/// Arrays, not a staging table: a table of the spells that end costs as much as their ends.
struct EndedSpells: Sendable {
  private let publications: [SpellSeries.Member]
  private var customers: [Int64] = []
  private var segments: [Int32] = []
  private var versions: [Int32] = []
  private var causes: [Int32] = []
  private var places: [Int32] = []

  /// - Parameter publications: those that an ending refers to by its place.
  init(at publications: [SpellSeries.Member]) { self.publications = publications }

  /// How many there are.
  var count: Int { customers.count }

  /// As many as one statement takes: some hundred kilobytes.
  static let most = 16_384

  /// Adds one, in the order of customers.
  ///
  /// - Parameters:
  ///   - version: the rule version that decided.
  ///   - place: of the publication, from 0.
  mutating func append(
    customer: Int64, segment: Int32, version: Int32, cause: TransitionCause, at place: Int = 0
  ) {
    customers.append(customer)
    segments.append(segment)
    versions.append(version)
    causes.append(Int32(cause.code) + 1)
    places.append(Int32(place) + 1)
  }

  /// The statement that ends them: one row, `ended`.
  var statement: SQL {
    SQL(
      file: "queries/segments/end_spells.sql", customers, segments, versions, causes, places,
      publications.map(\.id), publications.map(\.asOf), TransitionCause.texts)
  }

  /// Ends them, and begins anew.
  /// - Throws: `segments.out_of_step` where one was not open; `WarehouseError`.
  mutating func end(on connection: Connection) async throws {
    if count == 0 { return }
    let row = try await connection.first(statement)
    try Publication.expect(Int(try row?.get("ended", as: Int64.self) ?? 0), count, "ended")
    self = EndedSpells(at: publications)
  }

  /// Has the server look up each spell by its key.
  ///
  /// The server knows neither how many spells the arrays name nor that they ascend, so that neighbours
  /// share pages: it might read all open spells for some of them.
  static func prepare(_ connection: Connection) async throws {
    try await connection.execute(
      """
      SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
        set_config('enable_memoize', 'off', true)
      """)
  }
}

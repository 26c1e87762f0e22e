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

  /// As many as one statement takes, about: some hundred kilobytes.
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
      publications.map(\.id), publications.map(\.asOf), TransitionCause.texts, customers.min(),
      customers.max())
  }

  /// Ends spells, some at a time: those that come next are made while others are on their way.
  ///
  /// - Parameters:
  ///   - ending: how many there are.
  ///   - open: how many are open.
  ///   - next: makes some of them; nil where there are no more.
  /// - Throws: `segments.out_of_step` where one was not open; `WarehouseError`.
  static func end(
    _ ending: Int, of open: Int, on connection: Connection, _ next: () -> EndedSpells?
  ) async throws {
    if ending == 0 { return }
    try await prepare(connection, merges: ending * 4 > open)
    try await withThrowingTaskGroup(of: Void.self) { sending in
      while let spells = next() {
        try await sending.waitForAll()
        sending.addTask { try await spells.end(on: connection) }
      }
      try await sending.waitForAll()
    }
    try await connection.script(
      settings.map { "SET LOCAL \($0) TO DEFAULT" }.joined(separator: "; "))
  }

  private func end(on connection: Connection) async throws {
    if count == 0 { return }
    let row = try await connection.first(statement)
    try Publication.expect(Int(try row?.get("ended", as: Int64.self) ?? 0), count, "ended")
  }

  private static let settings = [
    "enable_hashjoin", "enable_memoize", "enable_nestloop", "enable_mergejoin", "plan_cache_mode",
  ]

  /// Has the server look up each spell by its key, or read the spells of its customers where many end.
  ///
  /// The server does not know how many spells the arrays name nor that they ascend, so that neighbours
  /// share pages: it might read all open spells for some of them. No plan is kept for the steps, which
  /// end few spells of any customers.
  private static func prepare(_ connection: Connection, merges: Bool) async throws {
    let values = ["off", "off", merges ? "off" : "on", merges ? "on" : "off", "force_custom_plan"]
    try await connection.execute(
      """
      SELECT set_config(name, value, true)
      FROM unnest(\(settings), \(values)) AS s(name, value)
      """)
  }
}

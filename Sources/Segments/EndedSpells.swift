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
  /// Where each lies; nil before ``locate(on:)``.
  private var locations: [TupleLocation]?

  /// - Parameter publications: those that an ending refers to by its place.
  init(at publications: [SpellSeries.Member]) { self.publications = publications }

  /// How many there are.
  var count: Int { customers.count }

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

  /// The statement that ends them: it inserts a row for each.
  var statement: SQL {
    if let locations {
      return SQL(
        file: "queries/segments/end_located_spells.sql", customers, segments, versions, causes,
        places, publications.map(\.id), publications.map(\.asOf), TransitionCause.texts, locations)
    }
    return SQL(
      file: "queries/segments/end_spells.sql", customers, segments, versions, causes, places,
      publications.map(\.id), publications.map(\.asOf), TransitionCause.texts, customers.min(),
      customers.max())
  }

  /// Ends them.
  ///
  /// - Throws: `segments.out_of_step` where one was not open; `WarehouseError`.
  func end(on connection: Connection) async throws {
    if count == 0 { return }
    try Publication.expect(try await connection.execute(statement), count, "ended")
  }

  /// Finds where they lie, on any connection: what ends them then need not look them up.
  ///
  /// That holds as long as the publish lock is held: nobody else moves open spells.
  /// - Throws: `segments.out_of_step` where one is not open; `WarehouseError`.
  func locate(on connection: Connection) async throws -> EndedSpells {
    if count == 0 { return self }
    let row = try await connection.first(
      SQL(
        file: "queries/segments/locate_spells.sql", customers, segments, customers.min(),
        customers.max()))
    let numbers = try row?.get("numbers", as: [Int32]?.self) ?? []
    let found = try row?.get("locations", as: [TupleLocation]?.self) ?? []
    try Publication.expect(found.count, count, "found open")
    var locations = found
    for (number, location) in zip(numbers, found) { locations[Int(number) - 1] = location }
    var spells = self
    spells.locations = locations
    return spells
  }
}

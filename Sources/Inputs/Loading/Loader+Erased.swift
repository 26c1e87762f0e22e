import Warehouse

/// Rows of customers who were erased: counted and dropped, whatever delivers them again.
///
/// What is left of such customers are keyed hashes of their keys. Loads hold a lock that an erasure
/// waits for (that of merges), so what is asked here holds until they commit.
extension Loader {
  /// The mark of such rows.
  static let erased = "erased"

  /// Whether any customer has been erased; where none has, loads ask nothing more.
  nonisolated(nonsending) func hasTombstones(on connection: Connection) async throws -> Bool {
    try await connection.first(SQL(file: "queries/erasure/has_tombstones.sql"))?
      .get("found", as: Bool.self) ?? false
  }

  /// Whether some keys that have no identity are those of erased customers.
  nonisolated(nonsending) func areErased(
    _ keys: [String], on connection: Connection
  ) async throws -> Bool {
    try await connection.first(SQL(file: "queries/erasure/find_erased_keys.sql", keys))?
      .get("found", as: Bool.self) ?? false
  }

  /// Marks staged rows of erased customers; how many.
  nonisolated(nonsending) func markErased(
    _ source: SourceDefinition, on connection: Connection
  ) async throws -> Int {
    try await step("erased")
    return try await connection.execute(
      SQL(file: "queries/erasure/mark_erased_rows.sql", source.into == .merges))
  }

  /// Drops what a load would keep of rows that were rejected for another reason: their raw text, also
  /// in the report.
  nonisolated(nonsending) func forgetErased(
    _ load: Int64, _ report: inout LoadReport, on connection: Connection
  ) async throws {
    try await connection.execute(SQL(file: "queries/erasure/drop_erased_rejects.sql", load))
    report.samples = try await withoutErased(report.samples, on: connection)
  }

  /// Samples of rejected rows, but for those that name an erased customer.
  nonisolated(nonsending) func withoutErased(
    _ samples: [RejectedRow], on connection: Connection
  ) async throws -> [RejectedRow] {
    if samples.isEmpty { return [] }
    let rows = try await connection.query(
      SQL(file: "queries/erasure/find_erased_samples.sql", samples.map(\.raw)))
    let places = Set(try rows.map { Int(try $0.get("place", as: Int64.self)) - 1 })
    return samples.indices.filter { !places.contains($0) }.map { samples[$0] }
  }
}

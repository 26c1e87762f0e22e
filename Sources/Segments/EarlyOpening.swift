import Warehouse

/// Spells that open, written over a connection of their own beside what their publication writes.
///
/// They are committed before their publication is, and nobody sees them until its row is there:
/// readers read `segments.shown_spell`. The next publication waits for them where theirs is gone, and
/// removes them (`segments.lock_publication`).
struct EarlyOpening: Sendable {
  private let pool: ConnectionPool
  private let publicationID: Int32

  /// - Parameters:
  ///   - pool: lends the other connection.
  ///   - publicationID: of the publication under way, or of the first of several.
  init(pool: ConnectionPool, publicationID: Int32) {
    self.pool = pool
    self.publicationID = publicationID
  }

  /// Opens spells on a connection of their own while others end on the publication's.
  ///
  /// - Parameters:
  ///   - connection: the publication's, which holds the publish lock.
  ///   - opening: writes spells whose keys no spell of the publication's has.
  ///   - rest: what the publication writes meanwhile.
  /// - Throws: what either throws; `WarehouseError`.
  func write(
    beside connection: Connection, opening: @escaping @Sendable (Connection) async throws -> Void,
    rest: nonisolated(nonsending) () async throws -> Void
  ) async throws {
    let (begun, begin) = AsyncStream<Void>.makeStream()
    async let opened: Void = write(beside: connection, opening, begin)
    var hasBegun = false
    for await _ in begun { hasBegun = true }
    // Else the rest would wait for what never comes, and the error is all there is.
    if hasBegun { try await rest() }
    try await opened
    try await connection.execute(
      SQL(file: "queries/segments/end_early_opening.sql", publicationID))
  }

  private func write(
    beside connection: Connection, _ opening: @escaping @Sendable (Connection) async throws -> Void,
    _ begin: AsyncStream<Void>.Continuation
  ) async throws {
    defer { begin.finish() }
    try await pool.transaction(retries: 0) { other in
      try await other.execute(
        SQL(file: "queries/segments/begin_early_opening.sql", publicationID))
      // A publication that still answers holds the lock: from here on the next one waits for these
      // spells, whatever becomes of this one.
      try await connection.execute("SELECT 1")
      begin.yield()
      begin.finish()
      try await opening(other)
    }
  }
}

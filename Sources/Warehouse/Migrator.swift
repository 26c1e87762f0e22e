/// Brings a database's schema to the version of this binary: forward only, one at a time.
public struct Migrator: Sendable {
  /// One applied migration.
  public struct Step: Sendable, Equatable {
    /// The number of the migration.
    public let version: Int
    /// Its file.
    public let file: String
  }

  /// The key of the advisory lock that migrators of one database share ("strata" in ASCII).
  static let lock: Int64 = 0x7374_7261_7461

  private let pool: ConnectionPool
  private let migrations: [Migration]?

  /// A migrator of the database behind a pool.
  ///
  /// - Parameter migrations: the steps in order; nil for those of the SQL catalogue.
  public init(_ pool: ConnectionPool, migrations: [Migration]? = nil) {
    self.pool = pool
    self.migrations = migrations
  }

  /// Applies what is pending, each migration in a transaction of its own, and returns what it
  /// applied. Concurrent migrators wait for one another.
  ///
  /// - Throws: the faults of ``check()``; ``WarehouseError`` of the failed file, with line and
  ///   column. Migrations before it stay applied.
  @discardableResult
  public func migrate() async throws -> [Step] {
    let migrations = try self.migrations ?? Migration.catalogue()
    return try await pool.withConnection { connection in
      // Held by the session: each migration has its own transaction.
      try await connection.execute("SELECT pg_advisory_lock(\(Self.lock))")
      do {
        let steps = try await apply(migrations, on: connection)
        try await connection.execute("SELECT pg_advisory_unlock(\(Self.lock))")
        return steps
      } catch {
        // Closing gives the lock back even where the statement cannot run.
        await connection.close()
        throw error
      }
    }
  }

  /// The migrations that are not applied yet; changes nothing.
  ///
  /// - Throws: `warehouse.future_schema`, `warehouse.edited_migration`,
  ///   `warehouse.skipped_migration`, `warehouse.bad_migration`.
  public func check() async throws -> [Migration] {
    let migrations = try self.migrations ?? Migration.catalogue()
    return try await pool.withConnection { connection in
      try MigrationPlan.pending(migrations, applied: try await ledger(connection))
    }
  }

  private func apply(_ migrations: [Migration], on connection: Connection) async throws -> [Step] {
    let pending = try MigrationPlan.pending(migrations, applied: try await ledger(connection))
    if pending.isEmpty { return [] }
    try await connection.script(
      """
      CREATE SCHEMA IF NOT EXISTS strata;
      CREATE TABLE IF NOT EXISTS strata.migration (
        version bigint PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
      );
      COMMENT ON TABLE strata.migration IS
        'One row per applied migration; checksum is the SHA-256 of its text.';
      """, name: "migration ledger")
    var steps: [Step] = []
    for migration in pending {
      try await connection.transaction { connection in
        try await connection.script(migration.text, name: "migrations/\(migration.file)")
        guard await connection.isInTransaction else {
          throw WarehouseError(
            code: "warehouse.bad_migration",
            message: "expected \(migration.file) to stay in its transaction,"
              + " found that it ended it",
            hint: "remove BEGIN, COMMIT and ROLLBACK from the file")
        }
        try await connection.execute(
          """
          INSERT INTO strata.migration (version, name, checksum)
          VALUES (\(migration.version), \(migration.name), \(migration.checksum))
          """)
      }
      steps.append(Step(version: migration.version, file: migration.file))
    }
    return steps
  }

  /// What has been applied; one round trip, also where there is no ledger yet.
  private func ledger(_ connection: Connection) async throws -> [AppliedMigration] {
    do {
      return try await connection.query(
        "SELECT version, name, checksum FROM strata.migration ORDER BY version"
      ).map { row in
        AppliedMigration(
          version: try row.get("version"), name: try row.get("name"),
          checksum: try row.get("checksum"))
      }
    } catch let error as WarehouseError
      where error.sqlState == "42P01" || error.sqlState == "3F000"
    {
      return []
    }
  }
}

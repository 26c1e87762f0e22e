import TestSupport
import Testing

@testable import Warehouse

@Suite struct WarehouseMigratorTests {
  private let steps = [
    Migration(version: 1, name: "make_t", text: "CREATE TABLE t (a bigint);"),
    Migration(
      version: 2, name: "fill_t", text: "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);"),
  ]

  @Test func appliesOnceAndInOrder() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      let migrator = Migrator(pool, migrations: steps)
      let pending = try await migrator.check()
      #expect(pending == steps)
      let applied = try await migrator.migrate()
      #expect(applied.map(\.file) == ["0001_make_t.sql", "0002_fill_t.sql"])
      let again = try await migrator.migrate()
      #expect(again.isEmpty)
      let left = try await migrator.check()
      #expect(left.isEmpty)
      let row = try await pool.first("SELECT count(*) FROM t")
      #expect(try row?.get(0, as: Int.self) == 2)
    }
  }

  @Test func checkingChangesNothing() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      _ = try await Migrator(pool, migrations: steps).check()
      let row = try await pool.first("SELECT to_regnamespace('strata') IS NULL")
      #expect(try row?.get(0, as: Bool.self) == true)
    }
  }

  @Test func aFaultKeepsWhatWentBefore() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      let broken = Migration(
        version: 3, name: "break_t", text: "INSERT INTO t VALUES (3);\nINSERT INTO u VALUES (1);")
      let error = await #expect(throws: WarehouseError.self) {
        try await Migrator(pool, migrations: steps + [broken]).migrate()
      }
      #expect(error?.code == "warehouse.undefined_table")
      #expect(error?.queryName == "migrations/0003_break_t.sql")
      #expect(error?.position == .init(line: 2, column: 13))
      let row = try await pool.first("SELECT count(*) FROM t")
      #expect(try row?.get(0, as: Int.self) == 2)
      let left = try await Migrator(pool, migrations: steps + [broken]).check()
      #expect(left == [broken])
    }
  }

  @Test func editedAndFutureSchemasAreRefused() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await Migrator(pool, migrations: steps).migrate()
      let other = Migration(version: 1, name: "make_t", text: "CREATE TABLE t (a int);")
      let cases = [
        ([other, steps[1]], "warehouse.edited_migration"),
        ([steps[0]], "warehouse.future_schema"),
      ]
      for (migrations, code) in cases {
        let checked = await #expect(throws: WarehouseError.self) {
          try await Migrator(pool, migrations: migrations).check()
        }
        #expect(checked?.code == code)
        let migrated = await #expect(throws: WarehouseError.self) {
          try await Migrator(pool, migrations: migrations).migrate()
        }
        #expect(migrated?.code == code)
      }
      // A failed migrator gives its lock back.
      let again = try await Migrator(pool, migrations: steps).migrate()
      #expect(again.isEmpty)
    }
  }

  @Test func aMigrationMayNotEndItsTransaction() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      let error = await #expect(throws: WarehouseError.self) {
        try await Migrator(
          pool, migrations: [Migration(version: 1, name: "x", text: "SELECT 1; COMMIT;")]
        ).migrate()
      }
      #expect(error?.code == "warehouse.bad_migration")
    }
  }

  @Test func concurrentMigratorsApplyOnce() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      let steps = steps
      let applied = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<6 {
          group.addTask { try await Migrator(pool, migrations: steps).migrate().count }
        }
        return try await group.reduce(0, +)
      }
      #expect(applied == 2)
    }
  }

  @Test func theCatalogueMakesTheSchemasAndTheRole() async throws {
    try await withFreshDatabase { pool in
      let rows = try await pool.query(
        """
        SELECT nspname::text FROM pg_namespace
        WHERE nspname !~ '^(pg_|information_schema|public)' ORDER BY nspname COLLATE "C"
        """)
      #expect(
        try rows.map { try $0.get(0, as: String.self) } == [
          "audience", "facts", "features", "landing", "models", "reports", "runs", "segments",
          "strata",
        ])
      let role = try await pool.first(
        "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'strata_reader'")
      #expect(try role?.get(0, as: Bool.self) == false)
    }
  }
}

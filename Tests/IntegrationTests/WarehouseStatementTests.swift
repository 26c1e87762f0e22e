import TestSupport
import Testing

@testable import Warehouse

@Suite struct WarehouseStatementTests {
  private func prepared(_ connection: Connection) async throws -> Int {
    try #require(
      try await connection.first(
        SQL(unsafeText: "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'strata%'"))
    ).get(0)
  }

  @Test func repeatedStatementsArePrepared() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        for round in 0..<5 {
          let row = try await connection.first("SELECT \(round) + 1")
          #expect(try row?.get(0, as: Int.self) == round + 1)
        }
        // That statement and, from its second use on, the one that counts.
        #expect(try await prepared(connection) == 1)
        #expect(try await prepared(connection) == 2)
      }
    }
  }

  @Test func theServerKeepsNoMoreThanTheCache() async throws {
    var options = try await testCluster().options()
    options.statementCacheSize = 5
    let connection = try await Connection.connect(options)
    for round in 0..<3 {
      for number in 0..<20 {
        for _ in 0..<2 {
          let text = "SELECT \(number) + $1"
          let row = try await connection.first(SQL(unsafeText: text, [round]))
          #expect(try row?.get(0, as: Int.self) == number + round)
        }
      }
    }
    let left = try await prepared(connection)
    #expect(left <= 5)
    await connection.close()
  }

  @Test func changedTablesArePlannedAnew() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.execute("CREATE TABLE t (a bigint)")
      try await pool.execute("INSERT INTO t VALUES (1)")
      try await pool.withConnection { connection in
        let select: SQL = "SELECT * FROM t"
        for _ in 0..<3 { _ = try await connection.query(select) }
        try await connection.execute("ALTER TABLE t ADD COLUMN b text DEFAULT 'new'")
        let row = try await connection.first(select)
        #expect(try row?.get("b", as: String.self) == "new")
        try await connection.execute("ALTER TABLE t ALTER COLUMN a TYPE text")
        let text = try await connection.first(select)
        #expect(try text?.get("a", as: String.self) == "1")
      }
    }
  }

  @Test func insideATransactionTheChangeRunsItAgain() async throws {
    try await withFreshDatabase(limit: 1, migrated: false) { pool in
      try await pool.execute("CREATE TABLE t (a bigint)")
      let select: SQL = "SELECT * FROM t"
      for _ in 0..<3 { _ = try await pool.query(select) }
      let other = try await Connection.connect(pool.options)
      try await other.execute("ALTER TABLE t ADD COLUMN b text")
      await other.close()
      let columns = try await pool.transaction { connection in
        try await connection.execute("INSERT INTO t (a) VALUES (1)")
        return try await connection.first(select)?.columns
      }
      #expect(columns == ["a", "b"])
      let row = try await pool.first("SELECT count(*) FROM t")
      #expect(try row?.get(0, as: Int.self) == 1)
    }
  }

  @Test func deallocatedStatementsArePreparedAnew() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        for round in 0..<3 { _ = try await connection.query("SELECT \(round)") }
        try await connection.script("DISCARD ALL")
        let row = try await connection.first("SELECT \(7)")
        #expect(try row?.get(0, as: Int.self) == 7)
      }
    }
  }

  @Test func droppedAndMadeAgain() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        for round in 0..<4 {
          try await connection.script("CREATE TABLE t AS SELECT \(round)::int8 AS a")
          let row = try await connection.first("SELECT a FROM t")
          #expect(try row?.get("a", as: Int.self) == round)
          try await connection.script("DROP TABLE t")
        }
        let error = await #expect(throws: WarehouseError.self) {
          try await connection.first("SELECT a FROM t")
        }
        #expect(error?.code == "warehouse.undefined_table")
      }
    }
  }

  @Test func failedStatementsCanBeRepeated() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        for _ in 0..<4 {
          let error = await #expect(throws: WarehouseError.self) {
            try await connection.query("SELECT 1 / \(0)")
          }
          #expect(error?.code == "warehouse.data_exception")
        }
        let row = try await connection.first("SELECT 1 / \(1)")
        #expect(row != nil)
      }
    }
  }
}

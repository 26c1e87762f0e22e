import TestSupport
import Testing

@testable import Warehouse

@Suite struct WarehousePipelineTests {
  private func withTable<T: Sendable>(
    _ body: nonisolated(nonsending) (Connection) async throws -> T
  ) async throws -> T {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        try await connection.execute("CREATE TABLE t (a bigint PRIMARY KEY, b text)")
        return try await body(connection)
      }
    }
  }

  private func count(_ connection: Connection) async throws -> Int {
    try #require(try await connection.first("SELECT count(*) FROM t")).get(0)
  }

  @Test func answersComeInOrder() async throws {
    try await withTable { connection in
      var statements: [SQL] = (0..<300).map { "INSERT INTO t VALUES (\($0), \("row \($0)"))" }
      statements.append("SELECT count(*) AS n FROM t")
      statements.append("SELECT a, b FROM t WHERE a < \(2) ORDER BY a")
      let answers = try await connection.pipeline(statements)
      #expect(answers.count == 302)
      #expect(answers[0].isEmpty)
      #expect(try answers[300].first?.get("n", as: Int.self) == 300)
      #expect(try answers[301].map { try $0.get("b", as: String.self) } == ["row 0", "row 1"])
      // One text: run once, prepared once, then run by name.
      let row = try await connection.first("SELECT count(*) FROM pg_prepared_statements")
      #expect(try row?.get(0, as: Int.self) == 1)
      let none = try await connection.pipeline([])
      #expect(none.isEmpty)
    }
  }

  @Test func aFaultUndoesAll() async throws {
    try await withTable { connection in
      let error = await #expect(throws: WarehouseError.self) {
        try await connection.pipeline([
          "INSERT INTO t VALUES (1, 'x')", "INSERT INTO t VALUES (2, 'y')",
          ("INSERT INTO t VALUES (1, 'again')" as SQL).named("third"),
          "INSERT INTO t VALUES (4, 'z')",
        ])
      }
      #expect(error?.code == "warehouse.unique_violation")
      #expect(error?.queryName == "third")
      let left = try await count(connection)
      #expect(left == 0)
      // The statements whose preparation was skipped can still be used.
      let insert: SQL = "INSERT INTO t VALUES (\(1), \("x"))"
      await #expect(throws: WarehouseError.self) {
        try await connection.pipeline([insert, insert, insert])
      }
      for number in 5...8 {
        _ = try await connection.pipeline(["INSERT INTO t VALUES (\(number), \("x"))"])
      }
      #expect(try await count(connection) == 4)
    }
  }

  @Test func insideATransactionItIsPartOfIt() async throws {
    try await withTable { connection in
      try await connection.transaction { connection in
        _ = try await connection.pipeline([
          "INSERT INTO t VALUES (1, 'x')", "INSERT INTO t VALUES (2, 'y')",
        ])
        await #expect(throws: WarehouseError.self) {
          try await connection.savepoint { connection in
            try await connection.pipeline(["INSERT INTO t VALUES (3, 'x')", "SELECT 1 / 0"])
              .isEmpty
          }
        }
      }
      #expect(try await count(connection) == 2)
    }
  }

  /// More bytes each way than the sockets hold: neither side may wait for the other.
  @Test func largePiecesDoNotBlock() async throws {
    try await withTable { connection in
      let text = String(repeating: "x", count: 200_000)
      let answers = try await connection.pipeline(
        (0..<100).map { "SELECT \(text) || \(String($0)) AS text" })
      #expect(try answers[99].first?.get("text", as: String.self).utf8.count == 200_002)
    }
  }

  @Test func aChangedTableIsPlannedAnew() async throws {
    try await withTable { connection in
      let select: SQL = "SELECT * FROM t"
      _ = try await connection.pipeline([select, select, select])
      try await connection.execute("ALTER TABLE t ADD COLUMN c bigint")
      let answers = try await connection.pipeline(["INSERT INTO t VALUES (1, 'x', 7)", select])
      #expect(try answers[1].first?.get("c", as: Int.self) == 7)
    }
  }

  @Test func cancellationLeavesTheConnectionUsable() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.execute("CREATE TABLE t (a bigint)")
      try await pool.withConnection { connection in
        let task = Task {
          try await connection.pipeline(["SELECT pg_sleep(600)", "INSERT INTO t VALUES (1)"]).count
        }
        try await waitForBackend(in: "PgSleep", on: pool)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let left = try await count(connection)
        #expect(left == 0)
      }
      #expect(pool.openCount == 2)
    }
  }
}

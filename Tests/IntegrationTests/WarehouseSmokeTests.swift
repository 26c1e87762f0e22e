import Schedules
import TestSupport
import Testing
import Warehouse

@Suite struct WarehouseSmokeTests {
  @Test func freshDatabaseIsMigratedAndAnswers() async throws {
    try await withFreshDatabase { pool in
      #expect(try await Migrator(pool).check().isEmpty)
      let row = try #require(try await pool.first("SELECT \(41) + 1 AS answer, \("é") AS text"))
      #expect(try row.get("answer", as: Int.self) == 42)
      #expect(try row.get("text", as: String.self) == "é")
    }
  }

  @Test func transactionCopiesInAndOut() async throws {
    try await withFreshDatabase { pool in
      try await pool.execute("CREATE TABLE t (a bigint)")
      let count = try await pool.transaction { connection in
        try await connection.copyIn("COPY t FROM STDIN") { writer in
          try await writer.write("1\n2\n3\n")
        }
      }
      #expect(count == 3)
      let text = try await pool.withConnection { connection in
        try await connection.copyOut(
          "COPY (SELECT a FROM t WHERE a > \(1) ORDER BY a) TO STDOUT", into: ""
        ) { text, row in text += String(decoding: row, as: UTF8.self) }
      }
      #expect(text == "2\n3\n")
    }
  }
}

import TestSupport
import Testing

@testable import Warehouse

@Suite struct WarehouseCancellationTests {
  @Test func aQueryIsStoppedOnTheServer() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        let process = await connection.serverProcess
        let task = Task { try await connection.query("SELECT pg_sleep(600)").count }
        try await waitForBackend(in: "PgSleep", on: pool)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        // The same session goes on.
        let row = try await connection.first("SELECT pg_backend_pid()")
        #expect(try row?.get(0, as: Int32.self) == process)
      }
    }
  }

  @Test func aTransactionIsRolledBack() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.execute("CREATE TABLE t (a bigint)")
      let task = Task {
        try await pool.transaction { connection in
          try await connection.execute("INSERT INTO t VALUES (1)")
          try await connection.execute("SELECT pg_sleep(600)")
        }
      }
      try await waitForBackend(in: "PgSleep", on: pool)
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      let row = try await pool.first("SELECT count(*) FROM t")
      #expect(try row?.get(0, as: Int.self) == 0)
      #expect(pool.idleCount == 2)
    }
  }

  @Test func aCancelledTaskSendsNothing() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.execute("CREATE TABLE t (a bigint)")
      let start = Rendezvous(parties: 2)
      let task = Task {
        await start.meet()
        try await pool.withConnection { connection in
          try await connection.execute("INSERT INTO t VALUES (1)")
        }
      }
      task.cancel()
      await start.meet()
      await #expect(throws: CancellationError.self) { try await task.value }
      let row = try await pool.first("SELECT count(*) FROM t")
      #expect(try row?.get(0, as: Int.self) == 0)
    }
  }

  @Test func aTimeoutIsNoCancellation() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      let error = await #expect(throws: WarehouseError.self) {
        try await pool.transaction { connection in
          try await connection.execute("SET LOCAL statement_timeout = '20ms'")
          try await connection.execute("SELECT pg_sleep(600)")
        }
      }
      #expect(error?.code == "warehouse.query_canceled")
    }
  }

  @Test func copiesAreStopped() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        let task = Task {
          try await connection.copyOut(
            "COPY (SELECT pg_sleep(600)) TO STDOUT", into: 0, { rows, _ in rows += 1 })
        }
        try await waitForBackend(in: "PgSleep", on: pool)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let row = try await connection.first("SELECT 1")
        #expect(row != nil)
      }
    }
  }

  /// Stop requests race with the end of their statement: none may hit the statement after it.
  @Test func noRequestHitsTheNextStatement() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        for round in 0..<100 {
          let task = Task { try await connection.query("SELECT \(round)").count }
          let canceller = Task {
            for _ in 0..<(round % 10) { await Task.yield() }
            task.cancel()
          }
          _ = await task.result
          await canceller.value
          let row = try await connection.first("SELECT \(round) AS round")
          #expect(try row?.get("round", as: Int.self) == round)
        }
      }
    }
  }

  @Test func connectingCanBeCancelled() async throws {
    // A server that accepts and never answers.
    let silent = try SilentServer()
    defer { silent.close() }
    let task = Task {
      let connection = try await Connection.connect(
        ConnectionOptions("host=127.0.0.1 port=\(silent.port) user=x dbname=x connect_timeout=30"))
      await connection.close()
    }
    silent.waitForClient()
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }
}

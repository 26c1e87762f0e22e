import Synchronization
import TestSupport
import Testing

@testable import Warehouse

@Suite struct WarehouseTransactionTests {
  private struct Stop: Error, Equatable {}
  private struct Wrapped: Error { let cause: any Error }

  private final class Attempts: Sendable {
    private let number = Mutex(0)

    @discardableResult
    func next() -> Int {
      number.withLock { value in
        value += 1
        return value
      }
    }

    var count: Int { number.withLock { $0 } }
  }

  private func withTable<T: Sendable>(
    _ body: nonisolated(nonsending) (ConnectionPool) async throws -> T
  ) async throws -> T {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.execute("CREATE TABLE t (a bigint PRIMARY KEY, b bigint)")
      return try await body(pool)
    }
  }

  private func count(_ pool: ConnectionPool) async throws -> Int {
    try #require(try await pool.first("SELECT count(*) FROM t")).get(0)
  }

  @Test func commitsAndRollsBack() async throws {
    try await withTable { pool in
      let value = try await pool.transaction { connection in
        try await connection.execute("INSERT INTO t VALUES (1, 1)")
        return "done"
      }
      #expect(value == "done")
      await #expect(throws: Stop.self) {
        try await pool.transaction { connection in
          try await connection.execute("INSERT INTO t VALUES (2, 2)")
          throw Stop()
        }
      }
      #expect(try await count(pool) == 1)
    }
  }

  @Test func isolationAndReadOnlyReachTheServer() async throws {
    try await withTable { pool in
      for (isolation, name) in [
        (Isolation.readCommitted, "read committed"), (.repeatableRead, "repeatable read"),
        (.serializable, "serializable"),
      ] {
        let found = try await pool.transaction(isolation) { connection in
          try await connection.first("SHOW transaction_isolation")?.get(0, as: String.self)
        }
        #expect(found == name)
      }
      let error = await #expect(throws: WarehouseError.self) {
        try await pool.transaction(readOnly: true) { connection in
          try await connection.execute("INSERT INTO t VALUES (1, 1)")
        }
      }
      #expect(error?.code == "warehouse.read_only")
    }
  }

  @Test func nestingIsRefused() async throws {
    try await withTable { pool in
      let error = await #expect(throws: WarehouseError.self) {
        try await pool.transaction { connection in
          try await connection.transaction { _ in }
        }
      }
      #expect(error?.code == "warehouse.nested_transaction")
    }
  }

  @Test func swallowedFaultsDoNotCommit() async throws {
    try await withTable { pool in
      let error = await #expect(throws: WarehouseError.self) {
        try await pool.transaction { connection in
          try await connection.execute("INSERT INTO t VALUES (1, 1)")
          _ = try? await connection.execute("SELECT 1 / 0")
        }
      }
      #expect(error?.code == "warehouse.transaction_aborted")
      let left = try await count(pool)
      #expect(left == 0)
    }
  }

  @Test func savepointsUndoTheirOwn() async throws {
    try await withTable { pool in
      try await pool.transaction { connection in
        try await connection.execute("INSERT INTO t VALUES (1, 1)")
        await #expect(throws: WarehouseError.self) {
          try await connection.savepoint { connection in
            try await connection.execute("INSERT INTO t VALUES (2, 2)")
            try await connection.execute("INSERT INTO t VALUES (1, 9)")
          }
        }
        try await connection.savepoint { connection in
          try await connection.execute("INSERT INTO t VALUES (3, 3)")
          await #expect(throws: Stop.self) {
            try await connection.savepoint { connection in
              try await connection.execute("INSERT INTO t VALUES (4, 4)")
              throw Stop()
            }
          }
        }
      }
      let rows = try await pool.query("SELECT a FROM t ORDER BY a")
      #expect(try rows.map { try $0.get(0, as: Int.self) } == [1, 3])
      let outside = await #expect(throws: WarehouseError.self) {
        try await pool.withConnection { try await $0.savepoint { _ in } }
      }
      #expect(outside?.code == "warehouse.no_transaction")
    }
  }

  /// Two serializable transactions read both rows and write one each: one of them must run again.
  @Test func serializationFailuresRunAgain() async throws {
    try await withTable { pool in
      try await pool.execute("INSERT INTO t VALUES (1, 10), (2, 20)")
      let attempts = Attempts()
      try await pool.transaction(.serializable) { connection in
        let attempt = attempts.next()
        let sum = try await connection.first("SELECT sum(b)::int8 FROM t")?.get(0, as: Int.self)
        if attempt == 1 {
          try await pool.transaction(.serializable) { other in
            _ = try await other.query("SELECT sum(b) FROM t")
            try await other.execute("UPDATE t SET b = b + 1 WHERE a = 2")
          }
        }
        do {
          try await connection.execute("UPDATE t SET b = \(sum) WHERE a = 1")
        } catch {
          // The body may wrap the fault: the retry sees through.
          throw Wrapped(cause: error)
        }
      }
      #expect(attempts.count == 2)
      let rows = try await pool.query("SELECT b FROM t ORDER BY a")
      #expect(try rows.map { try $0.get(0, as: Int.self) } == [31, 21])
    }
  }

  @Test func deadlocksRunAgain() async throws {
    try await withTable { pool in
      try await pool.execute("INSERT INTO t VALUES (1, 0), (2, 0)")
      // Both have locked their first row before either asks for its second.
      let meeting = Rendezvous(parties: 2)
      let attempts = Attempts()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (first, second) in [(1, 2), (2, 1)] {
          group.addTask {
            let own = Attempts()
            try await pool.transaction { connection in
              attempts.next()
              try await connection.execute("SET LOCAL deadlock_timeout = '50ms'")
              try await connection.execute("UPDATE t SET b = b + 1 WHERE a = \(first)")
              if own.next() == 1 { await meeting.meet() }
              try await connection.execute("UPDATE t SET b = b + 1 WHERE a = \(second)")
            }
          }
        }
        try await group.waitForAll()
      }
      // One of the two ran again, or both, where the server found each of them waiting.
      #expect(attempts.count >= 3)
      #expect(try await pool.first("SELECT sum(b)::int8 FROM t")?.get(0, as: Int.self) == 4)
    }
  }

  @Test func retriesAreBounded() async throws {
    try await withTable { pool in
      let attempts = Mutex<[Int]>([])
      let error = await #expect(throws: WarehouseError.self) {
        try await WarehouseFaults.$beforeCommit.withValue({ attempt in
          attempts.withLock { $0.append(attempt) }
          throw WarehouseError(code: "warehouse.serialization_failure", message: "forced")
        }) {
          try await pool.transaction(retries: 2) { connection in
            try await connection.execute("INSERT INTO t VALUES (1, 1)")
          }
        }
      }
      #expect(error?.code == "warehouse.serialization_failure")
      #expect(attempts.withLock { $0 } == [1, 2, 3])
      let left = try await count(pool)
      #expect(left == 0)
    }
  }

  @Test func aFaultBeforeTheCommitRollsBack() async throws {
    try await withTable { pool in
      await #expect(throws: Stop.self) {
        try await WarehouseFaults.$beforeCommit.withValue({ _ in throw Stop() }) {
          try await pool.transaction { connection in
            try await connection.execute("INSERT INTO t VALUES (1, 1)")
          }
        }
      }
      let left = try await count(pool)
      #expect(left == 0)
    }
  }
}

import Schedules
import Synchronization
import TestSupport
import Testing

@testable import Warehouse

@Suite struct WarehousePoolTests {
  private struct Stop: Error, Equatable {}

  @Test func theLimitHolds() async throws {
    try await withFreshDatabase(limit: 3, migrated: false) { pool in
      let most = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<30 {
          group.addTask {
            try await pool.withConnection { connection in
              let row = try await connection.first(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND backend_type = 'client backend'
                """)
              return try row?.get(0, as: Int.self) ?? 0
            }
          }
        }
        return try await group.reduce(0, max)
      }
      #expect(most <= 3)
      #expect(pool.openCount <= 3)
      #expect(pool.idleCount == pool.openCount)
    }
  }

  @Test func whatIsLentForLongDoesNotCountAgainstTheLimit() async throws {
    try await withFreshDatabase(limit: 1, migrated: false) { pool in
      let long = try await pool.scoped("for long").withLastingConnection { lasting in
        let name = try await lasting.first("SELECT current_setting('application_name') AS name")
        #expect(try name?.get("name", as: String.self) == "for long")
        // With one connection in use for long, the limit of one is still there for others.
        let other = try await pool.withConnection { await $0.serverProcess }
        let process = await lasting.serverProcess
        #expect(other != process)
        #expect(pool.openCount == 2)
        return process
      }
      #expect(pool.openCount == 1)
      // Which of the two is kept is the pool's affair; whoever takes it has a name of his own.
      let next = try await pool.first("SELECT current_setting('application_name') AS name")
      #expect(try next?.get("name", as: String.self) != "for long")
      #expect(long != 0)
    }
  }

  @Test func waitersAreServedInOrder() async throws {
    try await withFreshDatabase(limit: 1, migrated: false) { pool in
      let order = Order()
      try await withThrowingTaskGroup(of: Void.self) { group in
        try await pool.withConnection { _ in
          for number in 1...5 {
            group.addTask { try await pool.withConnection { _ in order.append(number) } }
            while pool.waiterCount < number { await Task.yield() }
          }
        }
        try await group.waitForAll()
      }
      #expect(order.numbers == [1, 2, 3, 4, 5])
      #expect(pool.openCount == 1)
    }
  }

  @Test func aCancelledWaiterLeavesTheLine() async throws {
    try await withFreshDatabase(limit: 1, migrated: false) { pool in
      try await pool.withConnection { _ in
        let waiter = Task { try await pool.withConnection { _ in } }
        while pool.waiterCount < 1 { await Task.yield() }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        #expect(pool.waiterCount == 0)
      }
      let row = try await pool.first("SELECT 1")
      #expect(row != nil)
    }
  }

  @Test func waitingEndsWithAFault() async throws {
    let clock = ManualClock()
    let pool = ConnectionPool(
      try await testCluster().options(), limit: 1, patience: .seconds(5), clock: clock)
    try await pool.withConnection { _ in
      let waiter = Task { try await pool.withConnection { _ in } }
      await clock.waitForSleepers()
      clock.advance(by: .seconds(5))
      let error = await #expect(throws: WarehouseError.self) { try await waiter.value }
      #expect(error?.code == "warehouse.pool_exhausted")
    }
    await pool.close()
    let closed = await #expect(throws: WarehouseError.self) { try await pool.query("SELECT 1") }
    #expect(closed?.code == "warehouse.pool_closed")
    #expect(pool.openCount == 0)
  }

  @Test func openTransactionsAreRolledBack() async throws {
    try await withFreshDatabase(limit: 1, migrated: false) { pool in
      try await pool.execute("CREATE TABLE t (a bigint)")
      await #expect(throws: Stop.self) {
        try await pool.withConnection { connection in
          try await connection.script("BEGIN; INSERT INTO t VALUES (1)")
          throw Stop()
        }
      }
      try await pool.withConnection { connection in
        try await connection.script("BEGIN")
        _ = try? await connection.query("SELECT 1 / 0")
      }
      let row = try await pool.first("SELECT count(*) FROM t")
      #expect(try row?.get(0, as: Int.self) == 0)
      #expect(pool.openCount == 1)
    }
  }

  @Test func aConnectionThatDiedIdleIsReplaced() async throws {
    try await withFreshDatabase(limit: 2, migrated: false) { pool in
      let process = try await pool.withConnection { await $0.serverProcess }
      let killer = try await Connection.connect(pool.options)
      try await killer.execute("SELECT pg_terminate_backend(\(process), 5000)")
      await killer.close()
      let next = try await pool.withConnection { connection in
        let row = try await connection.first("SELECT pg_backend_pid()")
        return try row?.get(0, as: Int32.self)
      }
      #expect(next != nil)
      #expect(next != process)
      #expect(pool.openCount == 1)
    }
  }

  @Test func aConnectionThatDiesInUseIsDropped() async throws {
    try await withFreshDatabase(limit: 1, migrated: false) { pool in
      await #expect(throws: WarehouseError.self) {
        try await pool.execute("SELECT pg_terminate_backend(pg_backend_pid())")
      }
      #expect(pool.openCount == 0)
      let row = try await pool.first("SELECT 1")
      #expect(row != nil)
    }
  }

  @Test func aFailedConnectionLetsTheNextWaiterTry() async throws {
    let cluster = try await testCluster()
    let pool = ConnectionPool(cluster.options(database: "nobody_made_this"), limit: 1)
    let failures = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<5 {
        group.addTask {
          do {
            _ = try await pool.query("SELECT 1")
            return false
          } catch {
            return (error as? WarehouseError)?.code == "warehouse.unknown_database"
          }
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(failures == 5)
    #expect(pool.openCount == 0)
    await pool.close()
  }

  /// Many statements block at once, many more than Swift has threads: other tasks still run.
  @Test func blockingStaysOffTheCooperativePool() async throws {
    try await withFreshDatabase(limit: 16, migrated: false) { pool in
      try await pool.withConnection { holder in
        try await holder.execute("SELECT pg_advisory_lock(99)")
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<14 {
            group.addTask {
              try await pool.execute("SELECT pg_advisory_lock_shared(99)")
            }
          }
          var waiting = 0
          while waiting < 14 {
            let row = try await holder.first(
              """
              SELECT count(*) FROM pg_stat_activity
              WHERE datname = current_database() AND wait_event = 'advisory'
              """)
            waiting = try row?.get(0) ?? 0
          }
          let sum = await withTaskGroup(of: Int.self) { inner in
            for number in 0..<100 { inner.addTask { number } }
            return await inner.reduce(0, +)
          }
          #expect(sum == 4950)
          try await holder.execute("SELECT pg_advisory_unlock(99)")
          try await group.waitForAll()
        }
      }
    }
  }
}

/// Numbers in the order that tasks added them.
private final class Order: Sendable {
  private let list = Mutex<[Int]>([])
  var numbers: [Int] { list.withLock { $0 } }
  func append(_ number: Int) { list.withLock { $0.append(number) } }
}

import TestSupport
import Testing

@testable import Warehouse

@Suite struct WarehouseNotificationTests {
  @Test func messagesArrive() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { listener in
        try await listener.listen("news and \"more\"")
        var messages = try await listener.notifications().makeAsyncIterator()
        try await pool.withConnection { sender in
          try await sender.notify("news and \"more\"", payload: "first")
          try await sender.transaction { connection in
            try await connection.notify("news and \"more\"", payload: "second")
          }
          try await sender.notify("other", payload: "unheard")
          try await sender.notify("news and \"more\"")
        }
        #expect(try await messages.next()?.payload == "first")
        let second = try await messages.next()
        #expect(second?.payload == "second")
        #expect(second?.channel == "news and \"more\"")
        #expect(try await messages.next()?.payload == "")
        // The connection is free for statements meanwhile, and hears itself.
        try await listener.notify("news and \"more\"", payload: "own")
        #expect(try await messages.next()?.payload == "own")
        try await listener.unlisten("news and \"more\"")
      }
    }
  }

  @Test func returningTheConnectionEndsTheStream() async throws {
    try await withFreshDatabase(limit: 1, migrated: false) { pool in
      let stream = try await pool.withConnection { connection in
        try await connection.listen("news")
        return try await connection.notifications()
      }
      var messages = stream.makeAsyncIterator()
      #expect(try await messages.next() == nil)
      let row = try await pool.first("SELECT count(*) FROM pg_listening_channels()")
      #expect(try row?.get(0, as: Int.self) == 0)
    }
  }

  @Test func aLostConnectionEndsTheStreamWithAFault() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { listener in
        try await listener.listen("news")
        var messages = try await listener.notifications().makeAsyncIterator()
        let process = await listener.serverProcess
        try await pool.execute("SELECT pg_terminate_backend(\(process), 5000)")
        let error = await #expect(throws: WarehouseError.self) { try await messages.next() }
        #expect(error?.code == "warehouse.connection_lost")
      }
    }
  }

  @Test func thePoolListensAgain() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      var events = pool.notifications(on: ["a", "b"]).makeAsyncIterator()
      #expect(try await events.next() == .listening)
      try await pool.withConnection { try await $0.notify("b", payload: "1") }
      guard case .notification(let first) = try await events.next() else {
        Issue.record("expected a notification")
        return
      }
      #expect(first.payload == "1")
      try await pool.execute(
        """
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'
        """)
      #expect(try await events.next() == .listening)
      try await pool.withConnection { try await $0.notify("a", payload: "2") }
      guard case .notification(let second) = try await events.next() else {
        Issue.record("expected a notification")
        return
      }
      #expect(second.payload == "2")
    }
  }
}

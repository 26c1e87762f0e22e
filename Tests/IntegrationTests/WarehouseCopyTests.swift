import Columns
import Schedules
import Synchronization
import TestSupport
import Testing

@testable import Warehouse

@Suite struct WarehouseCopyTests {
  private struct Stop: Error, Equatable {}

  private struct Totals: Sendable {
    var decoder = BinaryCopyDecoder()
    var rows = 0
    var sum: Int64 = 0
    var money: Int64 = 0
    var nulls = 0
    var days: Set<Int32> = []
    var texts: [String] = []
  }

  private func withTable<T: Sendable>(
    _ body: nonisolated(nonsending) (ConnectionPool) async throws -> T
  ) async throws -> T {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.execute(
        """
        CREATE TABLE t (a bigint NOT NULL, b text, c numeric(18,4), d date, e timestamptz,
          f double precision, g jsonb, h bigint[])
        """)
      return try await body(pool)
    }
  }

  private func count(_ pool: ConnectionPool) async throws -> Int {
    try #require(try await pool.first("SELECT count(*) FROM t")).get(0)
  }

  @Test func binaryGoesInAndComesOut() async throws {
    let rows = 20_000
    try await withTable { pool in
      let copied = try await pool.withConnection { connection in
        try await connection.copyIn("COPY t FROM STDIN (FORMAT binary)") { writer in
          var encoder = BinaryCopyEncoder(columns: 8)
          for row in 0..<rows {
            encoder.beginRow()
            encoder.append(int64: Int64(row))
            encoder.append(text: row % 7 == 0 ? nil : "row \(row)")
            encoder.append(numeric: Int64(row) * 12_345 - 1_000_000, scale: 4)
            encoder.append(day: Int32(row % 400))
            encoder.append(instant: Int64(row) * 1_000_003)
            encoder.append(double: Double(row) / 8)
            encoder.append(jsonb: "{\"r\": \(row)}")
            encoder.append(int64s: [Int64(row), -1])
            if encoder.count > 100_000 { try await writer.write(bytes: encoder.take()) }
          }
          encoder.finish()
          try await writer.write(bytes: encoder.take())
        }
      }
      #expect(copied == rows)
      let wrong = try #require(
        try await pool.first(
          """
          SELECT count(*) FROM t WHERE c <> (a * 12345 - 1000000) / 10000.0
            OR d <> date '1970-01-01' + (a % 400)::int OR f <> a / 8.0 OR (g ->> 'r')::bigint <> a
            OR e <> timestamptz 'epoch' + a * interval '1.000003 s' OR h <> ARRAY[a, -1]
            OR b IS DISTINCT FROM CASE WHEN a % 7 = 0 THEN NULL ELSE 'row ' || a END
          """))
      #expect(try wrong.get(0, as: Int.self) == 0)

      let totals = try await pool.withConnection { connection in
        try await connection.copyOut(
          "COPY (SELECT a, b, c, d FROM t WHERE a < \(15_000)) TO STDOUT (FORMAT binary)",
          into: Totals()
        ) { totals, message in
          guard var row = try totals.decoder.row(message) else { return }
          totals.rows += 1
          totals.sum += try row.int64() ?? 0
          if try row.text() == nil { totals.nulls += 1 }
          totals.money += try row.numeric(scale: 4) ?? 0
          if let day = try row.day() { totals.days.insert(day) }
        }
      }
      #expect(totals.rows == 15_000)
      #expect(totals.sum == 15_000 * 14_999 / 2)
      #expect(totals.nulls == 2143)
      #expect(totals.money == totals.sum * 12_345 - 15_000 * 1_000_000)
      #expect(totals.days.count == 400)
    }
  }

  @Test func anEmptyTableIsHeaderAndTrailer() async throws {
    try await withTable { pool in
      let totals = try await pool.withConnection { connection in
        try await connection.copyOut("COPY t TO STDOUT (FORMAT binary)", into: Totals()) {
          totals, message in
          if try totals.decoder.row(message) != nil { totals.rows += 1 }
        }
      }
      #expect(totals.rows == 0)
      let none = try await pool.withConnection { connection in
        try await connection.copyIn("COPY t FROM STDIN") { _ in }
      }
      #expect(none == 0)
    }
  }

  @Test func aFailingWriterLeavesNothing() async throws {
    try await withTable { pool in
      try await pool.withConnection { connection in
        await #expect(throws: Stop.self) {
          try await connection.copyIn("COPY t (a) FROM STDIN") { writer in
            try await writer.write("1\n2\n")
            throw Stop()
          }
        }
        // The same connection goes on.
        let row = try await connection.first("SELECT count(*) FROM t")
        #expect(try row?.get(0, as: Int.self) == 0)
      }
      #expect(pool.openCount == 1)
    }
  }

  @Test func aTaskCancelledInTheWriterLeavesNothing() async throws {
    try await withTable { pool in
      try await pool.withConnection { connection in
        let written = Rendezvous(parties: 2)
        let cancelled = Rendezvous(parties: 2)
        let task = Task {
          try await connection.copyIn("COPY t (a) FROM STDIN") { writer in
            try await writer.write("1\n2\n")
            await written.meet()
            await cancelled.meet()
          }
        }
        await written.meet()
        task.cancel()
        await cancelled.meet()
        await #expect(throws: CancellationError.self) { try await task.value }
        let row = try await connection.first("SELECT count(*) FROM t")
        #expect(try row?.get(0, as: Int.self) == 0)
      }
      #expect(pool.openCount == 1)
    }
  }

  @Test func aRefusedRowNamesItsLine() async throws {
    try await withTable { pool in
      try await pool.withConnection { connection in
        let error = await #expect(throws: WarehouseError.self) {
          try await connection.copyIn(
            ("COPY t (a) FROM STDIN" as SQL).named("load_t")
          ) { writer in
            for _ in 0..<200 { try await writer.write(String(repeating: "1\n", count: 1000)) }
            try await writer.write("no number\n")
            for _ in 0..<200 { try await writer.write(String(repeating: "1\n", count: 1000)) }
          }
        }
        #expect(error?.sqlState == "22P02")
        #expect(error?.queryName == "load_t")
        #expect(error?.context?.contains("line 200001") == true)
        let row = try await connection.first("SELECT count(*) FROM t")
        #expect(try row?.get(0, as: Int.self) == 0)
      }
    }
  }

  @Test func aRefusedCopyStopsTheWriterEarly() async throws {
    try await withTable { pool in
      let pieces = Counter()
      await #expect(throws: WarehouseError.self) {
        try await pool.withConnection { connection in
          try await connection.copyIn("COPY t (a) FROM STDIN") { writer in
            try await writer.write("no number\n")
            // The server answers while the writer goes on; the answer ends it.
            for _ in 0..<1_000_000 {
              try await writer.write("1\n")
              pieces.increment()
            }
          }
        }
      }
      #expect(pieces.value < 1_000_000)
    }
  }

  @Test func aFailingReaderLeavesTheConnectionUsable() async throws {
    try await withTable { pool in
      try await pool.withConnection { connection in
        await #expect(throws: Stop.self) {
          try await connection.copyOut(
            "COPY (SELECT g, repeat('x', 100) FROM generate_series(1, 5000000) g) TO STDOUT",
            into: 0
          ) { rows, _ in
            rows += 1
            if rows == 1000 { throw Stop() }
          }
        }
        let row = try await connection.first("SELECT 1")
        #expect(row != nil)
      }
      #expect(pool.openCount == 1)
    }
  }

  @Test func aCopyThatFailsMidwayIsAFault() async throws {
    try await withTable { pool in
      try await pool.withConnection { connection in
        let error = await #expect(throws: WarehouseError.self) {
          try await connection.copyOut(
            "COPY (SELECT 1 / (500 - g) FROM generate_series(1, 1000) g) TO STDOUT", into: 0
          ) { rows, _ in rows += 1 }
        }
        #expect(error?.sqlState == "22012")
        let row = try await connection.first("SELECT 1")
        #expect(row != nil)
      }
    }
  }

  @Test func otherStatementsWaitTheirTurn() async throws {
    try await withTable { pool in
      try await pool.withConnection { connection in
        let error = await #expect(throws: WarehouseError.self) {
          try await connection.copyIn("COPY t (a) FROM STDIN") { writer in
            try await writer.write("1\n")
            _ = try await connection.query("SELECT 1")
          }
        }
        #expect(error?.code == "warehouse.busy")
        let wrong = await #expect(throws: WarehouseError.self) {
          try await connection.copyIn("SELECT 1") { _ in }
        }
        #expect(wrong?.code == "warehouse.not_a_copy")
        let direction = await #expect(throws: WarehouseError.self) {
          try await connection.copyOut("COPY t (a) FROM STDIN", into: 0) { _, _ in }
        }
        #expect(direction?.code == "warehouse.copy_as_query")
        let row = try await connection.first("SELECT count(*) FROM t")
        #expect(try row?.get(0, as: Int.self) == 0)
      }
    }
  }

  /// The server's reader is held up by a lock; the writer must stop after the buffers are full.
  @Test func aSlowServerHoldsTheWriterBack() async throws {
    try await withTable { pool in
      // Each row waits for an advisory lock that the test holds.
      try await pool.execute(
        """
        CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END $$
        """)
      try await pool.execute(
        "CREATE TRIGGER w BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION wait_here()")
      let pieces = Counter()
      try await pool.withConnection { holder in
        try await holder.execute("SELECT pg_advisory_lock(4711)")
        try await withThrowingTaskGroup(of: Int.self) { group in
          let piece = Array(String(repeating: "1\n", count: 32 * 1024).utf8)
          group.addTask {
            try await pool.withConnection { connection in
              try await connection.copyIn("COPY t (a) FROM STDIN") { writer in
                for _ in 0..<100 {
                  try await writer.write(bytes: piece)
                  pieces.increment()
                }
                throw Stop()
              }
            }
          }
          // The server waits in the lock: by then the writer has filled what it can.
          var seen = -1
          var steady = 0
          while steady < 5 {
            let row = try await holder.first(
              """
              SELECT count(*) FROM pg_stat_activity
              WHERE datname = current_database() AND wait_event = 'advisory'
              """)
            let waiting = try row?.get(0, as: Int.self) ?? 0
            let now = pieces.value
            steady = waiting == 1 && now == seen ? steady + 1 : 0
            seen = now
            try await holder.execute("SELECT pg_sleep(0.02)")
          }
          #expect(seen < 90)
          group.cancelAll()
          await #expect(throws: (any Error).self) { try await group.waitForAll() }
        }
        try await holder.execute("SELECT pg_advisory_unlock(4711)")
      }
      #expect(try await count(pool) == 0)
    }
  }
}

/// A number that tasks share.
private final class Counter: Sendable {
  private let number = Mutex(0)
  var value: Int { number.withLock { $0 } }
  func increment() { number.withLock { $0 += 1 } }
}

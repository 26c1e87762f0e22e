import Foundation
import SQLCatalog
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Inputs

@Suite("Inputs: customers, NDJSON, queries")
struct InputsOtherSourcesTests {
  @Test func customersAreAddedChangedAndLeftAlone() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(
      """
      version: 1
      sources:
        - name: people
          file: data.csv
          into: customers
          columns: {who: text, since: date, country: text, age: integer}
          map:
            customer: who
            first_seen_at: since
            profile: {country: country, age: age}
      """)
    try await withFreshDatabase { pool in
      let loader = Loader(pool: pool)
      _ = try folder.write(
        "data.csv",
        "who,since,country,age\nb,2024-01-01,PT,30\na,2024-01-02,ES,\nb,2024-01-01,FR,31\n")
      let first = try await loader.load(source)
      #expect(first.rowsAccepted == 2)
      #expect(first.rowsDuplicate == 1)
      #expect(first.newCustomers == 2)
      _ = try folder.write(
        "data.csv", "who,since,country,age\na,2024-01-02,,40\nb,2024-01-01,FR,31\nc,,,\n")
      let second = try await loader.load(source)
      #expect(second.rowsAccepted == 2)
      #expect(second.rowsDuplicate == 1)
      #expect(second.newCustomers == 1)
      let rows = try await pool.query(
        """
        SELECT customer_id, customer_key, first_seen_at::text AS since, profile::text AS profile
        FROM facts.customers ORDER BY customer_key
        """)
      let keys = try rows.map { try $0.get("customer_key", as: String.self) }
      #expect(keys == ["a", "b", "c"])
      let ids = try rows.map { try $0.get("customer_id", as: Int64.self) }
      #expect(ids == [1, 2, 3])
      let profiles = try rows.map { try $0.get("profile", as: String.self) }
      #expect(
        profiles == [#"{"age": 40, "country": "ES"}"#, #"{"age": 31, "country": "FR"}"#, "{}"])
    }
  }

  @Test func nestedJSONBecomesEvents() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(
      """
      version: 1
      sources:
        - name: web
          file: data.csv
          format: ndjson
          zone: UTC
          columns: {id: text, user.key: text, event.type: text, event.ms: epoch_milliseconds, tags: text}
          map:
            event_id: id
            kind: event.type
            customer: user.key
            occurred_at: event.ms
            properties: {tags: tags}
      """)
    _ = try folder.write(
      "data.csv",
      """
      {"id": 1, "user": {"key": "ü"}, "event": {"type": "login", "ms": 1719830400123}, "tags": ["a"]}
      {"id": 2, "user": {"key": "ü"}, "event": {"type": "teleport", "ms": 1719830400123}}
      {"id": 3, "user": {"key": "ü"}, "event": {"type": "login", "ms": 17198304
      """)
    try await withFreshDatabase { pool in
      let report = try await Loader(pool: pool).load(source)
      #expect(report.rowsAccepted == 1)
      #expect(report.rejected == ["unknown_kind": 1, "bad_json": 1])
      let row = try await pool.first(
        "SELECT occurred_at, properties->>'tags' AS tags FROM facts.events")
      #expect(
        try row?.get("occurred_at", as: Instant.self).description == "2024-07-01T10:40:00.123000Z")
      #expect(try row?.get("tags", as: String.self) == #"["a"]"#)
    }
  }

  @Test func aQuerySourceGoesOnFromItsWatermark() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(
      """
      version: 1
      sources:
        - name: shop
          query: |
            SELECT id::text AS id, who, at, paid FROM public.sale
          watermark: at
          columns: {id: text, who: text, at: timestamp, paid: decimal}
          map:
            event_id: id
            kind: "'purchase'"
            customer: who
            occurred_at: at
            amount: paid
          contract:
            - {not_null: who, name: customer_present}
          totals: {paid: paid}
      """)
    try await withFreshDatabase { pool in
      try await pool.withConnection { connection in
        try await connection.script(
          """
          CREATE TABLE public.sale (id int, who text, at timestamptz, paid numeric);
          INSERT INTO public.sale VALUES (1, E'multi\\nline "x"', '2024-01-01 10:00+00', 1.5),
            (2, NULL, '2024-01-02 10:00+00', 2), (3, '', '2024-01-02 11:00+00', 4)
          """)
      }
      let loader = Loader(pool: pool)
      let first = try await loader.load(source)
      #expect(first.rowsAccepted == 1)
      #expect(first.rejected == ["customer_present": 1, "missing_customer": 1])
      #expect(first.totals.first?.all == "7.5")
      let key = try await pool.first("SELECT customer_key FROM facts.customers")
      #expect(try key?.get("customer_key", as: String.self) == "multi\nline \"x\"")
      // Rejected rows are kept as such, so the watermark passes them.
      #expect(first.watermark?.description == "2024-01-02T11:00:00Z")

      try await pool.execute(
        "INSERT INTO public.sale VALUES (4, 'd', '2024-01-03 10:00+00', 8), (5, 'e', '2023-01-01', 1)"
      )
      let second = try await loader.load(source)
      // The row at the watermark is read again; older ones are not.
      #expect(second.rowsRead == 2)
      #expect(second.rowsAccepted == 1)
      #expect(second.rejected == ["missing_customer": 1])
      #expect(second.watermark?.description == "2024-01-03T10:00:00Z")

      // Many rows, through several batches.
      try await pool.execute(
        """
        INSERT INTO public.sale SELECT g, 'c' || g % 1000, '2024-02-01'::timestamptz
          + g * interval '1 minute', 1.0001 FROM generate_series(100, 30099) AS g
        """)
      let third = try await loader.load(source)
      #expect(third.rowsAccepted == 30_000)
      #expect(third.totals.first?.accepted == "30003")
    }
  }

  @Test func aQueryThatFailsSaysSo() async throws {
    let folder = try InputsFolder()
    let source = try folder.source(
      """
      version: 1
      sources:
        - name: shop
          query: SELECT 1 AS id, now() AS at FROM public.no_such_table
          columns: {id: text, at: timestamp}
          map: {event_id: id, kind: "'login'", customer: id, occurred_at: at}
      """)
    try await withFreshDatabase { pool in
      let error = await #expect(throws: WarehouseError.self) {
        _ = try await Loader(pool: pool).load(source)
      }
      #expect(error?.sqlState == "42P01")
    }
  }

  @Test func theKindsOfTheDatabaseAreThoseOfTheCode() async throws {
    try await withFreshDatabase { pool in
      let rows = try await pool.query("SELECT kind_id, name FROM facts.event_kind ORDER BY kind_id")
      let names = try rows.map { try $0.get("name", as: String.self) }
      #expect(names == EventKind.names)
      for row in rows {
        let name = try row.get("name", as: String.self)
        #expect(EventKind.id(of: name) == (try row.get("kind_id", as: Int16.self)))
      }
    }
  }
}

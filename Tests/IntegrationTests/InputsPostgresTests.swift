import Foundation
import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Inputs

/// A catalogue with one source in another database.
private func text(_ reading: String, at: String = "timestamp") -> String {
  """
  version: 1
  sources:
    - name: till
      postgres: ${TILL}
      \(reading)
      zone: UTC
      columns: {id: text, who: text, at: \(at), paid: decimal, paid_online: boolean}
      map:
        event_id: id
        kind: "'purchase'"
        customer: who
        occurred_at: at
        amount: paid
        properties: {online: paid_online}
      totals: {paid: paid}
  """
}

private func source(
  _ folder: InputsFolder, _ other: ConnectionPool, _ reading: String, at: String = "timestamp"
) throws -> SourceDefinition {
  _ = try folder.write("project.yaml", "name: test\nzone: UTC\ncurrency: EUR\n")
  let path = try folder.write("sources.yaml", text(reading, at: at))
  let catalogue = try SourceCatalogue.load(
    path, environment: ["TILL": try other.options.keywords()])
  return try catalogue.source("till")
}

private let table = """
  CREATE SCHEMA shop;
  CREATE TABLE shop.sale (
    id bigint GENERATED ALWAYS AS IDENTITY, who text, at timestamptz, paid numeric(10, 2),
    paid_online boolean, changed_at timestamptz NOT NULL DEFAULT clock_timestamp());
  """

/// The sum and number of events here, and of rows there: two roads to one total.
private func totals(_ pool: ConnectionPool, _ other: ConnectionPool) async throws -> [String] {
  let here = try await pool.first(
    "SELECT count(*) || ' ' || coalesce(sum(amount), 0)::numeric(18, 2) AS t FROM facts.events")
  let there = try await other.first(
    "SELECT count(*) || ' ' || coalesce(sum(paid), 0)::numeric(18, 2) AS t FROM shop.sale")
  return [try here?.get("t") ?? "", try there?.get("t") ?? ""]
}

@Suite("Inputs: another PostgreSQL")
struct InputsPostgresTests {
  @Test func rowsOfATableComeOver() async throws {
    let folder = try InputsFolder()
    try await withFreshDatabase { pool in
      try await withFreshDatabase { other in
        try await other.withConnection { try await $0.script(table) }
        try await other.execute(
          """
          INSERT INTO shop.sale (who, at, paid, paid_online)
          SELECT 'c' || g % 50, '2024-01-01'::timestamptz + g * interval '1 minute',
            (g % 700) / 100.0, g % 2 = 0
          FROM generate_series(1, 30000) AS g
          """)
        let loader = Loader(pool: pool)
        let sale = try source(folder, other, "table: shop.sale")
        let checked = try await Loader.checkAll(sale)
        #expect(checked.map(\.rowsRead) == [30_000])
        let report = try await loader.load(sale)
        #expect(report.rowsAccepted == 30_000)
        let sums = try await totals(pool, other)
        #expect(sums[0] == sums[1])
        // A query, which needs not be a table; the rows are known already.
        let asked = try source(
          folder, other, "query: SELECT s.* FROM shop.sale AS s WHERE s.id <= 100;")
        #expect(try await loader.load(asked).rowsDuplicate == 100)
      }
    }
  }

  /// A transaction that is open at the load and commits afterwards: its rows are older than the
  /// watermark, and come all the same.
  @Test(arguments: ["cut: xmin", "watermark: changed_at, overlap: 1h", "watermark: changed_at"])
  func aTransactionThatIsOpenAtTheLoadIsNotSkipped(_ reading: String) async throws {
    let folder = try InputsFolder()
    try await withFreshDatabase { pool in
      try await withFreshDatabase { other in
        try await other.withConnection { try await $0.script(table) }
        let lines = reading.replacing(", ", with: "\n    ")
        let catalogue = text("table: shop.sale\n    " + lines).replacing(
          "paid_online: boolean}", with: "paid_online: boolean, changed_at: timestamp}")
        _ = try folder.write("project.yaml", "name: test\nzone: UTC\ncurrency: EUR\n")
        let path = try folder.write(
          "sources.yaml", catalogue.replacing("      table:", with: "      table:"))
        let sale = try SourceCatalogue.load(
          path, environment: ["TILL": try other.options.keywords()]
        ).source("till")
        let loader = Loader(pool: pool)
        func sell(_ who: String, on connection: Connection) async throws {
          try await connection.execute(
            """
            INSERT INTO shop.sale (who, at, paid, paid_online)
            VALUES (\(who), '2024-01-01', 1, false)
            """)
        }
        try await other.withConnection { slow in
          try await sell("first", on: slow)
          try await slow.script("BEGIN")
          try await sell("slow", on: slow)
          try await other.withConnection { try await sell("quick", on: $0) }
          let first = try await loader.load(sale)
          #expect(first.rowsAccepted == 2)
          try await slow.script("COMMIT")
        }
        let second = try await loader.load(sale)
        let sums = try await totals(pool, other)
        if reading == "watermark: changed_at" {
          // That is what the overlap is for.
          #expect(sums == ["2 2.00", "3 3.00"])
        } else {
          #expect(second.rowsAccepted == 1)
          #expect(sums[0] == sums[1])
        }
        guard reading == "cut: xmin" else { return }
        // A row that was changed comes again.
        try await other.execute("UPDATE shop.sale SET paid = 5 WHERE who = 'first'")
        #expect(try await loader.load(sale).rowsCorrected == 1)
        #expect(try await totals(pool, other) == ["3 7.00", "3 7.00"])
        // Those of transactions before the cut are left alone. Where it stands is for every database
        // of the server to say: transactions of the tests beside this one are older.
        let read = "SELECT transaction_cut FROM landing.source WHERE name = 'till'"
        let stored = try await pool.first(SQL(unsafeText: read))?.get(0, as: Int64?.self)
        let cut = try #require(stored ?? nil)
        let row = try await other.first(
          """
          SELECT count(*) FILTER (WHERE xmin::text::bigint >= \(cut)) AS due,
            max(xmin::text::bigint) + 1 AS after_all
          FROM shop.sale
          """)
        let due = try row?.get("due", as: Int64.self)
        #expect(try await loader.load(sale).rowsRead == due)
        let afterAll = try row?.get("after_all", as: Int64.self)
        try await other.execute("SELECT pg_current_xact_id()")
        try await pool.execute(
          "UPDATE landing.source SET transaction_cut = \(afterAll) WHERE name = 'till'")
        #expect(try await loader.load(sale).rowsRead == 0)
        #expect(try await totals(pool, other) == ["3 7.00", "3 7.00"])
      }
    }
  }

  @Test(arguments: [
    ("ALTER TABLE shop.sale DROP COLUMN who", "inputs.column_missing", "'who', which was there"),
    (
      "ALTER TABLE shop.sale ALTER paid TYPE double precision", "inputs.column_type_changed",
      "numeric, found double precision"
    ),
    (
      "ALTER TABLE shop.sale ALTER at TYPE timestamp", "inputs.column_zone_changed",
      "timestamp with time zone, found timestamp without time zone"
    ),
    (
      "ALTER TABLE shop.sale ALTER paid_online TYPE date USING now()",
      "inputs.column_type_mismatch", "'paid_online' to read as boolean, found date"
    ),
  ])
  func columnsThatChangeStopTheLoad(_ change: String, _ code: String, _ words: String) async throws
  {
    let folder = try InputsFolder()
    try await withFreshDatabase { pool in
      try await withFreshDatabase { other in
        try await other.withConnection { try await $0.script(table) }
        try await other.execute(
          "INSERT INTO shop.sale (who, at, paid, paid_online) VALUES ('a', '2024-01-01', 1, true)")
        let loader = Loader(pool: pool)
        let sale = try source(folder, other, "table: shop.sale")
        #expect(try await loader.load(sale).rowsAccepted == 1)
        try await other.execute(SQL(unsafeText: change))
        try await other.execute("INSERT INTO shop.sale DEFAULT VALUES")
        let error = await #expect(throws: InputError.self) { _ = try await loader.load(sale) }
        #expect(error?.code == code)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        let failed = try await pool.first(
          "SELECT error ->> 'code' AS code FROM landing.load WHERE state = 'failed'")
        #expect(try failed?.get("code", as: String.self) == code)
        guard code.hasSuffix("changed") else { return }
        _ = try await loader.load(sale, acceptingChanges: true)
        _ = try await loader.load(sale)
      }
    }
  }

  @Test func whatCannotBeReachedSaysSoWithoutItsPassword() async throws {
    let folder = try InputsFolder()
    try await withFreshDatabase { pool in
      _ = try folder.write("project.yaml", "name: test\nzone: UTC\ncurrency: EUR\n")
      let path = try folder.write("sources.yaml", text("table: shop.sale"))
      let address = "postgresql://me:s3cret@127.0.0.1:1/none?sslmode=disable&connect_timeout=2"
      let sale = try SourceCatalogue.load(path, environment: ["TILL": address]).source("till")
      let error = await #expect(throws: InputError.self) {
        _ = try await Loader(pool: pool).load(sale)
      }
      #expect(error?.code == "inputs.source_unreachable")
      #expect(error?.description.contains("host=127.0.0.1 port=1 user=me dbname=none") == true)
      #expect(error?.description.contains("s3cret") == false)
    }
  }
}

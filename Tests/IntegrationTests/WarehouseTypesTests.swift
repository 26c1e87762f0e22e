import Foundation
import Schedules
import TestSupport
import Testing
import Warehouse

/// Every type goes to the server in binary, is compared there with its text, and comes back.
@Suite struct WarehouseTypesTests {
  private enum Colour: String, Bindable, CaseIterable {
    case red
    case green
  }

  /// Sends a value, checks the server's text of it, and reads it back.
  private func check<T: Bindable & Equatable>(
    _ value: T, _ text: String?, on connection: Connection,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let row = try #require(
      try await connection.first("SELECT \(value) AS value, (\(value))::text AS text"),
      sourceLocation: sourceLocation)
    #expect(try row.get("value", as: T.self) == value, sourceLocation: sourceLocation)
    #expect(try row.get("text", as: String?.self) == text, sourceLocation: sourceLocation)
    // The literal that COPY gets means the same.
    let literal = try #require(
      try await connection.first("SELECT \(unsafeText: value.sqlLiteral) AS value"),
      sourceLocation: sourceLocation)
    #expect(try literal.get("value", as: T.self) == value, sourceLocation: sourceLocation)
  }

  @Test func scalars() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        try await check(true, "true", on: connection)
        try await check(Int16.min, "-32768", on: connection)
        try await check(Int32.max, "2147483647", on: connection)
        try await check(Int64.min, "-9223372036854775808", on: connection)
        try await check(42, "42", on: connection)
        try await check(0.1, "0.1", on: connection)
        try await check(-Double.infinity, "-Infinity", on: connection)
        try await check(Float(1.5), "1.5", on: connection)
        try await check("", "", on: connection)
        try await check("it's \\ \"naïve\"\n🙂", "it's \\ \"naïve\"\n🙂", on: connection)
        try await check([UInt8]([0, 1, 255]), "\\x0001ff", on: connection)
        try await check([UInt8](), "\\x", on: connection)
        let uuid = UUID()
        try await check(uuid, uuid.uuidString.lowercased(), on: connection)
        try await check(Colour.green, "green", on: connection)
        try await check(JSONText("{\"a\": [1, null]}"), "{\"a\": [1, null]}", on: connection)
        try await check(Duration.microseconds(90_000_001), "00:01:30.000001", on: connection)
        let row = try #require(try await connection.first("SELECT \(Double.nan) AS x"))
        #expect(try row.get("x", as: Double.self).isNaN)
      }
    }
  }

  @Test func datesAndTimes() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        for text in ["1970-01-01", "2000-02-29", "0001-01-01", "9999-12-31", "1999-12-31"] {
          try await check(try #require(Day(iso8601: text)), text, on: connection)
        }
        for (text, shown) in [
          ("1970-01-01T00:00:00Z", "1970-01-01 00:00:00+00"),
          ("2024-03-10T03:00:00.123456Z", "2024-03-10 03:00:00.123456+00"),
          ("1969-12-31T23:59:59.999999Z", "1969-12-31 23:59:59.999999+00"),
        ] {
          try await check(try #require(Instant(rfc3339: text)), shown, on: connection)
        }
        let local = LocalTime(try #require(Day(iso8601: "2024-03-10")), hour: 2, minute: 30)
        try await check(local, "2024-03-10 02:30:00", on: connection)
      }
    }
  }

  @Test func infiniteDatesAreRefused() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      let row = try #require(
        try await pool.first(
          """
          SELECT 'infinity'::timestamptz AS a, '-infinity'::date AS b,
            nullif('infinity'::date, 'infinity') AS c
          """))
      let error = #expect(throws: WarehouseError.self) { try row.get("a", as: Instant.self) }
      #expect(error?.code == "warehouse.infinite_date")
      let other = #expect(throws: WarehouseError.self) { try row.get("b", as: Day?.self) }
      #expect(other?.message.contains("-infinity") == true)
      #expect(try row.get("c", as: Day?.self) == nil)
    }
  }

  @Test(arguments: [
    "0", "0.00", "1", "-1.5", "NaN", "10000", "0.0001", "123456789012345678901234567890.123456789",
    "1234567890123456789012345678901234567890", "99999999999999999999.9999", "1e-1000", "1e1000",
    "-0.00010000",
  ])
  func numericsAreExact(text: String) async throws {
    let parsed = try #require(Numeric(text))
    try await withFreshDatabase(migrated: false) { pool in
      let row = try #require(
        try await pool.first(
          """
          SELECT (\(text))::numeric AS value, (\(text))::numeric::text AS shown,
            (\(parsed) = (\(text))::numeric) AS same, (\(parsed))::text AS sent
          """))
      let value: Numeric = try row.get("value")
      #expect(try value.description == row.get("shown"))
      #expect(try row.get("same", as: Bool.self))
      #expect(try row.get("sent", as: String.self) == value.description)
      #expect(try row.get("value", as: String.self) == value.description)
    }
  }

  @Test func randomNumericsAgreeWithTheServer() async throws {
    var random = SplitMix64(seed: 20_260_101)
    var texts: [String] = []
    for _ in 0..<500 {
      let digits = (0..<Int.random(in: 1...45, using: &random)).map { _ in
        String(Int.random(in: 0...9, using: &random))
      }.joined()
      let cut = Int.random(in: 0...digits.count, using: &random)
      let sign = Bool.random(using: &random) ? "-" : ""
      texts.append(sign + "0" + digits.prefix(cut) + "." + digits.dropFirst(cut) + "0")
    }
    let fixed = texts
    try await withFreshDatabase(migrated: false) { pool in
      let rows = try await pool.query(
        """
        SELECT text, text::numeric AS value, text::numeric::text AS shown,
          sent, sent = text::numeric AS same
        FROM unnest(\(fixed), \(fixed.compactMap { Numeric($0) })) AS t (text, sent)
        """)
      #expect(rows.count == fixed.count)
      for row in rows {
        #expect(try row.get("value", as: Numeric.self).description == row.get("shown"))
        #expect(try row.get("same", as: Bool.self))
        #expect(try row.get("sent", as: Numeric.self) == row.get("value"))
      }
    }
  }

  @Test func arraysAndNulls() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      try await pool.withConnection { connection in
        try await check([1, 2, 3], "{1,2,3}", on: connection)
        try await check([Int](), "{}", on: connection)
        try await check([Int?](arrayLiteral: 1, nil, 3), "{1,NULL,3}", on: connection)
        try await check(["a", "b,c", "NULL", ""], "{a,\"b,c\",\"NULL\",\"\"}", on: connection)
        try await check([true, false], "{t,f}", on: connection)
        try await check([Int16(1)], "{1}", on: connection)
        try await check([1.5, -.infinity], "{1.5,-Infinity}", on: connection)
        try await check([Numeric(15, scale: 1)], "{1.5}", on: connection)
        try await check([try #require(Day(iso8601: "2024-03-10"))], "{2024-03-10}", on: connection)
        try await check([Int]?.none, nil, on: connection)
        try await check(Int?.none, nil, on: connection)
        try await check(Int?.some(5), "5", on: connection)
        try await check(String?.none, nil, on: connection)
        let row = try #require(
          try await connection.first("SELECT '{{1,2},{3,4}}'::int8[] AS x, '{}'::int8[] AS y"))
        #expect(throws: WarehouseError.self) { try row.get("x", as: [Int].self) }
        #expect(try row.get("y", as: [Int].self) == [])
      }
    }
  }

  @Test func wrongTypesAndNullsAreFaults() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      let row = try #require(
        try await pool.first(
          """
          SELECT 1.5::numeric AS decimal, NULL::int8 AS nothing, 70000::int4 AS wide,
            (SELECT sum(x) FROM unnest(ARRAY[1, 2]::int8[]) AS x) AS total, now() AS time,
            'blue' AS colour, 'abc'::varchar AS text, 7::int2 AS small
          """))
      func code(_ body: () throws -> some Any) -> String? {
        (#expect(throws: WarehouseError.self) { _ = try body() })?.code
      }
      #expect(code { try row.get("decimal", as: Double.self) } == "warehouse.decode")
      #expect(code { try row.get("decimal", as: Int.self) } == "warehouse.decode")
      #expect(code { try row.get("nothing", as: Int.self) } == "warehouse.decode")
      #expect(code { try row.get("wide", as: Int16.self) } == "warehouse.decode")
      #expect(code { try row.get("time", as: String.self) } == "warehouse.decode")
      #expect(code { try row.get("colour", as: Colour.self) } == "warehouse.decode")
      #expect(code { try row.get("missing", as: Int.self) } == "warehouse.unknown_column")
      #expect(code { try row.get(99, as: Int.self) } == "warehouse.unknown_column")
      #expect(try row.get("nothing", as: Int?.self) == nil)
      #expect(try row.get("total", as: Int.self) == 3)
      #expect(try row.get("text", as: String.self) == "abc")
      #expect(try row.get("small", as: Int64.self) == 7)
      #expect(try row.get(6, as: String.self) == "abc")
      #expect(row.columns.first == "decimal")
    }
  }
}

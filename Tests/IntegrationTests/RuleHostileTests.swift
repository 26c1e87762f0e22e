import Columns
import Features
import Foundation
import Rules
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// Hostile names and texts through the real database: published, read back, and asked for in SQL.
@Suite("Hostile rules through the database", .timeLimit(.minutes(5)))
struct RuleHostileTests {
  static let texts = [
    "'", "''", "\"", "\\", "\\'", "%", "_", "$1", "$$", "--", "/* */", "'; DROP TABLE x; --", "é",
    "e\u{301}", "\u{202E}abc", "👩‍👩‍👧", "العملاء", "NULL", "null", "select", "a\nb", "\u{FEFF}", "  ",
    "{x}",
    "E'\\n'", "U&'\\0041'", "\u{1}", "0", "true", "x or_missing", "[a]", "\\x41",
    String(repeating: "é", count: 3_000),
  ]
  static let attributes = AttributeList([
    Attribute(name: "orders", type: .number, unit: .count), Attribute(name: "country", type: .text),
  ])

  private static func table(_ pool: ConnectionPool) async throws -> ColumnTable {
    try await pool.execute(
      "CREATE TABLE customer (customer_id bigint PRIMARY KEY, orders bigint, country text)")
    try await pool.execute(
      """
      INSERT INTO customer
      SELECT place - 1, place - 1, text FROM unnest(\(texts)) WITH ORDINALITY AS x (text, place)
      """)
    return ColumnTable(
      count: texts.count,
      columns: [
        "orders": .integer(Dense(texts.indices.map { Int64($0) }), scale: 0),
        "country": .text(Dense(texts.indices.map { Int32($0) }), dictionary: texts),
      ])
  }

  private static func rule(_ op: String, _ value: Any, ci: Bool = false) throws -> Rule {
    let data = try JSONSerialization.data(
      withJSONObject: ["attribute": "country", "operator": op, "value": value, "ci": ci])
    return try SegmentCatalogue.parse(
      #"{"segment": "s", "criteria": [\#(String(decoding: data, as: UTF8.self))]}"#, format: .json,
      attributes: attributes
    ).segments[0].rule
  }

  private func members(_ rule: Rule, _ connection: Connection) async throws -> [Int] {
    let text = RuleSQL(relation: "customer").select(rule)
    return try await connection.query("\(unsafeText: text)").map {
      Int(try $0.get("customer_id", as: Int64.self))
    }
  }

  @Test("texts are literals, whatever they hold, with every operator of texts")
  func literals() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      let table = try await Self.table(pool)
      try await pool.withConnection { connection in
        for (row, text) in Self.texts.enumerated() {
          let escaped = text.unicodeScalars.map { scalar in
            scalar.isASCII && !scalar.properties.isAlphabetic && scalar.value > 32
              && !("0"..."9").contains(scalar)
              ? "\\" + String(Character(scalar)) : String(Character(scalar))
          }.joined()
          var rules = try ["=", "!=", "contains", "starts_with", "ends_with"].map {
            try Self.rule($0, text, ci: $0 != "=" && row.isMultiple(of: 2))
          }
          rules.append(try Self.rule("in", [text, "x"]))
          if text.utf8.count < 1_000 { rules.append(try Self.rule("matches", "^\(escaped)$")) }
          for rule in rules {
            let expected = try rule.evaluate(table).isTrue.rows
            #expect(try await members(rule, connection) == expected, "\(rule)")
          }
          #expect(try rules[0].evaluate(table).isTrue.rows == [row])
        }
        #expect(
          try await connection.first("SELECT count(*) FROM customer")?.get(0, as: Int64.self)
            == Int64(Self.texts.count))
      }
      let fault = #expect(throws: RuleErrors.self) { try Self.rule("=", "a\u{0}b") }
      #expect(fault?.errors.map(\.code) == ["rules.nul"])
    }
  }

  @Test("100,000 values, 64 levels and patterns that backtrack, in SQL as in the engine")
  func sizes() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      let table = try await Self.table(pool)
      let numbers = (0..<100_000).map { "\($0 * 3)" }.joined(separator: ", ")
      let nested =
        String(repeating: "{not: ", count: 64) + "orders > 3" + String(repeating: "}", count: 64)
      let zigzag =
        (0..<31).map { "{\($0 % 2 == 0 ? "all" : "any"): [orders >= \($0 % 5), {not: " }.joined()
        + "orders > 9" + String(repeating: "}]}", count: 31)
      try await pool.execute(
        "UPDATE customer SET country = repeat('a', 5000) WHERE customer_id = 3")
      try await pool.withConnection { connection in
        for text in ["orders in [\(numbers)]", nested, zigzag] {
          let rule = try Rule(parsing: text, attributes: Self.attributes)
          let expected = try rule.evaluate(table).isTrue.rows
          #expect(try await members(rule, connection) == expected, "\(text.prefix(60))")
        }
        for pattern in ["(a*)*b", "(a|aa)+$b", "((a+)+)+c"] {
          let rule = try Self.rule("matches", pattern)
          #expect(try await members(rule, connection).contains(3) == false, "\(pattern)")
        }
      }
    }
  }

  @Test("names of every kind, and 1,000 of them, are published and read back")
  func names() async throws {
    let reserved = ["select", "user", "table", "audience", "members", "pg_catalog", "null"]
    let usable = Self.texts.filter { text in
      text.utf8.count <= 255
        && text.unicodeScalars.contains { !$0.properties.isWhitespace }
        && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
    let long = (0..<4).map { String(repeating: "é", count: 120) + "\($0)" }
    var names = reserved
    var slugs = Set(reserved.map(Segment.slug))
    // Names whose SQL names are one are refused; the first of them stays.
    for name in usable + long where slugs.insert(Segment.slug(of: name)).inserted {
      names.append(name)
    }
    #expect(names.count > 12)
    let fill = (0..<(1_000 - names.count)).map { "s\($0)" }
    struct Entry: Encodable {
      let name: String
      let rule: String
    }
    let entries = (names + fill).enumerated().map { number, name in
      Entry(
        name: name,
        rule: number == 0
          ? "orders >= 0"
          : number < names.count ? "orders > \(number)" : "member_of '\(names[number % 7])'")
    }
    let json = String(decoding: try JSONEncoder().encode(["segments": entries]), as: UTF8.self)
    let catalogue = try SegmentCatalogue.parse(
      json, format: .json, attributes: Self.attributes)
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 60)
      let table = FeatureTable(
        index: IDIndex(sorted: (1...60).map { Int64($0) }), asOf: SegmentsProject.day(1),
        columns: ["orders": .integer(Dense((1...60).map { Int64($0) }), scale: 0)])
      let outcome = try EvaluateSegments(catalogue)(over: table)
      let result = try await project.publish(outcome.evaluation)
      #expect(result.segments.count == 1_000)
      for (number, name) in names.enumerated() {
        let expected = Set((1...60).map { Int64($0) }.filter { number == 0 || $0 > number })
        #expect(try await project.members(of: name, at: table.asOf) == expected, "\(name)")
      }
      let views = try await pool.query(
        "SELECT format('%I.%I', schemaname, viewname) AS view FROM pg_views WHERE schemaname = 'audience'"
      ).map { try $0.get("view", as: String.self) }
      #expect(views.count == 1_000)
      for view in views.prefix(40) {
        _ = try await pool.query("SELECT count(*) FROM \(unsafeText: view)")
      }
      let listed = try await pool.query("SELECT segment FROM segments.catalog").map {
        Array(try $0.get("segment", as: String.self).utf8)
      }
      #expect(Set(listed) == Set(entries.map { Array($0.name.utf8) }))
    }
  }
}

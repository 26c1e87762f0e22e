import Foundation
import Schedules
import Testing

@testable import Warehouse

@Suite struct SQLTests {
  @Test func valuesBecomePlaceholders() throws {
    let sql: SQL = "SELECT \(1) + \(2.5) WHERE a = \("x'; DROP TABLE t")"
    let (text, binds) = try sql.rendered()
    #expect(text == "SELECT $1 + $2 WHERE a = $3")
    #expect(binds.count == 3)
  }

  @Test func fragmentsAreRenumbered() throws {
    let filter: SQL = "b = \(2) OR c = \("$9")"
    let sql: SQL = "SELECT \(1) WHERE \(fragment: filter) AND d = \(3)"
    #expect(try sql.rendered().text == "SELECT $1 WHERE b = $2 OR c = $3 AND d = $4")
    let own = SQL(unsafeText: "x = $2 AND y = '$1' AND z = $1", [10, 20])
    let nested: SQL = "\(1) \(fragment: own)"
    #expect(try nested.rendered().text == "$1 x = $3 AND y = '$1' AND z = $2")
    #expect(try nested.rendered().binds.count == 3)
  }

  @Test func joinedKeepsOrder() throws {
    let parts = (1...3).map { number -> SQL in "(\(number))" }
    let sql: SQL = "VALUES \(fragment: .joined(parts))"
    #expect(try sql.rendered().text == "VALUES ($1), ($2), ($3)")
  }

  @Test(arguments: [
    (["facts", "events"], "\"facts\".\"events\""),
    (["we\"ird"], "\"we\"\"ird\""),
    (["\"; DROP TABLE x; --"], "\"\"\"; DROP TABLE x; --\""),
    (["Größe"], "\"Größe\""),
  ])
  func identifiersAreQuoted(names: [String], expected: String) throws {
    #expect(names.map(SQL.quoted(identifier:)).joined(separator: ".") == expected)
  }

  @Test(arguments: ["", "a\0b", String(repeating: "n", count: 64)])
  func badIdentifiersAreRefused(name: String) {
    let sql: SQL = "SELECT * FROM \(identifier: name)"
    let error = #expect(throws: WarehouseError.self) { try sql.rendered() }
    #expect(error?.code == "warehouse.bad_identifier")
  }

  @Test func nulInTextIsRefused() {
    let error = #expect(throws: WarehouseError.self) {
      try SQL(unsafeText: "SELECT 1\0; DROP TABLE t").rendered()
    }
    #expect(error?.code == "warehouse.nul_in_sql")
  }

  @Test func tooManyValuesAreRefused() {
    let sql = SQL(unsafeText: "SELECT 1", (0...65_535).map { $0 })
    let error = #expect(throws: WarehouseError.self) { try sql.rendered() }
    #expect(error?.code == "warehouse.too_many_binds")
  }

  @Test func unknownFileIsAFaultThatNamesIt() {
    let error = #expect(throws: WarehouseError.self) {
      try SQL(file: "queries/nowhere/find_nothing.sql").rendered()
    }
    #expect(error?.code == "warehouse.unknown_query")
    #expect(error?.queryName == "queries/nowhere/find_nothing.sql")
  }

  @Test(arguments: [
    ("a = $1", "a = <1>"),
    ("a='$1' AND b=$12", "a='$1' AND b=<12>"),
    ("-- $1\n$2", "-- $1\n<2>"),
    ("/* $1 /* $2 */ $3 */ $4", "/* $1 /* $2 */ $3 */ <4>"),
    ("$$ $1 $$ $2", "$$ $1 $$ <2>"),
    ("$tag$ $1 $$ $tag$ $2", "$tag$ $1 $$ $tag$ <2>"),
    ("E'\\'$1' $2", "E'\\'$1' <2>"),
    ("'it''s $1' $2", "'it''s $1' <2>"),
    ("\"co$1l\" $2", "\"co$1l\" <2>"),
    ("a$1 $2", "a$1 <2>"),
    ("'open $1", "'open $1"),
    ("é = $1", "é = <1>"),
  ])
  func placeholdersAreFoundOutsideOfQuotes(text: String, expected: String) {
    #expect(SQL.replacePlaceholders(in: text) { "<\($0)>" } == expected)
  }

  @Test func copyInlinesTypedLiterals() throws {
    let day = try #require(Day(iso8601: "2024-03-10"))
    let sql: SQL = "COPY (SELECT \(day), \("it's \\ me"), \([1, 2]), \(Int?.none)) TO STDOUT"
    #expect(
      try sql.inlined()
        == "COPY (SELECT '2024-03-10'::date, E'it''s \\\\ me'::text, "
        + "ARRAY['1'::int8, '2'::int8]::int8[], NULL::int8) TO STDOUT")
  }

  @Test func positionsCountLinesAndCodePoints() {
    let (position, line) = WarehouseError.place(16, in: "SELECT é,\n  'secret' FROM")
    #expect(position == .init(line: 2, column: 6))
    #expect(line == "'…' FROM")
    #expect(WarehouseError.place(1, in: "").0 == .init(line: 1, column: 1))
    #expect(WarehouseError.place(99, in: "ab").0 == .init(line: 1, column: 3))
  }
}

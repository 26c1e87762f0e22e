import Columns
import Foundation
import Rules
import Testing

@Suite("Hostile texts: no crash, no confusion, bounded time")
struct HostileTests {
  static let texts = [
    "'", "''", "\"", "\\", "\\'", "%", "$1", "--", "/* */", "; DROP TABLE x; --", "e\u{301}", "é",
    "\u{202E}abc", "👩‍👩‍👧", "NULL", "null", "select", "a\nb", "a\tb", "\u{FEFF}", "  ", "[", "]",
    "{x}", "0", "-1", "70%", "true", "not", "x or_missing", String(repeating: "x", count: 5_000),
  ]

  @Test("a text literal means its bytes, whatever they are")
  func literals() throws {
    let dictionary = Self.texts
    let column = Column.text(
      Dense(dictionary.indices.map { Int32($0) }), dictionary: dictionary)
    let source = ColumnTable(count: dictionary.count, columns: ["country": column])
    for (index, text) in Self.texts.enumerated() {
      let data = try JSONEncoder().encode(
        ["attribute": "country", "operator": "=", "value": text])
      let criterion = String(decoding: data, as: UTF8.self)
      let json = #"{"segment": "s", "criteria": [\#(criterion)]}"#
      let catalogue = try SegmentCatalogue.parse(json, format: .json, attributes: shop)
      let rule = catalogue.segments[0].rule
      #expect(try catalogue.evaluate(source).verdicts["s"]?.isTrue.rows == [index], "\(text)")
      guard !text.contains("\n") else { continue }
      let again = try Rule(
        parsing: "country = '\(text.replacing("'", with: "''"))'", attributes: shop)
      #expect(again.version == rule.version, "\(text)")
    }
  }

  @Test("SQL keeps every text inside quotes")
  func sql() throws {
    let rule = try Rule(
      parsing: "country in ['''; DROP TABLE x; --', '\\', '$1']", attributes: shop)
    #expect(
      RuleSQL(relation: "features").predicate(rule)
        == #"("country" COLLATE "C") IN ('''; DROP TABLE x; --', '\', '$1')"#)
    #expect(RuleSQL.identifier("a\"b") == "\"a\"\"b\"")
  }

  @Test("segment names of any kind have usable SQL names")
  func names() {
    for (name, slug) in [
      ("High-Value Customers", "high_value_customers"), ("  a -- b  ", "a_b"), ("select", "select"),
      ("'; DROP VIEW x; --", "drop_view_x"), ("👍", "segment"), ("Café", "café"),
      ("Cafe\u{301}", "café"), ("ÉTÉ 2024", "été_2024"), ("العملاء", "العملاء"),
      (String(repeating: "é", count: 40), String(repeating: "é", count: 31)),
    ] {
      let found = Segment.slug(of: name)
      #expect(found.utf8.elementsEqual(slug.utf8), "\(name): \(found)")
      #expect(found.utf8.count <= 63)
    }
  }

  @Test("10,000 levels deep, in YAML and JSON")
  func deep() {
    let depth = 10_000
    for (open, close) in [("[", "]"), ("{\"not\": ", "}"), ("{\"all\": [", "]}")] {
      let text =
        String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
      for format in [SegmentCatalogue.Format.json, .yaml] {
        #expect(throws: RuleErrors.self) {
          try SegmentCatalogue.parse(text, format: format, attributes: shop)
        }
      }
    }
    let blocks = String(repeating: "- ", count: depth) + "1"
    #expect(throws: RuleErrors.self) {
      try SegmentCatalogue.parse(blocks, attributes: shop)
    }
  }

  @Test("64 levels are read, 65 are not")
  func limit() throws {
    func nested(_ levels: Int) -> String {
      String(repeating: "{not: ", count: levels) + "orders_45d > 3"
        + String(repeating: "}", count: levels)
    }
    _ = try Rule(parsing: nested(64), attributes: shop)
    let error = #expect(throws: RuleErrors.self) {
      try Rule(parsing: nested(65), attributes: shop)
    }
    #expect(error?.errors.map(\.code) == ["rules.too_deep"])
  }

  @Test("aliases that multiply are refused, not unrolled")
  func laughs() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1..<9 {
      let inner = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(inner)]\n"
    }
    let error = #expect(throws: RuleErrors.self) {
      try SegmentCatalogue.parse(text, attributes: shop)
    }
    #expect(error?.errors.first?.code == "rules.too_large")
  }

  @Test("100,000 values in a list")
  func longList() throws {
    let numbers = (0..<100_000).map { "\($0 * 2)" }.joined(separator: ", ")
    let rule = try Rule(parsing: "orders_45d in [\(numbers)]", attributes: shop)
    let values = (0..<1_000).map { Int64($0 * 200 + $0 % 2) }
    let source = ColumnTable(
      count: 1_000, columns: ["orders_45d": .integer(Dense(values), scale: 0)])
    let found = try rule.evaluate(source).isTrue.rows
    #expect(found == (0..<1_000).filter { values[$0] % 2 == 0 && values[$0] < 200_000 })
  }

  @Test("1,000 segments in one chain of references")
  func chain() throws {
    let lines = (0..<1_000).map { index in
      let rule =
        index == 999
        ? "orders_45d > 3"
        : "{any: [member_of s\(index + 1), member_of s\(index + 1), orders_45d > \(index + 9)]}"
      return "  - {name: s\(index), rule: \(rule)}"
    }
    let catalogue = try SegmentCatalogue.parse(
      "segments:\n" + lines.joined(separator: "\n"), attributes: shop)
    #expect(catalogue.evaluationOrder.first == "s999")
    let source = ColumnTable(
      count: 3, columns: ["orders_45d": .integer(Dense([3, 4, 900]), scale: 0)])
    #expect(try catalogue.evaluate(source).verdicts["s0"]?.isTrue.rows == [1, 2])
    let sql = try RuleSQL(relation: "features").select(catalogue.segments[0], of: catalogue)
    #expect(sql.utf8.count < 1_000_000)
  }

  @Test("random bytes and broken rules give errors, never a crash")
  func fuzz() {
    var random = Seeded(3)
    let pieces = [
      "orders_45d", "country", "in", "not", "not_in", "between", "and", "or_missing", "[", "]", "(",
      ",", ">", "=", "!", "3", "70%", "'", "\"", "member_of", "top", " ", "{", "}", ":", "all",
      "\n",
      "- ", "&a", "*a", "\u{0}", "\u{301}", "é", "\t", "#", "|", ">-", "%", "@", "`",
    ]
    for _ in 0..<3_000 {
      let text = (0..<random.below(12)).map { _ in random.pick(pieces) }
        .joined(separator: random.chance(50) ? " " : "")
      _ = try? Rule(parsing: text, attributes: shop)
      _ = try? SegmentCatalogue.parse(text, attributes: shop)
      _ = try? SegmentCatalogue.parse(text, format: .json, attributes: shop)
      _ = try? SegmentCatalogue.parse(
        "segments: [{name: a, rule: \(text)}]", attributes: shop)
    }
  }
}

import Schedules
import TestSupport
import Testing
import Warehouse

@testable import Rules

/// What our automaton and our folding of case say, PostgreSQL says too.
@Suite("Patterns and folded texts in SQL")
struct RulePatternSQLTests {
  private static let letters = ["a", "b", "B", "é", "É", "0", "-", "^", "]", "\n", " ", "🇵", "'"]

  /// A random pattern as it is written, also in ways that ours never prints.
  private static func pattern(_ random: inout SplitMix64, depth: Int) -> String {
    func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
    func letter() -> String {
      let letter = letters[below(letters.count)]
      return "-^]".contains(letter) ? "\\" + letter : letter
    }
    func atom() -> String {
      switch below(10) {
      case 0: return "."
      case 1: return ["\\d", "\\w", "\\s", "\\D", "\\W", "\\S"][below(6)]
      case 2: return "[\(below(2) == 0 ? "^" : "")\(letter())\(letter())a-c]"
      case 3: return "[\\d\(letter())é-ü]"
      case 4,
        5 where depth > 0:
        return "(\(below(2) == 0 ? "?:" : "")\(pattern(&random, depth: depth - 1)))"
      default: return letter()
      }
    }
    return (0...below(3)).map { _ in
      (0..<below(4)).map { _ in
        switch below(12) {
        case 0: "^"
        case 1: "$"
        default:
          atom() + ["", "", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?"][below(11)]
        }
      }.joined()
    }.joined(separator: "|")
  }

  @Test("1,000 random patterns over random texts")
  func patterns() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      var random = SplitMix64(seed: 42)
      var patterns: [String] = []
      var texts: [String] = []
      var expected: [Bool] = []
      while patterns.count < 12_000 {
        guard let pattern = try? TextPattern(Self.pattern(&random, depth: 2)) else { continue }
        let matcher = pattern.matcher()
        for _ in 0..<12 {
          let text = (0..<(random.next() % 8)).map { _ in
            Self.letters[Int(random.next() % UInt64(Self.letters.count))]
          }.joined()
          patterns.append(pattern.sql)
          texts.append(text)
          expected.append(matcher.matches(text))
        }
      }
      let rows = try await pool.query(
        """
        SELECT (x.text COLLATE "C") ~ x.pattern AS matches
        FROM unnest(\(patterns), \(texts)) WITH ORDINALITY AS x (pattern, text, place)
        ORDER BY x.place
        """)
      let found = try rows.map { try $0.get("matches", as: Bool.self) }
      var shown = 0
      for place in expected.indices where found[place] != expected[place] && shown < 10 {
        shown += 1
        Issue.record("'\(patterns[place])' in '\(texts[place])': ours \(expected[place])")
      }
      let share = expected.count { $0 }
      #expect((2_000...10_000).contains(share), "\(share) of \(expected.count) match")
    }
  }

  @Test("every character is folded as PostgreSQL folds it, but for those that its Unicode lacks")
  func folding() async throws {
    try await withFreshDatabase(migrated: false) { pool in
      let rows = try await pool.query(
        """
        SELECT i, \(unsafeText: CaseFolding.sql("chr(i)")) AS folded
        FROM generate_series(1, 1114111) AS i
        WHERE i NOT BETWEEN 55296 AND 57343
          AND \(unsafeText: CaseFolding.sql("chr(i)")) <> chr(i)
        """)
      var theirs: [UInt32: String] = [:]
      for row in rows {
        theirs[UInt32(try row.get("i", as: Int32.self))] = try row.get("folded")
      }
      var ours = 0
      var newer = 0
      for value in UInt32(1)...0x10FFFF {
        guard let scalar = Unicode.Scalar(value) else { continue }
        let text = String(Character(scalar))
        let folded = CaseFolding.folded(text)
        if !RuleText.same(folded, text) { ours += 1 }
        let other = theirs[value] ?? text
        if RuleText.same(folded, other) { continue }
        // Letters that a later Unicode gave a lower case.
        let age = scalar.properties.age
        #expect(theirs[value] == nil && (age?.major ?? 99) >= 15, "U+\(String(value, radix: 16))")
        newer += 1
      }
      #expect(ours > 1_300 && newer < 100, "\(ours) folded, \(newer) by newer letters")
      let texts = ["ΌΣΟΣ", "ὈΔΥΣΣΕΎΣ", "STRASSE", "Straße", "İstanbul", "ŞÖK", "e\u{301}É"]
      let words = try await pool.query(
        """
        SELECT \(unsafeText: CaseFolding.sql("t")) AS folded
        FROM unnest(\(texts)) WITH ORDINALITY AS x (t, place) ORDER BY place
        """)
      for (text, row) in zip(texts, words) {
        let folded: String = try row.get("folded")
        #expect(RuleText.same(CaseFolding.folded(text), folded), "\(text)")
      }
    }
  }
}

import Columns
import Rules
import Testing

@Suite("Patterns: a regular subset in linear time")
struct TextPatternTests {
  @Test(
    "what is read",
    arguments: [
      ("^P", "Portugal", true), ("^P", "a P", false), ("l$", "Portugal", true),
      ("^[A-Z]{2}$", "PT", true), ("^[A-Z]{2}$", "PTX", false), ("a|^b", "xb", false),
      ("\\d{3}-\\d{2,}", "tel 555-1234", true), ("\\w+@\\w+\\.com$", "ann@x.com", true),
      (".", "", false), ("^$", "", true), ("$^", "", true), ("(a|)b", "b", true),
      ("[^a]", "aaa", false), ("[^a]", "aa\n", true), ("a.c", "a\nc", true),
      ("é", "e\u{301}", false),
      ("[à-ü]", "é", true), ("🇵🇹", "🇵🇹", true), ("^.{2}$", "🇵🇹", true), ("a{0}b", "b", true),
      ("(ab){2,3}$", "xababab", true), ("\\u00e9", "é", true), ("[\\]\\-]", "-", true),
      ("a*?b", "aab", true), ("[a-]", "-", true), ("x(?:yz)?$", "xyz", true), ("\\s", "a b", true),
      ("[\\D]", "12", false), ("\\$1", "cost $1", true), ("a\\|b", "a|b", true),
    ])
  func cases(_ pattern: String, _ text: String, _ expected: Bool) throws {
    #expect(try TextPattern(pattern).matches(text) == expected)
    // The spelling for PostgreSQL is one of ours, and means the same.
    let again = try TextPattern(TextPattern(pattern).sql)
    #expect(again.matches(text) == expected, "\(again.source)")
    #expect(again.sql == again.source)
  }

  @Test("a naive matcher that tries every way says the same")
  func oracle() throws {
    let letters: [Unicode.Scalar] = ["a", "b", "B", "é", "É", "-", "^", "]", "🇵", " "]
    var matched = 0
    for seed in 0..<1_500 {
      var random = Seeded(UInt64(6_000_000 + seed))
      let plain = random.pattern(letters: letters)
      let pattern = try TextPattern(plain.text)
      for _ in 0..<6 {
        let scalars = (0..<random.below(7)).map { _ in random.pick(letters) }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        let expected = plain.isFound(in: scalars)
        matched += expected ? 1 : 0
        #expect(
          pattern.matches(String(text)) == expected,
          "seed \(seed): '\(plain.text)' in '\(String(text))'")
      }
    }
    #expect((2_000...7_500).contains(matched), "\(matched) of 9,000")
  }

  @Test(
    "what is refused says where and why",
    arguments: [
      ("", "expected a pattern, found ''"), ("(a", "the '(' that begins here has no end"),
      ("a)", "expected the end of the pattern, found ')'"), ("[a", "the '[' that begins here"),
      ("a**", "expected one repetition"), ("*a", "before '*', found none"),
      ("(?=a)", "expected a group, found '(?'"), ("(a)\\1", "expected an escape, found '\\1'"),
      ("a{3,2}", "ascending numbers"), ("a{256}", "ascending numbers up to 255"),
      ("[z-a]", "ascending range"), ("[]", "expected characters between"), ("\\q", "found '\\q'"),
      ("a\\", "expected a character after"), ("{", "expected a character, found '{'"),
      ("^*", "found an end"), ("[[:alpha:]]", "expected a character, found '['"),
      ("((a{100}){100}){100}", "at most 5000 states"), ("(?i)a", "expected a group"),
      ("\\u00", "four hexadecimal digits"), ("\\ud800", "none that a text may hold"),
    ])
  func refusals(_ pattern: String, _ message: String) {
    let fault = #expect(throws: PatternFault.self) { try TextPattern(pattern) }
    #expect(fault?.message.contains(message) == true, "\(fault?.message ?? "")")
  }

  @Test("patterns that make backtracking explode read a long text once")
  func backtracking() throws {
    let text = String(repeating: "a", count: 20_000)
    for pattern in [
      "(a*)*b", "(a|aa)+$b", "(a?){50}a{50}b", "(.*a){20}b", "((a+)+)+c", "^(a|b|ab)*c$",
    ] {
      #expect(try !TextPattern(pattern).matches(text), "\(pattern)")
    }
    // More sets of states than are kept: it forgets, and goes on.
    let many = try TextPattern("[ab]*a[ab]{14}c")
    var random = Seeded(5)
    let letters = String((0..<10_000).map { _ in random.chance(50) ? "a" : "b" })
    #expect(!many.matches(letters))
    #expect(many.matches(letters + "abbbbbbbbbbbbbbc"))
  }

  @Test("deep and long patterns are bounded")
  func bounds() throws {
    let deep = String(repeating: "(", count: 10_000) + "a" + String(repeating: ")", count: 10_000)
    #expect(throws: PatternFault.self) { try TextPattern(deep) }
    #expect(throws: PatternFault.self) {
      try TextPattern(String(repeating: "a", count: 100_000))
    }
    let broad = (0..<900).map { "w\($0 % 10)" }.joined(separator: "|")
    #expect(try TextPattern("^(\(broad))$").matches("w7"))
  }
}

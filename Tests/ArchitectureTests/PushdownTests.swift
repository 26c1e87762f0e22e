import Foundation
import SQLCatalog
import Testing
import Warehouse

/// Every statement of `sql/` and of the sources stays within what Citus pushes down.
///
/// SQL that is printed for analysts and used as oracle is exempt: that of the rooms Features and Rules,
/// and files with a header line `-- Exempt: …`. Citus does not run here: the rules are read from its
/// documentation (``PushdownRules``).
@Suite("What Citus pushes down: every statement")
struct PushdownTests {
  /// Rooms whose SQL is for analysts and the oracle.
  static let exemptRooms: Set<String> = ["Features", "Rules"]

  /// Statements that stay, with the rule they are refused for, the reason, and what it costs.
  static let known: [String: (rules: Set<Refusal.Rule>, reason: String)] = [
    "sql/migrations/0010_complete_inputs.sql": (
      [.uniqueWithoutKey], "the key of facts.touched, changed by 0011"
    ),
    "Sources/Segments/Export/SegmentExport.swift": (
      [.outerJoinSide],
      "members of the past come from a function, on the coordinator: Citus fetches the profiles that "
        + "an export of them asks for"
    ),
    "sql/queries/inputs/mark_unchanged_customers.sql": (
      [.localJoin, .pulled],
      "customers of a file are compared with those known where the file is: on the coordinator. "
        + "For Citus, what a source said of a time (valid_from) has to be fetched before: its "
        + "subquery is correlated with a staged row"
    ),
    "sql/queries/segments/end_located_spells.sql": (
      [.rowAddress],
      "spells are known by their keys, and where they lie only saves the way there: another shard's row "
        + "at the same place has another key. Costs a look at that place in every shard"
    ),
    "sql/queries/segments/locate_spells.sql": (
      [.rowAddress], "what it finds is compared with the keys where it is used"
    ),
    "sql/queries/inputs/upsert_seen_customers.sql": (
      [.localJoin, .outerJoinSide],
      "which customers of a load are new is decided where the load is: on the coordinator. Citus "
        + "fetches customer_id and first_seen_at, once per load"
    ),
  ]

  static func definitions() throws -> [(file: String, text: String)] {
    try SQLCatalog.files(in: "migrations").map { file in
      ("sql/migrations/\(file)", try SQLCatalog.text("migrations/\(file)"))
    }
  }

  static func queries() throws -> [(file: String, text: String)] {
    let root = ImportTests.root.appendingPathComponent("sql")
    return try FileManager.default.subpathsOfDirectory(atPath: root.path).sorted()
      .filter { $0.hasSuffix(".sql") && !$0.hasPrefix("migrations/") }
      .map { file in
        ("sql/\(file)", try String(contentsOf: root.appendingPathComponent(file), encoding: .utf8))
      }
  }

  static func literals() throws -> [(file: String, text: String)] {
    let root = ImportTests.root.appendingPathComponent("Sources")
    return try FileManager.default.subpathsOfDirectory(atPath: root.path).sorted()
      .filter { $0.hasSuffix(".swift") && !exemptRooms.contains(String($0.prefix { $0 != "/" })) }
      .flatMap { file in
        SwiftLiterals.of(
          try String(contentsOf: root.appendingPathComponent(file), encoding: .utf8)
        ).map { ("Sources/\(file)", $0) }
      }
  }

  /// Whether a text names a distributed table or a view over one.
  static func names(_ text: String, _ rules: PushdownRules) -> Bool {
    let tokens = SQLLexer.tokens(text)
    return tokens.indices.contains { place in
      place + 2 < tokens.count && tokens[place].isName && tokens[place + 1].isSign(".")
        && tokens[place + 2].isName
        && rules.reach(schema: tokens[place].text, name: tokens[place + 2].text).isDistributed
    }
  }

  @Test("no statement is refused, but for the known ones")
  func statements() throws {
    var rules = PushdownRules()
    var found: [String: Set<Refusal.Rule>] = [:]
    var seen = 0
    func look(_ file: String, _ text: String) {
      if text.split(separator: "\n").contains(where: { $0.hasPrefix("-- Exempt: ") }) { return }
      rules.check(text)
      if Self.names(text, rules) { seen += 1 }
      for refusal in rules.take() {
        found[file, default: []].insert(refusal.rule)
        if Self.known[file]?.rules.contains(refusal.rule) != true {
          Issue.record("\(file): \(refusal)\n\(text.prefix(600))")
        }
      }
    }
    for (file, text) in try Self.definitions() { look(file, text) }
    #expect(rules.views["segments.membership"]?.isKeyed == true)
    #expect(rules.views["segments.catalog"]?.isDistributed == false)
    for (file, text) in try Self.queries() { look(file, text) }
    let inFiles = seen
    for (file, text) in try Self.literals() where Self.names(text, rules) { look(file, text) }
    #expect(inFiles > 15, "too few statements over distributed tables were found in sql/")
    #expect(seen - inFiles > 10, "too few statements over distributed tables were found in Swift")
    for (file, known) in Self.known {
      #expect(found[file] == known.rules, "\(file) is no longer refused as listed")
    }
  }
}

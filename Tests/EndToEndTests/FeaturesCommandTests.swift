import Foundation
import Testing
import Warehouse

/// Features that are edited, and features as they were known once, through the binary.
@Suite("The commands of features")
struct FeaturesCommandTests {
  private static let files = [
    // The name says which DAGs the project has.
    "project.yaml": "name: online_retail\nzone: Europe/Lisbon\ncurrency: EUR\n",
    "sources.yaml": """
    version: 1
    kinds: [wishlist_add]
    sources:
      - name: shop
        file: shop.csv
        zone: UTC
        columns: {id: text, who: text, at: timestamp, type: text, paid: decimal}
        map: {event_id: id, kind: type, customer: who, occurred_at: at, amount: paid}
      - name: merges
        file: merges.csv
        into: merges
        zone: UTC
        columns: {was: text, became: text, at: timestamp}
        map: {from: was, to: became, merged_at: at}
    """,
    "features.yaml": """
    version: 1
    features:
      - {name: orders_30d, count: purchase, window: 30 days, description: Orders}
      - {name: spent, sum: purchase.amount, window: lifetime}
      - {name: wishes, count: wishlist_add, window: 7 days}
      - {name: spent_per_order, ratio: spent, to: orders_30d, kind: money}
    """,
    "segments.yaml": """
    version: 1
    segments:
      - {name: buyers, rule: "orders_30d >= 2"}
      - {name: wishful, rule: "wishes >= 1"}
    """,
    "merges.csv": "was,became,at\n",
    "shop.csv": """
    id,who,at,type,paid
    1,ann,2024-04-28T10:00:00,purchase,10
    2,ann,2024-04-29T10:00:00,purchase,20
    3,bob,2024-04-30T10:00:00,purchase,30
    4,anon,2024-05-01T10:00:00,wishlist_add,

    """,
  ]

  struct Value: Decodable {
    let feature: String
    let value: String?
  }

  struct Plan: Decodable {
    struct Entry: Decodable {
      let feature: String
      let category: String
      let because: [String]
    }
    struct Reader: Decodable {
      let kind: String
      let name: String
    }
    let isFirst: Bool
    let features: [Entry]
    let slotsToBuild: [String]
    let readers: [Reader]

    var changes: [String: String] {
      Dictionary(
        features.filter { $0.category != "unchanged" }.map { ($0.feature, $0.category) },
        uniquingKeysWith: { first, _ in first })
    }
  }

  private func withProject(_ body: (Shop, (String, String) throws -> Void) async throws -> Void)
    async throws
  {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-features-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func write(_ name: String, _ text: String) throws {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
    for (name, text) in Self.files { try write(name, text) }
    try await Shop.open(project: folder.path, generate: false) { shop in
      try await body(shop, write)
    }
  }

  private func values(_ outcome: Binary.Outcome) throws -> [String: String?] {
    guard outcome.code == 0 else { throw UnexpectedOutcome(outcome) }
    return Dictionary(
      try outcome.json([Value].self).map { ($0.feature, $0.value) },
      uniquingKeysWith: { first, _ in first })
  }

  private func members(_ outcome: Binary.Outcome) throws -> [String: Int] {
    guard outcome.code == 0 else { throw UnexpectedOutcome(outcome) }
    return Dictionary(
      try outcome.json(ReportFacts.self).segments.map { ($0.name, $0.members) },
      uniquingKeysWith: { first, _ in first })
  }

  @Test("--known-at tells what was known, and publishes nothing")
  func knownAt() async throws {
    try await withProject { shop, write in
      #expect(try members(await shop.night("2024-05-01")) == ["buyers": 1, "wishful": 1])
      let row = try await shop.pool.first(
        """
        SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now
        """)
      let then = try #require(try row?.get("now", as: String.self))

      // A late order, one that was another, and a visitor who turns out to be Bob.
      try write(
        "shop.csv",
        """
        id,who,at,type,paid
        2,ann,2024-03-01T10:00:00,purchase,25
        5,bob,2024-01-01T10:00:00,purchase,5

        """)
      try write("merges.csv", "was,became,at\nanon,bob,2024-05-01T12:00:00\n")
      #expect(try members(await shop.night("2024-05-02")) == ["buyers": 0, "wishful": 1])
      let publications: SQL = "SELECT count(*) FROM segments.publication_record"
      let loads: SQL = "SELECT count(*) FROM landing.load"
      let before = [try await shop.count(publications), try await shop.count(loads)]

      func of(_ customer: String, _ more: String...) async throws -> [String: String?] {
        var arguments = ["features", "of", customer, "--as-of", "2024-05-01", "--json"] + more
        arguments += ["--project", shop.project, "--database", shop.database]
        return try values(await shop.strata.run(arguments))
      }
      #expect(try await of("ann")["orders_30d"] == "1")
      #expect(try await of("ann", "--known-at", then)["orders_30d"] == "2")
      #expect(try await of("ann", "--known-at", then)["spent"] == "30")
      #expect(try await of("bob")["wishes"] == "1")
      #expect(try await of("bob", "--known-at", then)["wishes"] == "0")
      #expect(try await of("anon")["spent"] == "35")
      #expect(try await of("anon", "--known-at", then)["wishes"] == "1")
      #expect(try await of("anon", "--known-at", then)["orders_30d"] == "0")
      let early = try await shop(
        "features", "of", "ann", "--known-at", "2020-01-01T00:00:00Z")
      #expect(
        early.code == 2 && early.error.contains("which was not known by then"), "\(early.error)")

      // The whole run: the members of then, and everything else as it was.
      let again = try await shop(
        "run", "nightly_segments", "--date", "2024-05-01", "--known-at", then, "--json")
      #expect(try members(again) == ["buyers": 1, "wishful": 1])
      #expect(again.output.contains("were not published"))
      let now = try await shop(
        "run", "nightly_segments", "--date", "2024-05-01", "--known-at", "2099-01-01", "--json")
      #expect(try members(now) == ["buyers": 0, "wishful": 1])
      #expect([try await shop.count(publications), try await shop.count(loads)] == before)
      let backfill = try await shop(
        "backfill", "nightly_segments", "--from", "2024-04-30", "--to", "2024-05-01", "--known-at",
        then)
      #expect(backfill.code == 0, "\(backfill.error)")
      #expect([try await shop.count(publications), try await shop.count(loads)] == before)
    }
  }

  @Test("an edit is shown before it is built, with what it touches")
  func plan() async throws {
    try await withProject { shop, write in
      func plan() async throws -> Plan {
        let outcome = try await shop("features", "plan", "--json")
        guard outcome.code == 0 else { throw UnexpectedOutcome(outcome) }
        return try outcome.json(Plan.self)
      }
      #expect(try await plan().isFirst)
      _ = try members(await shop.night("2024-05-01"))
      let none = try await shop("features", "plan")
      #expect(none.output.contains("nothing changes") || none.error.contains("nothing changes"))

      let features = Self.files["features.yaml"] ?? ""
      try write(
        "features.yaml",
        features.replacing("30 days, description: Orders", with: "60 days").replacing(
          "{name: spent,", with: "{name: spent, description: All time,"))
      let edited = try await plan()
      #expect(
        edited.changes == [
          "orders_30d": "changed", "spent": "metadata", "spent_per_order": "affected",
        ])
      #expect(edited.slotsToBuild == ["purchase_count@60d"])
      #expect(edited.readers.map(\.name) == ["buyers"])
      let text = try await shop("features", "plan")
      #expect(text.output.contains("segment buyers reads orders_30d"), "\(text.output)")
      _ = try members(await shop.night("2024-05-02"))
      let log = try await shop("tasks", "log", "2", "features")
      #expect(log.output.contains("changed: orders_30d"), "\(log.output)")
      #expect(try await plan().changes.isEmpty)

      // A feature that a segment reads is gone: the plan is shown, then what does not fit.
      try write("features.yaml", features.replacing("{name: wishes,", with: "{name: wish_count,"))
      let broken = try await shop("features", "plan")
      #expect(broken.code == 2, "\(broken.error)")
      #expect(broken.output.contains("renamed") && broken.error.contains("wishes"))
    }
  }
}

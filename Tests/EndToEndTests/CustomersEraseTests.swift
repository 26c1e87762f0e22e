import Foundation
import Testing
import Warehouse

/// `strata customers erase`, on a project whose sources deliver the person again and again.
@Suite("The command customers erase")
struct CustomersEraseTests {
  static let key = "zoe-4711@example.org"
  static let alias = "anon-zoe-77"

  private static let files = [
    // The name says which DAGs the project has.
    "project.yaml": "name: online_retail\nzone: Europe/Lisbon\ncurrency: EUR\n",
    "sources.yaml": """
    version: 1
    kinds: [wishlist_add]
    sources:
      - name: people
        file: people.csv
        into: customers
        zone: UTC
        columns: {who: text, country: text, mail: text}
        map: {customer: who, profile: {country: country, mail: mail}}
      - name: shop
        file: shop.csv
        zone: UTC
        columns: {id: text, who: text, at: timestamp, type: text, paid: decimal, basket: text}
        map: {event_id: id, kind: type, customer: who, occurred_at: at, amount: paid, order: basket}
      - name: clicks
        file: clicks.csv
        zone: UTC
        columns: {id: text, who: text, at: timestamp, type: text}
        map: {event_id: id, kind: type, customer: who, occurred_at: at}
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
      - {name: orders_30d, count: purchase, window: 30 days}
      - {name: wishes, count: wishlist_add, window: 7 days}
      - {name: country, profile: country, type: text}
    """,
    "segments.yaml": """
    version: 1
    segments:
      - {name: buyers, rule: "orders_30d >= 1"}
      - {name: wishful, rule: "wishes >= 1"}
      - {name: iberia, rule: "country in [PT, ES]"}
    """,
  ]

  /// What the sources deliver on a day; everything of the person is in it each time.
  private static func delivery(_ day: Int) -> [String: String] {
    [
      "people.csv": """
      who,country,mail
      ann,PT,ann@example.org
      \(key),PT,\(key)
      bob,\(day % 2 == 0 ? "ES" : "FR"),bob@example.org

      """,
      "shop.csv": """
      id,who,at,type,paid,basket
      1,ann,2024-04-28T10:00:00,purchase,10,b1
      of-\(key),\(key),2024-04-29T10:00:00,purchase,20,basket-\(key)
      3,bob,2024-04-30T10:00:00,purchase,30,b3
      4,\(key),2024-04-30T11:00:00,purchase,much,b4
      5,\(key),2024-04-30T11:00:00,stroll,7,b5
      \(100 + day),ann,2024-04-30T12:00:00,purchase,\(day),b\(100 + day)
      x\(day),\(key),2024-04-30T13:00:00,purchase,\(day),c\(day)

      """,
      "clicks.csv": """
      id,who,at,type
      c1,\(alias),2024-04-30T09:00:00,wishlist_add
      c\(100 + day),ann,2024-04-30T09:00:00,wishlist_add
      c\(200 + day),\(alias),2024-05-0\(day)T09:00:00,wishlist_add

      """,
      "merges.csv":
        "was,became,at\n\(alias),\(key),2024-04-30T12:00:00\nann2,ann,2024-05-0\(day)T00:00:00\n",
    ]
  }

  /// Every place in the database where one of the person's keys stands.
  private func traces(_ pool: ConnectionPool) async throws -> [String] {
    let columns = try await pool.query(
      """
      SELECT n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS attribute
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
      WHERE c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
        AND t.typname IN ('text', 'varchar', 'name', 'json', 'jsonb', '_text', 'bytea')
      """)
    var found: [String] = []
    for column in columns {
      let (schema, name, attribute): (String, String, String) = (
        try column.get("schema"), try column.get("name"), try column.get("attribute")
      )
      let rows = try await pool.first(
        """
        SELECT count(*) AS n FROM \(identifier: schema, name)
        WHERE \(identifier: attribute)::text ~ \("zoe-") OR strpos(
          \(identifier: attribute)::text, encode(convert_to(\(Self.key), 'UTF8'), 'hex')) > 0
        """)
      if try rows?.get("n", as: Int64.self) != 0 { found.append("\(schema).\(name).\(attribute)") }
    }
    return found
  }

  struct Report: Decodable {
    let erasureId: Int
    let publicationId: Int?
    let isRepeated: Bool
    let erased: [String: Int]
  }

  @Test("Nothing of the key remains, and no later load, night or backfill brings the customer back")
  func erase() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-erase-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func write(_ files: [String: String]) throws {
      for (name, text) in files {
        try Data(text.utf8).write(to: folder.appendingPathComponent(name))
      }
    }
    try write(Self.files)
    try write(Self.delivery(1))
    try await Shop.open(project: folder.path, generate: false) { shop in
      let pool = shop.pool
      func members() async throws -> [String] {
        try await pool.query(
          "SELECT segment || ' ' || customer_key FROM segments.membership ORDER BY 1"
        ).map { try $0.get(0, as: String.self) }
      }
      #expect(try await shop.night("2024-05-01").code == 0)
      let everyone = [
        "buyers ann", "buyers bob", "buyers \(Self.key)", "iberia ann", "iberia \(Self.key)",
        "wishful ann", "wishful \(Self.key)",
      ]
      #expect(try await members() == everyone)
      let before = try await traces(pool)
      for place in [
        "facts.customers.profile", "facts.events.event_id", "landing.identity.customer_key",
        "landing.rejected.raw", "landing.merge.from_key", "landing.order_key.order_key",
        "runs.task.output", "segments.membership.customer_key",
      ] {
        #expect(before.contains(place), "\(place) of \(before)")
      }

      // Nobody is there to ask, and a key that is unknown.
      let asked = try await shop("customers", "erase", Self.key, "--reason", "asked")
      #expect(asked.code == 2 && asked.error.contains("--yes"), "\(asked.error)")
      let unknown = try await shop("customers", "erase", "zoe", "--reason", "asked", "--yes")
      #expect(unknown.code == 2 && unknown.error.contains("customers.unknown"))
      #expect(try await members() == everyone)

      // By the name that the visitor had before it was known.
      let erased = try await shop(
        "customers", "erase", Self.alias, "--reason", "asked for by \(Self.key) on 2 May",
        "--author", "privacy", "--yes", "--json")
      #expect(erased.code == 0, "\(erased.error)")
      let report = try erased.json(Report.self)
      #expect(!report.isRepeated && report.publicationId == 2)
      #expect(report.erased["facts.events"] == 4 && report.erased["segments.open_spell"] == 3)
      #expect(report.erased["landing.rejected"] == 2, "\(report.erased)")
      #expect(try await traces(pool).isEmpty)
      #expect(try await members() == everyone.filter { !$0.hasSuffix(Self.key) })
      let noted = try await pool.query("SELECT reason, author FROM landing.erasure").map {
        [try $0.get("reason", as: String.self), try $0.get("author", as: String.self)]
      }
      #expect(noted == [["asked for by (erased) on 2 May", "privacy"]])
      let left = try await pool.query(
        """
        SELECT segment, transition, customer_key FROM segments.transitions
        WHERE cause = 'erasure' ORDER BY segment
        """)
      #expect(
        try left.map { try $0.get("segment", as: String.self) } == ["buyers", "iberia", "wishful"])
      #expect(try left.allSatisfy { try $0.get("customer_key", as: String?.self) == nil })
      #expect(try await unbalanced(pool) == 0)

      // Once more changes nothing.
      let again = try await shop(
        "customers", "erase", Self.key, "--reason", "again", "--yes", "--json")
      #expect(try again.json(Report.self).isRepeated)
      #expect(try await shop.count("SELECT count(*) FROM landing.erasure") == 1)
      #expect(try await shop.count("SELECT count(*) FROM segments.publication_record") == 2)

      // The same files are skipped; later deliveries bring the rows again, by a night and a backfill.
      for source in ["people", "shop", "clicks", "merges"] {
        #expect(try await shop("sources", "load", source).code == 0)
      }
      #expect(try await traces(pool).isEmpty)
      try write(Self.delivery(2))
      let night = try await shop.night("2024-05-02")
      #expect(night.code == 0, "\(night.error)")
      #expect(!night.output.contains("zoe-"))
      let kept = ["buyers ann", "buyers bob", "iberia ann", "iberia bob", "wishful ann"]
      #expect(try await members() == kept)
      #expect(try await traces(pool).isEmpty)
      let dropped = try await shop.count(
        "SELECT sum((rejected_by->>'erased')::int)::bigint FROM landing.load")
      // One of people and of merges, two orders, two clicks; two orders were rejected otherwise.
      #expect(dropped == 6)

      try write(Self.delivery(3))
      let backfill = try await shop(
        "backfill", "nightly_segments", "--from", "2024-05-03", "--to", "2024-05-04")
      #expect(backfill.code == 0, "\(backfill.error)")
      #expect(try await traces(pool).isEmpty)
      #expect(try await !members().contains { $0.contains("zoe") })
      #expect(try await unbalanced(pool) == 0)
      // A past day, from when the customer was there: it has nobody of that key any more.
      let past = try await shop(
        "backfill", "nightly_segments", "--from", "2024-05-01", "--to", "2024-05-01",
        "--reprocess", "completed")
      #expect(past.code == 0, "\(past.error)")
      #expect(try await traces(pool).isEmpty)
      let then = try await pool.query(
        "SELECT customer_key FROM segments.members_at('buyers', '2024-05-01 23:00Z') ORDER BY 1"
      ).map { try $0.get(0, as: String?.self) }
      #expect(then == ["ann", "bob"])
      #expect(try await unbalanced(pool) == 0)
      let listed = try await shop("customers", "erasures")
      #expect(listed.output.contains("privacy") && listed.output.contains("asked for by (erased)"))
    }
  }

  /// Publications whose sizes are not those of the members at their instant.
  private func unbalanced(_ pool: ConnectionPool) async throws -> Int64 {
    try await pool.first(
      """
      SELECT count(*) FROM segments.daily_size AS z
      WHERE z.members <> (SELECT count(*) FROM segments.members_at(z.segment, z.as_of))
      """)?.get(0, as: Int64.self) ?? -1
  }
}

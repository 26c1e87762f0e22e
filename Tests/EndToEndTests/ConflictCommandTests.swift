import Foundation
import Testing
import Warehouse

/// Segments that compete, and overrides, through the binary: nights, a backfill, the views.
@Suite("Overrides and conflicts on the command line")
struct ConflictCommandTests {
  private static let files = [
    "project.yaml": "name: online_retail\nzone: Europe/Lisbon\ncurrency: EUR\n",
    "sources.yaml": """
    version: 1
    sources:
      - name: shop
        file: shop.csv
        zone: UTC
        columns: {id: text, who: text, at: timestamp, type: text, paid: decimal}
        map: {event_id: id, kind: type, customer: who, occurred_at: at, amount: paid}
    """,
    "features.yaml": """
    version: 1
    features:
      - {name: orders_2d, count: purchase, window: 2 days}
      - {name: spent, sum: purchase.amount, window: lifetime}
    """,
    "segments.yaml": """
    version: 1
    default: {segment: nobodys}
    segments:
      - {name: busy, rule: "orders_2d >= 1", group: tier, priority: 2}
      - {name: rich, rule: "spent >= 30", group: tier, priority: 1}
      - {name: spenders, rule: "spent >= 29"}
      - {name: nobodys}
    """,
    "shop.csv": """
    id,who,at,type,paid
    1,ann,2024-04-29T10:00:00,purchase,10
    2,ann,2024-04-30T10:00:00,purchase,25
    3,bob,2024-04-29T10:00:00,purchase,40
    4,cy,2024-04-29T10:00:00,purchase,1
    5,cy,2024-05-01T10:00:00,purchase,1

    """,
  ]

  private struct Made: Decodable {
    let id: Int64
    let author: String
    let segment: String
  }

  private struct Listed: Decodable {
    let id: Int64
    let customerKey: String
    let direction: String
    let isInForce: Bool
    let removedBy: String?
  }

  private func withProject(_ body: (Shop) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-conflicts-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, text) in Self.files {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
    try await Shop.open(project: folder.path, generate: false) { try await body($0) }
  }

  /// What readers see of conflicts, day by day.
  private func contents(_ pool: ConnectionPool) async throws -> [String] {
    try await pool.query(
      """
      SELECT concat_ws(' ', 'x', as_of, customer_key, segment, reason, winner) AS row
      FROM segments.suppressed
      UNION ALL SELECT concat_ws(' ', 't', as_of, customer_key, segment, transition, cause)
      FROM segments.transitions
      UNION ALL SELECT concat_ws(' ', 'p', customer_key, segment) FROM segments.primary_segment
      ORDER BY row
      """
    ).map { try $0.get("row", as: String.self) }
  }

  private func pin(_ shop: Shop) async throws {
    let added = try await shop(
      "segments", "override", "add", "cy", "rich", "--reason", "met at the fair", "--author",
      "anna", "--from", "2024-05-01", "--expires", "2024-05-02", "--json")
    guard added.code == 0 else { throw UnexpectedOutcome(added) }
    #expect(try added.json(Made.self).author == "anna")
    let out = try await shop(
      "segments", "override", "add", "bob", "spenders", "--out", "--reason", "asked for it",
      "--from", "2024-05-01")
    guard out.code == 0 else { throw UnexpectedOutcome(out) }
    #expect(out.output.contains("'bob' is out of 'spenders'"))
  }

  @Test("Nights and a backfill agree on what conflicts and overrides leave")
  func roads() async throws {
    var nights: [String] = []
    try await withProject { shop in
      // The customers come with the first night.
      let first = try await shop.night("2024-04-29")
      guard first.code == 0 else { throw UnexpectedOutcome(first) }
      let unknown = try await shop(
        "segments", "override", "add", "zed", "rich", "--reason", "who?")
      #expect(unknown.code == 2 && unknown.error.contains("zed"), "\(unknown.error)")
      try await pin(shop)
      for day in ["2024-04-30", "2024-05-01", "2024-05-02", "2024-05-03"] {
        let night = try await shop.night(day)
        guard night.code == 0 else { throw UnexpectedOutcome(night) }
      }
      nights = try await contents(shop.pool)
      let second = try await shop(
        "segments", "override", "add", "cy", "busy", "--reason", "too", "--from", "2024-05-02")
      #expect(second.code == 2 && second.error.contains("group 'tier'"), "\(second.error)")
      let wrong = try await shop(
        "segments", "override", "add", "cy", "rihc", "--reason", "too")
      #expect(wrong.code == 2 && wrong.error.contains("did you mean 'rich'?"), "\(wrong.error)")
      let none = try await shop("segments", "override", "add", "cy", "rich", "--reason", " ")
      #expect(none.code == 2 && none.error.contains("expected a reason"), "\(none.error)")
      let listed = try await shop("segments", "override", "list", "--json")
      #expect(try listed.json([Listed].self).map(\.customerKey) == ["bob"])
      let removed = try await shop(
        "segments", "override", "remove", "2", "--reason", "forgiven", "--author", "ben", "--json")
      #expect(try removed.json(Listed.self).removedBy == "ben")
      let again = try await shop("segments", "override", "remove", "2", "--reason", "twice")
      #expect(again.code == 2 && again.error.contains("2"), "\(again.error)")
      let all = try await shop("segments", "override", "list", "--all", "--json")
      #expect(try all.json([Listed].self).map(\.isInForce) == [false, false])
    }
    #expect(nights.contains { $0.hasSuffix("bob spenders override") })
    #expect(nights.contains { $0.hasSuffix("cy rich entered override") })
    #expect(nights.contains { $0.hasSuffix("cy rich left override") })
    #expect(nights.contains { $0.hasSuffix("cy busy left conflict") })
    #expect(nights.contains { $0.hasSuffix("cy nobodys entered default") })
    #expect(nights.contains { $0.hasSuffix("ann busy group rich") })
    #expect(nights.contains { $0.hasSuffix("bob spenders left override") })
    try await withProject { shop in
      let first = try await shop.night("2024-04-29")
      guard first.code == 0 else { throw UnexpectedOutcome(first) }
      try await pin(shop)
      let backfill = try await shop(
        "backfill", "nightly_segments", "--from", "2024-04-30", "--to", "2024-05-03")
      guard backfill.code == 0 else { throw UnexpectedOutcome(backfill) }
      #expect(try await contents(shop.pool) == nights)
    }
  }

  @Test("Near-duplicates stop a night where the catalogue says so, with names and share")
  func nearDuplicates() async throws {
    try await withProject { shop in
      let file = URL(fileURLWithPath: shop.project).appendingPathComponent("segments.yaml")
      func write(_ policy: String) throws {
        try Data(
          """
          near_duplicates: \(policy)
          segments:
            - {name: a, rule: "orders_2d >= 1"}
            - {name: b, rule: "spent > 0"}
          """.utf8
        ).write(to: file)
      }
      try write("stop")
      let stopped = try await shop.night("2024-04-30")
      #expect(stopped.code == 1)
      #expect(
        (stopped.output + stopped.error).contains("segments 'a' and 'b' share 100.0 % of"),
        "\(stopped.output) \(stopped.error)")
      try write("warn")
      let warned = try await shop.night("2024-04-30")
      #expect(warned.code == 0, "\(warned.error)")
    }
  }
}

import Foundation
import TestSupport
import Testing
import Warehouse

/// A project with a folder of files, merges and promises of freshness, driven through the binary.
@Suite("The commands of sources and rejects")
struct SourcesCommandTests {
  static let sources = """
    version: 1
    kinds: []
    sources:
      - name: clicks
        files: clicks/*.ndjson
        format: ndjson
        zone: UTC
        freshness: {warn: 1d}
        columns:
          id: text
          user.key: text
          events[0].type: text
          events[0].at: timestamp
        map:
          event_id: id
          kind: events[0].type
          customer: user.key
          occurred_at: events[0].at
      - name: merges
        file: merges.csv
        into: merges
        zone: UTC
        columns: {was: text, became: text, at: timestamp}
        map: {from: was, to: became, merged_at: at}
    """

  struct Report: Decodable {
    let state: String
    let rowsAccepted: Int
    let rowsRejected: Int
    let unknownKinds: [String: Int]?
    let filesUnchanged: Int?
  }

  struct Kind: Decodable {
    let name: String
    let kindId: Int?
    let quarantined: Int
  }

  struct Source: Decodable {
    struct Freshness: Decodable { let state: String }
    let name: String
    let freshness: Freshness?
  }

  @Test func aFolderIsLoadedQuarantinedReplayedAndMerged() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-sources-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("clicks"), withIntermediateDirectories: true)
    func write(_ name: String, _ text: String) throws {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
    func click(_ id: Int, _ who: String, _ kind: String) -> String {
      #"{"id": \#(id), "user": {"key": "\#(who)"}, "events": [{"type": "\#(kind)", "at": "2024-05-0\#(id)T10:00:00"}]}"#
        + "\n"
    }
    try write("project.yaml", "name: clicks\nzone: UTC\ncurrency: EUR\n")
    try write("sources.yaml", Self.sources)
    try write("clicks/1.ndjson", click(1, "anon", "click") + click(2, "ann", "swipe"))
    try write("merges.csv", "was,became,at\nanon,ann,2024-05-09\nann,anon,2024-05-10\n")
    try await Shop.open(project: folder.path, generate: false) { shop in
      func reports(_ outcome: Binary.Outcome) throws -> [Report] {
        #expect(outcome.code == 0, "\(outcome.error)")
        return try outcome.json([Report].self)
      }
      let first = try reports(try await shop("sources", "load", "clicks", "--json"))
      #expect(first.map(\.rowsAccepted) == [1])
      #expect(first.first?.unknownKinds == ["swipe": 1])
      let again = try reports(try await shop("sources", "load", "clicks", "--json"))
      #expect(again.map(\.state) == ["skipped"])
      #expect(again.first?.filesUnchanged == 1)

      let kinds = try await shop("sources", "kinds", "--json").json([Kind].self)
      #expect(kinds.filter { $0.kindId == nil }.map(\.name) == ["swipe"])
      try write("sources.yaml", Self.sources.replacing("kinds: []", with: "kinds: [swipe]"))
      let back = try reports(
        try await shop("rejects", "replay", "clicks", "--reason", "unknown_kind", "--json"))
      #expect(back.map(\.rowsAccepted) == [1])

      let merged = try reports(try await shop("sources", "load", "merges", "--json"))
      #expect(merged.map(\.rowsAccepted) == [1])
      #expect(merged.map(\.rowsRejected) == [1])
      let owned = try await shop.count(
        """
        SELECT count(*) FROM facts.events AS e JOIN facts.customers AS c USING (customer_id)
        WHERE c.customer_key = 'ann'
        """)
      #expect(owned == 2)

      let listed = try await shop("sources", "list", "--json").json([Source].self)
      #expect(listed.first { $0.name == "clicks" }?.freshness?.state == "warn")
      #expect(listed.first { $0.name == "merges" }?.freshness == nil)
      let checked = try await shop("sources", "check", "clicks")
      #expect(checked.code == 0)
      #expect(checked.error.contains("expected rows of the last 1d"), "\(checked.error)")
      // Where a source may not be so late, the check fails as a contract does.
      try write(
        "sources.yaml", Self.sources.replacing("{warn: 1d}", with: "{warn: 1d, stop: 30d}"))
      let stale = try await shop("sources", "check", "clicks")
      #expect(stale.code == 5)
      #expect(stale.error.contains("inputs.stale"))
    }
  }
}

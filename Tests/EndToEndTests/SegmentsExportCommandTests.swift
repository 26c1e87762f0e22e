import CZlib
import Foundation
import Testing
import Warehouse

/// `strata segments export`: files and standard output.
@Suite("The command segments export")
struct SegmentsExportCommandTests {
  /// Three members of one segment, without a night.
  private func publish(_ pool: ConnectionPool) async throws {
    try await pool.withConnection { connection in
      try await connection.script(
        """
        INSERT INTO facts.customers (customer_id, customer_key, profile) VALUES
          (1, 'C1', '{"country": "PT"}'), (2, 'C,2', '{}'), (3, 'C3', '{"country": "ES"}');
        INSERT INTO segments.publication_record (publication_id, as_of, published_at)
          VALUES (1, '2025-01-02', '2025-01-02 03:00');
        INSERT INTO segments.segment (segment_id, name, title, description, rank, version_id,
          uses_score, is_live) VALUES (1, 'loyal', 'Loyal', '', 0, 1, false, true);
        INSERT INTO segments.rule_version (version_id, segment_id, hash, rule, published_in)
          VALUES (1, 1, 'v1', 'rule', 1);
        INSERT INTO segments.open_spell (customer_id, valid_from, segment_id, opened_in,
          entered_version, entered_cause)
        SELECT i, '2025-01-02', 1, 1, 1, 'event' FROM generate_series(1, 3) AS i;
        """)
    }
  }

  @Test("Standard output, files that appear whole, compressed ones, and what is refused")
  func exports() async throws {
    try await Shop.open(generate: false) { shop in
      try await publish(shop.pool)
      let csv = try await shop(
        "segments", "export", "loyal", "--columns", "customer_key,profile.country")
      #expect(csv.code == 0, "\(csv.error)")
      #expect(csv.output == "customer_key,profile.country\nC1,PT\n\"C,2\",\nC3,ES\n")

      let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("strata-export-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let file = folder.appendingPathComponent("all.ndjson.gz").path
      let packed = try await shop("segments", "export", "--all", "-o", file)
      #expect(packed.code == 0 && packed.output.isEmpty, "\(packed.error)")
      #expect(packed.error.contains("3 members written"))
      let lines = unpack(file).split(separator: "\n")
      #expect(lines.count == 3)
      #expect(
        lines.first
          == #"{"customer_id":1,"customer_key":"C1","segment":"loyal","since":"2025-01-02T00:00:00.000000Z","cause":"event"}"#
      )

      let past = try await shop(
        "segments", "export", "loyal", "--as-of", "2025-01-05", "--format", "csv")
      #expect(past.output.hasPrefix("customer_id,customer_key,segment\n1,C1,loyal\n"))

      // A failed export leaves the file of the last one alone, and nothing beside it.
      let kept = try Data(contentsOf: URL(fileURLWithPath: file))
      let wrong = try await shop("segments", "export", "loyl", "-o", file)
      #expect(wrong.code == 2 && wrong.error.contains("segments.unknown_segment"))
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == kept)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)

      #expect(try await shop("segments", "export").code == 2)
      #expect(try await shop("segments", "export", "loyal", "--all").code == 2)
      #expect(try await shop("segments", "export", "loyal", "--known-at", "2025-01-01").code == 2)
      #expect(try await shop("segments", "export", "loyal", "-o", "/nowhere/x.csv").code == 2)
    }
  }

  private func unpack(_ path: String) -> String {
    guard let stream = gzopen(path, "rb") else { return "" }
    defer { gzclose(stream) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = gzread(stream, &bytes, UInt32(bytes.count))
    return String(decoding: bytes[..<max(0, Int(count))], as: UTF8.self)
  }
}

import Foundation
import Schedules
import Segments
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Members as CSV and NDJSON: nothing of them is lost or changed on the way, whatever their keys are.
@Suite("Exports of segments")
struct SegmentsExportTests {
  /// Keys that formats trip over.
  static let hostile = [
    "plain", "with,comma", "with\"quote", "\"", "two\nlines", "carriage\r\nreturn", "tab\there", "",
    " spaces ", "\\N", "\\.", "\\", "null", "NULL", "=1+1", "'; DROP TABLE x; --", "🦊", "e\u{301}",
    "\u{202E}rtl", "\u{2028}", "\u{1}\u{2}\u{7F}", "{\"a\": 1}", "$1 %s %", "0012", "line\n",
  ]

  private final class Sink: Sendable {
    let bytes = Mutex<[UInt8]>([])
    let pieces = Mutex<[Int]>([])
    func take(_ piece: UnsafeRawBufferPointer) {
      bytes.withLock { $0.append(contentsOf: piece) }
      pieces.withLock { $0.append(piece.count) }
    }
    var all: [UInt8] { bytes.withLock { $0 } }
  }

  private func export(
    _ request: SegmentExport.Request, _ pool: ConnectionPool
  ) async throws -> (rows: Int64, sink: Sink) {
    let sink = Sink()
    let rows = try await SegmentExport(pool: pool).write(request) { sink.take($0) }
    return (rows, sink)
  }

  /// Customers with hostile keys and profiles, the even ones in a segment; one moved later.
  private func project(_ pool: ConnectionPool) async throws -> SegmentsProject {
    let project = try await SegmentsProject(pool, customers: 0)
    for (id, key) in Self.hostile.enumerated() {
      let profile = try String(
        decoding: JSONSerialization.data(withJSONObject: ["note": key]), as: UTF8.self)
      try await pool.execute(
        """
        INSERT INTO facts.customers (customer_id, customer_key, profile)
        VALUES (\(Int64(id)), \(key), \(JSONText(profile)))
        """)
    }
    let ids = Self.hostile.indices.map { Int64($0) }
    let all = SegmentsProject.definition("all, \"really\"")
    let even = SegmentsProject.definition("even")
    for (day, members) in [(1, Set(ids.filter { $0 % 2 == 0 })), (2, Set(ids.dropFirst()))] {
      try await project.publish(
        SegmentsProject.evaluation(
          SegmentsProject.day(day), customers: ids, [(all, Set(ids)), (even, members)]))
    }
    return project
  }

  @Test("CSV with hostile keys comes back as it was, read by PostgreSQL")
  func csv() async throws {
    try await withFreshDatabase { pool in
      _ = try await project(pool)
      let (rows, sink) = try await export(
        .init(
          segment: nil,
          columns: ["customer_key", "segment", "customer_id", "since", "cause", "profile.note"]),
        pool)
      #expect(rows == Int64(Self.hostile.count * 2 - 1))
      let text = String(decoding: sink.all, as: UTF8.self)
      #expect(text.hasPrefix("customer_key,segment,customer_id,since,cause,profile.note\n"))
      let differing = try await pool.withConnection { connection in
        try await connection.execute(
          """
          CREATE TEMP TABLE back (key text, segment text, id bigint, since timestamptz, cause text,
            note text)
          """)
        try await connection.copyIn("COPY back FROM STDIN (FORMAT csv, HEADER true)") {
          try await $0.write(bytes: sink.all)
        }
        return try await connection.first(
          """
          SELECT count(*) AS n
          FROM (SELECT * FROM back WHERE note = key) AS b FULL JOIN segments.membership AS m
            ON b.key = m.customer_key AND b.segment = m.segment AND b.id = m.customer_id
              AND b.since = m.since AND b.cause = m.cause
          WHERE b.id IS NULL OR m.customer_id IS NULL
          """)?.get("n", as: Int64.self)
      }
      #expect(differing == 0)
      // The order is that of segment and number, so equal members are equal bytes.
      let again = try await export(
        .init(
          segment: nil,
          columns: ["customer_key", "segment", "customer_id", "since", "cause", "profile.note"]),
        pool)
      #expect(again.sink.all == sink.all)
    }
  }

  @Test("NDJSON with hostile keys comes back as it was, line by line")
  func ndjson() async throws {
    try await withFreshDatabase { pool in
      _ = try await project(pool)
      let (rows, sink) = try await export(
        .init(segment: "even", format: .ndjson, columns: ["customer_id", "customer_key"]), pool)
      let lines = String(decoding: sink.all, as: UTF8.self).split(separator: "\n")
      #expect(rows == Int64(lines.count) && lines.count == Self.hostile.count - 1)
      for (line, id) in zip(lines, 1...) {
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        // Swift's own equality would take NFC and NFD for the same.
        #expect(
          (object?["customer_key"] as? String).map { Array($0.utf8) }
            == Array(Self.hostile[id].utf8))
        #expect(object?["customer_id"] as? Int == id && object?.count == 2)
        #expect(line.hasPrefix("{\"customer_id\":"))
      }
    }
  }

  @Test("Members of a past instant, and as they were known")
  func past() async throws {
    try await withFreshDatabase { pool in
      let project = try await project(pool)
      let known = project.clock.now()
      let ids = Self.hostile.indices.map { Int64($0) }
      // A correction of the second day.
      try await project.publish(
        SegmentsProject.evaluation(
          SegmentsProject.day(2), customers: ids,
          [
            (SegmentsProject.definition("all, \"really\""), Set(ids)),
            (SegmentsProject.definition("even"), [0]),
          ]))
      for (day, knownAt) in [(1, nil), (2, nil), (2, known)] as [(Int, Instant?)] {
        let asOf = SegmentsProject.day(day)
        let (_, sink) = try await export(
          .init(segment: "even", asOf: asOf, knownAt: knownAt, columns: ["customer_id"]), pool)
        let found = String(decoding: sink.all, as: UTF8.self).split(separator: "\n").dropFirst()
        let expected = try await project.members(of: "even", at: asOf, knownAt: knownAt)
        #expect(found.compactMap { Int64($0) } == expected.sorted())
        #expect(!expected.isEmpty)
      }
      let (rows, _) = try await export(.init(segment: nil, asOf: SegmentsProject.day(1)), pool)
      #expect(rows == Int64(ids.count + ids.filter { $0 % 2 == 0 }.count))
    }
  }

  @Test("What is not there is said by name")
  func faults() async throws {
    try await withFreshDatabase { pool in
      _ = try await project(pool)
      func code(_ request: SegmentExport.Request) async throws -> String? {
        do {
          _ = try await export(request, pool)
          return nil
        } catch let error as SegmentError {
          return error.code
        }
      }
      #expect(try await code(.init(segment: "evne")) == "segments.unknown_segment")
      #expect(try await code(.init(segment: "even", columns: ["x"])) == "segments.unknown_column")
      #expect(
        try await code(.init(segment: "even", columns: ["segment", "segment"]))
          == "segments.repeated_column")
      // Members of the past have no cause.
      #expect(
        try await code(.init(segment: "even", asOf: SegmentsProject.day(1), columns: ["cause"]))
          == "segments.unknown_column")
      // A name of an attribute is data.
      let (rows, sink) = try await export(
        .init(segment: "even", columns: ["customer_id", "profile.') OR true --"]), pool)
      #expect(rows == Int64(Self.hostile.count - 1))
      #expect(
        String(decoding: sink.all, as: UTF8.self).hasPrefix("customer_id,profile.') OR true --\n"))
    }
  }

  @Test("Rows are handed on in pieces, however many there are, and a writer that fails stops them")
  func streams() async throws {
    struct Full: Error {}
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 30_000)
      let ids = (1...Int64(30_000)).map { $0 }
      try await project.publish(
        SegmentsProject.evaluation(
          SegmentsProject.day(1), customers: ids, [(SegmentsProject.definition("all"), Set(ids))]))
      let (rows, sink) = try await export(.init(segment: "all"), pool)
      #expect(rows == 30_000)
      let pieces = sink.pieces.withLock { $0 }
      #expect(pieces.count > 10 && pieces.allSatisfy { $0 < 80_000 })
      await #expect(throws: Full.self) {
        _ = try await SegmentExport(pool: pool).write(.init(segment: "all")) { _ in throw Full() }
      }
      #expect(try await export(.init(segment: "all"), pool).rows == 30_000)
    }
  }
}

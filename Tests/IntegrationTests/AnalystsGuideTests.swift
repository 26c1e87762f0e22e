import Foundation
import Schedules
import Segments
import TestSupport
import Testing
import Warehouse

/// The questions that the README answers in SQL, as they stand there, asked by `strata_reader`; what
/// they find is computed again in plain Swift.
@Suite("The README's twenty questions")
struct AnalystsGuideTests {
  /// The statements by number, without the semicolon.
  static func questions() throws -> [Int: String] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let readme = try String(
      contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    let section = try #require(
      readme.components(separatedBy: "\n## ").first { $0.hasPrefix("Twenty questions in SQL") })
    let blocks = section.components(separatedBy: "```")
    let code = blocks.first { $0.hasPrefix("sql\n") } ?? ""
    var questions: [Int: String] = [:]
    for part in code.components(separatedBy: ";\n") {
      guard let start = part.range(of: "-- ") else { continue }
      let statement = String(part[start.lowerBound...])
      let number = statement.dropFirst(3).prefix { $0.isNumber }
      if let number = Int(number) { questions[number] = statement }
    }
    return questions
  }

  typealias Fields = [String: String]

  /// What a question finds; every value as text, null as "-".
  private func ask(_ statement: String, _ connection: Connection) async throws -> [Fields] {
    let rows = try await connection.query(
      "SELECT to_jsonb(q) AS fields FROM (\(unsafeText: statement)) AS q")
    return try rows.map { row in
      let text = try row.get("fields", as: JSONText.self).text
      let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      return (object ?? [:]).mapValues { value in
        switch value {
        case is NSNull: "-"
        case let number as NSNumber: "\(number)"
        default: "\(value)"
        }
      }
    }
  }

  @Test("There are twenty, numbered from 1")
  func numbers() throws {
    #expect(try Self.questions().keys.sorted() == Array(1...20))
  }

  @Test("Each runs as strata_reader, and finds what was published")
  func answers() async throws {
    let questions = try Self.questions()
    try await withFreshDatabase { pool in
      let shop = try await AnalystsShop(pool)
      let found = try await pool.transaction(.repeatableRead, readOnly: true) { connection in
        try await connection.execute("SET LOCAL ROLE strata_reader")
        try await connection.execute("SET LOCAL timezone = 'Europe/Lisbon'")
        var found: [Int: [Fields]] = [:]
        for (number, statement) in questions {
          // As an analyst sends it, and as values to compare.
          let rows = try await connection.query(SQL(unsafeText: statement))
          let fields = try await ask(statement, connection)
          #expect(rows.count == fields.count && !rows.isEmpty, "question \(number)")
          found[number] = fields
        }
        return found
      }
      for (number, rows) in found.sorted(by: { $0.key < $1.key }) {
        guard let expected = shop.answer(number) else { continue }
        let actual = rows.map { row in expected.columns.map { row[$0] ?? "?" } }
        #expect(actual == expected.rows, "question \(number)")
      }
      #expect((1...20).filter { shop.answer($0) != nil }.count >= 16)
    }
  }

  @Test("The recipe for several statements on one publication holds it, and it is needed")
  func onePublication() async throws {
    try await withFreshDatabase { pool in
      let project = try await SegmentsProject(pool, customers: 9)
      let segment = SegmentsProject.definition("loyal")
      func publish(_ day: Int, _ members: Set<Int64>) async throws {
        try await project.publish(
          SegmentsProject.evaluation(
            SegmentsProject.day(day), customers: Array(1...9), [(segment, members)]))
      }
      /// What a reader finds who asks for the size before a publication and for the members after.
      func differs(_ isolation: Isolation, around publication: () async throws -> Void)
        async throws -> (sizes: Int64, members: Int64, view: Int64, asOf: Instant, live: Instant)
      {
        try await pool.transaction(isolation, readOnly: true) { connection in
          try await connection.execute("SET LOCAL ROLE strata_reader")
          let live = "SELECT as_of FROM segments.publication WHERE is_live" as SQL
          let asOf = try await connection.first(live)?.get(0, as: Instant.self)
          let sizes = try await connection.first(
            "SELECT members FROM segments.catalog WHERE segment = 'loyal'")
          try await publication()
          let members = try await connection.first(
            "SELECT count(*) FROM segments.membership WHERE segment = 'loyal'")
          let view = try await connection.first("SELECT count(*) FROM audience.loyal")
          let after = try await connection.first(live)?.get(0, as: Instant.self)
          return (
            try #require(sizes).get(0, as: Int64.self),
            try #require(members).get(0, as: Int64.self),
            try #require(view).get(0, as: Int64.self), try #require(asOf), try #require(after)
          )
        }
      }
      try await publish(1, [1, 2, 3])
      let held = try await differs(.repeatableRead) { try await publish(2, [3, 4, 5, 6, 7]) }
      #expect(held.sizes == 3 && held.members == 3 && held.view == 3)
      #expect(held.asOf == SegmentsProject.day(1) && held.live == held.asOf)
      // Without the recipe every statement sees what is live when it begins.
      let mixed = try await differs(.readCommitted) { try await publish(3, [1]) }
      #expect(mixed.sizes == 5 && mixed.members == 1 && mixed.live == SegmentsProject.day(3))

      // What was kept of the first publication still gives its members.
      let first = try #require(
        try await pool.first(
          "SELECT as_of, published_at FROM segments.publication ORDER BY publication_id LIMIT 1"))
      let then = try await project.members(
        of: "loyal", at: try first.get("as_of"), knownAt: try first.get("published_at"))
      #expect(then == [1, 2, 3])
    }
  }
}

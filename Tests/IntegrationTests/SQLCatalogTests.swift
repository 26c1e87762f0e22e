import SQLCatalog
import TestSupport
import Testing
import Warehouse

/// Every static query is valid against the migrated schema, whether a test calls it or not.
@Suite("SQL catalogue")
struct SQLCatalogTests {
  static let rooms = ["features", "inputs", "models", "orchestrator", "reports", "segments"]

  /// Statements that make the session's temporary tables, which other queries name.
  static func prepare(_ room: String, on connection: Connection) async throws {
    switch room {
    case "inputs": try await connection.execute("SELECT landing.begin_staging()")
    case "segments":
      for file in try SQLCatalog.files(in: "queries/segments") where file.hasPrefix("create_") {
        try await connection.script(SQLCatalog.text("queries/segments/\(file)"), name: file)
      }
    default: break
    }
  }

  @Test("every query of a room prepares", arguments: rooms)
  func prepares(room: String) async throws {
    try await withFreshDatabase { pool in
      let files = try SQLCatalog.files(in: "queries/\(room)")
      #expect(!files.isEmpty)
      try await pool.transaction { connection in
        try await Self.prepare(room, on: connection)
        for (index, file) in files.enumerated() where !file.hasPrefix("create_") {
          let text = try SQLCatalog.text("queries/\(room)/\(file)")
          let statement = text.split(separator: "\n").first { !$0.hasPrefix("--") } ?? ""
          let verb = statement.prefix { $0.isLetter }
          #expect(text.hasPrefix("-- "), "\(file) has no header")
          // The others are utility statements, which PostgreSQL does not prepare.
          guard ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE"].contains(verb) else {
            #expect(["SET", "ANALYZE", "LOCK", "DROP", "TRUNCATE", "DO"].contains(verb), "\(file)")
            continue
          }
          try await connection.script("PREPARE q\(index) AS \(text)", name: file)
        }
      }
    }
  }
}

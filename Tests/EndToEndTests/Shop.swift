import Foundation
import TestSupport
import Warehouse

/// The demo shop, small, in a folder and a database of its own, driven through the binary.
struct Shop: Sendable {
  let strata: Binary
  let pool: ConnectionPool
  let database: String
  let project: String

  /// The last day of every generated shop.
  static let lastDay = "2025-02-03"

  /// Generates a shop and hands it over with a fresh database; removes both afterwards.
  static func open<T: Sendable>(
    customers: Int = 200, days: Int = 150, project: String = "dags/retail", generate: Bool = true,
    _ body: (Shop) async throws -> T
  ) async throws -> T {
    let home = FileManager.default.temporaryDirectory
      .appendingPathComponent("strata-e2e-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: home) }
    return try await withFreshDatabase { pool in
      let strata = Binary(home: home)
      if generate {
        let made = try await strata.run([
          "demo", "generate", "--customers", "\(customers)", "--days", "\(days)", "--seed", "7",
          "--quiet",
        ])
        guard made.code == 0 else { throw UnexpectedOutcome(made) }
      }
      return try await body(
        Shop(
          strata: strata, pool: pool,
          database: try pool.options.psqlInvocation().arguments.first ?? "", project: project))
    }
  }

  /// Calls the binary on this shop's project and database.
  func callAsFunction(
    _ arguments: String..., environment: [String: String] = [:]
  ) async throws -> Binary.Outcome {
    var binary = strata
    binary.environment = environment
    return try await binary.run(
      arguments + ["--project", project, "--database", database])
  }

  /// Runs the nightly DAG for a day.
  func night(
    _ day: String = Shop.lastDay, environment: [String: String] = [:]
  ) async throws -> Binary.Outcome {
    var binary = strata
    binary.environment = environment
    return try await binary.run([
      "run", "nightly_segments", "--date", day, "--json", "--project", project,
      "--database", database,
    ])
  }

  /// One number of a query.
  func count(_ sql: SQL) async throws -> Int64 {
    let row = try await pool.first(sql)
    return try row?.get(0, as: Int64.self) ?? -1
  }
}

/// A call that should have succeeded.
struct UnexpectedOutcome: Error, CustomStringConvertible {
  let outcome: Binary.Outcome
  init(_ outcome: Binary.Outcome) { self.outcome = outcome }
  var description: String { "\(outcome.status)\n\(outcome.output)\n\(outcome.error)" }
}

/// The parts of a run report that the tests read.
struct ReportFacts: Decodable {
  struct Run: Decodable {
    let id: Int64
    let state: String
  }
  struct Task: Decodable {
    let name: String
    let state: String
  }
  struct Segment: Decodable {
    let name: String
    let members: Int
    let population: Int
    let entered: Int
    let left: Int
  }
  struct Notice: Decodable {
    let message: String
    let task: String?
  }
  let run: Run
  let tasks: [Task]
  let segments: [Segment]
  let failures: [Notice]
}

import Columns
import Foundation
import Inputs
import Models
import Schedules
import Segments
import Warehouse

/// Erases a customer: everything of the person goes, in one transaction.
///
/// 1. Hold off publications, loads and runs; refuse while a run is under way, which would write what it
///    has read.
/// 2. Publish that the customer left its segments, with the cause `erasure`.
/// 3. Remove every row about it, and its keys where texts quote them.
/// 4. Leave a keyed hash of each of its keys: loads drop rows that bring them again.
/// 5. Note the erasure in the ledger of loads, so that watches and builds forget the customer, and in
///    `landing.erasure`.
///
/// Stays in segments remain under the internal number, which nothing connects with the person.
public struct CustomerEraser: Sendable {
  private let pool: ConnectionPool
  private let clock: any WallClock

  /// An eraser in one project's database.
  public init(pool: ConnectionPool, clock: any WallClock = SystemClock()) {
    self.pool = pool
    self.clock = clock
  }

  /// The customer of a key; nil where nobody has it.
  public func subject(of key: String) async throws -> ErasureSubject? {
    try await pool.withConnection { try await Self.subject(of: key, on: $0) }
  }

  /// The erasure of a key; nil where it was not erased.
  public func erasure(of key: String) async throws -> ErasureReport? {
    try await pool.first(SQL(file: "queries/erasure/find_erasure.sql", key))
      .map { try Self.report($0, isRepeated: true) }
  }

  /// Erasures, newest first.
  public func list(limit: Int = 100) async throws -> [ErasureReport] {
    try await pool.query(SQL(file: "queries/erasure/list_erasures.sql", Int64(limit)))
      .map { try Self.report($0, isRepeated: false) }
  }

  /// Erases the customer of a key.
  ///
  /// A customer that was erased before is told as it was, and nothing is done.
  /// - Parameters:
  ///   - key: any of the company's keys of the customer.
  ///   - reason: why; keys in it are left out.
  ///   - author: who does it.
  /// - Throws: ``TaskError`` `customers.unknown`, `customers.run_under_way`; what taking the customer
  ///   out of publications and scores throws; `WarehouseError`.
  public func erase(_ key: String, reason: String, author: String) async throws -> ErasureReport {
    try await pool.transaction { connection in
      try await Self.refuseRuns(on: connection)
      // Publications first, as a step of the refresh does: nobody waits for another in a ring.
      try await MembershipErasure.lock(on: connection)
      try await connection.execute(SQL(file: "queries/erasure/lock_erasure.sql"))
      try await connection.execute(SQL(file: "queries/erasure/lock_runs.sql"))
      try await Self.refuseRuns(on: connection)
      if let row = try await connection.first(
        SQL(file: "queries/erasure/find_erasure.sql", key))
      {
        return try Self.report(row, isRepeated: true)
      }
      guard let subject = try await Self.subject(of: key, on: connection) else {
        throw TaskError(
          code: "customers.unknown",
          message: "expected the key of a customer, found none that is '\(key)'",
          hint: "keys are those of the sources, written as they are there")
      }
      return try await erase(subject, reason: reason, author: author, on: connection)
    }
  }

  private func erase(
    _ subject: ErasureSubject, reason: String, author: String, on connection: Connection
  ) async throws -> ErasureReport {
    let now = clock.now()
    let customers = IDIndex(subject.customers)
    let membership = try await MembershipErasure.erase(customers, at: now, on: connection)
    var removal = ErasureRows(subject: subject, connection: connection)
    removal.note("segments.open_spell", membership.left)
    removal.note("segments.evaluation", membership.evaluations)
    try await removal.remove()
    removal.note(
      "models.score", try await ScoreErasure.erase(customers, on: connection))
    let load = try await connection.first(
      "SELECT landing.new_load(\(Self.source), NULL, NULL, 0) AS load_id")
    let erased = try String(
      decoding: Self.encoder.encode(removal.counts), as: UTF8.self)
    let noted = try await connection.first(
      SQL(
        file: "queries/erasure/insert_erasure.sql", now, try load?.get("load_id", as: Int64.self),
        membership.publicationID, author, reason, JSONText(erased), subject.keys))
    guard let id = try noted?.get("erasure_id", as: Int64.self) else {
      throw TaskError(
        code: "customers.not_noted", message: "expected the number of an erasure, found none")
    }
    try await connection.execute(
      SQL(file: "queries/erasure/insert_tombstones.sql", id, subject.keys))
    return ErasureReport(
      erasureID: id, erasedAt: now, author: author, reason: reason,
      publicationID: membership.publicationID, erased: removal.counts, isRepeated: false)
  }

  /// Removes what is left of deleted rows on the disk and in the planner's statistics.
  ///
  /// Takes no lock that readers or writers meet; tables that somebody works on are left to autovacuum.
  public func vacuum(after report: ErasureReport) async throws {
    try await pool.withConnection { connection in
      for table in report.erased.keys.sorted() {
        let names = table.split(separator: ".").map(String.init)
        guard names.count == 2 else { continue }
        try await connection.execute(
          "VACUUM (ANALYZE, SKIP_LOCKED) \(identifier: names[0], names[1])")
      }
    }
  }

  /// The source of the ledger's rows by which others learn of erasures.
  static let source = "erasure"

  private static let encoder = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }()

  private static func refuseRuns(on connection: Connection) async throws {
    let runs = try await connection.query(SQL(file: "queries/erasure/list_open_runs.sql"))
    guard let first = runs.first else { return }
    let names = try runs.map {
      "\(try $0.get("run_id", as: Int64.self)) of \(try $0.get("dag", as: String.self))"
    }
    throw TaskError(
      code: "customers.run_under_way",
      message: "expected no run under way, found run \(names.joined(separator: ", "))",
      hint: "it would write what it has read of the customer: wait for it, or "
        + "strata runs cancel \(try first.get("run_id", as: Int64.self))", isPermanent: false)
  }

  private static func subject(
    of key: String, on connection: Connection
  ) async throws -> ErasureSubject? {
    guard
      let row = try await connection.first(SQL(file: "queries/erasure/find_subject.sql", key)),
      let customers = try row.get("ids", as: [Int64]?.self)
    else { return nil }
    return ErasureSubject(
      customers: customers, keys: try row.get("keys", as: [String]?.self) ?? [key])
  }

  private static func report(_ row: Row, isRepeated: Bool) throws -> ErasureReport {
    let erased = try row.get("erased", as: JSONText.self).text
    return ErasureReport(
      erasureID: try row.get("erasure_id"), erasedAt: try row.get("erased_at"),
      author: try row.get("author"), reason: try row.get("reason"),
      publicationID: try row.get("publication_id"),
      erased: try JSONDecoder().decode([String: Int64].self, from: Data(erased.utf8)),
      isRepeated: isRepeated)
  }
}

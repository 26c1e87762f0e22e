import Schedules
import Warehouse

/// Loads sources: reads, checks, and commits what passes in one transaction per load.
///
/// Every row, good or bad, is first copied into the session's staging table; then a few set-based
/// statements decide over duplicates, give new customers their ids, and insert the events, the
/// rejected rows, the ledger's row and the watermark together. Loads of one source run one after
/// the other; those of different sources side by side.
public struct Loader: Sendable {
  let pool: ConnectionPool
  let clock: any WallClock

  /// A loader into a project's database.
  ///
  /// - Parameter clock: gives `ingested_at` and the ledger's times.
  public init(pool: ConnectionPool, clock: some WallClock = SystemClock()) {
    self.pool = pool
    self.clock = clock
  }

  /// Loads what a source holds and the facts do not.
  ///
  /// A file whose bytes were loaded under the same definition is not read again. Where the contract
  /// stops the load, nothing of it is kept but a row of the ledger with its counts.
  ///
  /// - Parameter progress: told after every batch of rows.
  /// - Throws: ``InputError`` of the file or contract; `WarehouseError`; `CancellationError`.
  public func load(
    _ source: SourceDefinition, progress: @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> LoadReport {
    let started = clock.now()
    let known = try await pool.withConnection { connection in
      try await connection.first(
        SQL(file: "queries/inputs/upsert_source.sql", source.name, started))
    }
    guard let known else {
      throw InputError(code: "inputs.ledger", message: "expected the source's row, found none")
    }
    let target = LoadTarget(
      source: source, sourceID: try known.get("source_id"),
      watermark: try known.get("watermark"), started: started)
    do {
      if let report = try await skip(target) { return report }
      return try await pool.withConnection { connection in
        try await run(target, on: connection, progress)
      }
    } catch let failure as LoadFailure {
      try await record(failure, of: target)
      throw failure.error
    } catch let error as InputError {
      try await record(LoadFailure(error: error, verdict: nil), of: target)
      throw error
    }
  }

  /// Reads a source and checks its contract; nothing is written.
  ///
  /// What only the database can tell is left out: duplicates, references, `unique`.
  ///
  /// - Throws: ``InputError`` of the file or contract; `WarehouseError` for a query source.
  public func check(
    _ source: SourceDefinition, progress: @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> LoadReport {
    try await Self.check(source, reading: reading(source, since: nil), progress)
  }

  /// Reads a file source and checks its contract without a database.
  ///
  /// - Throws: ``InputError``; `inputs.needs_database` for a query source.
  public static func check(
    file source: SourceDefinition, progress: @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> LoadReport {
    guard case .file(let path) = source.location else {
      throw InputError(
        code: "inputs.needs_database",
        message: "source '\(source.name)': expected a file, found a query")
    }
    return try await check(source, reading: .file(source, path: path), progress)
  }

  private static func check(
    _ source: SourceDefinition, reading: SourceReading,
    _ progress: @Sendable (LoadProgress) -> Void
  ) async throws -> LoadReport {
    try await reading.consume { _ in progress(reading.progress) }
    let outcome = try reading.outcome()
    let verdict = Verdict(source: source, tally: outcome.tally)
    var report = LoadReport(source: source.name, file: source.file, state: .checked)
    report.bytes = outcome.bytes
    verdict.fill(&report)
    report.firstOccurredAt = outcome.tally.firstTime
    report.lastOccurredAt = outcome.tally.lastTime
    if let breach = verdict.breach(file: source.file) { throw breach }
    return report
  }

  private func reading(_ source: SourceDefinition, since: Instant?) -> SourceReading {
    switch source.location {
    case .file(let path): .file(source, path: path)
    case .query(let text): .query(source, text: text, since: since, options: pool.options)
    }
  }

  // MARK: One load

  /// Says so where this very file was loaded before.
  private func skip(_ target: LoadTarget) async throws -> LoadReport? {
    guard case .file(let path) = target.source.location else { return nil }
    let size = try FileBytes(path: path).size
    let seen = try await pool.withConnection { connection in
      try await connection.first(
        SQL(
          file: "queries/inputs/select_same_size.sql", target.sourceID, Int64(size),
          target.source.hash))
    }
    guard try seen?.get("found", as: Bool.self) == true else { return nil }
    let digest = try await SourceReading.onThread { try FileBytes.digest(of: path) }
    let earlier = try await pool.withConnection { connection in
      try await connection.first(
        SQL(
          file: "queries/inputs/select_same_file.sql", target.sourceID, digest,
          target.source.hash))
    }
    guard let earlier else { return nil }
    var report = LoadReport(source: target.source.name, file: path, state: .skipped)
    report.loadID = try earlier.get("load_id", as: Int64.self)
    report.watermark = try earlier.get("watermark", as: Instant?.self)
    report.bytes = Int64(size)
    return report
  }

  private nonisolated(nonsending) func run(
    _ target: LoadTarget, on connection: Connection, _ progress: @Sendable (LoadProgress) -> Void
  ) async throws -> LoadReport {
    try await Staging.create(on: connection)
    do {
      let reading = reading(target.source, since: target.watermark)
      let outcome = try await Staging.fill(
        target.source, from: reading, on: connection, progress)
      var last = reading.progress
      last.phase = .committing
      progress(last)
      let verdict = Verdict(source: target.source, tally: outcome.tally)
      if let breach = verdict.breach(file: target.source.file) {
        throw LoadFailure(error: breach, verdict: verdict, bytes: outcome.bytes)
      }
      let report = try await commit(target, outcome, verdict, on: connection)
      try await Staging.drop(on: connection)
      return report
    } catch {
      // The session's tables must not outlive the load in a pooled connection; where even that
      // fails the next load's own clean-up meets them.
      try? await Staging.drop(on: connection)
      throw error
    }
  }

  /// Writes the ledger's row of a load that failed.
  private func record(_ failure: LoadFailure, of target: LoadTarget) async throws {
    var report = LoadReport(source: target.source.name, file: target.source.file, state: .checked)
    failure.verdict?.fill(&report)
    let details = FailureDetails(
      code: failure.error.code, message: failure.error.description, samples: report.samples)
    let counts = try JSON.text(report.rejected)
    let error = try JSON.text(details)
    _ = try await pool.withConnection { connection in
      try await connection.execute(
        SQL(
          file: "queries/inputs/insert_failed_load.sql", target.sourceID, target.source.file,
          failure.bytes, target.source.hash, target.started, clock.now(), report.rowsRead,
          report.rowsRejected, counts, error))
    }
  }
}

/// What a load works on.
struct LoadTarget: Sendable {
  let source: SourceDefinition
  let sourceID: Int16
  let watermark: Instant?
  let started: Instant
}

/// A load that was stopped, with what it had counted.
struct LoadFailure: Error {
  var error: InputError
  var verdict: Verdict?
  var bytes: Int64?
}

/// The ledger's `error` of a failed load.
private struct FailureDetails: Encodable {
  var code: String
  var message: String
  var samples: [RejectedRow]
}

extension SourceDefinition {
  /// The path of a file source; nil for a query.
  var file: String? {
    if case .file(let path) = location { return path }
    return nil
  }
}

extension Tally {
  /// The earliest time of good rows; nil where there is none.
  var firstTime: Instant? { first == .max ? nil : Instant(microseconds: first) }
  /// The latest time of good rows; nil where there is none.
  var lastTime: Instant? { last == .min ? nil : Instant(microseconds: last) }
}

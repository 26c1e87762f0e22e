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
  let profilesHoldFrom: Instant?

  /// A loader into a project's database.
  ///
  /// - Parameters:
  ///   - clock: gives `ingested_at` and the ledger's times.
  ///   - profilesHoldFrom: since when changed attributes hold that come without a time: for a run,
  ///     the beginning of its data interval, so that it sees what it loads. Nil for the time of the
  ///     load.
  public init(
    pool: ConnectionPool, clock: some WallClock = SystemClock(), profilesHoldFrom: Instant? = nil
  ) {
    self.pool = pool
    self.clock = clock
    self.profilesHoldFrom = profilesHoldFrom
  }

  /// Loads what a source holds and the facts do not.
  ///
  /// A file whose bytes were loaded under the same definition is not read again. Of a source of many
  /// files those that are new are loaded in order of name, each by itself: where one fails, those
  /// before it stay, and the next load begins with it. Where the contract stops a load, nothing of
  /// it is kept but a row of the ledger with its counts.
  ///
  /// - Parameters:
  ///   - acceptingChanges: whether columns may have another type or zone than at the last load.
  ///   - progress: told after every batch of rows.
  /// - Returns: one report per file that was read; one that says so where nothing was new.
  /// - Throws: ``InputError`` of the file or contract; `WarehouseError`; `CancellationError`.
  public func loadAll(
    _ source: SourceDefinition, acceptingChanges: Bool = false,
    progress: @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> [LoadReport] {
    guard case .files(let pattern) = source.location else {
      return [try await load(source, acceptingChanges: acceptingChanges, progress: progress)]
    }
    var reports: [LoadReport] = []
    var unchanged: [LoadReport] = []
    for path in try FileFolder.files(matching: pattern) {
      do {
        let report = try await load(
          source.reading(file: path), acceptingChanges, tellsChange: true, progress)
        if report.state == .skipped { unchanged.append(report) } else { reports.append(report) }
      } catch let error as InputError where !reports.isEmpty {
        let count = reports.count == 1 ? "the file" : "the \(reports.count) files"
        throw error.adding(
          hint: "\(count) before it stay loaded; the next load begins with this one")
      }
    }
    if reports.isEmpty {
      var report = LoadReport(source: source.name, file: pattern, state: .skipped)
      report.loadID = unchanged.compactMap(\.loadID).max()
      report.watermark = unchanged.last?.watermark
      reports.append(report)
    }
    reports[reports.count - 1].filesUnchanged = Int64(unchanged.count)
    return reports
  }

  /// Loads a source that is one file or query; see ``loadAll(_:acceptingChanges:progress:)``.
  public func load(
    _ source: SourceDefinition, acceptingChanges: Bool = false,
    progress: @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> LoadReport {
    try await load(source, acceptingChanges, tellsChange: false, progress)
  }

  /// Loads one file or query.
  ///
  /// - Parameter tellsChange: whether a file is believed to stay as it is, as those of a folder are;
  ///   one that a source names by itself is replaced by each delivery.
  private func load(
    _ source: SourceDefinition, _ acceptingChanges: Bool, tellsChange: Bool,
    _ progress: @Sendable (LoadProgress) -> Void
  ) async throws -> LoadReport {
    var target = try await target(source, accepting: acceptingChanges)
    do {
      if let report = try await skip(target) { return report }
      if tellsChange { target.change = try await change(of: target) }
      return try await pool.withConnection { [target] connection in
        if target.isDirect,
          let report = try await direct(target, try reading(target), on: connection, progress)
        {
          return report
        }
        return try await run(target, try reading(target), on: connection, progress)
      }
    } catch let failure as LoadFailure {
      try await record(failure, of: target)
      throw failure.error
    } catch let error as InputError {
      try await record(LoadFailure(error: error, verdict: nil), of: target)
      throw error
    }
  }

  /// Takes over what a catalogue says of profile attributes, which readers of profiles go by, and its
  /// own event kinds.
  public func declare(_ catalogue: SourceCatalogue) async throws {
    let definitions = try catalogue.attributes.map { try JSON.text($0.definition).text }
    try await pool.transaction { connection in
      let names = catalogue.attributes.map(\.name)
      try await connection.execute(
        "DELETE FROM facts.profile_attribute WHERE name <> ALL (\(names))")
      try await connection.execute(
        SQL(file: "queries/inputs/insert_attributes.sql", names, definitions))
      try await add(kinds: catalogue.ownKinds, on: connection)
    }
  }

  private nonisolated(nonsending) func add(
    kinds: [String], on connection: Connection
  ) async throws {
    if kinds.isEmpty { return }
    try await connection.execute(
      "SELECT pg_advisory_xact_lock(hashtextextended('landing.kinds', 0))")
    try await connection.execute(SQL(file: "queries/inputs/insert_kinds.sql", kinds))
  }

  /// The source's row of the ledger, and the kinds as the database numbers them.
  func target(_ source: SourceDefinition, accepting: Bool) async throws -> LoadTarget {
    let started = clock.now()
    let (known, kinds) = try await pool.transaction { connection in
      let known = try await connection.first(
        SQL(file: "queries/inputs/upsert_source.sql", source.name, started))
      try await add(kinds: source.ownKinds, on: connection)
      let kinds = try await connection.query("SELECT kind_id, name FROM facts.event_kind")
      return (known, kinds)
    }
    guard let known else {
      throw InputError(code: "inputs.ledger", message: "expected the source's row, found none")
    }
    var source = source
    // A kind that another project file added once is known only where this one adds it too.
    for row in kinds {
      let name: String = try row.get("name")
      if source.kinds[name] != nil { source.kinds[name] = try row.get("kind_id", as: Int16.self) }
    }
    let shape: JSONText = try known.get("shape")
    return LoadTarget(
      source: source, sourceID: try known.get("source_id"),
      watermark: try known.get("watermark"), cut: try known.get("transaction_cut"),
      shape: accepting ? ColumnShapes() : try ColumnShapes(stored: shape.text), started: started)
  }

  func reading(_ target: LoadTarget) throws(InputError) -> SourceReading {
    let source = target.source
    switch source.location {
    case .file(let path): return .file(source, path: path, now: target.started)
    case .query, .postgres:
      let query = QueryReading(
        source: source, since: target.watermark, cut: target.cut, shape: target.shape)
      return .query(query, options: pool.options, now: target.started)
    case .files(let pattern):
      throw InputError(
        code: "inputs.not_a_file", message: "expected one file, found a folder", file: pattern)
    }
  }

  // MARK: One load

  /// How a file differs from what was loaded under its path; nil where nothing was.
  private func change(of target: LoadTarget) async throws -> FileChange? {
    guard case .file(let path) = target.source.location else { return nil }
    let row = try await pool.withConnection { connection in
      try await connection.first(
        SQL(file: "queries/inputs/find_last_file.sql", target.sourceID, path))
    }
    guard let row else { return nil }
    let before: (bytes: Int64, digest: String, load: Int64) = (
      try row.get("bytes"), try row.get("digest"), try row.get("load_id")
    )
    return try await SourceReading.onThread {
      let size = Int64(try FileBytes(path: path).size)
      return try FileChange.of(path, size: size, before: before)
    }
  }

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
    let digest = try await digest(of: path, target)
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

  /// The digest of a file's content: as remembered where the file system says that it is the same file.
  private func digest(of path: String, _ target: LoadTarget) async throws -> String {
    guard let stamp = FileStamp(of: path) else {
      return try await SourceReading.onThread { try FileBytes.digest(of: path) }
    }
    let known = try await pool.first(
      SQL(file: "queries/inputs/select_file_stamp.sql", target.sourceID, path, stamp.text))
    if let known { return try known.get("digest") }
    let isSettled = stamp.isSettled(at: clock.now())
    let digest = try await SourceReading.onThread { try FileBytes.digest(of: path) }
    if isSettled, FileStamp(of: path) == stamp {
      try await pool.execute(
        SQL(
          file: "queries/inputs/upsert_file_stamp.sql", target.sourceID, path, stamp.text, digest))
    }
    return digest
  }

  nonisolated(nonsending) func run(
    _ target: LoadTarget, _ reading: SourceReading, on connection: Connection,
    _ progress: @Sendable (LoadProgress) -> Void
  ) async throws -> LoadReport {
    do {
      try await Staging.create(on: connection)
      let outcome = try await Staging.fill(
        target.source, from: reading, on: connection, progress)
      var last = reading.progress
      last.phase = .committing
      progress(last)
      let verdict = Verdict(source: target.source, tally: outcome.tally)
      // Rows that are read again were judged by share once.
      if let breach = fault(target, outcome, verdict), target.replays == nil {
        throw LoadFailure(error: breach, verdict: verdict, bytes: outcome.bytes)
      }
      let report = try await commit(target, outcome, verdict, on: connection)
      try await Staging.drop(on: connection)
      return report
    } catch {
      reading.channel.stop()
      // The session's tables must not outlive the load in a pooled connection; where even that
      // fails the next load's own clean-up meets them.
      try? await Staging.drop(on: connection)
      throw error
    }
  }

  /// What stops a load that was read to its end; nil where nothing does.
  func fault(
    _ target: LoadTarget, _ outcome: SourceReading.Outcome, _ verdict: Verdict
  ) -> InputError? {
    let source = target.source
    let file = source.file
    return ColumnShapes.broken(source, outcome.tally, file: file)
      ?? (file == nil
        ? nil : outcome.shape.change(from: target.shape, source: source.name, file: file))
      ?? ColumnShapes.vanished(source, outcome.tally, before: target.shape)
      ?? verdict.breach(file: file)
  }

  /// Writes the ledger's row of a load that failed.
  private func record(_ failure: LoadFailure, of target: LoadTarget) async throws {
    var report = LoadReport(source: target.source.name, file: target.source.file, state: .checked)
    failure.verdict?.fill(&report)
    let samples = report.samples
    let counts = try JSON.text(report.rejected)
    _ = try await pool.withConnection { connection in
      let kept =
        try await hasTombstones(on: connection)
        ? try await withoutErased(samples, on: connection) : samples
      let error = try JSON.text(
        FailureDetails(
          code: failure.error.code, message: failure.error.description, samples: kept))
      try await connection.execute(
        SQL(
          file: "queries/inputs/insert_failed_load.sql", target.sourceID, target.source.file,
          failure.bytes, target.source.hash, target.started, clock.now(), report.rowsRead,
          report.rowsRejected, counts, error))
    }
  }
}

import Schedules
import Warehouse

extension Loader {
  /// Reads a source and checks its contract; nothing is written.
  ///
  /// What only the database can tell is left out: duplicates, references, `unique`.
  ///
  /// - Throws: ``InputError`` of the file or contract; `WarehouseError` for a query source.
  public func check(
    _ source: SourceDefinition, progress: @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> LoadReport {
    let now = clock.now()
    let target = LoadTarget(
      source: source, sourceID: 0, watermark: nil, cut: nil, shape: ColumnShapes(), started: now)
    return try await Self.check(source, reading: try reading(target), progress)
  }

  /// Reads a source and checks its contract without the project's database: of a source of many
  /// files every one, and of another database all that it would give at a first load.
  ///
  /// - Throws: ``InputError``; `inputs.needs_database` for a query in the project's database.
  public static func checkAll(
    _ source: SourceDefinition, progress: @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> [LoadReport] {
    let now = SystemClock().now()
    switch source.location {
    case .file: return [try await check(file: source, progress: progress)]
    case .files(let pattern):
      var reports: [LoadReport] = []
      for path in try FileFolder.files(matching: pattern) {
        reports.append(try await check(file: source.reading(file: path), progress: progress))
      }
      return reports
    case .postgres(let options, _):
      let query = QueryReading(source: source, since: nil, cut: nil, shape: ColumnShapes())
      return [
        try await check(
          source, reading: .query(query, options: options, now: now), progress)
      ]
    case .query:
      throw InputError(
        code: "inputs.needs_database",
        message: "source '\(source.name)': expected a file, found a query")
    }
  }

  /// Reads a source's one file and checks its contract without a database.
  ///
  /// - Throws: ``InputError``; `inputs.not_a_file` for another kind of source.
  public static func check(
    file source: SourceDefinition, progress: @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> LoadReport {
    guard case .file(let path) = source.location else {
      throw InputError(
        code: "inputs.not_a_file", message: "source '\(source.name)': expected one file")
    }
    let now = SystemClock().now()
    return try await check(source, reading: .file(source, path: path, now: now), progress)
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
    let broken = ColumnShapes.broken(source, outcome.tally, file: source.file)
    if let fault = broken ?? verdict.breach(file: source.file) { throw fault }
    return report
  }
}

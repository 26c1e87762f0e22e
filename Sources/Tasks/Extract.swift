import Inputs
import Orchestrator
import Pipeline
import Schedules
import Segments

/// What the sources delivered.
public struct Landed: Codable, Sendable, Hashable {
  /// One load of a source.
  public struct Load: Codable, Sendable, Equatable, Hashable {
    /// What the loader counted.
    public let report: LoadReport
    /// Wall time in seconds.
    public let seconds: Double

    /// Equal loads hash alike; the source is enough.
    public func hash(into hasher: inout Hasher) { hasher.combine(report.source) }
  }

  /// One load per source, in the order of the catalogue.
  public let loads: [Load]
}

/// Loads what the sources hold and the facts do not, one source after the other.
///
/// The order is that of the catalogue, because later sources may refer to the customers of
/// earlier ones.
public struct Extract: BatchesIntervals {
  /// `extract`.
  public static let kind = "extract"
  /// Loads with their counts.
  public typealias Product = Landed

  let sources: String

  /// An extraction of every source of a catalogue.
  public init(sources: String = Catalogues.File.sources) { self.sources = sources }

  /// Loads; what was loaded before is found and skipped.
  public func run(in context: TaskContext) async throws -> Landed {
    if try context.keepsAll("nothing is loaded") { return Landed(loads: []) }
    let catalogue = try context.catalogues().sources(sources)
    let loads = try await load(catalogue, holdingFrom: context.run.interval.start, context)
    let judged = try await judged(loads, catalogue.sources, context)
    tell(judged, context)
    return Landed(loads: judged)
  }

  /// Loads once, for sources give all that they hold; whether it is fresh enough is asked for each
  /// interval. Those after the first find everything loaded.
  public func runBatch(in batch: BatchContext<Landed>) async throws {
    guard let first = batch.intervals.first, !batch.isOfThePast else {
      return try await runOneByOne(batch)
    }
    let catalogue = try first.catalogues().sources(sources)
    let earliest = batch.intervals.map(\.run.interval.start).min()
    var loads = try await load(
      catalogue, holdingFrom: earliest ?? first.run.interval.start, first)
    for context in batch.intervals {
      try Task.checkCancellation()
      let judged = try await judged(loads, catalogue.sources, context)
      tell(judged, context)
      try batch.finish(context, with: Landed(loads: judged))
      CrashPoint.passInterval(of: Self.kind)
      loads = Self.repeated(loads)
    }
  }

  /// What the next interval finds: one line for each source, unchanged.
  private static func repeated(_ loads: [Landed.Load]) -> [Landed.Load] {
    loads.enumerated().filter { position, load in
      !loads[(position + 1)...].contains { $0.report.source == load.report.source }
    }.map { Landed.Load(report: $1.report.repeated, seconds: 0) }
  }

  private func load(
    _ catalogue: SourceCatalogue, holdingFrom start: Instant, _ context: TaskContext
  ) async throws -> [Landed.Load] {
    let loader = Loader(pool: context.pool, clock: context.clock, profilesHoldFrom: start)
    try await loader.declare(catalogue)
    var loads: [Landed.Load] = []
    for source in catalogue.sources {
      let watch = ContinuousClock()
      let start = watch.now
      let reports = try await loader.loadAll(source) { progress in
        context.progress(
          TaskProgress(
            done: progress.rowsRead, total: progress.estimatedRows, unit: "rows",
            note: progress.phase == .committing ? "\(source.name): committing" : source.name))
      }
      let elapsed = start.duration(to: watch.now).fractionalSeconds / Double(reports.count)
      for report in reports {
        context.log.info("\(Self.sentence(report))")
        for note in report.notes ?? [] { context.log.warning("\(report.source): \(note)") }
        loads.append(Landed.Load(report: report, seconds: elapsed))
      }
    }
    return loads
  }

  private func tell(_ loads: [Landed.Load], _ context: TaskContext) {
    let accepted = loads.reduce(0) { $0 + $1.report.rowsAccepted }
    let rejected = loads.reduce(0) { $0 + $1.report.rowsRejected }
    context.progress(
      TaskProgress(
        done: accepted, unit: "rows", note: rejected > 0 ? "\(rejected) rejected" : nil))
  }

  /// Compares the latest rows with what the sources promise at the run's as-of.
  ///
  /// - Throws: `inputs.stale` of every source that is too old to go on with; what came stays loaded.
  private func judged(
    _ loads: [Landed.Load], _ sources: [SourceDefinition], _ context: TaskContext
  ) async throws -> [Landed.Load] {
    let bound = sources.filter { $0.freshness != nil }
    if bound.isEmpty { return loads }
    let found = try await LoadLedger(pool: context.pool).freshness(
      of: bound, at: context.asOf)
    for freshness in found where freshness.state == .warn {
      context.log.warning("\(freshness.complaint ?? "")")
    }
    if let error = Freshness.error(of: found) { throw error }
    return loads.map { load in
      guard let freshness = found.first(where: { $0.source == load.report.source }) else {
        return load
      }
      var report = load.report
      report.freshness = freshness
      return Landed.Load(report: report, seconds: load.seconds)
    }
  }

  private static func sentence(_ report: LoadReport) -> String {
    switch report.state {
    case .skipped: "\(report.source): unchanged since load \(report.loadID ?? 0)"
    case .loaded, .checked:
      "\(report.source): \(report.rowsAccepted) accepted, \(report.rowsRejected) rejected, "
        + "\(report.rowsDuplicate) duplicate, \(report.rowsWarned) warned"
        + ((report.rowsCorrected ?? 0) > 0 ? ", \(report.rowsCorrected ?? 0) corrected" : "")
    }
  }
}

extension LoadProgress {
  /// The rows that the file will have if the rest is like what was read; nil for a query.
  public var estimatedRows: Int64? {
    guard let bytesTotal, bytesDone > 0, rowsRead > 0 else { return nil }
    return max(rowsRead, Int64(Double(rowsRead) * Double(bytesTotal) / Double(bytesDone)))
  }
}

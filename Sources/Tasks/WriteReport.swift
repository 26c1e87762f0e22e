import Orchestrator
import Pipeline
import Segments

/// Where a run's report stands.
public struct ReportReference: Codable, Sendable, Hashable {
  /// The row of `reports.run_report`.
  public let runID: Int64
}

/// Writes everything the run knows about itself to `reports.run_report`.
public struct WriteReport: BatchesIntervals {
  /// `write_report`.
  public static let kind = "write_report"
  /// The report's place.
  public typealias Product = ReportReference

  let publication: Output<PublicationResult>?

  /// A report of a run that publishes; it is also written where the publication failed.
  public init(of publication: Output<PublicationResult>?) { self.publication = publication }

  /// A report of each interval's run, a few at a time: most of one is waiting for answers.
  public func runBatch(in batch: BatchContext<ReportReference>) async throws {
    for start in stride(from: 0, to: batch.intervals.count, by: Self.together) {
      try Task.checkCancellation()
      let part = Array(batch.intervals[start..<min(start + Self.together, batch.intervals.count)])
      let written = try await withThrowingTaskGroup(of: (Int, ReportReference).self) { group in
        for (number, context) in part.enumerated() {
          group.addTask { (number, try await run(in: context)) }
        }
        var written = [ReportReference?](repeating: nil, count: part.count)
        for try await (number, reference) in group { written[number] = reference }
        return written
      }
      for (context, reference) in zip(part, written) {
        guard let reference else { continue }
        try batch.finish(context, with: reference)
        CrashPoint.passInterval(of: Self.kind)
      }
    }
  }

  private static let together = 4

  /// Assembles and stores the report.
  public func run(in context: TaskContext) async throws -> ReportReference {
    let reports = RunReports(pool: context.pool, project: try context.project())
    let report = try await reports.assemble(context.run.runID)
    try await reports.store(report)
    return ReportReference(runID: context.run.runID)
  }
}

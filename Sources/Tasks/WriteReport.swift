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

  /// A report of each interval's run.
  public func runBatch(in batch: BatchContext<ReportReference>) async throws {
    try await runOneByOne(batch)
  }

  /// Assembles and stores the report.
  public func run(in context: TaskContext) async throws -> ReportReference {
    let reports = RunReports(pool: context.pool, project: try context.project())
    let report = try await reports.assemble(context.run.runID)
    try await reports.store(report)
    return ReportReference(runID: context.run.runID)
  }
}

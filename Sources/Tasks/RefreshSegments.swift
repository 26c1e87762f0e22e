import Orchestrator
import Pipeline
import Schedules

/// One step of the refresh between the nights, at the run's as-of: what `strata watch` does again and
/// again, with everything built for the one time.
public struct RefreshSegments: RunnableTask {
  /// `refresh_segments`.
  public static let kind = "refresh_segments"
  /// What the step did.
  public typealias Product = RefreshStep

  let features: String
  let segments: String

  /// A refresh by a project's catalogues.
  public init(
    features: String = Catalogues.File.features, segments: String = Catalogues.File.segments
  ) {
    self.features = features
    self.segments = segments
  }

  /// Folds what came, and publishes what changed; a repetition finds nothing to do.
  ///
  /// - Throws: `refresh.waits_for_night` where the night of the as-of's midnight has to come first.
  public func run(in context: TaskContext) async throws -> RefreshStep {
    var refresher = SegmentRefresher(
      try context.project(), pool: context.pool, clock: context.clock,
      features: features, segments: segments,
      recording: .run(context.run.runID) { try await context.fence($0) })
    let step = try await refresher.step(to: context.asOf)
    if step.kind == .waiting {
      throw TaskError(
        code: "refresh.waits_for_night",
        message: step.notice ?? "expected the night before to be published, found that it is not",
        hint: "run the night first: strata run nightly_segments")
    }
    context.log.info("\(step.sentence)")
    context.progress(
      TaskProgress(
        done: Int64(step.entered + step.left), unit: "changes", note: "\(step.customers) customers")
    )
    return step
  }
}

import FeatureStore
import Orchestrator
import Pipeline
import Segments

/// Makes an evaluation what analysts see: deltas only, in one transaction, fenced.
public struct PublishSegments: BatchesIntervals {
  /// `publish_segments`.
  public static let kind = "publish_segments"
  /// What changed.
  public typealias Product = PublicationResult

  let evaluation: Output<EvaluationReference>

  /// A publication of what ``EvaluateRules`` found.
  public init(_ evaluation: Output<EvaluationReference>) { self.evaluation = evaluation }

  /// Publishes; doing it again for the same instant and result changes nothing.
  public func run(in context: TaskContext) async throws -> PublicationResult {
    ResourceLimits.process.giveBack()
    let reference = try context.value(of: evaluation)
    let publisher = Publisher(pool: context.pool, clock: context.clock)
    if try context.keepsAll("the segments are shown, and not published") {
      return try await publisher.preview(evaluationID: reference.evaluationID)
    }
    // A refresh between the nights publishes the midnight where no night has, and goes on from there.
    if try await publisher.isOvertaken(context.asOf, dag: context.run.dag) {
      let what = "a refresh has published \(context.asOf) already and a later instant since"
      context.log.notice("\(what): what this run loaded counts from its next step on")
      return try await publisher.preview(
        evaluationID: reference.evaluationID, outcome: .overtaken)
    }
    let result = try await publisher.publish(
      evaluationID: reference.evaluationID, runID: context.run.runID,
      fence: { try await context.fence($0) })
    tell(result, context)
    return result
  }

  /// Publishes in order, several days to a transaction; each has its own publication, fenced by its
  /// own attempt. Days that do not ascend are published one by one.
  public func runBatch(in batch: BatchContext<PublicationResult>) async throws {
    ResourceLimits.process.giveBack()
    guard let first = batch.intervals.first, !batch.isOfThePast,
      zip(batch.intervals, batch.intervals.dropFirst()).allSatisfy({ $0.asOf < $1.asOf })
    else { return try await runOneByOne(batch) }
    let orders = try batch.intervals.map { context in
      Publisher.Order(
        evaluationID: try context.value(of: evaluation).evaluationID, runID: context.run.runID,
        fence: { try await context.fence($0) })
    }
    try await Publisher(pool: first.pool, clock: first.clock).publish(series: orders) {
      position, result in
      let context = batch.intervals[position]
      tell(result, context)
      try batch.finish(context, with: result)
      CrashPoint.passInterval(of: Self.kind)
    }
  }

  private func tell(_ result: PublicationResult, _ context: TaskContext) {
    context.progress(
      TaskProgress(
        done: Int64(result.rowsChanged), total: Int64(result.rowsChanged), unit: "changes",
        note: result.outcome.rawValue))
  }
}

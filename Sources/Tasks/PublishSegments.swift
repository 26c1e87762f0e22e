import Orchestrator
import Pipeline
import Segments

/// Makes an evaluation what analysts see: deltas only, in one transaction, fenced.
public struct PublishSegments: RunnableTask {
  /// `publish_segments`.
  public static let kind = "publish_segments"
  /// What changed.
  public typealias Product = PublicationResult

  let evaluation: Output<EvaluationReference>

  /// A publication of what ``EvaluateRules`` found.
  public init(_ evaluation: Output<EvaluationReference>) { self.evaluation = evaluation }

  /// Publishes; doing it again for the same instant and result changes nothing.
  public func run(in context: TaskContext) async throws -> PublicationResult {
    let reference = try context.value(of: evaluation)
    let publisher = Publisher(pool: context.pool, clock: context.clock)
    if try context.keepsAll("the segments are shown, and not published") {
      return try await publisher.preview(evaluationID: reference.evaluationID)
    }
    let result = try await publisher.publish(
      evaluationID: reference.evaluationID, runID: context.run.runID,
      fence: { try await context.fence($0) })
    context.progress(
      TaskProgress(
        done: Int64(result.rowsChanged), total: Int64(result.rowsChanged), unit: "changes",
        note: result.outcome.rawValue))
    return result
  }
}

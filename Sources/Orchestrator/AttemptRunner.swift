import Pipeline
import Schedules
import Synchronization

/// How an attempt ended, with what is recorded of it.
enum AttemptResult: Sendable {
  case success(JSONValue)
  case skipped(reason: String)
  case failed(AttemptFault)

  /// Products above this are refused: large results are references.
  static let productLimit = 262_144
}

/// Runs one attempt, with its time limit.
struct AttemptRunner: Sendable {
  let task: any RunnableTask
  let context: TaskContext
  let timeLimit: Duration?

  /// The end of the attempt; never throws. Cancelling the calling task cancels the attempt, which
  /// is waited for all the same: its queries are stopped in the server before it counts as ended.
  func run() async -> AttemptResult {
    let work = Task { try await product(of: task) }
    let timer = TimeLimit()
    let result = await withTaskCancellationHandler {
      guard let timeLimit else { return await work.result }
      let limit = Task {
        // Thrown only when the timer is cancelled: the attempt ended in time.
        guard (try? await context.clock.sleep(for: timeLimit)) != nil else { return }
        timer.pass()
        work.cancel()
      }
      let result = await work.result
      limit.cancel()
      return result
    } onCancel: {
      work.cancel()
    }
    switch result {
    case .success(let product): return accept(product)
    case .failure(let skip as TaskSkipped): return .skipped(reason: storable(skip.reason))
    case .failure(let error):
      if let timeLimit, timer.isPassed {
        return .failed(
          AttemptFault(
            OrchestratorError(
              code: "orchestrator.timed_out",
              message: "expected an end within \(timeLimit), found none; stopped with: "
                + AttemptFault(error).message,
              hint: "raise the task's timeLimit, or see in its log what took long")))
      }
      return .failed(AttemptFault(error))
    }
  }

  private func product(of task: some RunnableTask) async throws -> JSONValue {
    try JSONValue(encoding: try await task.run(in: context))
  }

  private func accept(_ product: JSONValue) -> AttemptResult {
    let text = product.canonicalText
    if text.utf8.count > Self.limit {
      return .failed(
        AttemptFault(
          OrchestratorError(
            code: "orchestrator.product_too_large",
            message: "expected a product of at most \(Self.limit) bytes of JSON, found "
              + "\(text.utf8.count)", hint: "store large results, and hand on a reference",
            isPermanent: true)))
    }
    if text.contains("\\u0000") {
      return .failed(
        AttemptFault(
          OrchestratorError(
            code: "orchestrator.bad_product",
            message: "expected a product without the character NUL, found one",
            hint: "PostgreSQL's jsonb cannot hold it", isPermanent: true)))
    }
    return .success(product)
  }

  private static let limit = AttemptResult.productLimit
}

/// Whether an attempt's time is over.
private final class TimeLimit: Sendable {
  private let passed = Mutex(false)

  var isPassed: Bool { passed.withLock { $0 } }

  func pass() { passed.withLock { $0 = true } }
}

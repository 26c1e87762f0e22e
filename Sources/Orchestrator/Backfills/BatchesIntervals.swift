import Pipeline
import Schedules
import Synchronization

/// A task kind that can serve many intervals of a DAG in one go, cheaper than one by one: what it
/// needs for all of them is loaded once.
///
/// Where every kind of a DAG is one, a backfill hands each task all intervals at once: the first
/// task all of them, then the next one, and so on. Each interval still has its run, its attempts
/// with fencing tokens, its products and its log; what has been finished stays finished, so after a
/// crash or a failure a task goes on with the intervals that are left.
public protocol BatchesIntervals: RunnableTask {
  /// Does the work of the intervals in the order in which they are given, and calls
  /// ``BatchContext/finish(_:with:)`` as soon as one is done.
  ///
  /// An error is that of the first interval that is not finished; the others after it are given
  /// back without costing a try. A single run goes through ``RunnableTask/run(in:)`` as ever, and
  /// both ways have to come to the same.
  func runBatch(in batch: BatchContext<Product>) async throws
}

/// The intervals that a task serves in one go.
public struct BatchContext<Product: Codable & Sendable>: Sendable {
  /// What an attempt works with, for each interval that is left, in order: the oldest first, or the
  /// latest in a backfill in reverse. Each has its own run, attempt, fence, products and log.
  public let intervals: [TaskContext]
  let finished: @Sendable (Int64, JSONValue) throws -> Void

  /// Ends an interval well: it is recorded with its product, which lets its run go on.
  ///
  /// What it publishes goes before, through the interval's own ``TaskContext/fence(_:)``.
  ///
  /// - Throws: ``OrchestratorError`` for a product that cannot be stored, and
  ///   `orchestrator.finished_twice`.
  public func finish(_ interval: TaskContext, with product: Product) throws {
    try finished(interval.attempt.fencingToken, try JSONValue(encoding: product))
  }
}

extension TaskRegistry {
  /// Whether all tasks of a definition can serve many intervals in one go.
  ///
  /// Sensors wait, mapped tasks count their items and branches choose for each run apart; a task
  /// that depends on the past is let go interval by interval.
  func batches(_ snapshot: DAGSnapshot) -> Bool {
    guard BackfillPlan.dependentOnPast(snapshot).isEmpty else { return false }
    return snapshot.tasks.allSatisfy { definition in
      guard definition.sensor == nil, definition.mapping == nil, !definition.steers,
        definition.isolation == .inProcess
      else { return false }
      do throws(OrchestratorError) {
        return try task(for: definition) is any BatchesIntervals
      } catch {
        // A kind that is not known here is told of when it is run.
        return false
      }
    }
  }
}

/// The intervals of one batch while it runs, and how far they are.
final class BatchProgress: Sendable {
  /// One interval.
  struct Part: Sendable {
    let claimed: ClaimedTask
    let log: LogBuffer
    let stopping: StopFlag
    let progress: LatestProgress
  }

  let parts: [Part]
  private let open: Mutex<Set<Int64>>
  private let ended: @Sendable (EndedAttempt) -> Void

  init(_ parts: [Part], ended: @escaping @Sendable (EndedAttempt) -> Void) {
    self.parts = parts
    self.ended = ended
    open = Mutex(Set(parts.map(\.claimed.token)))
  }

  /// Ends an interval; false where it has ended already.
  private func end(_ part: Part, _ result: AttemptResult) -> Bool {
    guard open.withLock({ $0.remove(part.claimed.token) }) != nil else { return false }
    let claimed = part.claimed
    ended(
      EndedAttempt(
        key: claimed.key, taskID: claimed.taskID, token: claimed.token,
        attempt: claimed.attempt, startedAt: claimed.startedAt, result: result,
        progress: part.progress.value))
    return true
  }

  func finish(_ token: Int64, _ product: JSONValue) throws {
    let result = try AttemptResult.accepting(product, skips: [])
    guard let part = parts.first(where: { $0.claimed.token == token }), end(part, result) else {
      throw OrchestratorError(
        code: "orchestrator.finished_twice",
        message: "expected an interval of this batch that is not finished, found token \(token)",
        isPermanent: true)
    }
  }

  /// Ends what is left: those that were told to stop are cancelled, the first of the others takes
  /// the error, unless it came of the stop, and the rest are given back.
  func close(_ error: (any Error)?) {
    let left = parts.filter { part in open.withLock { $0.contains(part.claimed.token) } }
    let isStopped = left.contains { $0.stopping.isRaised }
    var fault: AttemptFault?
    if !isStopped {
      fault = error.map(AttemptFault.init) ?? AttemptFault(Self.unfinished(left.count))
    }
    for part in left {
      if part.stopping.isRaised {
        _ = end(
          part,
          part.stopping.releases
            ? .released(reason: "its worker was shut down")
            : .cancelled(reason: "stopped on request"))
      } else if let first = fault {
        _ = end(part, .failed(first))
        fault = nil
      } else {
        _ = end(part, .released(reason: "given back: the batch stopped before this interval"))
      }
    }
  }

  private static func unfinished(_ count: Int) -> OrchestratorError {
    OrchestratorError(
      code: "orchestrator.unfinished_batch",
      message: "expected every interval of the batch to be finished, found \(count) that are not",
      isPermanent: true)
  }
}

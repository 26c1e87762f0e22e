import Pipeline
import Schedules
import Synchronization
import Warehouse

/// How an attempt ended, with what is recorded of it.
enum AttemptResult: Codable, Sendable {
  /// With a product, and the tasks that it rules out where it steers.
  case success(JSONValue, skips: [String])
  case skipped(reason: String)
  case failed(AttemptFault)
  /// A sensor that looks again after a pause.
  case deferred(for: Duration, reason: String?)
  /// Stopped because somebody asked for it.
  case cancelled(reason: String)
  /// Given back without an end of its own, as when its worker shuts down: it is queued again, and
  /// costs no try.
  case released(reason: String)

  /// As the attempt's row says it.
  var state: TaskState {
    switch self {
    case .success: .success
    case .skipped: .skipped
    case .failed: .failed
    case .deferred: .deferred
    case .cancelled, .released: .cancelled
    }
  }

  /// Products above this are refused: large results are references.
  static let productLimit = 262_144
}

/// Runs one attempt, with its time limit.
struct AttemptRunner: Sendable {
  let task: any RunnableTask
  let context: TaskContext
  let timeLimit: Duration?
  var sensor: SensorPolicy?
  /// When the sensor first looked.
  var sensorSince: Instant?
  /// The tasks right downstream, and all downstream.
  var downstream: (direct: [String], all: [String]) = ([], [])
  /// What the time limit is measured on; nil for the context's clock.
  var limitClock: (any WallClock)?
  /// Whether somebody asked for its stop.
  var isStopped: @Sendable () -> Bool = { false }

  /// The end of the attempt; never throws. Cancelling the calling task cancels the attempt, which
  /// is waited for all the same: its queries are stopped in the server before it counts as ended.
  func run() async -> AttemptResult {
    // A new task knows nothing of the executor that this one runs on.
    let work = Task(executorPreference: AttemptExecutor.shared) { try await looking() }
    let timer = TimeLimit()
    let result = await withTaskCancellationHandler {
      guard let timeLimit else { return await work.result }
      let limit = Task {
        // Thrown only when the timer is cancelled: the attempt ended in time.
        let clock = limitClock ?? context.clock
        guard (try? await clock.sleep(for: timeLimit)) != nil else { return }
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
    case .success(let result): return result
    case .failure(let skip as TaskSkipped): return .skipped(reason: storable(skip.reason))
    case .failure(let error):
      if isStopped() { return .cancelled(reason: "stopped on request") }
      // The server's own limit may come a moment before the timer.
      let isServerLimit = (error as? WarehouseError)?.sqlState == "57014"
      if let timeLimit, timer.isPassed || isServerLimit {
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

  /// Runs the task; a sensor that finds nothing looks again here, or gives its slot back.
  private func looking() async throws -> AttemptResult {
    while true {
      do {
        return try await product(of: task)
      } catch let missing as NotYet {
        guard let sensor else { throw missing }
        let pause = Duration.milliseconds(sensor.intervalMilliseconds)
        if let spent = spent(sensor, pause) { return spent }
        if sensor.mode == .reschedule {
          return .deferred(for: pause, reason: missing.reason.map(storable))
        }
        try await context.clock.sleep(for: pause)
      }
    }
  }

  /// The end of a sensor whose budget does not last until its next look; nil where it does.
  private func spent(_ sensor: SensorPolicy, _ pause: Duration) -> AttemptResult? {
    guard let budget = sensor.budgetMilliseconds, let since = sensorSince else { return nil }
    let limit = Duration.milliseconds(budget)
    guard context.clock.now() + pause - since > limit else { return nil }
    let message = "expected what it waits for within \(limit), found nothing"
    if sensor.softFail { return .skipped(reason: message) }
    return .failed(
      AttemptFault(
        OrchestratorError(
          code: "orchestrator.sensor_timed_out", message: message,
          hint: "raise the sensor's budget, or see why it is late", isPermanent: true)))
  }

  private func product(of task: some RunnableTask) async throws -> AttemptResult {
    let product = try await task.run(in: context)
    var skips: [String] = []
    if let steering = product as? any SteeringProduct {
      let unknown = steering.unknownChoices(among: downstream.direct)
      guard unknown.isEmpty else {
        throw OrchestratorError(
          code: "orchestrator.bad_choice",
          message: "expected a choice among the tasks right downstream ("
            + downstream.direct.joined(separator: ", ")
            + "), found \(unknown.joined(separator: ", "))", isPermanent: true)
      }
      skips = steering.skips(among: downstream.direct, descendants: downstream.all)
    }
    return try .accepting(JSONValue(encoding: product), skips: skips)
  }

}

extension AttemptResult {
  /// Success with a product that can be stored.
  static func accepting(_ product: JSONValue, skips: [String]) throws -> AttemptResult {
    let text = product.canonicalText
    guard text.utf8.count <= AttemptResult.productLimit else {
      throw OrchestratorError(
        code: "orchestrator.product_too_large",
        message: "expected a product of at most \(AttemptResult.productLimit) bytes of JSON, found "
          + "\(text.utf8.count)", hint: "store large results, and hand on a reference",
        isPermanent: true)
    }
    guard !text.contains("\\u0000") else {
      throw OrchestratorError(
        code: "orchestrator.bad_product",
        message: "expected a product without the character NUL, found one",
        hint: "PostgreSQL's jsonb cannot hold it", isPermanent: true)
    }
    return .success(product, skips: skips)
  }
}

/// Whether an attempt's time is over.
private final class TimeLimit: Sendable {
  private let passed = Mutex(false)

  var isPassed: Bool { passed.withLock { $0 } }

  func pass() { passed.withLock { $0 = true } }
}

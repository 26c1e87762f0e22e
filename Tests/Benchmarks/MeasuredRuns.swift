import Foundation
import Orchestrator
import Pipeline
import Schedules
import Synchronization
import Warehouse

/// Runs of no-op DAGs on a database of the bench, timed in this process.
///
/// Each call runs an interval of its own, so a DAG may be measured any number of times.
final class MeasuredRuns: Sendable {
  /// What one run took.
  struct Timing: Sendable {
    /// From the call to its return.
    let seconds: Double
    /// Between one task and the next that was reached, in seconds; one less than there are tasks.
    let gaps: [Double]
    /// Changes of state that a task goes through when it is claimed and when it ends.
    let transitions: Int
  }

  /// Tasks at once.
  static let parallelism = 16
  /// 2024-01-01; intervals before it belong to multiplied runs.
  private static let firstDay = Day(number: 19_723)

  let pool: ConnectionPool
  private let coordinator: RunCoordinator
  private let nextDay = Mutex(MeasuredRuns.firstDay)

  /// - Parameter settings: server settings of the sessions that differ from the cluster's.
  init(url: String, projectDirectory: String, settings: [String: String] = [:]) throws {
    var options = ConnectionOptions(url)
    options.settings = settings
    pool = ConnectionPool(options, limit: 16)
    coordinator = RunCoordinator(
      pool: pool, registry: try TaskRegistry(NothingDAGs.kinds),
      projectDirectory: projectDirectory, zone: .utc)
  }

  func close() async { await pool.close() }

  /// One run from the call to its end.
  ///
  /// - Throws: ``BenchError`` where a task did not succeed or was not reached exactly once.
  func run(_ dag: DAG) async throws -> Timing {
    try await run(dag, interval: newInterval())
  }

  /// Seconds from the request to cancel a run until the backend of its query works no more.
  ///
  /// - Throws: ``BenchError`` where the query did not start, outlived the run or kept on, or the run
  ///   is not recorded as cancelled.
  func cancel() async throws -> Double {
    let interval = newInterval()
    let work = Task { try await coordinator.run(NothingDAGs.sleeper, interval: interval) }
    try await waitForSleepers(1)
    let start = ContinuousClock.now
    work.cancel()
    try await waitForSleepers(0)
    let seconds = start.duration(to: .now).inSeconds
    let outcome = try await work.value
    guard outcome.run.state == .cancelled else {
      throw BenchError("expected a cancelled run, found \(outcome.run.state.rawValue)")
    }
    return seconds
  }

  /// An interval that no run has had.
  func newInterval() -> DataInterval {
    nextDay.withLock { day in
      defer { day = day + 1 }
      return DataInterval(day: day, in: .utc)
    }
  }

  private func run(_ dag: DAG, interval: DataInterval) async throws -> Timing {
    let changes = Mutex(0)
    let start = ContinuousClock.now
    let outcome = try await coordinator.run(
      dag, interval: interval, options: RunOptions(parallelism: Self.parallelism)
    ) { event in
      guard case .task(let task) = event else { return }
      if task.state == .running || task.state.isFinal { changes.withLock { $0 += 1 } }
    }
    let seconds = start.duration(to: .now).inSeconds
    let reached = Stopwatch.shared.take(run: outcome.run.runID)
    let ended = outcome.tasks.count { $0.state == .success }
    let transitions = changes.withLock { $0 }
    guard outcome.succeeded, outcome.disposition == .created, ended == dag.tasks.count,
      reached.count == ended, transitions == 2 * ended
    else {
      throw BenchError(
        "expected a new run of \(dag.name) with \(dag.tasks.count) successes, found state "
          + "\(outcome.run.state.rawValue) (\(outcome.disposition.rawValue)), \(ended) successes, "
          + "\(reached.count) tasks reached and \(transitions) transitions")
    }
    return Timing(
      seconds: seconds,
      gaps: zip(reached, reached.dropFirst()).map { $0.duration(to: $1).inSeconds },
      transitions: transitions)
  }

  private func waitForSleepers(_ count: Int64) async throws {
    let limit = ContinuousClock.now + .seconds(30)
    while true {
      let row = try await pool.first(
        """
        SELECT count(*) AS found FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'active'
          AND query LIKE '%' || \(ServerSleepTask.mark) || '%' AND pid <> pg_backend_pid()
        """)
      if try row?.get("found", as: Int64.self) == count { return }
      guard ContinuousClock.now < limit else {
        throw BenchError("waited 30 s for \(count) queries of \(ServerSleepTask.mark)")
      }
      try await Task.sleep(for: .milliseconds(2))
    }
  }
}

/// The smallest value that at least `share` of the values do not exceed; 0 of none.
func quantile(_ values: [Double], _ share: Double) -> Double {
  let sorted = values.sorted()
  guard let last = sorted.last else { return 0 }
  let rank = Int((share * Double(sorted.count)).rounded(.up)) - 1
  return rank < sorted.count ? sorted[max(0, rank)] : last
}

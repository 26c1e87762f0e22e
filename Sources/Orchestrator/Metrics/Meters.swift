import CoreMetrics
import Pipeline
import Schedules
import Telemetry
import Warehouse

/// What the runtime counts and times, by the names that Prometheus shows.
///
/// No label takes unbounded values: states and error codes, never DAGs, tasks or run numbers.
struct Meters: Sendable {
  private let attemptsStarted: Counter
  private let attemptsEnded: [TaskState: Counter]
  private let attemptsRefused: Counter
  private let runsStarted: Counter
  private let runsEnded: [RunState: Counter]
  private let queueWait: Timer
  private let attemptDuration: Timer
  private let decisionDuration: Timer
  private let schedulerLag: Timer
  private let workersLost: Counter
  private let logLinesDropped: Counter
  private let slotsUsed: Meter
  private let slotsFree: Meter
  private let factory: any MetricsFactory

  /// Meters of a factory: by default of the one that the process has bootstrapped by now.
  init(factory: any MetricsFactory = MetricsSystem.factory) {
    func counter(_ name: String, _ labels: [(String, String)] = []) -> Counter {
      Counter(label: name, dimensions: labels, factory: factory)
    }
    func timer(_ name: String) -> Timer { Timer(label: name, dimensions: [], factory: factory) }
    self.factory = factory
    attemptsStarted = counter(Name.attemptsStarted)
    let attemptStates: [TaskState] = [.success, .failed, .skipped, .deferred, .cancelled]
    attemptsEnded = Dictionary(
      uniqueKeysWithValues: attemptStates.map {
        ($0, counter(Name.attemptsEnded, [("state", $0.rawValue)]))
      })
    attemptsRefused = counter(Name.attemptsRefused)
    runsStarted = counter(Name.runsStarted)
    runsEnded = Dictionary(
      uniqueKeysWithValues: [RunState.success, .failed, .cancelled].map {
        ($0, counter(Name.runsEnded, [("state", $0.rawValue)]))
      })
    queueWait = timer(Name.queueWait)
    attemptDuration = timer(Name.attemptDuration)
    decisionDuration = timer(Name.decisionDuration)
    schedulerLag = timer(Name.schedulerLag)
    workersLost = counter(Name.workersLost)
    logLinesDropped = counter(Name.logLinesDropped)
    slotsUsed = Meter(label: Name.slots, dimensions: [("state", "used")], factory: factory)
    slotsFree = Meter(label: Name.slots, dimensions: [("state", "free")], factory: factory)
  }

  // MARK: Work

  /// Attempts were claimed; each waited from when it was ready (or due again) to now.
  func claimed(_ waits: [Duration]) {
    attemptsStarted.increment(by: waits.count)
    for wait in waits { Self.record(wait, queueWait) }
  }

  /// The end of an attempt was recorded.
  func ended(_ state: TaskState, after duration: Duration) {
    attemptsEnded[state]?.increment()
    Self.record(duration, attemptDuration)
  }

  /// The ends of attempts were refused: others had taken over.
  func refused(_ count: Int) { attemptsRefused.increment(by: count) }

  /// A worker's slots.
  func slots(used: Int, of all: Int) {
    slotsUsed.set(used)
    slotsFree.set(max(0, all - used))
  }

  /// Log lines were given up, since the log could not be written as fast as it grew.
  func dropped(lines: Int) { logLinesDropped.increment(by: lines) }

  // MARK: Runs

  /// A decision was made and committed.
  func decided(in duration: Duration) { Self.record(duration, decisionDuration) }

  /// A run began.
  func started() { runsStarted.increment() }

  /// A run ended.
  func ended(_ state: RunState) { runsEnded[state]?.increment() }

  /// A scheduler made a run so long after it was due.
  func made(late lag: Duration) { Self.record(lag, schedulerLag) }

  /// Workers were given up: their leases were over.
  func lost(workers count: Int) { workersLost.increment(by: count) }

  /// A statement or connection failed.
  func failed(_ error: any Error) {
    guard let error = error as? WarehouseError else { return }
    Counter(label: Name.databaseErrors, dimensions: [("code", error.code)], factory: factory)
      .increment()
  }
}

extension Meters {
  /// Clocks of two hosts may make a time come out below zero: then it is none.
  private static func record(_ duration: Duration, _ timer: Timer) {
    let parts = max(.zero, duration).components
    timer.recordNanoseconds(
      min(parts.seconds, 9_000_000_000) * 1_000_000_000
        + parts.attoseconds / 1_000_000_000)
  }

  /// The names of the runtime's metrics.
  enum Name {
    static let attemptsStarted = "strata_attempts_started_total"
    static let attemptsEnded = "strata_attempts_ended_total"
    static let attemptsRefused = "strata_attempts_refused_total"
    static let runsStarted = "strata_runs_started_total"
    static let runsEnded = "strata_runs_ended_total"
    static let queueWait = "strata_queue_wait_seconds"
    static let attemptDuration = "strata_attempt_duration_seconds"
    static let decisionDuration = "strata_decision_duration_seconds"
    static let schedulerLag = "strata_scheduler_lag_seconds"
    static let workersLost = "strata_workers_lost_total"
    static let logLinesDropped = "strata_log_lines_dropped_total"
    static let databaseErrors = "strata_database_errors_total"
    static let slots = "strata_worker_slots"
    static let runs = "strata_runs"
    static let tasks = "strata_tasks"
    static let workers = "strata_workers"
    static let collected = "strata_collect_success"
  }
}

/// What the runtime's metrics mean: for ``MetricRegistry/bootstrap(_:)``.
public let orchestratorMetrics: [MetricDescription] = [
  MetricDescription(Meters.Name.attemptsStarted, "Attempts that this process has started."),
  MetricDescription(
    Meters.Name.attemptsEnded, "Attempts of this process whose end was recorded, by how they ended."
  ),
  MetricDescription(
    Meters.Name.attemptsRefused,
    "Ends of attempts that were refused, because another process had taken over."),
  MetricDescription(Meters.Name.runsStarted, "Runs that this process let begin."),
  MetricDescription(Meters.Name.runsEnded, "Runs that a decision of this process ended, by state."),
  MetricDescription(
    Meters.Name.queueWait, "From when a task could be claimed to its claim, in seconds."),
  MetricDescription(
    Meters.Name.attemptDuration, "From the start of an attempt to its recorded end, in seconds.",
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 43_200]),
  MetricDescription(
    Meters.Name.decisionDuration, "Time of a decision's transaction, in seconds.",
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]),
  MetricDescription(
    Meters.Name.schedulerLag, "From when a run was due to when it was made, in seconds."),
  MetricDescription(
    Meters.Name.workersLost, "Workers that this process gave up, because their leases were over."),
  MetricDescription(
    Meters.Name.logLinesDropped, "Log lines of attempts that could not be kept."),
  MetricDescription(
    Meters.Name.databaseErrors, "Errors of the database that the loops met, by code."),
  MetricDescription(Meters.Name.slots, "Slots of this process's worker, used and free."),
  MetricDescription(Meters.Name.runs, "Unfinished runs in the database, by state."),
  MetricDescription(
    Meters.Name.tasks, "Tasks that can be claimed now (due), later (waiting), or run, by state."),
  MetricDescription(Meters.Name.workers, "Workers that have not left, by role and state."),
  MetricDescription(
    Meters.Name.collected,
    "1 if the gauges that are read from the database are of this moment, 0 if that failed."),
]

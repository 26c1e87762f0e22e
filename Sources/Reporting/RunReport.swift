import Schedules

/// Everything a run knows, as one value: stored as JSON, printed, and drawn.
///
/// The value holds facts only; ``text(width:color:)``, ``json()`` and ``html()`` are pure views of
/// it. JSON keys are the property names in snake case and stay stable within a `format`.
public struct RunReport: Codable, Sendable, Equatable {
  /// The version of the JSON form: it rises when a key changes its meaning or goes.
  public var format = 1
  /// The project's name.
  public var project: String
  /// The run.
  public var run: RunFacts
  /// The tasks in the order of the DAG.
  public var tasks: [TaskFacts]
  /// What each source delivered in this run, in the order of the sources.
  public var loads: [LoadFacts]
  /// How the features came about; nil where the run builds none.
  public var features: FeatureFacts?
  /// The models that were trained or used.
  public var models: [ModelFacts]
  /// The segments as published; empty where nothing was.
  public var segments: [SegmentFacts]
  /// Sizes of the segments on the last days, this one included; nil where nothing was published.
  public var sizes: SizeHistory?
  /// What went on but should be looked at.
  public var warnings: [Notice]
  /// What went wrong, with what to do.
  public var failures: [Notice]
  /// Commands that look further.
  public var nextSteps: [NextStep]

  /// A report; parts that the run lacks stay empty.
  public init(
    project: String, run: RunFacts, tasks: [TaskFacts] = [], loads: [LoadFacts] = [],
    features: FeatureFacts? = nil, models: [ModelFacts] = [], segments: [SegmentFacts] = [],
    sizes: SizeHistory? = nil, warnings: [Notice] = [], failures: [Notice] = [],
    nextSteps: [NextStep] = []
  ) {
    self.project = project
    self.run = run
    self.tasks = tasks
    self.loads = loads
    self.features = features
    self.models = models
    self.segments = segments
    self.sizes = sizes
    self.warnings = warnings
    self.failures = failures
    self.nextSteps = nextSteps
  }
}

/// How a run or a task stands when the report is written.
public enum Outcome: String, Codable, Sendable, CaseIterable {
  /// Not started, or waiting for others.
  case waiting
  /// Under way: the report's own task, or an interrupted run.
  case running
  /// An attempt failed, and another will follow.
  case retrying
  /// Ended well.
  case success
  /// Ended badly.
  case failed
  /// Never ran, because something upstream failed.
  case upstreamFailed = "upstream_failed"
  /// Did not have to run.
  case skipped
  /// Stopped on request.
  case cancelled

  /// For people: `upstream failed`.
  public var title: String { self == .upstreamFailed ? "upstream failed" : rawValue }

  /// Whether it counts as a failure of the run.
  public var isFailure: Bool { self == .failed || self == .upstreamFailed }
}

/// Which run, over what data, and how it went.
public struct RunFacts: Codable, Sendable, Equatable {
  /// The run's number in the ledger.
  public var id: Int64
  /// The DAG's name.
  public var dag: String
  /// The first instant of the data interval.
  public var intervalStart: Instant
  /// The first instant after it: the run's as-of.
  public var intervalEnd: Instant
  /// The IANA name of the project's zone, in which times are shown.
  public var zone: String
  /// How the run stands.
  public var state: Outcome
  /// When the run began.
  public var startedAt: Instant
  /// When it ended; nil while its last task writes this report.
  public var finishedAt: Instant?
  /// What made it run: `manual`, `schedule`, `backfill`; nil where it is not known.
  public var cause: String?

  /// The facts of a run.
  public init(
    id: Int64, dag: String, intervalStart: Instant, intervalEnd: Instant, zone: String,
    state: Outcome, startedAt: Instant, finishedAt: Instant? = nil, cause: String? = nil
  ) {
    self.id = id
    self.dag = dag
    self.intervalStart = intervalStart
    self.intervalEnd = intervalEnd
    self.zone = zone
    self.state = state
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.cause = cause
  }
}

/// A task of the run.
public struct TaskFacts: Codable, Sendable, Equatable {
  /// The task's id in the DAG.
  public var name: String
  /// The kind of task, for example `extract`.
  public var kind: String
  /// How it stands.
  public var state: Outcome
  /// Whether the run may succeed without it.
  public var isTolerated: Bool
  /// Its attempts, the first one first; empty where it never ran.
  public var attempts: [Attempt]
  /// What it did in one line; nil where it says nothing.
  public var summary: String?

  /// One try.
  public struct Attempt: Codable, Sendable, Equatable {
    /// When it began.
    public var startedAt: Instant
    /// When it ended; nil while it runs.
    public var finishedAt: Instant?
    /// How it ended.
    public var state: Outcome

    /// A try.
    public init(startedAt: Instant, finishedAt: Instant?, state: Outcome) {
      self.startedAt = startedAt
      self.finishedAt = finishedAt
      self.state = state
    }
  }

  /// A task.
  public init(
    name: String, kind: String, state: Outcome, isTolerated: Bool = false,
    attempts: [Attempt] = [], summary: String? = nil
  ) {
    self.name = name
    self.kind = kind
    self.state = state
    self.isTolerated = isTolerated
    self.attempts = attempts
    self.summary = summary
  }

  /// Seconds that its ended attempts took together; nil where none has ended.
  public var seconds: Double? {
    let ended = attempts.compactMap { attempt in
      attempt.finishedAt.map { elapsed(from: attempt.startedAt, to: $0) }
    }
    return ended.isEmpty ? nil : ended.reduce(0, +)
  }
}

/// A warning or a failure.
public struct Notice: Codable, Sendable, Equatable {
  /// The stable code, for example `inputs.contract_failed`; nil where there is none.
  public var code: String?
  /// The task that it concerns; nil for the run as a whole.
  public var task: String?
  /// What was expected and what was found.
  public var message: String
  /// What to do.
  public var hint: String?

  /// A warning or a failure.
  public init(_ message: String, hint: String? = nil, task: String? = nil, code: String? = nil) {
    self.code = code
    self.task = task
    self.message = message
    self.hint = hint
  }
}

/// A command that looks further into what the report says.
public struct NextStep: Codable, Sendable, Equatable {
  /// The command as typed.
  public var command: String
  /// What it shows.
  public var purpose: String

  /// A command with its purpose.
  public init(_ command: String, _ purpose: String) {
    self.command = command
    self.purpose = purpose
  }
}

/// Seconds from one instant to a later one.
func elapsed(from start: Instant, to end: Instant) -> Double {
  Double(end.microseconds - start.microseconds) / 1_000_000
}

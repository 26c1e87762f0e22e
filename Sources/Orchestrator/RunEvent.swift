import Pipeline
import Schedules

/// What an observer of a run is told, in order, without waiting for the database's readers.
public enum RunEvent: Sendable {
  /// The run began, or was taken up again, with these tasks.
  case started(RunRecord, RunDisposition, tasks: [TaskRecord])
  /// A task changed its state.
  case task(TaskRecord)
  /// An attempt reported progress.
  case progress(task: String, attempt: Int, TaskProgress)
  /// A failed attempt will be followed by another.
  case retry(task: String, attempt: Int, at: Instant)
  /// An attempt logged a line.
  case log(LogLine)
  /// The run ended.
  case finished(RunOutcome)
}

/// How a call of ``RunCoordinator/run(_:interval:params:options:observer:)`` met its run.
public enum RunDisposition: String, Codable, Sendable, Hashable {
  /// There was none: it was made.
  case created
  /// It had been interrupted by a crash: finished tasks were kept.
  case resumed
  /// It had failed or been cancelled: succeeded tasks were kept, the others run again.
  case retried
  /// It had succeeded: nothing was done.
  case alreadySucceeded = "already_succeeded"
}

/// How a run ended.
public struct RunOutcome: Codable, Sendable, Hashable {
  /// The run.
  public let run: RunRecord
  /// How it was met.
  public let disposition: RunDisposition
  /// Its tasks, in the order of declaration.
  public let tasks: [TaskRecord]

  /// Whether it ended in success, now or earlier.
  public var succeeded: Bool { run.state == .success }
}

/// How a run is run.
public struct RunOptions: Sendable, Hashable {
  /// Which definition a run that failed or was cancelled is retried with.
  public enum Definition: String, Sendable, Hashable {
    /// The one it began with.
    case kept
    /// The present one; tasks that it changes run again, with all that is downstream of them.
    case current
  }

  /// Attempts at once, at least 1.
  public var parallelism: Int
  /// Which definition a failed run is retried with; one that crashed keeps its own.
  public var definition: Definition
  /// How long the process may stand still before others may take its run over.
  public var lease: Duration

  /// Who asks for the run and why, which stands with the rules that it publishes; nil for nobody.
  public var author: Author?

  /// By default four attempts at once, the definition that the run began with, 30 seconds, nobody.
  public init(
    parallelism: Int = 4, definition: Definition = .kept, lease: Duration = .seconds(30),
    author: Author? = nil
  ) {
    self.parallelism = parallelism
    self.definition = definition
    self.lease = lease
    self.author = author
  }
}

/// What a worker tells of the run that it is bound to.
enum WorkerEvent: Sendable {
  case changed(TaskChange, at: Instant)
  case claimed(ClaimedTask)
  case progress(task: String, attempt: Int, TaskProgress)
  case log(LogLine)
}

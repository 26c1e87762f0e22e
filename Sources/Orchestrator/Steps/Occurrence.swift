import Pipeline
import Schedules
import Warehouse

/// What happened to a run, for one decision.
enum Occurrence: Sendable {
  /// An attempt of this process ended.
  case ended(EndedAttempt)
  /// The process of an attempt is gone.
  case lost(OrphanedAttempt)
  /// Tasks that the past holds are asked again.
  case askPast
  /// Somebody decided something.
  case order(MachineEvent)
}

/// An attempt that ended, with what is recorded of it.
struct EndedAttempt: Sendable {
  let key: TaskKey
  let taskID: String
  let token: Int64
  let attempt: Int
  let startedAt: Instant
  let result: AttemptResult
  let progress: TaskProgress?
}

/// An attempt whose worker has left without a word.
struct OrphanedAttempt: Sendable {
  let taskID: String
  let token: Int64
  let attempt: Int
  /// What is recorded as the reason.
  var message = "the worker that ran it is gone"
  /// Whether it never ran: then it costs no try.
  var isReleased = false
}

/// What a decision did, for whoever acts on it.
struct StepResult: Sendable {
  /// The run as it stands now.
  var state: RunState
  /// The instant of the decision.
  var at: Instant
  /// The only worker that may run its tasks; 0 for any daemon.
  var boundWorker: Int64
  /// Whether this decision ended the run.
  var hasEnded = false
  /// Tasks and items whose state changed, in the order of their numbers.
  var changes: [TaskChange] = []
  /// Attempts whose end was refused: another has taken over.
  var refused: [Int64] = []
  /// Whether it changed anything that other runs of the DAG may wait for.
  var endedTasks = false
  /// Workers that have to stop attempts.
  var stops: [Int64] = []
  /// Tasks that can be claimed from now on.
  var queued = 0
  /// When the next retry or sensor is due, where the decision made one wait.
  var dueAt: Instant?
  /// Attempts that the same transaction claimed.
  var claims: [ClaimedTask] = []
  /// Of what the decision queued for now, how much it did not claim; nil where it looked for work
  /// beyond its own.
  var leftBehind: Int?
  /// Whether somebody is to be told of it.
  var hasCalls = false
  /// Why nobody could decide, so that the run was failed; nil where it was decided.
  var fault: AttemptFault?
}

extension Occurrence {
  /// The attempt that it is about; nil where it concerns the run.
  var attempt: (task: String, number: Int)? {
    switch self {
    case .ended(let ended): (ended.taskID, ended.attempt)
    case .lost(let orphan): (orphan.taskID, orphan.attempt)
    case .askPast, .order: nil
    }
  }
}

extension StepResult {
  /// What tells other processes what the decision means for them, once its transaction commits: the
  /// one place that does. Only what nobody here takes care of is told, since notifications make
  /// commits wait for each other.
  func announcements(_ runID: Int64, claimed: Int) -> [SQL] {
    var signals = stops.map { RunSignal.stop($0) }
    if boundWorker <= 0, queued > claimed { signals.append(.queue) }
    if hasEnded { signals.append(.run(runID)) }
    return signals.map(RunChannel.telling)
  }
}

/// A task whose state a decision changed.
struct TaskChange: Sendable {
  let taskID: String
  let kind: String
  let state: TaskState
  let attempts: Int
  let message: String?
  let errorCode: String?
  let product: JSONValue?
  /// When it is tried again: `retrying` and `deferred` only.
  let dueAt: Instant?
}

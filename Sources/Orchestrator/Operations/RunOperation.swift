import Foundation
import Pipeline
import Schedules

/// What people ask of a run that is there.
public enum RunOperation: Sendable, Hashable {
  /// It shall stop. Teardowns still run where their setup succeeded.
  case cancel
  /// These tasks shall run again, with the setups and teardowns that they need.
  case clear(TaskSelection)
  /// What failed, could not run or was cancelled shall run again, and all that is downstream of it.
  case rerunFailed
  /// These tasks shall count as `success`, `failed` or `skipped`.
  case mark(TaskSelection, TaskState)

  /// What the run's events call it.
  var eventKind: String {
    switch self {
    case .cancel: "cancel_requested"
    case .clear, .rerunFailed: "cleared"
    case .mark: "marked"
    }
  }
}

/// Who asks, and why: noted with the run.
public struct Author: Codable, Sendable, Hashable {
  /// A person at a host, for example `maria@etl1`.
  public let name: String
  /// Why; nil if nothing was said.
  public let message: String?

  /// The user of this process, with a message.
  public init(message: String? = nil) {
    self.init(
      name: "\(ProcessInfo.processInfo.userName)@\(WorkerIdentity.current.host)", message: message)
  }

  /// Somebody by name.
  public init(name: String, message: String? = nil) {
    self.name = storable(name)
    self.message = message.map(storable)
  }

  /// As the detail of an event.
  var detail: [String: JSONValue] {
    var detail: [String: JSONValue] = ["by": .string(name)]
    if let message { detail["message"] = .string(message) }
    return detail
  }
}

/// What an operation does to a task.
public struct TaskEffect: Codable, Sendable, Hashable {
  /// Id of the task, or of a mapped item.
  public let task: String
  /// Its state before.
  public let before: TaskState
  /// Its state right afterwards; a task that is stopped changes once it has.
  public let after: TaskState
  /// Whether its attempt is told to stop.
  public let isStopped: Bool
  /// Attempts it may use in all, afterwards.
  public let allowedAttempts: Int
}

/// What an operation does, or would do, to a run.
public struct RunChange: Codable, Sendable, Hashable {
  /// Why nothing is done.
  public struct Refusal: Codable, Sendable, Hashable {
    /// A stable name, for example `orchestrator.run_ended`.
    public let code: String
    /// What was expected and what was found.
    public let message: String
  }

  /// Number of the run.
  public let runID: Int64
  /// Name of the DAG.
  public let dag: String
  /// The data it covers.
  public let interval: DataInterval
  /// Its state before.
  public let before: RunState
  /// Its state right afterwards.
  public let after: RunState
  /// The tasks whose state or attempts change, or that are stopped, in the order of declaration.
  public let tasks: [TaskEffect]
  /// Why nothing is done; nil where something is.
  public let refusal: Refusal?

  /// Whether something still has to end before the change is complete.
  public var isStopping: Bool { tasks.contains(where: \.isStopped) }

  init(_ run: RunRow, refusal: Refusal) {
    runID = run.runID
    dag = run.dag
    interval = run.interval
    before = run.state
    after = run.state
    tasks = []
    self.refusal = refusal
  }

  /// A run that had not begun, and never will.
  init(withdrawn run: RunRow) {
    runID = run.runID
    dag = run.dag
    interval = run.interval
    before = run.state
    after = .cancelled
    tasks = []
    refusal = nil
  }

  /// What a decision changed, given the tasks before it.
  init(_ draft: StepDraft, before tasks: [TaskKey: TaskStanding]) {
    runID = draft.run.runID
    dag = draft.run.dag
    interval = draft.run.interval
    before = draft.run.state
    after = draft.slice.run.ended ?? .running
    refusal = nil
    self.tasks = tasks.keys.sorted().compactMap { key in
      // Items that are forgotten go with their task, which is told of.
      guard let old = tasks[key], let new = draft.slice.tasks[key],
        key.item == nil || draft.loaded[key] != nil
      else { return nil }
      let isStopped = draft.stops.contains(draft.definition.id(key))
      guard old.state != new.state || old.allowedAttempts != new.allowedAttempts || isStopped
      else { return nil }
      return TaskEffect(
        task: draft.definition.id(key), before: old.state, after: new.state, isStopped: isStopped,
        allowedAttempts: new.allowedAttempts)
    }
  }
}

extension RunOperation {
  /// The decision to ask for.
  ///
  /// - Throws: `PipelineError` `pipeline.unknown_tasks`.
  func event(_ definition: Definition, _ slice: RunSlice) throws -> MachineEvent {
    let plan = definition.plan
    switch self {
    case .cancel: return .cancel
    case .clear(let selection):
      return .clear(plan.withSetups(try selection.tasks(of: definition.snapshot, plan)))
    case .rerunFailed:
      let hasEnded = slice.run.ended != nil
      let failed = plan.ids.indices.filter { number in
        switch slice.tasks[TaskKey(number)]?.state {
        case .failed, .upstreamFailed, .cancelled: true
        case .waiting, .queued, .running, .retrying, .deferred, nil: hasEnded
        case .success, .skipped: false
        }
      }
      return .clear(plan.withSetups(plan.descendants(of: Set(failed))))
    case .mark(let selection, let state):
      return .mark(try selection.tasks(of: definition.snapshot, plan).sorted(), state)
    }
  }

  /// Why nothing can be done to a run; nil where something can.
  func refusal(_ slice: RunSlice, _ event: MachineEvent) -> RunChange.Refusal? {
    let run = slice.run
    func refuse(_ code: String, _ message: String) -> RunChange.Refusal {
      RunChange.Refusal(code: "orchestrator.\(code)", message: message)
    }
    if let ended = run.ended, case .cancel = event {
      return refuse(
        "run_ended", "expected a run under way, found one that ended in \(ended.rawValue)")
    }
    if run.isCancelling, run.ended == nil {
      return refuse("run_cancelling", "the run is being cancelled")
    }
    switch event {
    case .clear(let numbers) where numbers.isEmpty:
      return refuse("nothing_failed", "expected tasks that failed, found none")
    case .mark(let numbers, let state)
    where numbers.allSatisfy({ slice.tasks[TaskKey($0)]?.state == state }):
      return refuse("nothing_to_mark", "the tasks are \(state.rawValue) already")
    default: return nil
    }
  }
}

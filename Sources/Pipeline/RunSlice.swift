/// Names a task of a run by its number in the plan, or one item of a mapped task.
public struct TaskKey: Hashable, Sendable, Codable, Comparable {
  /// The task's number in the ``RunPlan``.
  public var number: Int
  /// The index of an item of the mapped task, from 0; nil for the task itself.
  public var item: Int?

  /// The task `number`, or its item `item`.
  public init(_ number: Int, item: Int? = nil) {
    self.number = number
    self.item = item
  }

  /// By number; a task stands before its items.
  public static func < (left: TaskKey, right: TaskKey) -> Bool {
    (left.number, left.item ?? -1) < (right.number, right.item ?? -1)
  }
}

/// How many items of a mapped task are in which state.
public struct ItemTally: Hashable, Sendable, Codable {
  /// All items.
  public var total: Int
  /// Not ended yet.
  public var unfinished: Int
  /// Ended with success.
  public var succeeded: Int
  /// Failed.
  public var failed: Int
  /// Skipped.
  public var skipped: Int
  /// Cancelled.
  public var cancelled: Int

  /// A tally; by default of nothing.
  public init(
    total: Int = 0, unfinished: Int = 0, succeeded: Int = 0, failed: Int = 0, skipped: Int = 0,
    cancelled: Int = 0
  ) {
    self.total = total
    self.unfinished = unfinished
    self.succeeded = succeeded
    self.failed = failed
    self.skipped = skipped
    self.cancelled = cancelled
  }

  /// Takes in that an item went from one state to another.
  mutating func move(from old: TaskState, to new: TaskState) {
    self[old] -= 1
    self[new] += 1
  }

  /// How the mapped task ends once all items have: as its worst item, except that items that
  /// need not run take nothing from one that did.
  var ending: TaskState {
    if cancelled > 0 { return .cancelled }
    if failed > 0 { return .failed }
    return succeeded > 0 ? .success : .skipped
  }

  private subscript(state: TaskState) -> Int {
    get {
      switch state {
      case .waiting, .queued, .running, .retrying, .deferred: unfinished
      case .success: succeeded
      case .failed, .upstreamFailed: failed
      case .skipped: skipped
      case .cancelled: cancelled
      }
    }
    set {
      switch state {
      case .waiting, .queued, .running, .retrying, .deferred: unfinished = newValue
      case .success: succeeded = newValue
      case .failed, .upstreamFailed: failed = newValue
      case .skipped: skipped = newValue
      case .cancelled: cancelled = newValue
      }
    }
  }
}

/// Where one task of a run, or one item of a mapped task, stands.
public struct TaskStanding: Hashable, Sendable {
  /// Its state. A mapped task is `running` from its expansion until its last item has ended.
  public var state: TaskState
  /// Attempts claimed so far, also before a clear; 0 for a mapped task.
  public var attempts: Int
  /// Attempts it may use in all.
  public var allowedAttempts: Int
  /// How its upstream tasks stand; empty for an item.
  public var tally: UpstreamTally
  /// Of a teardown: how many of its setups ended well.
  public var setupsSucceeded: Int
  /// Its rule said run, but it is not known yet whether the past that it depends on went well;
  /// its state is `waiting`.
  public var isHeld: Bool
  /// It runs, and was asked to stop by a clear: it waits again when its attempts have ended. Of a
  /// mapped task it speaks for the items.
  public var isClearing: Bool
  /// Of a mapped task after its expansion; nil before, and for every other task.
  public var items: ItemTally?
  /// Of a branch or short-circuit that ended well: the tasks it ruled out, sorted.
  public var skips: [Int]

  /// A standing; by default of a task before its first attempt.
  public init(
    state: TaskState = .waiting, attempts: Int = 0, allowedAttempts: Int = 1,
    tally: UpstreamTally = UpstreamTally(), setupsSucceeded: Int = 0, isHeld: Bool = false,
    isClearing: Bool = false, items: ItemTally? = nil, skips: [Int] = []
  ) {
    self.state = state
    self.attempts = attempts
    self.allowedAttempts = allowedAttempts
    self.tally = tally
    self.setupsSucceeded = setupsSucceeded
    self.isHeld = isHeld
    self.isClearing = isClearing
    self.items = items
    self.skips = skips
  }

  /// Whether the run still has to wait for something outside: a worker, a pause, the past.
  var isActive: Bool {
    switch state {
    case .queued, .running, .retrying, .deferred: true
    case .waiting: isHeld
    case .success, .failed, .upstreamFailed, .skipped, .cancelled: false
    }
  }
}

/// Where a run stands, counted.
public struct RunStanding: Hashable, Sendable {
  /// Whether it was asked to stop.
  public var isCancelling: Bool
  /// Tasks, without items, that have not ended.
  public var unfinished: Int
  /// Tasks and items that are queued, running, retrying, deferred or held.
  public var active: Int
  /// Tasks, without items, that failed or could not run for a failure, and are not tolerated.
  public var failed: Int
  /// Tasks, without items, that were cancelled.
  public var cancelled: Int
  /// How it ended; nil while it is under way.
  public var ended: RunState?

  /// A standing; by default of a run without tasks.
  public init(
    isCancelling: Bool = false, unfinished: Int = 0, active: Int = 0, failed: Int = 0,
    cancelled: Int = 0, ended: RunState? = nil
  ) {
    self.isCancelling = isCancelling
    self.unfinished = unfinished
    self.active = active
    self.failed = failed
    self.cancelled = cancelled
    self.ended = ended
  }

  /// How the run ends, once nothing is active any more.
  var ending: RunState {
    if unfinished > 0 { return .failed }
    if cancelled > 0 { return .cancelled }
    return failed > 0 ? .failed : .success
  }
}

/// The loaded part of a run.
public struct RunSlice: Hashable, Sendable {
  /// The run itself.
  public var run: RunStanding
  /// The loaded tasks and items.
  public var tasks: [TaskKey: TaskStanding]

  /// A run with some of its tasks.
  public init(run: RunStanding, tasks: [TaskKey: TaskStanding] = [:]) {
    self.run = run
    self.tasks = tasks
  }

  /// Takes in what a decision changed; the items of tasks that lost theirs are dropped.
  ///
  /// Cost: the size of the change.
  public mutating func merge(_ changes: RunSlice) {
    run = changes.run
    for (key, standing) in changes.tasks {
      if key.item == nil, standing.items == nil, let old = tasks[key]?.items {
        for item in 0..<old.total { tasks[TaskKey(key.number, item: item)] = nil }
      }
      tasks[key] = standing
    }
  }

  /// Whether all tasks of a plan are here, with all items of the expanded ones.
  func isWhole(_ plan: RunPlan) -> Bool {
    plan.ids.indices.allSatisfy { number in
      guard let standing = tasks[TaskKey(number)] else { return false }
      return (0..<(standing.items?.total ?? 0)).allSatisfy {
        tasks[TaskKey(number, item: $0)] != nil
      }
    }
  }
}

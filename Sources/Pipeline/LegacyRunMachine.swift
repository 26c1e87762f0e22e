import Schedules

/// How an attempt ended.
public enum LegacyAttemptEnding: Sendable, Hashable {
  /// With a product.
  case success
  /// The task found that it need not run.
  case skipped
  /// With an error; a permanent one is never retried.
  case failed(permanent: Bool)
  /// Because the run was cancelled.
  case cancelled
}

/// What happens to a run from outside.
public enum LegacyMachineEvent: Sendable, Hashable {
  /// The run starts, or is taken up again.
  case begin
  /// Attempt number `attempt` of a task ended. One that is not the current attempt is ignored.
  case ended(task: Int, attempt: Int, LegacyAttemptEnding)
  /// The pause after failed attempt `attempt` of a task is over.
  case retryDue(task: Int, attempt: Int)
  /// The run shall stop.
  case cancel
}

/// What has to be done about it.
public enum LegacyMachineAction: Sendable, Hashable {
  /// Start attempt number `attempt` of a task.
  case start(task: Int, attempt: Int)
  /// Record a task's state: of an attempt that ended, or of a task that never ran.
  case record(task: Int, TaskState)
  /// Send ``LegacyMachineEvent/retryDue(task:attempt:)`` at an instant.
  case retry(task: Int, attempt: Int, at: Instant)
  /// Stop the attempt that is on its way.
  case stop(task: Int, attempt: Int)
  /// The run ended; `stuck` are the tasks that can neither run nor end, which is a fault of ours.
  case finish(RunState, stuck: [Int])
}

/// The decisions of one run: `(state, event) -> actions`, with no clock, database or thread.
///
/// Readiness is counted, not searched: each task keeps a tally of its upstream tasks' states, and
/// an ending touches only the tasks downstream of it.
public struct LegacyRunMachine: Sendable {
  /// Where one task stands.
  public struct Task: Sendable, Hashable {
    /// Its state.
    public var state: TaskState
    /// Attempts started so far, also in earlier passes over the run.
    public var attempts: Int
    /// Attempts it may use in all.
    public var allowedAttempts: Int

    /// A task as it stands, by default before its first attempt.
    public init(state: TaskState = .waiting, attempts: Int = 0, allowedAttempts: Int) {
      self.state = state
      self.attempts = attempts
      self.allowedAttempts = allowedAttempts
    }
  }

  /// The graph.
  public let plan: RunPlan
  /// Attempts that may run at once.
  public let parallelism: Int
  /// Every task, by number.
  public private(set) var tasks: [Task]
  /// Whether the run is being cancelled.
  public private(set) var isCancelling = false
  /// Whether it ended; events are ignored from then on.
  public private(set) var isFinished = false
  /// Attempts on their way.
  public private(set) var running = 0

  private let interval: DataInterval
  private var tallies: [UpstreamTally]
  private var ready: [Int] = []
  private var nextReady = 0
  /// Tasks that are or were in `ready`, so that each enters once.
  private var triggered: [Bool]
  private var unfinished: Int
  private var pausing = 0

  /// A run at its start, or with the tasks that an earlier pass over it left.
  ///
  /// - Parameters:
  ///   - tasks: where each task stands; nil for a new run. `running` counts as a lost attempt.
  ///   - parallelism: attempts at once, at least 1.
  public init(
    plan: RunPlan, interval: DataInterval, tasks: [Task]? = nil, parallelism: Int
  ) {
    precondition(parallelism >= 1, "expected a parallelism of at least 1, found \(parallelism)")
    precondition(tasks.map { $0.count == plan.ids.count } ?? true, "expected one state per task")
    self.plan = plan
    self.interval = interval
    self.parallelism = parallelism
    self.tasks = tasks ?? plan.retries.map { Task(allowedAttempts: 1 + $0.count) }
    for number in self.tasks.indices where !self.tasks[number].state.isFinal {
      self.tasks[number].state = .waiting
    }
    let states = self.tasks.map(\.state)
    tallies = plan.upstreams.map { upstreams in
      upstreams.reduce(into: UpstreamTally()) { $0.count(states[$1]) }
    }
    triggered = states.map(\.isFinal)
    unfinished = states.count { !$0.isFinal }
  }

  /// Takes an event in, and returns what has to be done, in this order.
  public mutating func apply(_ event: LegacyMachineEvent, at now: Instant) -> [LegacyMachineAction]
  {
    guard !isFinished else { return [] }
    var actions: [LegacyMachineAction] = []
    switch event {
    case .begin:
      // In topological order one pass settles everything that can be settled.
      for number in plan.order { trigger(number, &actions) }
    case .ended(let number, let attempt, let ending):
      guard tasks[number].state == .running, tasks[number].attempts == attempt else { return [] }
      running -= 1
      end(number, ending, at: now, &actions)
    case .retryDue(let number, let attempt):
      guard tasks[number].state == .retrying, tasks[number].attempts == attempt else { return [] }
      pausing -= 1
      tasks[number].state = .waiting
      ready.append(number)
    case .cancel:
      guard !isCancelling else { return [] }
      cancel(&actions)
    }
    startReady(&actions)
    finishIfDone(&actions)
    return actions
  }

  private mutating func end(
    _ number: Int, _ ending: LegacyAttemptEnding, at now: Instant,
    _ actions: inout [LegacyMachineAction]
  ) {
    switch ending {
    case .success: settle(number, .success, &actions)
    case .skipped: settle(number, .skipped, &actions)
    case .cancelled: settle(number, .cancelled, &actions)
    case .failed where isCancelling: settle(number, .cancelled, &actions)
    case .failed(let permanent):
      let task = tasks[number]
      guard !permanent, task.attempts < task.allowedAttempts else {
        settle(number, .failed, &actions)
        return
      }
      tasks[number].state = .retrying
      pausing += 1
      actions.append(.record(task: number, .retrying))
      let pause = plan.retries[number].pause(
        after: task.attempts, dag: plan.dag, task: plan.ids[number], interval: interval)
      actions.append(.retry(task: number, attempt: task.attempts, at: now + pause))
    }
  }

  /// Gives a task its final state, and lets the tasks downstream know, and those downstream of
  /// these where they end without running.
  private mutating func settle(
    _ number: Int, _ state: TaskState, _ actions: inout [LegacyMachineAction]
  ) {
    var open = [(number, state)]
    var next = 0
    while next < open.count {
      let (number, state) = open[next]
      next += 1
      tasks[number].state = state
      triggered[number] = true
      unfinished -= 1
      actions.append(.record(task: number, state))
      for downstream in plan.downstreams[number] {
        tallies[downstream].count(.waiting, by: -1)
        tallies[downstream].count(state)
        if let ending = verdict(downstream) { open.append((downstream, ending)) }
      }
    }
  }

  /// Asks the rule of a task that has not been triggered yet: queues it, or returns the state that
  /// it ends in without running.
  private mutating func verdict(_ number: Int) -> TaskState? {
    guard !triggered[number], !isCancelling else { return nil }
    let ending: TaskState?
    switch plan.rules[number].verdict(tallies[number]) {
    case .wait: return nil
    case .run:
      ready.append(number)
      ending = nil
    case .skip: ending = .skipped
    case .upstreamFailed: ending = .upstreamFailed
    }
    triggered[number] = true
    return ending
  }

  private mutating func trigger(_ number: Int, _ actions: inout [LegacyMachineAction]) {
    guard let ending = verdict(number) else { return }
    settle(number, ending, &actions)
  }

  private mutating func startReady(_ actions: inout [LegacyMachineAction]) {
    guard !isCancelling else { return }
    while running < parallelism, nextReady < ready.count {
      let number = ready[nextReady]
      nextReady += 1
      let task = tasks[number]
      // An interrupted attempt may have been the last one allowed.
      guard task.attempts < task.allowedAttempts else {
        settle(number, .failed, &actions)
        continue
      }
      tasks[number].state = .running
      tasks[number].attempts += 1
      running += 1
      actions.append(.start(task: number, attempt: tasks[number].attempts))
    }
    if nextReady > 1024, nextReady * 2 > ready.count {
      ready.removeFirst(nextReady)
      nextReady = 0
    }
  }

  private mutating func cancel(_ actions: inout [LegacyMachineAction]) {
    isCancelling = true
    pausing = 0
    for number in tasks.indices {
      switch tasks[number].state {
      case .waiting, .retrying: settle(number, .cancelled, &actions)
      case .running: actions.append(.stop(task: number, attempt: tasks[number].attempts))
      case .queued, .deferred, .success, .failed, .upstreamFailed, .skipped, .cancelled: break
      }
    }
  }

  private mutating func finishIfDone(_ actions: inout [LegacyMachineAction]) {
    guard running == 0, pausing == 0, nextReady == ready.count || isCancelling else { return }
    isFinished = true
    let stuck = unfinished == 0 ? [] : tasks.indices.filter { !tasks[$0].state.isFinal }
    let failed = tasks.indices.contains {
      (tasks[$0].state == .failed || tasks[$0].state == .upstreamFailed) && !plan.tolerated[$0]
    }
    let state: RunState
    if tasks.contains(where: { $0.state == .cancelled }) {
      state = .cancelled
    } else {
      state = failed || !stuck.isEmpty ? .failed : .success
    }
    actions.append(.finish(state, stuck: stuck))
  }
}

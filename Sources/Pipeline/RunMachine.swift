import Schedules

/// How an attempt ended.
public enum AttemptEnding: Sendable, Hashable {
  /// With a product; `skips` are the tasks that a branch or short-circuit ruled out, among those
  /// downstream of it. Items steer nothing: theirs are ignored.
  case success(skips: [Int])
  /// The task found that it need not run, or a sensor gave up softly.
  case skipped
  /// With an error; a permanent one is never retried.
  case failed(permanent: Bool)
  /// Because it was stopped.
  case cancelled
  /// Because its worker shuts down. The task is queued again at once, and the try is given back.
  case released
  /// A sensor looked and found nothing yet; it looks again at an instant, as the same attempt.
  case deferred(until: Instant)

  /// Success without any say over other tasks.
  public static let success = AttemptEnding.success(skips: [])
}

/// What happens to a run from outside.
///
/// `begin`, `cancel`, `clear` and `mark` are decided on the whole run: all tasks, with all items.
/// The others need the task that they name (of an item: the item and its task); what else has to
/// be loaded, beginning with the tasks right downstream, ``Outcome/needs(_:)`` tells.
public enum MachineEvent: Sendable, Hashable {
  /// The run starts. Sent again, it only repeats what is still to be asked or expanded.
  case begin
  /// Attempt number `attempt` ended. One that is not the current attempt is ignored.
  case ended(TaskKey, attempt: Int, AttemptEnding)
  /// The worker of attempt number `attempt` is gone. It costs a try, like a failure.
  case lost(TaskKey, attempt: Int)
  /// A mapped task has `count` items.
  case expanded(number: Int, count: Int)
  /// The items of a mapped task cannot be had, or are too many.
  case expansionFailed(number: Int)
  /// The past that a held task depends on went well, or there is none.
  case pastMet(number: Int)
  /// The past that a held task depends on went wrong for good: it ends `upstream_failed`.
  case pastFailed(number: Int)
  /// The run shall stop. Teardowns still run where their setup succeeded.
  case cancel
  /// These tasks shall run again. Ignored while the run is being cancelled.
  case clear(Set<Int>)
  /// These tasks shall count as `success`, `failed` or `skipped`. Ignored while the run is being
  /// cancelled.
  case mark([Int], TaskState)
}

/// What has to be done about it, beside writing the standings that changed.
public enum MachineAction: Sendable, Hashable {
  /// Let workers take a task from an instant on; its state is `queued`, `retrying` or `deferred`.
  case enqueue(TaskKey, at: Instant, state: TaskState)
  /// A task came into a state other than these: one that is final, `waiting` again after a clear,
  /// or `running` of a mapped task that is expanded.
  case record(TaskKey, TaskState)
  /// Find a mapped task's items, and answer ``MachineEvent/expanded(number:count:)`` or
  /// ``MachineEvent/expansionFailed(number:)`` in the same transaction.
  case expand(Int)
  /// Find out about the past that a task depends on, and answer ``MachineEvent/pastMet(number:)``
  /// or ``MachineEvent/pastFailed(number:)``, at once or whenever it is known.
  case askPast(Int)
  /// Stop the attempt that is on its way. After a mark its ending is ignored.
  case stop(TaskKey, attempt: Int)
  /// Forget the items of a mapped task; none of them runs.
  case dropItems(Int)
  /// The run ended, or an ended run now counts as something else. `stuck` are the tasks that can
  /// neither run nor end, which is a fault of ours; see ``StuckReport``.
  case finish(RunState, stuck: [Int])
  /// The run, which had ended, is under way again.
  case reopen
}

/// What a decision comes to.
public enum Outcome: Sendable, Hashable {
  /// The run and the tasks whose standing changed, and what has to be done, in this order.
  case decided(changes: RunSlice, [MachineAction])
  /// These tasks (not their items) have to be loaded too; then ask again with the same event.
  case needs(Set<Int>)
  /// The whole run has to be loaded, all tasks with all items; then ask again.
  case needsWhole
}

/// The decisions of one run: `(slice of the run, event) -> (changes, actions)`, with no clock,
/// database or thread.
///
/// Readiness is counted, not searched: each task keeps a tally of its upstream tasks' states, and
/// an ending touches only the tasks downstream of it. Workers take tasks without asking: a claim
/// makes a queued, retrying or deferred one `running` and raises `attempts`, except that a deferred
/// one goes on as the attempt that it is.
public struct RunMachine: Sendable {
  /// The graph.
  public let plan: RunPlan
  /// The run's data interval, which the jitter of pauses depends on.
  public let interval: DataInterval

  /// The decisions of a run of this plan over this interval.
  public init(plan: RunPlan, interval: DataInterval) {
    self.plan = plan
    self.interval = interval
  }

  /// A run of a plan before ``MachineEvent/begin``, whole.
  public static func initial(_ plan: RunPlan) -> RunSlice {
    var tasks: [TaskKey: TaskStanding] = [:]
    for number in plan.ids.indices {
      tasks[TaskKey(number)] = TaskStanding(
        allowedAttempts: 1 + plan.retries[number].count,
        tally: UpstreamTally(unfinished: plan.upstreams[number].count))
    }
    return RunSlice(run: RunStanding(unfinished: plan.ids.count), tasks: tasks)
  }

  /// The tasks to load before asking about an event, so that most events need no second round; nil
  /// for all of them, with all items. Of an event about an item, the item itself is to be loaded
  /// too.
  public func loads(for event: MachineEvent) -> Set<Int>? {
    switch event {
    case .begin, .cancel, .clear, .mark: nil
    case .ended(let key, _, let ending):
      switch ending {
      case .success(let skips): behind(key).union(skips)
      case .skipped, .failed, .cancelled: behind(key)
      case .deferred, .released: [key.number]
      }
    case .lost(let key, _): behind(key)
    case .expanded(let number, let count): count > 0 ? [number] : behind(TaskKey(number))
    case .expansionFailed(let number), .pastFailed(let number): behind(TaskKey(number))
    case .pastMet(let number): [number]
    }
  }

  /// A task, and those right downstream of it; of an item, most of which end before the last one
  /// does, the task only.
  private func behind(_ key: TaskKey) -> Set<Int> {
    key.item == nil ? Set(plan.downstreams[key.number]).union([key.number]) : [key.number]
  }

  /// Decides on an event; nothing is changed, so asking again after loading more loses nothing.
  ///
  /// Cost: the tasks that change and those right downstream of them; for the events that want the
  /// whole run, its size.
  public func apply(_ event: MachineEvent, to slice: RunSlice, at now: Instant) -> Outcome {
    var decision = RunDecision(plan: plan, interval: interval, slice: slice, now: now)
    decision.take(event)
    return decision.outcome()
  }
}

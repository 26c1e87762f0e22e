/// How a task competes for slots, what it waits for in earlier runs, and who hears of its end.
public struct TaskPolicy: Codable, Sendable, Hashable {
  /// The pool whose slots it takes; nil for none.
  public var pool: String?
  /// Slots that one attempt takes in its pool.
  public var slots: Int
  /// The queue whose workers run it, for hosts with something that others lack.
  public var queue: String
  /// Greater goes first among tasks that are ready.
  public var priority: Int
  /// How the priorities of other tasks of its DAG count towards its own.
  public var weight: PriorityWeight
  /// Attempts at this task at once, over all runs of the DAG; nil for no limit.
  public var maxConcurrent: Int?
  /// Whether it waits for itself in the run of the interval before to end well; the first run passes.
  public var dependsOnPast: Bool
  /// Whether it also waits for the tasks right downstream of it in that earlier run.
  public var waitForDownstream: Bool
  /// What is called about the task.
  public var callbacks: [Callback]
  /// Where its attempts run.
  public var isolation: Isolation

  /// A policy; by default one slot of no pool, priority 0, no limits, no callbacks, in process.
  public init(
    pool: String? = nil, slots: Int = 1, priority: Int = 0, weight: PriorityWeight = .absolute,
    maxConcurrent: Int? = nil, dependsOnPast: Bool = false, waitForDownstream: Bool = false,
    callbacks: [Callback] = [], isolation: Isolation = .inProcess, queue: String = "default"
  ) {
    self.pool = pool
    self.slots = slots
    self.queue = queue
    self.priority = priority
    self.weight = weight
    self.maxConcurrent = maxConcurrent
    self.dependsOnPast = dependsOnPast
    self.waitForDownstream = waitForDownstream
    self.callbacks = callbacks
    self.isolation = isolation
  }
}

/// Which priorities add up to that of a task.
public enum PriorityWeight: String, Codable, Sendable, Hashable, CaseIterable {
  /// Its own only.
  case absolute
  /// Its own and those of all tasks downstream, so that long chains start early.
  case downstream
  /// Its own and those of all tasks upstream, so that begun runs end early.
  case upstream
}

/// Where the attempts of a task run.
public enum Isolation: Codable, Sendable, Hashable {
  /// In the worker's own process.
  case inProcess
  /// In a process of their own, killed above its memory limit in MiB; nil for no limit.
  case process(memoryLimitMegabytes: Int?)
}

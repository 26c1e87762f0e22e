/// One task of a DAG, as stored in its snapshot.
public struct TaskDefinition: Sendable, Hashable {
  /// Unique within the DAG.
  public let id: String
  /// The name of its ``TaskKind``.
  public let kind: String
  /// The encoded task.
  public let config: JSONValue
  /// The tasks whose products it reads, sorted.
  public let reads: [String]
  /// The tasks it only waits for, sorted.
  public let after: [String]
  /// When it runs; of a teardown ``TriggerRule/allDone``, see ``TaskRole/teardown(of:)``.
  public let rule: TriggerRule
  /// How often a failed attempt is repeated.
  public let retries: Retries
  /// Milliseconds an attempt may take; nil for no limit.
  public let timeLimitMilliseconds: Int64?
  /// What its failure means for the run.
  public let failure: FailurePolicy
  /// The pool whose slots it takes; nil for none.
  public let pool: String?
  /// Slots that one attempt takes in its pool.
  public let slots: Int
  /// The queue whose workers run it.
  public let queue: String
  /// Greater goes first among tasks that are ready.
  public let priority: Int
  /// How the priorities of other tasks of the DAG count towards its own.
  public let weight: PriorityWeight
  /// Attempts at this task at once, over all runs of the DAG; nil for no limit.
  public let maxConcurrent: Int?
  /// Whether it waits for itself in the run of the interval before.
  public let dependsOnPast: Bool
  /// Whether it waits for the tasks right downstream of it in the run of the interval before.
  public let waitForDownstream: Bool
  /// What is called about the task.
  public let callbacks: [Callback]
  /// Where its attempts run.
  public let isolation: Isolation
  /// What it is for.
  public let role: TaskRole
  /// The group it is declared in, outer groups first: `load.files`; nil for none.
  public let group: String?
  /// How it waits; nil where it is no sensor.
  public let sensor: SensorPolicy?
  /// Over what it is spread; nil where it is one task.
  public let mapping: Mapping?
  /// Whether its product is a ``SteeringProduct``.
  public let steers: Bool

  init(
    id: String, kind: String, config: JSONValue = .object([:]), reads: [String] = [],
    after: [String] = [], rule: TriggerRule = .allSuccess, retries: Retries = .none,
    timeLimitMilliseconds: Int64? = nil, failure: FailurePolicy = .failsRun,
    policy: TaskPolicy = TaskPolicy(), role: TaskRole = .work, group: String? = nil,
    sensor: SensorPolicy? = nil, mapping: Mapping? = nil, steers: Bool = false
  ) {
    self.id = id
    self.kind = kind
    self.config = config
    self.reads = reads
    self.after = after
    self.rule = rule
    self.retries = retries
    self.timeLimitMilliseconds = timeLimitMilliseconds
    self.failure = failure
    pool = policy.pool
    slots = policy.slots
    queue = policy.queue
    priority = policy.priority
    weight = policy.weight
    maxConcurrent = policy.maxConcurrent
    dependsOnPast = policy.dependsOnPast
    waitForDownstream = policy.waitForDownstream
    callbacks = policy.callbacks
    isolation = policy.isolation
    self.role = role
    self.group = group
    self.sensor = sensor
    self.mapping = mapping
    self.steers = steers
  }

  /// All tasks it has edges from, each once, sorted.
  public var upstreams: [String] {
    if after.isEmpty { return reads }
    if reads.isEmpty { return after }
    return Array(Set(reads).union(after)).sorted()
  }

  /// The policy it was declared with.
  public var policy: TaskPolicy {
    TaskPolicy(
      pool: pool, slots: slots, priority: priority, weight: weight, maxConcurrent: maxConcurrent,
      dependsOnPast: dependsOnPast, waitForDownstream: waitForDownstream, callbacks: callbacks,
      isolation: isolation, queue: queue)
  }
}

// A field is written only where it differs from its default: a definition that does not use it has
// the same bytes, and so the same hash, as before the field was invented.
extension TaskDefinition: Codable {
  private enum CodingKeys: String, CodingKey {
    case id, kind, config, reads, after, rule, retries, timeLimitMilliseconds, failure
    case pool, slots, queue, priority, weight, maxConcurrent, dependsOnPast, waitForDownstream
    case callbacks, isolation, role, group, sensor, mapping, steers
  }

  /// Decodes a task; what is absent has its default.
  public init(from decoder: any Decoder) throws {
    let from = try decoder.container(keyedBy: CodingKeys.self)
    let usual = TaskPolicy()
    func value<T: Decodable>(_ key: CodingKeys, or other: T) throws -> T {
      try from.decodeIfPresent(T.self, forKey: key) ?? other
    }
    self.init(
      id: try from.decode(String.self, forKey: .id),
      kind: try from.decode(String.self, forKey: .kind),
      config: try from.decode(JSONValue.self, forKey: .config),
      reads: try from.decode([String].self, forKey: .reads),
      after: try from.decode([String].self, forKey: .after),
      rule: try from.decode(TriggerRule.self, forKey: .rule),
      retries: try from.decode(Retries.self, forKey: .retries),
      timeLimitMilliseconds: try from.decodeIfPresent(Int64.self, forKey: .timeLimitMilliseconds),
      failure: try from.decode(FailurePolicy.self, forKey: .failure),
      policy: TaskPolicy(
        pool: try from.decodeIfPresent(String.self, forKey: .pool),
        slots: try value(.slots, or: usual.slots),
        priority: try value(.priority, or: usual.priority),
        weight: try value(.weight, or: usual.weight),
        maxConcurrent: try from.decodeIfPresent(Int.self, forKey: .maxConcurrent),
        dependsOnPast: try value(.dependsOnPast, or: usual.dependsOnPast),
        waitForDownstream: try value(.waitForDownstream, or: usual.waitForDownstream),
        callbacks: try value(.callbacks, or: usual.callbacks),
        isolation: try value(.isolation, or: usual.isolation),
        queue: try value(.queue, or: usual.queue)),
      role: try value(.role, or: .work),
      group: try from.decodeIfPresent(String.self, forKey: .group),
      sensor: try from.decodeIfPresent(SensorPolicy.self, forKey: .sensor),
      mapping: try from.decodeIfPresent(Mapping.self, forKey: .mapping),
      steers: try value(.steers, or: false))
  }

  /// Encodes a task without the fields that have their defaults.
  public func encode(to encoder: any Encoder) throws {
    var to = encoder.container(keyedBy: CodingKeys.self)
    let usual = TaskPolicy()
    func put<T: Encodable & Equatable>(_ value: T, _ key: CodingKeys, unless other: T) throws {
      if value != other { try to.encode(value, forKey: key) }
    }
    try to.encode(id, forKey: .id)
    try to.encode(kind, forKey: .kind)
    try to.encode(config, forKey: .config)
    try to.encode(reads, forKey: .reads)
    try to.encode(after, forKey: .after)
    try to.encode(rule, forKey: .rule)
    try to.encode(retries, forKey: .retries)
    try to.encodeIfPresent(timeLimitMilliseconds, forKey: .timeLimitMilliseconds)
    try to.encode(failure, forKey: .failure)
    try to.encodeIfPresent(pool, forKey: .pool)
    try put(slots, .slots, unless: usual.slots)
    try put(queue, .queue, unless: usual.queue)
    try put(priority, .priority, unless: usual.priority)
    try put(weight, .weight, unless: usual.weight)
    try to.encodeIfPresent(maxConcurrent, forKey: .maxConcurrent)
    try put(dependsOnPast, .dependsOnPast, unless: usual.dependsOnPast)
    try put(waitForDownstream, .waitForDownstream, unless: usual.waitForDownstream)
    try put(callbacks, .callbacks, unless: usual.callbacks)
    try put(isolation, .isolation, unless: usual.isolation)
    try put(role, .role, unless: .work)
    try to.encodeIfPresent(group, forKey: .group)
    try to.encodeIfPresent(sensor, forKey: .sensor)
    try to.encodeIfPresent(mapping, forKey: .mapping)
    try put(steers, .steers, unless: false)
  }
}

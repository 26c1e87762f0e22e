import Schedules

/// A DAG as it stands in the database: named by the hash of its canonical JSON.
public struct DAGSnapshot: Sendable, Hashable {
  /// The version of this form.
  public let format: Int
  /// The DAG's name.
  public let name: String
  /// One sentence for listings; nil if none.
  public let summary: String?
  /// When runs are due.
  public let schedule: Schedule
  /// Which missed intervals are made up for.
  public let catchUp: CatchUp
  /// The first local day that a scheduled interval may start on; nil for when it is enabled.
  public let starts: Day?
  /// What a run can be given, in the order of declaration.
  public let params: [Param]
  /// When a run should have ended; nil for no such time.
  public let deadline: Deadline?
  /// What is called about its runs.
  public let callbacks: [Callback]
  /// Runs at once.
  public let maxActiveRuns: Int
  /// Attempts at once over all its runs; nil for no limit.
  public let maxActiveTasks: Int?
  /// Attempts of one run at once.
  public let parallelism: Int
  /// The tasks in the order of their declaration.
  public let tasks: [TaskDefinition]

  /// The runs at once, where a DAG does not say.
  public static let usualMaxActiveRuns = 16
  /// The attempts of one run at once, where a DAG does not say.
  public static let usualParallelism = 16

  init(
    name: String, summary: String?, schedule: Schedule, catchUp: CatchUp, starts: Day? = nil,
    params: [Param] = [], deadline: Deadline? = nil, callbacks: [Callback] = [],
    maxActiveRuns: Int = usualMaxActiveRuns, maxActiveTasks: Int? = nil,
    parallelism: Int = usualParallelism, tasks: [TaskDefinition]
  ) {
    format = 1
    self.name = name
    self.summary = summary
    self.schedule = schedule
    self.catchUp = catchUp
    self.starts = starts
    self.params = params
    self.deadline = deadline
    self.callbacks = callbacks
    self.maxActiveRuns = maxActiveRuns
    self.maxActiveTasks = maxActiveTasks
    self.parallelism = parallelism
    self.tasks = tasks
  }

  /// The snapshot as JSON.
  ///
  /// - Throws: the encoder's error.
  public func json() throws -> JSONValue { try JSONValue(encoding: self) }
}

// As with tasks, a field is written only where it differs from its default.
extension DAGSnapshot: Codable {
  private enum CodingKeys: String, CodingKey {
    case format, name, summary, schedule, catchUp, tasks
    case starts, params, deadline, callbacks, maxActiveRuns, maxActiveTasks, parallelism
  }

  /// Decodes a snapshot; what is absent has its default.
  public init(from decoder: any Decoder) throws {
    let from = try decoder.container(keyedBy: CodingKeys.self)
    format = try from.decode(Int.self, forKey: .format)
    name = try from.decode(String.self, forKey: .name)
    summary = try from.decodeIfPresent(String.self, forKey: .summary)
    schedule = try from.decode(Schedule.self, forKey: .schedule)
    catchUp = try from.decode(CatchUp.self, forKey: .catchUp)
    starts = try from.decodeIfPresent(Day.self, forKey: .starts)
    params = try from.decodeIfPresent([Param].self, forKey: .params) ?? []
    deadline = try from.decodeIfPresent(Deadline.self, forKey: .deadline)
    callbacks = try from.decodeIfPresent([Callback].self, forKey: .callbacks) ?? []
    maxActiveRuns =
      try from.decodeIfPresent(Int.self, forKey: .maxActiveRuns) ?? Self.usualMaxActiveRuns
    maxActiveTasks = try from.decodeIfPresent(Int.self, forKey: .maxActiveTasks)
    parallelism = try from.decodeIfPresent(Int.self, forKey: .parallelism) ?? Self.usualParallelism
    tasks = try from.decode([TaskDefinition].self, forKey: .tasks)
  }

  /// Encodes a snapshot without the fields that have their defaults.
  public func encode(to encoder: any Encoder) throws {
    var to = encoder.container(keyedBy: CodingKeys.self)
    try to.encode(format, forKey: .format)
    try to.encode(name, forKey: .name)
    try to.encodeIfPresent(summary, forKey: .summary)
    try to.encode(schedule, forKey: .schedule)
    try to.encode(catchUp, forKey: .catchUp)
    try to.encodeIfPresent(starts, forKey: .starts)
    if !params.isEmpty { try to.encode(params, forKey: .params) }
    try to.encodeIfPresent(deadline, forKey: .deadline)
    if !callbacks.isEmpty { try to.encode(callbacks, forKey: .callbacks) }
    if maxActiveRuns != Self.usualMaxActiveRuns {
      try to.encode(maxActiveRuns, forKey: .maxActiveRuns)
    }
    try to.encodeIfPresent(maxActiveTasks, forKey: .maxActiveTasks)
    if parallelism != Self.usualParallelism { try to.encode(parallelism, forKey: .parallelism) }
    try to.encode(tasks, forKey: .tasks)
  }
}

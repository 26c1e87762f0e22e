/// A DAG as it stands in the database: named by the hash of its canonical JSON.
public struct DAGSnapshot: Codable, Sendable, Hashable {
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
  /// The tasks in the order of their declaration.
  public let tasks: [TaskDefinition]

  init(
    name: String, summary: String?, schedule: Schedule, catchUp: CatchUp, tasks: [TaskDefinition]
  ) {
    format = 1
    self.name = name
    self.summary = summary
    self.schedule = schedule
    self.catchUp = catchUp
    self.tasks = tasks
  }

  /// The snapshot as JSON.
  ///
  /// - Throws: the encoder's error.
  public func json() throws -> JSONValue { try JSONValue(encoding: self) }
}

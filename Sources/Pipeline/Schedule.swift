/// When runs of a DAG are due.
public enum Schedule: Codable, Sendable, Hashable {
  /// Only when somebody asks.
  case manual
  /// A cron expression, read on the wall clock of an IANA zone.
  case cron(String, zone: String)
}

/// Which missed intervals a DAG makes up for when it is scheduled again.
public enum CatchUp: String, Codable, Sendable, Hashable {
  /// None: it starts with the next one.
  case none
  /// The latest one.
  case latest
  /// All of them, oldest first.
  case all
}

/// What the failure of a task means for its run.
public enum FailurePolicy: String, Codable, Sendable, Hashable {
  /// The run fails.
  case failsRun = "fails_run"
  /// The run may still succeed.
  case tolerated
}

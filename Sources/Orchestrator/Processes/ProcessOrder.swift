import Pipeline
import Schedules

/// What a process is told that runs one attempt: one line of JSON on its standard input, which stays
/// open for as long as whoever started it lives.
struct ProcessOrder: Codable, Sendable {
  /// The variable that names the database: an environment is private to its user, a command line is
  /// not.
  static let databaseVariable = "STRATA_ATTEMPT_DATABASE"

  let attempt: AttemptOrder
  let projectDirectory: String
  let zone: Zone
  /// The name of its sessions, by which they are found.
  let session: String
  /// Settings of its sessions.
  let settings: [String: String]
  /// MiB that the attempt may take beyond what its process begins with; nil for no limit.
  let memoryLimitMegabytes: Int?
}

/// What such a process tells: lines of JSON on what was its standard output.
enum ProcessMessage: Codable, Sendable {
  case log(LogLine)
  case progress(TaskProgress)
  case ended(AttemptResult)
}

import ArgumentParser
import Orchestrator
import Schedules

/// `strata tasks log`: what the attempts at a task logged, also while they run.
struct TaskLogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "What a task logged; --follow goes on until it has ended.")
  @Argument(help: "The run's number.") var run: Int64
  @Argument(help: "The task's id; of a mapped item task[3].") var task: String
  @Option(help: "Only of this attempt.") var attempt: Int?
  @Flag(help: "Show lines as they come, until the task has ended; with --json one object a line.")
  var follow = false
  @OptionGroup var global: GlobalOptions

  mutating func run() async throws {
    let (number, task, attempt, follow) = (run, task, attempt, follow)
    let global = global
    try await Session.open(global, limit: 1) { session in
      let zone = session.project.zone
      let console = session.console
      let store = RunStore(session.pool)
      guard follow else {
        let lines = try await store.log(of: number, task: task, attempt: attempt)
        return try console.list(
          lines, empty: "task \(task) of run \(number) logged nothing", Self.columns(zone))
      }
      try await store.follow(logOf: number, task: task, attempt: attempt) { line in
        if console.json { return try console.print(jsonLine: line) }
        console.print(Self.text(line, zone, colour: console.out.colour))
      }
    }
  }

  private static func text(_ line: LogLine, _ zone: Zone, colour: Bool) -> String {
    let level =
      switch line.level {
      case "error", "critical": Style.red(line.level, if: colour)
      case "warning": Style.yellow(line.level, if: colour)
      case "trace", "debug": Style.dim(line.level, if: colour)
      default: line.level
      }
    return "\(Moment.local(line.at, in: zone))  try \(line.attempt)  \(level)  \(words(line))"
  }

  private static func words(_ line: LogLine) -> String {
    ([line.message] + line.metadata.sorted { $0.key < $1.key }.map { "\($0)=\($1)" })
      .joined(separator: " ")
  }

  private static func columns(_ zone: Zone) -> [TableColumn<LogLine>] {
    [
      TableColumn("at") { Moment.local($0.at, in: zone) },
      TableColumn(number: "try") { "\($0.attempt)" },
      TableColumn("level") { $0.level },
      TableColumn("message") { words($0) },
    ]
  }
}

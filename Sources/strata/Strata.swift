import ArgumentParser
import Foundation

/// The command line: parses, runs, and turns every outcome into a documented exit code.
@main
struct Strata: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "strata",
    abstract: "Nightly customer segments beside one PostgreSQL.",
    discussion: """
      Definitions (sources, features, segments, models) stand as YAML in a project folder; DAGs \
      in Swift describe what runs when. Without a database URL strata keeps its own PostgreSQL \
      under .strata/ (or $STRATA_HOME).

      Exit codes: 0 success, 1 a run failed, 2 bad usage or invalid definitions, 3 another run \
      holds the interval, 4 database unreachable, 5 deadline or checks failed.
      """,
    version: Version.text,
    subcommands: [AttemptCommand.self],
    groupedSubcommands: [
      CommandGroup(
        name: "Runs:",
        subcommands: [
          RunCommand.self, BackfillCommand.self, WatchCommand.self, SchedulerCommand.self,
          WorkerCommand.self,
          WorkersCommand.self, DAGsCommand.self, RunsCommand.self, TasksCommand.self,
          ReportCommand.self, CronCommand.self, PoolsCommand.self,
        ]),
      CommandGroup(
        name: "Definitions and data:",
        subcommands: [
          SourcesCommand.self, RejectsCommand.self, FeaturesCommand.self, SegmentsCommand.self,
          ModelsCommand.self, CustomersCommand.self,
        ]),
      CommandGroup(
        name: "Database and machine:",
        subcommands: [
          DatabaseCommand.self, WarehouseCommand.self, DemoCommand.self, DoctorCommand.self,
        ]),
    ])

  static func main() async {
    Home.settle()
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      var command = try Strata.parseAsRoot(arguments)
      if let global = GlobalOptions.of(command) {
        let isDaemon =
          command is SchedulerCommand || command is WorkerCommand || command is WatchCommand
        global.logOutput(isDaemon: isDaemon).bootstrap()
        Console.logsJSON = global.logFormat == .json
      }
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      leave(with: error)
    }
  }

  /// Prints an error as a person reads it and ends the process with its documented code.
  static func leave(with error: any Error) -> Never {
    // Help, version and completion scripts arrive as errors that mean success.
    let parserCode = Self.exitCode(for: error)
    if parserCode == .success {
      Self.exit(withError: error)
    }
    if let stop = error as? ExitCode { Foundation.exit(stop.rawValue) }
    if let fault = Fault(of: error) {
      Console.writeError(fault.text(colour: Terminal.standardError.colour))
      Foundation.exit(fault.exitCode)
    }
    // What is left are the parser's own usage errors.
    let message = Self.fullMessage(for: error)
    Console.writeError(message)
    Foundation.exit(2)
  }
}

/// The release that this binary was built as.
enum Version {
  static let text = "0.1.0"
}

import ArgumentParser
import Foundation
import Logging
import Telemetry

extension LogFormat: ExpressibleByArgument {}
extension Logger.Level: @retroactive ExpressibleByArgument {}

/// The options that every command takes.
struct GlobalOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The project folder, with its YAML catalogues.", valueName: "dir"),
    completion: .directory)
  var project = "."

  @Option(
    help: ArgumentHelp(
      "Database URL; else $STRATA_DATABASE_URL, else the embedded cluster.", valueName: "url"))
  var database: String?

  @Flag(help: "Print JSON instead of text.")
  var json = false

  @Flag(help: "Print results and errors only.")
  var quiet = false

  @Flag(help: "Print more of what happens.")
  var verbose = false

  @Flag(name: .customLong("no-color"), help: "No colours; NO_COLOR does the same.")
  var noColor = false

  @Option(
    help: ArgumentHelp(
      "How log lines are written to standard error: text, or json for one object a line.",
      valueName: "format"))
  var logFormat = LogFormat.text

  @Option(
    help: ArgumentHelp(
      "The least level of log lines: trace, debug, info, notice, warning, error, critical; by "
        + "default info for daemons, else warning.", valueName: "level"))
  var logLevel: Logger.Level?

  @Option(
    help: ArgumentHelp(
      "Where lineage events (OpenLineage) go: file:///path or https://…; else $STRATA_OPENLINEAGE.",
      valueName: "target"))
  var lineage: String?

  /// Where the log goes; daemons, which nobody watches, say more.
  func logOutput(isDaemon: Bool) -> LogOutput {
    let usual = isDaemon ? Logger.Level.info : verbose ? .info : .warning
    return LogOutput(format: logFormat, level: logLevel ?? (isDaemon && verbose ? .debug : usual))
  }

  /// Where this command's words go.
  var console: Console {
    Console(json: json, quiet: quiet, verbose: verbose, noColour: noColor)
  }
}

extension GlobalOptions {
  /// The options that a command was given; nil for one that takes none.
  static func of(_ command: any ParsableCommand) -> GlobalOptions? {
    for child in Mirror(reflecting: command).children {
      if let group = child.value as? OptionGroup<GlobalOptions> { return group.wrappedValue }
    }
    return nil
  }
}

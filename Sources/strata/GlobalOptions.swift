import ArgumentParser
import Foundation

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

  /// Where this command's words go.
  var console: Console {
    Console(json: json, quiet: quiet, verbose: verbose, noColour: noColor)
  }
}

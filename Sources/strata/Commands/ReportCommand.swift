import ArgumentParser
import Foundation
import Orchestrator
import Reporting
import Tasks

/// `strata report …`: what a run says about itself.
struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Run reports: text, JSON, HTML.",
    subcommands: [List.self, Show.self, HTML.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The kept reports, newest first.")
    @Option(help: "At most so many.") var limit = 20
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        let zone = session.project.zone
        try session.console.list(
          try await RunReports(pool: session.pool, project: session.project).list(limit: limit),
          empty: "no run has written a report yet",
          [
            TableColumn(number: "run") { "\($0.runID)" },
            TableColumn("dag") { $0.dag },
            TableColumn("as of") { Moment.local($0.asOf, in: zone) },
            TableColumn("state") { $0.state },
            TableColumn("written") { Moment.local($0.writtenAt, in: zone) },
          ])
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A report as text or JSON.")
    @Argument(help: "The run; the latest without it.") var run: Int64?
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let number = run
      try await Session.open(global, limit: 1) { session in
        let report = try await RunReports(pool: session.pool, project: session.project)
          .stored(number)
        try ReportPrinter.show(report, on: session.console)
      }
    }
  }

  struct HTML: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "html", abstract: "A report as one self-contained HTML file with plots.")
    @Argument(help: "The run; the latest without it.") var run: Int64?
    @Option(
      name: [.short, .customLong("output")],
      help: ArgumentHelp("The file; standard output without it.", valueName: "file"),
      completion: .file())
    var output: String?
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let (number, output) = (run, output)
      try await Session.open(global, limit: 1) { session in
        let html = try await RunReports(pool: session.pool, project: session.project)
          .stored(number).html()
        guard let output else { return session.console.print(html) }
        do {
          try Data(html.utf8).write(to: URL(fileURLWithPath: output), options: .atomic)
        } catch {
          throw UsageError(
            message: "cannot write \(output): \(error.localizedDescription)",
            hint: "look at the folder's permissions and at the free space")
        }
        session.console.note("wrote \(output)")
      }
    }
  }
}

/// Prints a report the way the command asks for.
enum ReportPrinter {
  static func show(_ report: RunReport, on console: Console) throws {
    if console.json {
      console.print(try report.json())
    } else {
      console.print(report.text(width: console.out.width, color: console.out.colour))
    }
  }

  /// After a run: its report, assembled once all its tasks have ended, kept and printed.
  static func finish(_ outcome: RunOutcome, _ session: Session) async throws {
    let reports = RunReports(pool: session.pool, project: session.project)
    let report: RunReport
    if outcome.disposition == .alreadySucceeded {
      session.console.note(
        "run \(outcome.run.runID) of \(outcome.run.dag) succeeded before: nothing to do")
      report = try await reports.assemble(outcome.run.runID)
    } else {
      report = try await reports.assemble(outcome.run.runID)
      try await reports.store(report)
    }
    if session.console.quiet, !session.console.json {
      for failure in report.failures {
        Console.writeError("error: \(failure.task.map { "\($0): " } ?? "")\(failure.message)")
      }
      return
    }
    try show(report, on: session.console)
  }
}

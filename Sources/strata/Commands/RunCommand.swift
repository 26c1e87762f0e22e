import Diagnostics
import ArgumentParser
import DAGs
import Foundation
import Orchestrator
import Pipeline
import Schedules
import Tasks

/// `strata run DAG`: one run with live progress; what cron calls.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a DAG once, over a day or an interval.",
    discussion: """
      Without --date or --interval the run covers the last whole local day, and one of \
      segment_refresh the day so far. A run that has \
      succeeded is left as it is; one that was interrupted or failed goes on where it stopped.
      """)

  @Argument(help: "The DAG's name, for example nightly_segments.")
  var dag: String

  @Option(help: ArgumentHelp("The local day to run for, YYYY-MM-DD.", valueName: "day"))
  var date: String?

  @Option(
    help: ArgumentHelp(
      "A half-open interval A..B of days or RFC 3339 instants.", valueName: "a..b"))
  var interval: String?

  @Option(
    help: ArgumentHelp(
      """
      Build the features as they were known then, an instant or a day for its end; nothing is \
      loaded, trained or published.
      """, valueName: "instant"))
  var knownAt: String?

  @OptionGroup var parameters: ParameterOptions

  @Option(help: ArgumentHelp("Tasks at once.", valueName: "n"))
  var parallelism = 4

  @Flag(help: "Where another process runs the interval, wait for it instead of leaving with 3.")
  var wait = false

  @Flag(help: "Run a failed run's changed tasks by today's definition.")
  var refreshDefinition = false

  @Option(
    help: ArgumentHelp(
      "Why, noted with the run and with the rules that it changes.", valueName: "text"))
  var message: String?

  @OptionGroup var resources: ResourceOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if date != nil, interval != nil {
      throw ValidationError("expected --date or --interval, found both")
    }
    guard parallelism >= 1 else {
      throw ValidationError("expected --parallelism of at least 1, found \(parallelism)")
    }
  }

  func run() async throws {
    try resources.settle()
    // What was asked for is checked before a database is started or opened for it.
    let definition = try DAGsCommand.choice(global).find(dag)
    let declared = try definition.snapshot().params(from: parameters.texts())
    try await Session.open(global) { session in
      let interval = try IntervalChoice(date: date, interval: interval)
        .resolve(
          in: session.project.zone, now: SystemClock().now(),
          isRefresh: definition.tasks.map(\.kind) == [RefreshSegments.kind])
      let known = try knownAt.map { try Moment.instant($0, in: session.project.zone) }
      let params = try KnownAt.adding(known, to: declared, of: definition)
      let presenter = RunPresenter(definition, console: session.console)
      let coordinator = try session.coordinator()
      let options = RunOptions(
        parallelism: parallelism, definition: refreshDefinition ? .current : .kept,
        author: Author(message: message))
      let waits = wait
      let outcome = try await Signals.cancelling {
        try await coordinator.run(
          definition, interval: interval, params: params, options: options, waits: waits,
          observer: { presenter.observe($0) })
      }
      presenter.close()
      try await ReportPrinter.finish(outcome, session)
      if !outcome.succeeded { throw ExitCode(1) }
    }
  }
}

/// Finds a DAG of a project by name.
struct DAGChoice {
  let dags: [DAG]
  let projectName: String

  init(project: Project) {
    dags = allDAGs[project.name] ?? []
    projectName = project.name
  }

  func find(_ name: String) throws -> DAG {
    if let dag = dags.first(where: { $0.name == name }) { return dag }
    let known = dags.map(\.name)
    throw UsageError(
      message: "expected a DAG of project \(projectName), found '\(name)'",
      hint: known.isEmpty
        ? "no DAG is registered for this project: add it to dags/AllDAGs.swift"
        : Suggestion.hint(for: name, among: known) ?? "it has: \(known.joined(separator: ", "))")
  }
}

/// The data interval that `--date` or `--interval` asks for.
struct IntervalChoice {
  let date: String?
  let interval: String?

  /// - Parameter isRefresh: whether the run brings segments up to date between the nights: then it is
  ///   of the day so far, and its as-of is now.
  func resolve(in zone: Zone, now: Instant, isRefresh: Bool = false) throws -> DataInterval {
    if let interval { return try parse(interval, in: zone) }
    let midnight = zone.midnight(zone.day(of: now))
    if isRefresh, date == nil, midnight < now {
      return try DataInterval(start: midnight, end: now)
    }
    guard let date else { return DataInterval(day: zone.day(of: now) - 1, in: zone) }
    guard let day = Day(iso8601: date) else {
      throw UsageError(message: "expected --date as YYYY-MM-DD, found '\(date)'")
    }
    return DataInterval(day: day, in: zone)
  }

  private func parse(_ text: String, in zone: Zone) throws -> DataInterval {
    guard let dots = text.range(of: ".."), let start = bound(text[..<dots.lowerBound], zone),
      let end = bound(text[dots.upperBound...], zone)
    else {
      throw UsageError(
        message: "expected --interval A..B, found '\(text)'",
        hint: "A and B are days (their midnights) or instants such as 2024-03-10T03:00:00Z")
    }
    return try DataInterval(start: start, end: end)
  }

  private func bound(_ text: Substring, _ zone: Zone) -> Instant? {
    if let day = Day(iso8601: text) { return zone.midnight(day) }
    return Instant(rfc3339: text)
  }
}

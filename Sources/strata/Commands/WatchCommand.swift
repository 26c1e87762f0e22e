import ArgumentParser
import DAGs
import Foundation
import Inputs
import Orchestrator
import Schedules
import Tasks
import Warehouse

/// `strata watch`: micro-batches until stopped.
struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Bring segments up to date within seconds of an event, until SIGTERM.",
    discussion: """
      Wakes when a load tells of itself, whatever process did it, and every --poll seconds. Each \
      step is one transaction and one run of the DAG; a step without anything to do writes nothing. \
      Any number of watches may run. SIGTERM lets the step that runs end.
      """)

  @Option(help: ArgumentHelp("The DAG that steps are recorded as runs of.", valueName: "name"))
  var dag = "segment_refresh"

  @Option(
    help: ArgumentHelp("Seconds between looks where nobody tells of a load.", valueName: "s"))
  var poll = 5.0

  @Flag(help: "Load what the sources hold before each step, instead of waiting for others to.")
  var load = false

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard poll > 0, poll <= 86_400 else {
      throw ValidationError("expected --poll from above 0 to 86400 seconds, found \(poll)")
    }
  }

  func run() async throws {
    let definition = try DAGsCommand.choice(global).find(dag)
    guard definition.tasks.map(\.kind) == [RefreshSegments.kind] else {
      throw UsageError(
        message: "expected a DAG of one task of kind \(RefreshSegments.kind), found '\(dag)'",
        hint: "strata watch --dag segment_refresh")
    }
    let (poll, loads) = (poll, load)
    try await Session.open(global) { session in
      let catalogues = Catalogues(project: session.project)
      let pool = session.pool
      // Faults of the files are told at once, not with the first load.
      let features = try catalogues.features()
      _ = try catalogues.segments(features: features)
      let load = loads ? Self.loading(try catalogues.sources(), pool) : nil
      let watch = RefreshWatch(pool: pool, poll: .seconds(poll), load: load)
      let printer = WatchPrinter(session.console)
      let signals = Signals.onStop { watch.stop() }
      defer { signals.cancel() }
      try await watch.run(
        SegmentRefresher(
          session.project, pool: pool, recording: .steps(try StepRuns(of: definition)))
      ) { printer.take($0) }
      printer.close()
    }
  }

  private static func loading(
    _ catalogue: SourceCatalogue, _ pool: ConnectionPool
  ) -> @Sendable () async throws -> Void {
    {
      let loader = Loader(pool: pool)
      try await loader.declare(catalogue)
      for source in catalogue.sources { _ = try await loader.loadAll(source) }
    }
  }
}

import ArgumentParser
import Orchestrator
import Schedules

/// `strata db prune`: retention by hand; daemons and `strata run` do it by themselves.
struct PruneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Drop attempts, logs and events that project.yaml does not keep.",
    discussion: """
      Whole months are dropped as partitions: no row is deleted, and nobody waits. The ledger of \
      runs and tasks is kept for ever. In project.yaml, in months:

        retention: {attempts: 12, logs: 3, events: 12}
      """)

  @Flag(help: "Only say what would go.")
  var dryRun = false

  @OptionGroup var global: GlobalOptions

  func run() async throws {
    let dryRun = dryRun
    try await Session.open(global, limit: 2) { session in
      let report = try await session.pool.withConnection { connection in
        let retention = Retention(connection, policy: session.project.retention)
        return dryRun ? try await retention.plan() : try await retention.apply()
      }
      let console = session.console
      if console.json { return try console.print(json: report) }
      try console.list(
        report.partitions, empty: "nothing is older than the project keeps",
        [
          TableColumn("month") { $0.partition },
          TableColumn("before") { "\(Zone.utc.day(of: $0.endsAt))" },
          TableColumn(number: "rows") { Format.count($0.rows) },
          TableColumn(number: "MiB") { Format.decimal(Double($0.bytes) / 1_048_576, 1) },
          TableColumn("outcome") { $0.outcome.replacing("_", with: " ") },
        ])
      if report.workers > 0 {
        console.print(
          "\(Format.count(report.workers)) workers that left over "
            + "\(RetentionPolicy.workerDays) days ago\(dryRun ? " would go" : "")")
      }
    }
  }
}

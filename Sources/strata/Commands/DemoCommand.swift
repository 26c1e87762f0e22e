import ArgumentParser
import Demo
import Foundation
import Reporting
import Schedules
import Synchronization

/// `strata demo …`: the synthetic shop.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "A synthetic shop to try things on.",
    subcommands: [Generate.self])

  struct Generate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the shop's files for dags/retail; the same seed gives the same bytes.",
      discussion: "The true churn probabilities are written apart, to truth/ in the same folder.")
    @Option(help: "How many customers.") var customers = 20_000
    @Option(help: "How many days.") var days = 400
    @Option(help: "The seed of every draw.") var seed: UInt64 = 1
    @Option(
      help: ArgumentHelp("The folder; default $STRATA_HOME/demo.", valueName: "dir"),
      completion: .directory)
    var output: String?
    @Flag(help: "Do nothing where this very shop is there already.") var ifMissing = false
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let console = global.console
      let folder =
        output.map { URL(fileURLWithPath: $0) } ?? Home.url.appendingPathComponent("demo")
      if ifMissing, let found = Demo.summary(in: folder), found.customers == customers,
        found.days == days, found.seed == seed
      {
        return try show(found, folder, console, new: false)
      }
      let board = ProgressBoard(title: "demo", tasks: ["shop"], console: console)
      let clock = SystemClock()
      board.update("shop") {
        $0.standing = .running
        $0.startedAt = clock.now()
      }
      let summary = try Demo.generate(
        customers: customers, days: days, seed: seed, into: folder
      ) { progress in
        board.update("shop") {
          $0.progress = RunBoard.Progress(
            done: Int64(progress.day), total: Int64(days), unit: "days")
          $0.note = "\(Format.count(progress.events)) events"
        }
      }
      board.update("shop") {
        $0.standing = .success
        $0.endedAt = clock.now()
      }
      board.close()
      try show(summary, folder, console, new: true)
    }

    private func show(
      _ summary: DemoSummary, _ folder: URL, _ console: Console, new: Bool
    ) throws {
      if console.json { return try console.print(json: summary) }
      console.note(
        "demo shop \(new ? "written to" : "found in") \(folder.path): "
          + "\(Format.count(summary.customers)) customers, \(Format.count(summary.events)) events, "
          + "\(summary.firstDay) to \(summary.lastDay)")
    }
  }
}

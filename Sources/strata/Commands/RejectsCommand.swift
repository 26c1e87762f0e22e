import ArgumentParser
import Inputs

/// `strata rejects …`: the rows that contracts kept out.
struct RejectsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rejects", abstract: "Rejected rows, with line, reason and raw text.",
    subcommands: [List.self, Replay.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Rejected rows of the latest loads, newest load first.")
    @Option(help: "Only of this source.") var source: String?
    @Option(help: "Only for this reason.") var reason: String?
    @Option(help: "At most so many.") var limit = 20
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        let rejects = try await LoadLedger(pool: session.pool).rejected(
          source: source, reason: reason, limit: limit)
        try session.console.list(
          rejects, empty: "nothing was rejected",
          [
            TableColumn(number: "load") { "\($0.loadID)" },
            TableColumn("source") { $0.source },
            TableColumn(number: "line") { "\($0.line)" },
            TableColumn("reason") { $0.reason },
            TableColumn("column") { $0.column ?? "-" },
            TableColumn("raw") { $0.raw },
          ])
      }
    }
  }

  struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read rejected rows again, as the source is defined now.",
      discussion: """
        After a kind was added to 'kinds:' in sources.yaml, a check was mended or customers came \
        that were unknown. Rows that pass become facts, each once; the others stay rejected.
        """)
    @Argument(help: "The source's name.") var source: String
    @Option(help: "Only rows rejected for this reason, such as unknown_kind.") var reason: String?
    @Option(help: "Only rows of this load.") var load: Int64?
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let catalogue = try SourcesCommand.catalogue(global)
      let chosen = try catalogue.source(source)
      try await Session.open(global, limit: 4) { session in
        let loader = Loader(pool: session.pool)
        try await loader.declare(catalogue)
        let reports = try await loader.replay(chosen, reason: reason, load: load)
        if reports.isEmpty, !session.console.json {
          session.console.print("\(source): no rejected rows to read again")
        }
        try LoadPrinter.show(reports, on: session.console)
      }
    }
  }
}

import ArgumentParser
import Foundation
import Inputs
import Reporting
import Schedules
import Tasks

/// `strata sources …`: inputs and their contracts.
struct SourcesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sources", abstract: "Inputs and their contracts.",
    subcommands: [List.self, Check.self, Load.self])

  static func catalogue(_ global: GlobalOptions) throws -> SourceCatalogue {
    let project = try Project(directory: URL(fileURLWithPath: global.project))
    return try Catalogues(project: project).sources()
  }

  struct Summary: Encodable {
    let name: String
    let into: String
    let location: String
    let checks: [String]
    let totals: [String]

    init(_ source: SourceDefinition) {
      name = source.name
      into = source.into.rawValue
      location =
        switch source.location {
        case .file(let path): path
        case .query: "query"
        }
      checks = source.checks
      totals = source.totals
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The sources of the project.")
    @OptionGroup var global: GlobalOptions

    func run() throws {
      try global.console.list(
        SourcesCommand.catalogue(global).sources.map(Summary.init), empty: "no sources",
        [
          TableColumn("source") { $0.name },
          TableColumn("into") { $0.into },
          TableColumn("from") { $0.location },
          TableColumn("checks") { $0.checks.joined(separator: ", ") },
        ])
    }
  }

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read the sources and check their contracts; nothing is written.",
      discussion: """
        What only the database can tell (duplicates, references, unique keys) is left out. Exit \
        code 5 where a contract stops a load.
        """)
    @Argument(help: "The source; all file sources without it.") var name: String?
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let catalogue = try SourcesCommand.catalogue(global)
      let chosen = try name.map { [try catalogue.source($0)] } ?? catalogue.sources
      var reports: [LoadReport] = []
      for source in chosen {
        if name == nil, case .query = source.location {
          global.console.note("\(source.name): not checked, a query needs its database")
          continue
        }
        reports.append(
          try await LoadBoard(global.console).watch(source) { progress in
            try await Loader.check(file: source, progress: progress)
          })
      }
      try LoadPrinter.show(reports, on: global.console)
    }
  }

  struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Load one source, from its own file or another one.")
    @Argument(help: "The source's name.") var name: String
    @Argument(help: "A file in the place of the source's own.", completion: .file())
    var file: String?
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let catalogue = try SourcesCommand.catalogue(global)
      var source = try catalogue.source(name)
      if let file { source = source.reading(file: file) }
      let chosen = source
      try await Session.open(global, limit: 4) { session in
        let loader = Loader(pool: session.pool)
        let report = try await LoadBoard(session.console).watch(chosen) { progress in
          try await loader.load(chosen, progress: progress)
        }
        try LoadPrinter.show([report], on: session.console)
      }
    }
  }
}

/// A progress bar over one load.
struct LoadBoard {
  let console: Console

  init(_ console: Console) { self.console = console }

  func watch(
    _ source: SourceDefinition,
    _ body: (@escaping @Sendable (LoadProgress) -> Void) async throws -> LoadReport
  ) async throws -> LoadReport {
    let clock = SystemClock()
    let board = ProgressBoard(title: "load", tasks: [source.name], console: console)
    board.update(source.name) {
      $0.standing = .running
      $0.startedAt = clock.now()
    }
    do {
      let report = try await body { progress in
        board.update(source.name) {
          $0.progress = RunBoard.Progress(
            done: progress.rowsRead, total: progress.estimatedRows, unit: "rows")
          $0.note = progress.phase == .committing ? "committing" : ""
        }
      }
      board.update(source.name) {
        $0.standing = .success
        $0.endedAt = clock.now()
        $0.note = "\(Format.count(report.rowsRead)) rows"
      }
      board.close()
      return report
    } catch {
      board.update(source.name) {
        $0.standing = .failed
        $0.endedAt = clock.now()
      }
      board.close()
      throw error
    }
  }
}

/// What loads or checks found, for people or as JSON.
enum LoadPrinter {
  static func show(_ reports: [LoadReport], on console: Console) throws {
    if console.json { return try console.print(json: reports) }
    for report in reports {
      let verb =
        switch report.state {
        case .loaded: "loaded"
        case .skipped: "unchanged since load \(report.loadID ?? 0), 0 rows added"
        case .checked: "checked"
        }
      console.print(Style.bold("\(report.source): \(verb)", if: console.out.colour))
      if report.state == .skipped { continue }
      func line(_ label: String, _ count: Int64, _ detail: String = "") {
        let text = Format.count(count)
        let padding = String(repeating: " ", count: max(0, 12 - text.count))
        console.print("  \(padding)\(text)  \(label)\(detail)")
      }
      line("rows read", report.rowsRead)
      line("accepted", report.rowsAccepted)
      line("rejected", report.rowsRejected)
      for (reason, count) in report.rejected.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) })
      {
        line("  \(reason)", count)
      }
      line("duplicate", report.rowsDuplicate)
      line("accepted with a warning", report.rowsWarned)
      for (check, count) in report.warnings.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) })
      {
        line("  \(check)", count)
      }
      for total in report.totals {
        console.print(
          "  \(total.name): \(total.all) over all rows (accepted \(total.accepted), "
            + "rejected \(total.rejected), duplicate \(total.duplicate))")
      }
    }
  }
}

/// `strata rejects …`: the rows that contracts kept out.
struct RejectsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rejects", abstract: "Rejected rows, with line, reason and raw text.",
    subcommands: [List.self])

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
}

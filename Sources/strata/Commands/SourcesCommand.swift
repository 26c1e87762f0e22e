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
    subcommands: [List.self, Check.self, Load.self, Kinds.self])

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
    /// Nil where the source promises none or the database was not asked.
    let freshness: Freshness?

    init(_ source: SourceDefinition, freshness: Freshness?) {
      name = source.name
      into = source.into.rawValue
      location =
        switch source.location {
        case .file(let path), .files(let path): path
        case .query: "query"
        case .postgres(let server, .query): "postgres \(server), query"
        case .postgres(let server, .table(let table)):
          "postgres \(server), \(table.joined(separator: "."))"
        }
      checks = source.checks
      totals = source.totals
      self.freshness = freshness
    }

    var lag: String {
      guard let freshness else { return "-" }
      let state = freshness.state == .fresh ? "" : " (\(freshness.state.rawValue))"
      return (freshness.lag ?? "nothing loaded") + state
    }
  }

  /// How fresh the sources are now that promise to be; empty where none does.
  static func freshness(
    of sources: [SourceDefinition], _ global: GlobalOptions
  ) async throws -> [Freshness] {
    let bound = sources.filter { $0.freshness != nil }
    if bound.isEmpty { return [] }
    return try await Session.open(global, limit: 1) { session in
      try await LoadLedger(pool: session.pool).freshness(of: bound, at: SystemClock().now())
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The sources of the project, with the lag of those that promise to be fresh.")
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let sources = try SourcesCommand.catalogue(global).sources
      let found = try await SourcesCommand.freshness(of: sources, global)
      try global.console.list(
        sources.map { source in
          Summary(source, freshness: found.first { $0.source == source.name })
        }, empty: "no sources",
        [
          TableColumn("source") { $0.name },
          TableColumn("into") { $0.into },
          TableColumn("from") { $0.location },
          TableColumn("lag") { $0.lag },
          TableColumn("checks") { $0.checks.joined(separator: ", ") },
        ])
    }
  }

  struct Kinds: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The event kinds, and those that rows had and the catalogue lacks.")
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      try await Session.open(global, limit: 1) { session in
        try session.console.list(
          try await LoadLedger(pool: session.pool).kinds(), empty: "no kinds",
          [
            TableColumn(number: "id") { $0.kindID.map(String.init) ?? "-" },
            TableColumn("kind") { $0.name },
            TableColumn("standing") { $0.kindID == nil ? "quarantined" : "known" },
            TableColumn(number: "rows quarantined") { "\($0.quarantined)" },
          ])
      }
    }
  }

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read the sources and check their contracts; nothing is written.",
      discussion: """
        What only the database can tell (duplicates, references, unique keys) is left out, save \
        how fresh the sources are that promise to be. Exit code 5 where a contract stops a load or \
        a source is too old.
        """)
    @Argument(help: "The source; all but queries without it.") var name: String?
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
        reports += try await LoadBoard(global.console).watch(source) { progress in
          try await Loader.checkAll(source, progress: progress)
        }
      }
      let found = try await SourcesCommand.freshness(of: chosen, global)
      for index in reports.indices {
        reports[index].freshness = found.first { $0.source == reports[index].source }
      }
      try LoadPrinter.show(reports, on: global.console)
      for freshness in found {
        if let complaint = freshness.complaint, freshness.state == .warn {
          global.console.note("warning: \(complaint)")
        } else if freshness.state == .fresh, let lag = freshness.lag {
          global.console.note("\(freshness.source): its latest row is \(lag) old")
        }
      }
      if let error = Freshness.error(of: found) { throw error }
    }
  }

  struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Load one source, from its own file or another one.")
    @Argument(help: "The source's name.") var name: String
    @Argument(help: "A file in the place of the source's own.", completion: .file())
    var file: String?
    @Flag(help: "Load although columns have another type or zone than at the last load.")
    var acceptChanges = false
    @OptionGroup var global: GlobalOptions

    func run() async throws {
      let catalogue = try SourcesCommand.catalogue(global)
      var source = try catalogue.source(name)
      if let file { source = source.reading(file: file) }
      let chosen = source
      try await Session.open(global, limit: 4) { session in
        let loader = Loader(pool: session.pool)
        try await loader.declare(catalogue)
        let reports = try await LoadBoard(session.console).watch(chosen) { progress in
          try await loader.loadAll(chosen, acceptingChanges: acceptChanges, progress: progress)
        }
        try LoadPrinter.show(reports, on: session.console)
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
    _ body: (@escaping @Sendable (LoadProgress) -> Void) async throws -> [LoadReport]
  ) async throws -> [LoadReport] {
    let clock = SystemClock()
    let board = ProgressBoard(title: "load", tasks: [source.name], console: console)
    board.update(source.name) {
      $0.standing = .running
      $0.startedAt = clock.now()
    }
    do {
      let reports = try await body { progress in
        board.update(source.name) {
          $0.progress = RunBoard.Progress(
            done: progress.rowsRead, total: progress.estimatedRows, unit: "rows")
          $0.note = progress.phase == .committing ? "committing" : ""
        }
      }
      board.update(source.name) {
        $0.standing = .success
        $0.endedAt = clock.now()
        $0.note = "\(Format.count(reports.reduce(0) { $0 + $1.rowsRead })) rows"
      }
      board.close()
      return reports
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

import ArgumentParser
import Orchestrator
import Pipeline
import Schedules
import Tasks

/// `strata backfill …`: a DAG over many intervals.
struct BackfillCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backfill", abstract: "Run a DAG over many intervals.",
    subcommands: [Start.self, List.self, Show.self, Pause.self, Resume.self, Cancel.self],
    defaultSubcommand: Start.self)

  struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "start",
      abstract: "Backfill a DAG: strata backfill DAG --from DAY --to DAY.",
      discussion: """
        Both days belong to it. Intervals are those of the DAG's schedule, or whole local days \
        where it has none by time. Daemons work on it where there are any, and this command \
        watches them; else this process does, and SIGINT cancels the backfill.
        """)

    @Argument(help: "The DAG's name.") var dag: String
    @Option(help: ArgumentHelp("The first day, or an instant.", valueName: "day")) var from: String
    @Option(help: ArgumentHelp("The last day, or an instant after the data.", valueName: "day"))
    var to: String
    @Option(help: "Which intervals that were run before run again: none, failed, completed (all).")
    var reprocess = Reprocess.none
    @Flag(help: "The latest interval first.") var reverse = false
    @Option(help: ArgumentHelp("Runs at once.", valueName: "n")) var maxActive = 4
    @Option(help: ArgumentHelp("Tasks at once, where this process works.", valueName: "n"))
    var parallelism = 4
    @Option(
      help: ArgumentHelp(
        """
        Build the features of each interval as they were known then, an instant or a day for its \
        end; nothing is loaded, trained or published.
        """, valueName: "instant"))
    var knownAt: String?
    @OptionGroup var parameters: ParameterOptions
    @Flag(help: "Only list the intervals, and what would be done about each.") var dryRun = false
    @Flag(help: "Leave it to the daemons, and return at once.") var detach = false
    @Flag(
      inversion: .prefixedNo,
      help: "Let tasks that can serve all intervals in one go do so.")
    var batch = true
    @Option(help: ArgumentHelp("Why, noted with it.", valueName: "text")) var message: String?
    @OptionGroup var resources: ResourceOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard maxActive >= 1 else {
        throw ValidationError("expected --max-active of at least 1, found \(maxActive)")
      }
      guard parallelism >= 1 else {
        throw ValidationError("expected --parallelism of at least 1, found \(parallelism)")
      }
    }

    mutating func run() async throws {
      let command = self
      try resources.settle()
      try await Session.open(global) { session in
        let backfills = try session.backfills(Author(message: command.message))
        let request = try command.request(session)
        if command.dryRun {
          return try BackfillPrinter(session).print(await backfills.plan(request))
        }
        let id = try await backfills.create(request).backfillID
        try await BackfillPrinter(session).follow(
          id, backfills, detach: command.detach, parallelism: command.parallelism)
      }
    }

    private func request(_ session: Session) throws -> BackfillRequest {
      let definition = try DAGChoice(project: session.project).find(dag)
      let span = try SpanChoice(from: from, to: to).resolve(in: session.project.zone)
      let known = try knownAt.map { try Moment.instant($0, in: session.project.zone) }
      return BackfillRequest(
        definition, from: span.start, to: span.end,
        params: try KnownAt.adding(
          known, to: definition.snapshot().params(from: parameters.texts()), of: definition),
        reprocess: reprocess, isReverse: reverse, maxActive: maxActive,
        // One pass over many days is of what is known now.
        allowsBatch: batch && known == nil)
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Backfills, the latest first.")
    @Option(help: "At most so many.") var limit = 20
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let limit = limit
      try await Session.open(global, limit: 1) { session in
        let zone = session.project.zone
        try session.console.list(
          try await session.backfills().list(limit: limit),
          empty: "no backfills; try: strata backfill DAG --from DAY --to DAY",
          [
            TableColumn(number: "backfill") { "\($0.backfillID)" },
            TableColumn("dag") { $0.dag },
            TableColumn("state") { $0.state.rawValue },
            TableColumn(number: "ended") { "\($0.tally.ended) of \($0.tally.total)" },
            TableColumn(number: "failed") { "\($0.tally.failed)" },
            TableColumn("asked") { Moment.local($0.createdAt, in: zone) },
            TableColumn("by") { $0.author ?? "" },
          ])
      }
    }
  }

  struct Show: AsyncParsableCommand {
    struct Detail: Encodable {
      let backfill: BackfillRecord
      let intervals: [BackfillIntervalRecord]
    }

    static let configuration = CommandConfiguration(abstract: "One backfill with its intervals.")
    @Argument(help: "The backfill's number.") var backfill: Int64
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let number = backfill
      try await Session.open(global, limit: 1) { session in
        let backfills = try session.backfills()
        let record = try await backfills.record(number)
        let intervals = try await backfills.intervals(number)
        if session.console.json {
          return try session.console.print(json: Detail(backfill: record, intervals: intervals))
        }
        let printer = BackfillPrinter(session)
        printer.print(record)
        try printer.print(intervals)
      }
    }
  }

  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Begin no more intervals; what runs goes on.")
    @Argument(help: "The backfill's number.") var backfill: Int64
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let number = backfill
      try await Session.open(global, limit: 2) { session in
        try BackfillPrinter(session).tell(await session.backfills().pause(number))
      }
    }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Go on after a pause, or after the process that worked on it is gone.")
    @Argument(help: "The backfill's number.") var backfill: Int64
    @Flag(help: "Leave it to the daemons, and return at once.") var detach = false
    @Option(help: ArgumentHelp("Tasks at once, where this process works.", valueName: "n"))
    var parallelism = 4
    @OptionGroup var resources: ResourceOptions
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      try resources.settle()
      let (number, detach, parallelism) = (backfill, detach, parallelism)
      try await Session.open(global) { session in
        let backfills = try session.backfills()
        _ = try await backfills.resume(number)
        try await BackfillPrinter(session).follow(
          number, backfills, detach: detach, parallelism: parallelism)
      }
    }
  }

  struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take back what has not begun, and cancel the runs that are under way.")
    @Argument(help: "The backfill's number.") var backfill: Int64
    @Option(help: ArgumentHelp("Why, noted with the runs.", valueName: "text")) var message: String?
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      let (number, message) = (backfill, message)
      try await Session.open(global, limit: 2) { session in
        try BackfillPrinter(session).tell(
          await session.backfills(Author(message: message)).cancel(number))
      }
    }
  }
}

extension Reprocess: ExpressibleByArgument {}

extension Session {
  /// The backfills of this project.
  func backfills(_ author: Author = Author()) throws -> Backfills {
    Backfills(
      pool, registry: try TaskRegistry(allTaskKinds), zone: project.zone, author: author)
  }
}
